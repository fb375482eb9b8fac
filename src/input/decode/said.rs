//! How is quoted what a stranger wrote? So that it is seen and does nothing.

/// The same message where nothing in it can steer a terminal, break a line or turn the direction of what follows.
pub(super) fn sayable(message: String) -> String {
    let turns = |character| matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !message.contains(|character: char| character.is_control() || turns(character)) {
        return message;
    }
    let mut said = String::with_capacity(message.len());
    for character in message.chars() {
        if character.is_control() {
            said.extend(character.escape_debug());
        } else if turns(character) {
            said.extend(character.escape_unicode());
        } else {
            said.push(character);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_steer_a_terminal() {
        let cases = [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\0\u{9f}", "a\\nb\\0\\u{9f}"),
            ("\u{202e}x\u{2066}\u{2029}", "\\u{202e}x\\u{2066}\\u{2029}"),
            ("`é` \"火\"", "`é` \"火\""),
        ];
        for (message, expected) in cases {
            assert_eq!(sayable(message.to_owned()), expected);
        }
    }
}
