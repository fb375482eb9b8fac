//! Warm-up requests: typical requests of each stage, no two with the same picture.

use std::sync::Arc;

use crate::common::imaging::View;
use crate::domain::{BBox, ContentHash, Frame, Stage};
use crate::scheduler::Samples;
use crate::stages::entail;
use crate::stages::ground;
use crate::stages::knowledge;
use crate::stages::knowledge::TextTokenizer;
use crate::stages::prompt::{PhraseEncoder, PromptEncoder};
use crate::stages::recognise;
use crate::stages::recognise::joint::{self, JointSettings};
use crate::stages::recognise::{WordTokenizer, split_words};
use crate::stages::segment;

/// A post and a phrase of the usual lengths; the first few words of them are used as well.
const TEXT: &str =
    "so good to see Ada Lovelace at the Analytical Engine Society in London today, what a crowd it was";
const PHRASE: &str =
    "Ada Lovelace (PER) - a woman in a green coat with a red hat, in front of a stone bridge";
/// A caption of the usual length, for prompts that hold one.
const CAPTION: &str = "a woman with a red hat stands on a bridge";

/// Texts from a quarter to all of [`TEXT`].
pub(super) fn recognise(tokenizer: &WordTokenizer) -> Samples<recognise::Request> {
    let texts = (0..LENGTHS).map(|index| first_words(TEXT, index));
    let requests: Vec<recognise::Request> = texts
        .filter_map(|text| tokenizer.windows(text, &split_words(text)).into_iter().next())
        .map(|window| window.request)
        .collect();
    // Nothing is remembered of texts, so they may come again.
    Box::new(requests.into_iter().cycle())
}

/// The same beside pictures, with the candidates of the settings.
pub(super) fn joint(tokenizer: &WordTokenizer, settings: &JointSettings) -> Samples<joint::Request> {
    let (view, candidates) = (settings.view, Arc::clone(&settings.candidates));
    let texts = recognise(tokenizer);
    Box::new((0..).zip(texts).map(move |(index, text)| joint::Request {
        text,
        picture: Some(view.of(&frame(Stage::Recognise, index, view.side))),
        candidates: Arc::clone(&candidates),
    }))
}

pub(super) fn know(texts: &TextTokenizer, view: View) -> Samples<knowledge::Request> {
    let pieces: Vec<Vec<u32>> = (0..LENGTHS).map(|index| texts(first_words(TEXT, index))).collect();
    Box::new((0..).map(move |index| knowledge::Request {
        pieces: pieces[index % LENGTHS].clone(),
        picture: view.of(&frame(Stage::Retrieve, index, view.side)),
    }))
}

pub(super) fn entail(prompts: &PromptEncoder, view: View) -> Samples<entail::Request> {
    let prompts: Vec<Vec<u32>> =
        (0..LENGTHS).map(|index| prompts.encode(first_words(PHRASE, index), CAPTION)).collect();
    Box::new((0..).map(move |index| entail::Request {
        picture: view.of(&frame(Stage::Entail, index, view.side)),
        prompt: prompts[index % LENGTHS].clone(),
    }))
}

pub(super) fn ground(phrases: &PhraseEncoder, view: View) -> Samples<ground::Request> {
    let prompts: Vec<Vec<u32>> =
        (0..LENGTHS).map(|index| phrases.encode(first_words(PHRASE, index), CAPTION)).collect();
    Box::new((0..).map(move |index| ground::Request {
        picture: view.of(&frame(Stage::Ground, index, view.side)),
        prompt: prompts[index % LENGTHS].clone(),
    }))
}

/// Pictures with one, two or three boxes.
pub(super) fn segment(view: View) -> Samples<segment::Request> {
    let bbox = move |number: usize| {
        let edge = view.side as f32 / (2 + number) as f32;
        BBox { x0: edge / 2.0, y0: 0.0, x1: edge * 1.5, y1: edge }
    };
    Box::new((0..).map(move |index: usize| segment::Request {
        picture: view.of(&frame(Stage::Segment, index, view.side)),
        boxes: (0..=index % 3).map(bbox).collect(),
    }))
}

/// A plain picture of its own shade and hash, so that nothing of it is remembered from another one: not even by a
/// network that serves two stages.
fn frame(stage: Stage, index: usize, side: u32) -> Arc<Frame> {
    let shade = (index * 37 % 256) as u8;
    let hash = ContentHash(*blake3::hash(format!("{stage} {index}").as_bytes()).as_bytes());
    Arc::new(Frame {
        hash,
        width: side,
        height: side,
        orientation: 1,
        reduced: 1,
        rgb: vec![shade; 3 * (side * side) as usize],
    })
}

/// How many lengths [`first_words`] has.
const LENGTHS: usize = 4;

/// The first words of a text: all of it, a quarter, a half, three quarters, and again.
fn first_words(text: &str, index: usize) -> &str {
    let words: Vec<usize> = text.match_indices(' ').map(|(position, _)| position).collect();
    match index % LENGTHS {
        0 => text,
        parts => &text[..words[words.len() * parts / LENGTHS]],
    }
}
