//! Stand-in language model with the facts of the pocket world: expansions, entities of texts, and annotations.

use std::collections::HashMap;

use riveg::lab::world::{AnnotatedEntity, Split, World, lexicon};
use riveg::llm::cached::{escape_untrusted, normalised_text};

use crate::llm::{Asked, PocketLlm, Reply};

/// The text around the entity in the expansion prompt.
pub(crate) const ENTITY_BETWEEN: (&str, &str) = ("what is '", "' here?");

/// Its facts.
pub(crate) struct Knowing {
    /// Expansions by surface and type.
    alone: PocketLlm,
    /// The entities and the annotation of each post, by its escaped text.
    posts: HashMap<String, (Vec<AnnotatedEntity>, String)>,
}

impl Knowing {
    /// The facts of the first posts of the scored world.
    pub(crate) fn new(posts: usize) -> Self {
        let world = World::new(0, Split::Test);
        let facts = lexicon(&world, posts as u64)
            .into_iter()
            .map(|entry| ((entry.surface, entry.entity_type), entry.expansion));
        let told = |index: u64| {
            let text = escape_untrusted(&normalised_text(&world.text(index).text));
            (text, (world.entities(index), world.annotation(index)))
        };
        Self { alone: PocketLlm::new(facts, ENTITY_BETWEEN), posts: (0..posts as u64).map(told).collect() }
    }

    /// Its answer: if the prompt contains the text, the expansion of the text's entity of that name, whatever the type.
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
