//! Text style: what a tagger that was trained on normalised tweets reads in the place of users, links and emoji.
//!
//! A word is read in another form, but stays the word of the text: spans and mentions are those of the text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::emoji_names::emoji_name;
use super::words::split_words;
use crate::domain::Span;

/// The form in which a tagger reads words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextStyle {
    /// As they are.
    #[default]
    Plain,
    /// As BERTweet (Nguyen et al., EMNLP 2020): users are `@USER`, links `HTTPURL`, emoji their names, such as `:fire:`, and
    /// contractions two words, such as `do n't`.
    Bertweet,
    /// As the RoBERTas of TweetEval (Barbieri et al., 2020): users are `@user`, links `http`.
    Tweeteval,
    /// As TweetNER7 (Ushio et al., AACL 2022): a user is `{@name@}`, a link `{{URL}}`.
    Tweetner7,
}

impl TextStyle {
    /// The words of a text: in a style, the name of a user is one word with its `@`.
    #[must_use]
    pub fn words(self, text: &str) -> Vec<Span> {
        let words = split_words(text);
        if self == Self::Plain {
            return words;
        }
        let mut joined: Vec<Span> = Vec::with_capacity(words.len());
        for word in words {
            let own = &text[word.byte_start..word.byte_end];
            match joined.last_mut() {
                Some(user)
                    if user.byte_end == word.byte_start
                        && text[user.byte_start..user.byte_end].starts_with('@')
                        && own.chars().all(is_of_name) =>
                {
                    (user.end, user.byte_end) = (word.end, word.byte_end);
                }
                _ => joined.push(word),
            }
        }
        joined
    }

    /// What is read of a word.
    #[must_use]
    pub fn read(self, word: &str) -> Cow<'_, str> {
        if self == Self::Plain {
            return word.into();
        }
        if word.len() > 1 && word.starts_with('@') && word[1..].chars().all(is_of_name) {
            return match self {
                Self::Tweeteval => "@user".into(),
                Self::Tweetner7 => format!("{{{word}@}}").into(),
                Self::Plain | Self::Bertweet => "@USER".into(),
            };
        }
        if is_link(word) {
            return match self {
                Self::Tweeteval => "http",
                Self::Tweetner7 => "{{URL}}",
                Self::Plain | Self::Bertweet => "HTTPURL",
            }
            .into();
        }
        match self {
            Self::Bertweet => parted(named(word)),
            Self::Plain | Self::Tweeteval | Self::Tweetner7 => word.into(),
        }
    }
}

/// A word with spaces before what is contracted to it, as in `do n't` and `we 're`; `can't` and `ain't` stay whole. The
/// original looks for a space behind it, which the last word of a text does not have.
fn parted(word: Cow<'_, str>) -> Cow<'_, str> {
    const CONTRACTED: [&str; 7] = ["n't", "'m", "'re", "'s", "'ll", "'d", "'ve"];
    const WHOLE: [&str; 2] = ["can't", "ain't"];
    if word.ends_with("cannot") {
        return format!("{} not", &word[..word.len() - "not".len()]).into();
    }
    let end = CONTRACTED.into_iter().find(|end| word.len() > end.len() && word.ends_with(end));
    match end {
        Some(end) if !WHOLE.into_iter().any(|whole| word.ends_with(whole)) => {
            format!("{} {end}", &word[..word.len() - end.len()]).into()
        }
        _ => word,
    }
}

/// Whether a character may be in the name of a user.
fn is_of_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_link(word: &str) -> bool {
    let starts = |start: &str| word.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start));
    ["http://", "https://", "www."].into_iter().any(starts)
}

/// A word with names for emoji, spaces around them, and plain signs for typographic ones.
fn named(word: &str) -> Cow<'_, str> {
    if word.is_ascii() {
        return word.into();
    }
    let mut read = String::with_capacity(word.len());
    for character in word.chars() {
        match (character, emoji_name(character)) {
            (_, Some(name)) => {
                read.push_str(" :");
                read.push_str(&name);
                read.push_str(": ");
            }
            ('\u{2019}', None) => read.push('\''),
            ('\u{2026}', None) => read.push_str("..."),
            // The package drops what asks for the coloured form.
            ('\u{fe0f}', None) => {}
            (other, None) => read.push(other),
        }
    }
    read.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(style: TextStyle, text: &str) -> Vec<(&str, String)> {
        let words = style.words(text).into_iter();
        let own = words.map(|word| &text[word.byte_start..word.byte_end]);
        own.map(|word| (word, style.read(word).split_whitespace().collect::<Vec<_>>().join(" "))).collect()
    }

    #[test]
    fn each_style_reads_users_links_and_emoji_in_its_own_form() {
        let text = "RT @kim_x_: #Jordan’s 🔥🔥 https://t.co/a… 👍🏽 @ home";
        let words =
            ["RT", "@kim_x_", ":", "#", "Jordan", "’s", "🔥🔥", "https://t.co/a", "…", "👍🏽", "@", "home"];
        let bertweet = [
            "RT",
            "@USER",
            ":",
            "#",
            "Jordan",
            "'s",
            ":fire: :fire:",
            "HTTPURL",
            "...",
            ":thumbs_up: :medium_skin_tone:",
            "@",
            "home",
        ];
        for (style, changed) in [
            (TextStyle::Bertweet, vec![]),
            (TextStyle::Tweeteval, vec![(1, "@user"), (7, "http")]),
            (TextStyle::Tweetner7, vec![(1, "{@kim_x_@}"), (7, "{{URL}}")]),
        ] {
            let mut expected = if style == TextStyle::Bertweet { bertweet } else { words };
            for (word, form) in changed {
                expected[word] = form;
            }
            let found = read(style, text);
            let [own, forms] = [
                found.iter().map(|(own, _)| *own).collect::<Vec<_>>(),
                found.iter().map(|(_, form)| form.as_str()).collect(),
            ];
            assert_eq!(own, words, "{style:?}");
            assert_eq!(forms, expected, "{style:?}");
        }
        assert_eq!(read(TextStyle::Plain, "@kim 🔥").len(), 3, "a name and its sign are two words");
    }

    #[test]
    fn words_that_only_look_like_users_and_links_stay() {
        for word in ["@", "@@", "http", "a@b", "httpX", "@é", "®x"] {
            let expected = if word == "®x" { " :registered: x" } else { word };
            assert_eq!(TextStyle::Bertweet.read(word), expected, "{word}");
        }
        assert_eq!(TextStyle::Bertweet.read("WWW.riveg.example"), "HTTPURL");
    }
}
