//! Lexicon of the world: names with types and expansions, in place of a language model's knowledge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::appearance::Description;
use super::entity::Entity;
use super::names::{self, Name};
use super::sample::World;

/// One line of a lexicon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LexiconEntry {
    /// The name as written in posts.
    pub surface: String,
    /// Its type; a name may have several entries with different types.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// What a picture of it shows.
    pub expansion: String,
}

/// All entities of the first `posts` posts of a world, and every name of its split that two types share; sorted by name,
/// then type.
#[must_use]
pub fn lexicon(world: &World, posts: u64) -> Vec<LexiconEntry> {
    described(world, posts).into_iter().map(|(entry, _)| entry).collect()
}

/// The same, each with what its expansion names, for other wordings of it.
#[must_use]
pub fn described(world: &World, posts: u64) -> Vec<(LexiconEntry, Description)> {
    let mut known: BTreeMap<(String, &'static str), Description> = BTreeMap::new();
    let mut learn = |entity: &Entity| {
        let key = (entity.surface.clone(), entity.class.type_name());
        known.entry(key).or_insert(entity.description);
    };
    for (surface, classes) in names::all_ambiguous(world.split().names()) {
        for class in classes {
            learn(&Entity::of(Name { surface: surface.clone(), class }));
        }
    }
    for index in 0..posts {
        world.draft(index).entities.iter().for_each(&mut learn);
    }
    known
        .into_iter()
        .map(|((surface, entity_type), description)| {
            let expansion = description.words();
            (LexiconEntry { surface, entity_type: entity_type.to_owned(), expansion }, description)
        })
        .collect()
}
