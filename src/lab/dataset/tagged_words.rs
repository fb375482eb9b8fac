//! Tagged words: posts as one word a line with a BIO tag, as in Twitter-2015, Twitter-2017, Twitter-GMNER and AdaSeq's files.
//!
//! A post begins with `IMGID:<id>`. In a file without such lines posts are separated by blank lines and have numbers as ids.
//! Words behind `<EOS>`, tagged `X`, are knowledge that a language model wrote about the post; they are not part of its text.

use std::path::Path;

use super::files::{DatasetError, malformed};
use crate::domain::EntityType;

/// What begins the line with a post's id.
const ID: &str = "IMGID:";

/// The word between a post and what a language model wrote about it.
const END_OF_POST: &str = "<EOS>";

/// The words of one post and the entities among them.
#[derive(Debug, PartialEq)]
pub(super) struct Sentence {
    pub(super) id: String,
    /// The line of its first word or of its id, from 1.
    pub(super) line: usize,
    pub(super) text: String,
    /// Start and end in code points, and type; the end is exclusive.
    pub(super) entities: Vec<(usize, usize, EntityType)>,
    /// The words behind `<EOS>`, joined by spaces.
    pub(super) knowledge: Option<String>,
}

#[derive(Clone, Copy)]
enum Tag<'line> {
    Outside,
    Begins(&'line str),
    Inside(&'line str),
    Knowledge,
}

/// The posts of a file; damaged lines are left out and reported.
pub(super) fn sentences(file: &Path, text: &str, faults: &mut Vec<DatasetError>) -> Vec<Sentence> {
    let has_ids = text.lines().any(|line| line.starts_with(ID));
    let mut sentences: Vec<Sentence> = Vec::new();
    // Without ids the next word begins a post.
    let mut begins = true;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            begins = true;
            continue;
        }
        if let Some(id) = line.strip_prefix(ID) {
            sentences.push(Sentence::new(id.trim(), number));
            continue;
        }
        let read = tagged_word(line).and_then(|(word, tag)| {
            if begins && !has_ids {
                sentences.push(Sentence::new(&(sentences.len() + 1).to_string(), number));
            }
            begins = false;
            let sentence = sentences.last_mut().ok_or("expected `IMGID:<id>` before the first word")?;
            sentence.push(word, tag)
        });
        faults.extend(read.err().map(|message| malformed(file, number, message)));
    }
    sentences
}

fn tagged_word(line: &str) -> Result<(&str, Tag<'_>), String> {
    let (word, tag) = line
        .split_once('\t')
        .ok_or_else(|| format!("expected `word<tab>tag` or `{ID}<id>`, found `{line}`"))?;
    Ok((word, parse_tag(tag.trim())?))
}

fn parse_tag(tag: &str) -> Result<Tag<'_>, String> {
    match tag.split_once('-') {
        None if tag == "O" => Ok(Tag::Outside),
        None if tag == "X" => Ok(Tag::Knowledge),
        Some(("B", name)) if !name.is_empty() => Ok(Tag::Begins(name)),
        Some(("I", name)) if !name.is_empty() => Ok(Tag::Inside(name)),
        _ => Err(format!("expected a tag `O`, `X`, `B-<type>` or `I-<type>`, found `{tag}`")),
    }
}

impl Sentence {
    fn new(id: &str, line: usize) -> Self {
        Self { id: id.to_owned(), line, text: String::new(), entities: Vec::new(), knowledge: None }
    }

    /// Adds a word. An `I` that continues no entity begins one, as in `seqeval`.
    fn push(&mut self, word: &str, tag: Tag<'_>) -> Result<(), String> {
        match (tag, &mut self.knowledge) {
            (Tag::Knowledge, None) if word == END_OF_POST => {
                self.knowledge = Some(String::new());
                return Ok(());
            }
            (Tag::Knowledge, Some(knowledge)) => {
                if !knowledge.is_empty() {
                    knowledge.push(' ');
                }
                knowledge.push_str(word);
                return Ok(());
            }
            (Tag::Knowledge, None) => {
                return Err(format!("expected `{END_OF_POST}` before words tagged `X`"));
            }
            (_, Some(_)) => return Err(format!("expected the tag `X` behind `{END_OF_POST}`")),
            (_, None) => {}
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.chars().count();
        self.text.push_str(word);
        let end = start + word.chars().count();
        match (tag, self.entities.last_mut()) {
            (Tag::Inside(name), Some((_, last, kind))) if *last + 1 == start && kind.as_str() == name => {
                *last = end
            }
            (Tag::Inside(name) | Tag::Begins(name), _) => {
                self.entities.push((start, end, EntityType::new(name)))
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Sentence>, Vec<String>) {
        let mut faults = Vec::new();
        let sentences = sentences(Path::new("test.txt"), text, &mut faults);
        (sentences, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn words_behind_the_end_of_a_post_are_knowledge() {
        let (posts, faults) =
            read("Ann\tB-PER\nsings\tO\n<EOS>\tX\nAnn\tX\nis\tX\na\tX\nsinger.\tX\n\nOslo\tB-LOC\n");
        assert!(faults.is_empty(), "{faults:?}");
        let seen: Vec<_> = posts
            .iter()
            .map(|post| (post.id.as_str(), post.line, post.text.as_str(), post.entities.len()))
            .collect();
        assert_eq!(seen, [("1", 1, "Ann sings", 1), ("2", 9, "Oslo", 1)]);
        assert_eq!(posts[0].knowledge.as_deref(), Some("Ann is a singer."));
        assert_eq!(posts[1].knowledge, None);
    }

    #[test]
    fn every_damaged_line_is_reported_and_the_others_are_read() {
        let (posts, faults) =
            read("IMGID:1\nAnn\nsings\tO\nloud\tX\n<EOS>\tX\nshe\tO\n\nIMGID:2\nOslo\tB-\nin\tO\n");
        assert_eq!(posts.iter().map(|post| post.text.as_str()).collect::<Vec<_>>(), ["sings", "in"]);
        for (fault, expected) in faults.iter().zip([
            "line 2: expected `word<tab>tag`",
            "line 4: expected `<EOS>` before",
            "line 6: expected the tag `X` behind",
            "line 9: expected a tag",
        ]) {
            assert!(fault.contains(expected), "{fault}");
        }
        assert_eq!(faults.len(), 4);
    }
}
