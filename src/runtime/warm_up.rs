//! On what are networks warmed up? Requests like those to come, as many as a batch may hold, no two alike.

use std::sync::Arc;

use crate::domain::{BBox, ContentHash, Frame};
use crate::imaging::{Picture, View};
use crate::knowledge::Texts;
use crate::prompt::{PhraseEncoder, PromptEncoder};
use crate::recognise::{WordTokenizer, split_words};
use crate::{entail, ground, knowledge, recognise, segment};

/// A post and a phrase of the usual lengths; the first few words of them are used as well.
const TEXT: &str =
    "so good to see Ada Lovelace at the Analytical Engine Society in London today, what a crowd it was";
const PHRASE: &str =
    "Ada Lovelace (PER) - a woman in a green coat with a red hat, in front of a stone bridge";

/// Texts from one word to all of [`TEXT`].
pub(super) fn recognise(tokenizer: &WordTokenizer, count: usize) -> Vec<recognise::Request> {
    let texts = (0..count).map(|index| first_words(TEXT, index));
    texts
        .filter_map(|text| tokenizer.windows(text, &split_words(text)).into_iter().next())
        .map(|w| w.request)
        .collect()
}

pub(super) fn know(texts: &Texts, view: View, count: usize) -> Vec<knowledge::Request> {
    let requests = (0..count).map(|index| knowledge::Request {
        pieces: texts(first_words(TEXT, index)),
        picture: view.of(&frame(index, view.side)),
    });
    requests.collect()
}

pub(super) fn entail(prompts: &PromptEncoder, view: View, count: usize) -> Vec<entail::Request> {
    let requests = (0..count).map(|index| entail::Request {
        picture: view.of(&frame(index, view.side)),
        prompt: prompts.encode(first_words(PHRASE, index)),
    });
    requests.collect()
}

pub(super) fn ground(phrases: &PhraseEncoder, view: View, count: usize) -> Vec<ground::Request> {
    let requests = (0..count).map(|index| ground::Request {
        picture: view.of(&frame(index, view.side)),
        prompt: phrases.encode(first_words(PHRASE, index)),
    });
    requests.collect()
}

/// Pictures with one, two or three boxes.
pub(super) fn segment(side: u32, count: usize) -> Vec<segment::Request> {
    let bbox = |number: usize| {
        let edge = side as f32 / (2 + number) as f32;
        BBox { x0: edge / 2.0, y0: 0.0, x1: edge * 1.5, y1: edge }
    };
    let requests = (0..count).map(|index| segment::Request {
        picture: Picture::longest_side(&frame(index, side), side),
        boxes: (0..=index % 3).map(bbox).collect(),
    });
    requests.collect()
}

/// A plain picture of its own shade and hash, so that nothing of it is remembered from the one before.
fn frame(index: usize, side: u32) -> Arc<Frame> {
    let shade = (index * 37 % 256) as u8;
    let hash = ContentHash(*blake3::hash(&index.to_le_bytes()).as_bytes());
    Arc::new(Frame { hash, width: side, height: side, rgb: vec![shade; 3 * (side * side) as usize] })
}

/// The first words of a text: all of it, a quarter, a half, three quarters, and again.
fn first_words(text: &str, index: usize) -> &str {
    let words: Vec<usize> = text.match_indices(' ').map(|(position, _)| position).collect();
    match index % 4 {
        0 => text,
        quarters => &text[..words[words.len() * quarters / 4]],
    }
}
