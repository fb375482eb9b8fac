//! Stand-in for a language model that says what a post's text names. It errs less the more its examples are like the post.
//!
//! That similar examples help is built in, not found: the tables show what the tagger makes of better knowledge.

use std::collections::{HashMap, HashSet};

use riveg::lab::world::World;
use riveg::llm::cached::{escape_untrusted, normalised_text};

use crate::llm::{Asked, Reply};

/// The share of entities that are missed, and as many with a wrong type, without an example.
const WITHOUT_EXAMPLES: f64 = 0.2;
/// The same after examples that have no word of the post.
const UNLIKE_EXAMPLES: f64 = 0.12;
/// The same after an example that has all words of the post.
const EQUAL_EXAMPLE: f64 = 0.02;

/// What comes before and after a text in a question.
const TEXT: (&str, &str) = ("Text: <data>", "</data>");

/// It knows the first posts of a world.
pub(crate) struct StandIn {
    world: World,
    /// The number of each post, by its escaped text.
    posts: HashMap<String, u64>,
}

impl StandIn {
    pub(crate) fn new(world: World, posts: usize) -> Self {
        let text = |index: u64| escape_untrusted(&normalised_text(&world.text(index).text));
        let posts = (0..posts as u64).map(|index| (text(index), index)).collect();
        Self { world, posts }
    }

    /// Its answer about the last text of a question, after the texts before it.
    pub(crate) fn reply(&self, asked: &Asked) -> Reply {
        let texts: Vec<&str> =
            asked.text.split(TEXT.0).skip(1).filter_map(|rest| Some(rest.split_once(TEXT.1)?.0)).collect();
        let Some((text, examples)) = texts.split_last() else { return Reply::text("I do not know.") };
        let Some(&index) = self.posts.get(*text) else { return Reply::text("I do not know.") };
        let errors = errors(text, examples);
        Reply::text(&self.world.annotation_with(index, (errors, errors)))
    }
}

/// How often it errs about a text after these examples.
fn errors(text: &str, examples: &[&str]) -> f64 {
    let words = |text: &str| text.split_whitespace().map(str::to_lowercase).collect::<HashSet<String>>();
    let of_post = words(text);
    let shared = |example: &&str| words(example).intersection(&of_post).count() as f64;
    let most = examples.iter().map(shared).fold(0.0, f64::max);
    match examples {
        [] => WITHOUT_EXAMPLES,
        _ => UNLIKE_EXAMPLES + (EQUAL_EXAMPLE - UNLIKE_EXAMPLES) * most / of_post.len().max(1) as f64,
    }
}
