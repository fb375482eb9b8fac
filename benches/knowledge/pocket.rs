//! A language model that knows the pocket world: what entities look like, which of them a text names, and in which words
//! people annotate that.

use std::collections::HashMap;

use riveg::lab::world::{AnnotatedEntity, Split, World, lexicon};
use riveg::llm::cached::{as_data, asked_text};

use crate::llm::{Asked, PocketLlm, Reply};

/// What stands around the entity in the question that ships.
pub(crate) const ENTITY_BETWEEN: (&str, &str) = ("what is '", "' here?");

/// What it knows.
pub(crate) struct Knowing {
    /// Expansions alone, by surface and type.
    alone: PocketLlm,
    /// Each post's entities and annotation, by its text as prompts hold it.
    posts: HashMap<String, (Vec<AnnotatedEntity>, String)>,
}

impl Knowing {
    /// All of the first posts of the world that is scored.
    pub(crate) fn new(posts: usize) -> Self {
        let world = World::new(0, Split::Test);
        let facts = lexicon(&world, posts as u64)
            .into_iter()
            .map(|entry| ((entry.surface, entry.entity_type), entry.expansion));
        let told = |index: u64| {
            let text = as_data(&asked_text(&world.text(index).text));
            (text, (world.entities(index), world.annotation(index)))
        };
        Self { alone: PocketLlm::new(facts, ENTITY_BETWEEN), posts: (0..posts as u64).map(told).collect() }
    }

    /// What it says: where it sees the text, what the text's own entity of that name looks like, whatever type is asked for.
    pub(crate) fn reply(&self, asked: &Asked) -> Reply {
        let last = asked.text.rsplit("\n\n").next().unwrap_or_default();
        let between = |(before, after): (&str, &str)| {
            let (_, rest) = last.split_once(before)?;
            Some(rest.split_once(after)?.0.to_owned())
        };
        let post = between(("Text: <data>", "</data>")).and_then(|text| self.posts.get(&text));
        match (post, between(ENTITY_BETWEEN)) {
            (Some((named, _)), Some(entity)) => {
                let surface = entity.rsplit_once(" (").map_or(entity.as_str(), |(surface, _)| surface);
                let of_post = named.iter().find(|one| one.surface.replace('\'', "’") == surface);
                of_post.map_or_else(|| self.alone.reply(asked), |one| Reply::text(&one.expansion))
            }
            (Some((_, annotation)), None) => Reply::text(annotation),
            (None, _) => self.alone.reply(asked),
        }
    }
}
