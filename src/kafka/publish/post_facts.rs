//! Post facts: what output formats may say about the post beside its annotation.

use crate::domain::{Mention, Post, RawJson, UnescapedText};

/// The facts about a post, as the feed has them. Every answer has them; a format says which of them it writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostFacts {
    /// Its address as a URI, such as `at://...` or `https://...`.
    pub uri: Option<String>,
    /// The text as it came. Spans of mentions refer to it.
    pub text: String,
    /// The text that networks read, with its places in the received text. None: it is the received text.
    pub unescaped: Option<UnescapedText>,
    /// When the author wrote it.
    pub created_at: Option<RawJson>,
    /// Its language.
    pub lang: Option<RawJson>,
    /// Who wrote it.
    pub author: Option<RawJson>,
    /// The keys of its pictures with the URLs from which they were fetched. Pictures in the record have none.
    pub addresses: Vec<(String, String)>,
    /// The keys of its pictures with what the author says they show.
    pub alt_texts: Vec<(String, String)>,
}

impl PostFacts {
    /// The facts about a decoded post. `addresses`: keys of its pictures with the URLs from which they were fetched.
    #[must_use]
    pub fn of(post: &Post, addresses: &[(String, String)]) -> Self {
        let alt_texts =
            post.media.iter().filter_map(|media| Some((media.key.clone(), media.alt_text.clone()?)));
        Self {
            uri: post.uri.clone(),
            text: post.text.clone(),
            unescaped: post.unescaped.clone(),
            created_at: post.created_at.clone(),
            lang: post.lang.clone(),
            author: post.author.clone(),
            addresses: addresses.to_vec(),
            alt_texts: alt_texts.collect(),
        }
    }

    /// The text that networks read: without HTML.
    #[must_use]
    pub fn plain_text(&self) -> &str {
        self.unescaped.as_ref().map_or(&self.text, UnescapedText::text)
    }

    /// The spelling of a mention in [`Self::plain_text`]: `AT&T` where the received text has `AT&amp;T`.
    #[must_use]
    pub fn surface<'a>(&'a self, mention: &'a Mention) -> &'a str {
        let Some(unescaped) = &self.unescaped else { return &mention.text };
        unescaped.text_read((mention.span.byte_start, mention.span.byte_end)).unwrap_or(&mention.text)
    }

    /// The URL of the picture with that key.
    #[must_use]
    pub fn address(&self, key: &str) -> Option<&str> {
        of_key(&self.addresses, key)
    }

    /// What the author says the picture with that key shows.
    #[must_use]
    pub fn alt_text(&self, key: &str) -> Option<&str> {
        of_key(&self.alt_texts, key)
    }
}

fn of_key<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EntityType, Span};

    #[test]
    fn a_mention_has_its_received_spelling_and_its_plain_one() {
        let text = "é AT&amp;T in Oslo".to_owned();
        let unescaped = Some(UnescapedText::new(&text, [((5, 10), "&")]));
        let facts = PostFacts { text, unescaped, ..PostFacts::default() };
        let mention = |text: &str, byte_start| Mention {
            text: text.to_owned(),
            entity_type: EntityType::new("ORG"),
            span: Span { start: 0, end: 0, byte_start, byte_end: byte_start + text.len() },
            score: 1.0,
        };
        assert_eq!(facts.plain_text(), "é AT&T in Oslo");
        assert_eq!(facts.surface(&mention("AT&amp;T", 3)), "AT&T");
        assert_eq!(facts.surface(&mention("Oslo", 15)), "Oslo");
        let plain = PostFacts { text: "in Oslo".to_owned(), ..PostFacts::default() };
        assert_eq!((plain.plain_text(), plain.surface(&mention("Oslo", 3))), ("in Oslo", "Oslo"));
    }
}
