//! HTML escapes in texts: the APIs of X and Mastodon send `AT&amp;T` where people wrote `AT&T`.

use std::borrow::Cow;

use htmlize::{Context, unescape_in};
use memchr::{memchr, memchr_iter};

use crate::domain::UnescapedText;

/// The longest escape, in bytes: the longest name has 33 with `&` and `;`, numbers have fewer.
const MAX_ESCAPE_BYTES: usize = 40;

/// The text with each escape undone once: names, decimal and hexadecimal numbers; none where it has no escape.
///
/// An escape ends in a semicolon. Browsers accept names without one, but these occur in URLs and plain words (`R&D`,
/// `?a=1&copy=2`), and no API sends them. Replacements are not unescaped again: `&amp;lt;` becomes `&lt;`.
pub(crate) fn unescaped(text: &str) -> Option<UnescapedText> {
    let mut found = Vec::new();
    let mut after = 0;
    for start in memchr_iter(b'&', text.as_bytes()) {
        if start < after {
            continue;
        }
        let Some((length, meaning)) = escape_at(&text[start..]) else { continue };
        after = start + length;
        found.push(((start, after), meaning));
    }
    if found.is_empty() {
        return None;
    }
    Some(UnescapedText::new(text, found.iter().map(|(place, meaning)| (*place, meaning.as_ref()))))
}

/// The length and the meaning of the escape that a text begins with.
pub(crate) fn escape_at(text: &str) -> Option<(usize, Cow<'_, str>)> {
    let escape = escape(text)?;
    let meaning = unescape_in(escape, Context::Attribute);
    (meaning != escape).then_some((escape.len(), meaning))
}

/// The beginning of a text, if it has the form of an escape.
fn escape(text: &str) -> Option<&str> {
    let end = memchr(b';', &text.as_bytes()[..text.len().min(MAX_ESCAPE_BYTES)])?;
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
            // As in browsers: Windows code points, and numbers that are no characters.
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
    fn text_that_is_no_escape_stays() {
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
        fn escaped_text_comes_back_and_no_text_grows(text in "[a&;#<>\"'é😀mpltx0-9 ]{0,30}") {
            let escaped: String = text.chars().map(|letter| match letter {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&#62;".to_owned(),
                '"' => "&#x22;".to_owned(),
                other => other.to_string(),
            }).collect();
            prop_assert_eq!(read(&escaped), text.clone());
            // Other text never becomes longer.
            prop_assert!(read(&text).len() <= text.len());
        }
    }
}
