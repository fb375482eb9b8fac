//! Contents of a contact sheet: posts with their answers.

use super::emoji_font::EmojiFont;
use crate::domain::{BBox, Post, Triple};

/// The contents of a page.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Heading of the page.
    pub title: String,
    /// The line below it.
    pub subtitle: String,
    /// The entity types; their order determines their colours.
    pub types: Vec<String>,
    /// The posts, two per row.
    pub cards: Vec<Card>,
    /// The pictures of emoji; without them emoji are written by name.
    pub emoji: Option<EmojiFont>,
}

/// One post and its answer.
#[derive(Debug, Clone)]
pub struct Card {
    /// The post; only its first picture is drawn.
    pub post: Post,
    /// The predicted triples.
    pub triples: Vec<Triple>,
    /// The gold boxes of the first picture.
    pub gold: Vec<BBox>,
    /// A short note on correctness.
    pub remark: String,
}
