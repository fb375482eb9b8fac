//! Contents of a contact sheet: posts with their answers.

use crate::domain::{BBox, Post, Triple};

/// What stands on a page.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The large line at the top.
    pub title: String,
    /// The line below it.
    pub subtitle: String,
    /// The entity types, in the order in which they are given colours.
    pub types: Vec<String>,
    /// The posts, three in a row.
    pub cards: Vec<Card>,
}

/// One post and what was said of it.
#[derive(Debug, Clone)]
pub struct Card {
    /// The post; of its pictures the first is drawn.
    pub post: Post,
    /// What was said.
    pub triples: Vec<Triple>,
    /// Where the first picture truly shows what the text names.
    pub gold: Vec<BBox>,
    /// How right it was, in a few words.
    pub remark: String,
}
