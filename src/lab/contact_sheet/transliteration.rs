//! Transliteration of letters that the font lacks: Latin letters, emoji by name, anything else by code point.

use any_ascii::any_ascii_char;

use super::font::Font;

/// The letter itself, or ASCII for a typographic mark. `None` if the font lacks the letter.
pub(super) fn in_font(code: char) -> Option<String> {
    Some(match code {
        '\u{2018}' | '\u{2019}' => "'".to_owned(),
        '\u{201c}' | '\u{201d}' => "\"".to_owned(),
        '\u{2013}' | '\u{2014}' => "-".to_owned(),
        '\u{2026}' => "...".to_owned(),
        '\t' | '\r' | '\u{a0}' => " ".to_owned(),
        code if code == '\n' || Font::Text.glyph(code).is_some() => code.to_string(),
        _ => return None,
    })
}

/// The transliteration of a letter: `Dong`, `Jing`, `:fire:`. Empty for letters without a sound of their own, as in Arabic.
/// `None` if there is no transliteration.
pub(super) fn transliterated(code: char) -> Option<String> {
    let transliterated: String =
        any_ascii_char(code).chars().filter(|letter| !letter.is_ascii_control()).collect();
    (code.is_alphabetic() || !transliterated.is_empty()).then_some(transliterated)
}

/// The name of a code point, `U+1F525`.
pub(super) fn code_point_name(code: char) -> String {
    format!("U+{:04X}", u32::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_the_font_lacks_are_transliterated() {
        for (text, expected) in [
            ("東京", "DongJing"),
            ("ありがとう", "arigatou"),
            ("서울", "SeoUl"),
            ("Привет", "Privet"),
            ("مرحبا", "mrhb"),
            ("🇳🇴", "NO"),
            ("🔥", ":fire:"),
            ("\u{e000}\u{202e}\u{1}", "U+E000U+202EU+0001"),
        ] {
            assert!(text.chars().all(|code| in_font(code).is_none()), "{text}");
            let found: String =
                text.chars().map(|code| transliterated(code).unwrap_or(code_point_name(code))).collect();
            assert_eq!(found, expected, "{text}");
        }
        for (text, expected) in [("Zoë Łódź", "Zoë Łódź"), ("“a” – b…", "\"a\" - b...")] {
            assert_eq!(text.chars().filter_map(in_font).collect::<String>(), expected);
        }
    }
}
