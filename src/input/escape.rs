//! Escapes and shortens untrusted text for logs and error messages.

/// Replaces characters that steer a terminal, break a line or turn the direction of the text after them by their
/// escapes.
pub(crate) fn escaped(message: String) -> String {
    if !message.contains(|character: char| character.is_control() || is_directional(character)) {
        return message;
    }
    let mut escaped = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() {
            escaped.extend(character.escape_debug());
        } else if is_directional(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn is_directional(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a long text: faults quote values that may have a megabyte.
pub(crate) fn shortened(message: &str) -> String {
    const MAX_CHARACTERS: usize = 400; // a paragraph, and far below the limit on Kafka headers
    match message.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_cannot_steer_a_terminal() {
        let cases = [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\0\u{9f}", "a\\nb\\0\\u{9f}"),
            ("\u{202e}x\u{2066}\u{2029}", "\\u{202e}x\\u{2066}\\u{2029}"),
            ("`é` \"火\"", "`é` \"火\""),
        ];
        for (message, expected) in cases {
            assert_eq!(escaped(message.to_owned()), expected);
        }
    }
}
