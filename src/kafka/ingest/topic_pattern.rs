//! Topic pattern: a regular expression for names of topics, in the words that all engines of such patterns share.
//!
//! Three programs read the same pattern: librdkafka, which has the C library's extended expressions or its own, the
//! brokers (RE2/J, with the group protocol `consumer`), and this engine. They differ in escapes, classes and repetition,
//! and in whether a part of a name is enough. So a pattern may use only what means the same to all, and it must match a
//! whole name.

use regex::Regex;

/// The letter that a pattern begins with, and no topic has.
pub(super) const ANCHOR: char = '^';

/// The most repetitions that a pattern may ask for; the brokers' engine refuses 1001.
const MOST_REPETITIONS: u32 = 255;

/// The longest pattern, in bytes: four names.
const MAX_BYTES: usize = 1_000;

/// A pattern that matches whole names.
#[derive(Debug, Clone)]
pub(super) struct TopicPattern(Regex);

impl TopicPattern {
    /// Reads a pattern. The error is what follows "has the pattern `...`, ".
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_BYTES {
            return Err(format!("which is longer than {MAX_BYTES} bytes"));
        }
        check(inner(pattern))?;
        let compiled = Regex::new(&anchored(pattern));
        compiled.map(Self).map_err(|error| format!("which is no regular expression: {}", reason(&error)))
    }

    pub(super) fn matches(&self, topic: &str) -> bool {
        self.0.is_match(topic)
    }
}

/// The pattern as the client and the brokers receive it: anchored at both ends.
pub(super) fn anchored(pattern: &str) -> String {
    format!("^({})$", inner(pattern))
}

/// What stands between the anchors.
fn inner(pattern: &str) -> &str {
    let inner = pattern.strip_prefix(ANCHOR).unwrap_or(pattern);
    inner.strip_suffix('$').unwrap_or(inner)
}

/// The last line of the parser's message says what is wrong; those before it show where.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// Whether every construct means the same to all engines.
fn check(pattern: &str) -> Result<(), String> {
    const ALLOWED: &str = "a pattern may have letters, digits, `_`, `-`, `\\.`, `.`, `[...]`, `(...)`, `|`, `*`, `+`, `?` and `{n,m}`";
    let mut rest = pattern;
    let mut may_repeat = false;
    if pattern.is_empty() {
        return Err("which matches no name".to_owned());
    }
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ')' => may_repeat = true,
            '\\' if rest.starts_with("\\.") => (length, may_repeat) = (2, true),
            '\\' => {
                let escaped: String = rest.chars().take(2).collect();
                return Err(format!("which has `{escaped}`: {ALLOWED}"));
            }
            '[' => {
                length = rest.find(']').ok_or("which has a `[` without its `]`")? + 1;
                class(&rest[1..length - 1])?;
                may_repeat = true;
            }
            '(' | '|' => may_repeat = false,
            '*' | '+' | '?' | '{' if !may_repeat => {
                return Err(format!("in which `{letter}` repeats nothing"));
            }
            '*' | '+' | '?' => may_repeat = false,
            '{' => {
                length = rest.find('}').ok_or("which has a `{` without its `}`")? + 1;
                repetition(&rest[1..length - 1])?;
                may_repeat = false;
            }
            other => {
                return Err(format!(
                    "which has `{}`: {ALLOWED}",
                    if other.is_control() { char::REPLACEMENT_CHARACTER } else { other }
                ));
            }
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// What stands in brackets.
fn class(members: &str) -> Result<(), String> {
    let members = members.strip_prefix('^').unwrap_or(members);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    match members.chars().find(|&letter| !is_plain(letter)) {
        Some(letter) => Err(format!(
            "which has `{}` in brackets: they may have letters, digits, `.`, `_`, `-` and ranges",
            if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }
        )),
        None if members.is_empty() => Err("which has brackets with nothing in them".to_owned()),
        // Two hyphens subtract in some engines.
        None if members.contains("--") => Err("which has `--` in brackets".to_owned()),
        None => Ok(()),
    }
}

/// What stands in braces: `n`, `n,` or `n,m`.
fn repetition(bounds: &str) -> Result<(), String> {
    let count = |text: &str| text.parse::<u32>().ok().filter(|&count| count <= MOST_REPETITIONS);
    let holds = match bounds.split_once(',') {
        None => count(bounds).is_some(),
        Some((least, "")) => count(least).is_some(),
        Some((least, most)) => count(least).zip(count(most)).is_some_and(|(least, most)| least <= most),
    };
    if holds {
        Ok(())
    } else {
        Err(format!(
            "which has `{{{bounds}}}`: it must be `{{n}}`, `{{n,}}` or `{{n,m}}`, up to {MOST_REPETITIONS}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
            ("^posts\\..*", &["posts.a", "posts.", "posts.a.b"], &["posts", "postsxa", "my.posts.a"]),
            ("^posts", &["posts"], &["posts2"]),
            ("^posts$", &["posts"], &["posts2"]),
            ("^a|b", &["a", "b"], &["ab", "ba", "xb"]),
            ("^(x|mastodon)-[0-9]{1,2}", &["x-1", "mastodon-12"], &["x-", "x-123", "y-1"]),
            ("^[^._-]+", &["abc"], &["a.b"]),
        ];
        for (pattern, matching, others) in cases {
            let read = TopicPattern::new(pattern).unwrap();
            for (names, matches) in [(matching, true), (others, false)] {
                for name in names {
                    assert_eq!(read.matches(name), matches, "{pattern} {name}");
                }
            }
        }
        assert_eq!(anchored("^posts\\..*$"), "^(posts\\..*)$");
    }

    #[test]
    fn what_engines_read_differently_is_refused_with_what_may_be_used() {
        let cases = [
            ("^", "matches no name"),
            ("^a\\d+", "has `\\d`"),
            ("^a\\", "has `\\`"),
            ("^a b", "has ` `"),
            ("^a/b", "has `/`"),
            ("^é", "has `é`"),
            ("^(?i)a", "in which `?` repeats nothing"),
            ("^a*?", "in which `?` repeats nothing"),
            ("^a**", "in which `*` repeats nothing"),
            ("^*", "in which `*` repeats nothing"),
            ("^(a", "no regular expression"),
            ("^a)", "no regular expression"),
            ("^[a", "`[` without its `]`"),
            ("^[]", "nothing in them"),
            ("^[[:alpha:]]", "has `[` in brackets"),
            ("^[a--c]", "has `--` in brackets"),
            ("^[z-a]", "no regular expression"),
            ("^a{2,1}", "has `{2,1}`"),
            ("^a{1000}", "up to 255"),
            ("^a{b}", "has `{b}`"),
            ("^a^b", "has `^`"),
            ("^a$b", "has `$`"),
        ];
        for (pattern, expected) in cases {
            let fault = TopicPattern::new(pattern).unwrap_err();
            assert!(fault.contains(expected), "{pattern}: {fault}");
        }
        assert!(TopicPattern::new(&format!("^{}", "a".repeat(1_000))).is_err());
    }
}
