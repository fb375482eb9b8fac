//! Quoted text: what a server sent, as the log shows it.

/// The beginning of a server's text, which must not steer a terminal and may be long.
pub(super) fn shown(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_short_and_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb", 3), "a\\u{1b}[");
    }
}
