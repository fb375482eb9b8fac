//! HTML escapes in texts: the APIs of X and Mastodon send `AT&amp;T` where people wrote `AT&T`.

use htmlize::{Context, unescape_in};
use memchr::{memchr, memchr_iter};

use crate::domain::Unescaped;

/// The longest escape that is looked for, in bytes: the longest name has 33 with its ends, numbers have fewer.
const LONGEST: usize = 40;

/// The text with each escape undone once, names, decimal and hexadecimal numbers alike; none where it has no escape.
///
/// Only what ends in a semicolon is one: names without, which browsers take, stand in addresses and in plain words
/// (`R&D`, `?a=1&copy=2`), and no API sends them. What an escape stands for is not looked at again: `&amp;lt;` is `&lt;`.
pub(super) fn unescaped(text: &str) -> Option<Unescaped> {
    let mut found = Vec::new();
    let mut after = 0;
    for start in memchr_iter(b'&', text.as_bytes()) {
        if start < after {
            continue;
        }
        let Some(escape) = escape(&text[start..]) else { continue };
        let meaning = unescape_in(escape, Context::Attribute);
        if meaning != escape {
            after = start + escape.len();
            found.push(((start, after), meaning.into_owned()));
        }
    }
    if found.is_empty() {
        return None;
    }
    Some(Unescaped::new(text, found.iter().map(|(place, meaning)| (*place, meaning.as_str()))))
}

/// What has the form of an escape at the beginning of a text.
fn escape(text: &str) -> Option<&str> {
    let end = memchr(b';', &text.as_bytes()[..text.len().min(LONGEST)])?;
    let inner = text.get(1..end)?;
    let is_escape = match inner.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
            None => !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        },
        None => !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_alphanumeric()),
    };
    if is_escape { text.get(..=end) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        unescaped(text).map_or_else(|| text.to_owned(), |unescaped| unescaped.text().to_owned())
    }

    #[test]
    fn escapes_are_undone_once() {
        let cases = [
            ("AT&amp;T", "AT&T"),
            ("&lt;3 &gt; 2 &quot;x&quot; &apos;y&apos;", "<3 > 2 \"x\" 'y'"),
            ("it&#39;s it&#x27;s it&#X27;s &#0039;", "it's it's it's '"),
            ("Caf&eacute; &hearts; &nbsp;|", "Café ♥ \u{a0}|"),
            ("&NotEqualTilde;", "≂\u{338}"),
            ("&CounterClockwiseContourIntegral;", "∳"),
            ("&#128512;&#x1F600;", "😀😀"),
            // As browsers have it: what Windows wrote, and numbers of no character.
            ("don&#146;t", "don’t"),
            ("&#0;&#xD800;&#1114112;&#99999999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            // Once.
            ("&amp;lt;b&amp;gt; &amp;amp; &#38;amp;", "&lt;b&gt; &amp; &amp;"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "AT&T",
            "R&D; x",
            "a & b;",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#xg;",
            "&#12a;",
            "&unheard;",
            "& amp;",
            "?a=1&copy=2&lt=3",
            "&ampamp;",
            "&amp",
            "&é;",
            "&#١;",
            "fish &chips; &&&",
        ] {
            assert_eq!(unescaped(text), None, "{text}");
        }
        assert_eq!(read("&&amp;amp; &am&amp;p;"), "&&amp; &am&p;");
    }

    proptest! {
        #[test]
        fn what_was_escaped_comes_back_and_no_text_is_harmed(text in "[a&;#<>\"'é😀mpltx0-9 ]{0,30}") {
            let escaped: String = text.chars().map(|letter| match letter {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&#62;".to_owned(),
                '"' => "&#x22;".to_owned(),
                other => other.to_string(),
            }).collect();
            prop_assert_eq!(read(&escaped), text.clone());
            // Anything else is read as something, and never as more.
            prop_assert!(read(&text).len() <= text.len());
        }
    }
}
