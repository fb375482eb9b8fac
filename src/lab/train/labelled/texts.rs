//! Labelled texts of a data set: read, checked, split into words and cut into rows of pieces.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::super::text_batch::{LabelledRow, words_within};
use super::recipe::Knowledge;
use crate::domain::EntityType;
use crate::lab::dataset::{self, Example};
use crate::stages::recognise::{LabelSet, LabelledWords, WordTokenizer};

/// Faults that are listed; the rest are counted.
const FAULTS_SHOWN: usize = 20;

/// The posts of one split.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    posts: Vec<Post>,
}

#[derive(Debug, Clone)]
struct Post {
    text: String,
    knowledge: String,
    /// Start and end in code points.
    entities: Vec<((usize, usize), EntityType)>,
}

/// Rows of a split, and what was lost.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) rows: Vec<LabelledRow>,
    /// Entities that begin or end inside a word, which a tagger of words cannot give.
    pub(super) within_words: usize,
}

impl Texts {
    /// Reads a split. Pictures are not needed.
    ///
    /// # Errors
    /// All damaged places with file and line; a split without texts, or whose entities have no places.
    pub(super) fn read(folder: &Path, split: &str, knowledge: Knowledge) -> Result<Self> {
        let reading = dataset::read_all(folder, split)
            .with_context(|| format!("failed to read the split `{split}`"))?;
        if !reading.faults.is_empty() {
            let shown: Vec<String> =
                reading.faults.iter().take(FAULTS_SHOWN).map(|fault| with_cause(fault)).collect();
            let more = reading.faults.len().saturating_sub(FAULTS_SHOWN);
            let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
            bail!("the split `{split}` is damaged:\n{}{more}", shown.join("\n"));
        }
        let posts = reading.examples.into_iter().map(|example| Post::of(example, knowledge));
        let posts: Vec<Post> = posts.collect::<Result<_>>()?;
        let from = || format!("the split `{split}` of `{}`", folder.display());
        ensure!(!posts.is_empty(), "{} has no posts", from());
        ensure!(posts.iter().any(|post| !post.entities.is_empty()), "{} has no entities", from());
        if knowledge == Knowledge::Given {
            let told = posts.iter().any(|post| !post.knowledge.is_empty());
            ensure!(told, "{} has no knowledge, which the recipe asks for (`text.knowledge`)", from());
        }
        Ok(Self { posts })
    }

    /// The number of posts.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.posts.len()
    }

    /// The types of entities, sorted.
    #[must_use]
    pub(super) fn types(&self) -> BTreeSet<EntityType> {
        self.posts
            .iter()
            .flat_map(|post| &post.entities)
            .map(|(_, entity_type)| entity_type.clone())
            .collect()
    }

    /// Texts and knowledge, for a vocabulary.
    pub(super) fn strings(&self) -> impl Iterator<Item = &str> {
        self.posts.iter().flat_map(|post| [post.text.as_str(), post.knowledge.as_str()])
    }

    /// The rows that a tagger with this vocabulary reads. A text without words has none.
    #[must_use]
    pub(super) fn rows(&self, tokenizer: &WordTokenizer, labels: &LabelSet) -> Rows {
        let mut rows = Rows { rows: Vec::new(), within_words: 0 };
        for Post { text, knowledge, entities } in &self.posts {
            let words = tokenizer.words(text);
            let mut labelled = Vec::new();
            for (span, entity_type) in entities {
                let range = words_within(&words, *span);
                let ends = words.get(range.start).zip(words.get(range.end.saturating_sub(1)));
                let is_whole = ends.is_some_and(|(first, last)| (first.start, last.end) == *span);
                rows.within_words += usize::from(!is_whole);
                labelled.push(LabelledWords { words: range, entity_type: entity_type.clone() });
            }
            let labels = labels.encode(words.len(), &labelled);
            for window in tokenizer.windows_with_knowledge(text, &words, knowledge) {
                rows.rows
                    .push(LabelledRow { request: window.request, labels: labels[window.words].to_vec() });
            }
        }
        rows
    }
}

impl Post {
    fn of(example: Example, knowledge: Knowledge) -> Result<Self> {
        let Example { gold, knowledge: told, .. } = example;
        let place = |mention: &dataset::GoldMention| -> Result<((usize, usize), EntityType)> {
            let span = mention.span.with_context(|| {
                format!(
                    "post `{}`: the data set does not say where in the text `{}` is",
                    gold.id, mention.text
                )
            })?;
            Ok((span, mention.entity_type.clone()))
        };
        let entities = gold.mentions.iter().map(place).collect::<Result<_>>()?;
        let told = if knowledge == Knowledge::Given { told.unwrap_or_default() } else { String::new() };
        Ok(Self { text: gold.text, knowledge: told, entities })
    }
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
