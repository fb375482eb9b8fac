//! Typical requests: texts, prompts and pictures as long and as large as the paper's data have them in the mean.
//!
//! For networks that have learnt nothing, of which a pipeline would ask arbitrary things, and for published sizes, where a
//! pipeline's requests take too long.

use std::sync::Arc;

use riveg::common::imaging::{Picture, View};
use riveg::domain::{BBox, ContentHash};
use riveg::networks::bundle::Bundle;
use riveg::networks::descriptor::Reads;
use riveg::stages::{entail, ground, recognise, segment};

use super::raw::Recorded;

/// Pieces of a text with what is known of it, and tokens of a prompt, where the network can read as many.
const PIECES: usize = 160;
const PROMPT: usize = 40;

impl Recorded {
    /// So many requests for each stage, no two of them about the same picture. A picture has one box.
    pub(crate) fn typical(bundle: &Bundle, count: usize) -> Self {
        let whole = "the bundle has all networks";
        let (entail, ground) =
            (&bundle.entail().expect(whole).network, &bundle.ground().expect(whole).network);
        let tagger = bundle.recognise().expect(whole).network.reads();
        let masks = bundle.segment().expect(whole).network.view();
        let half = masks.side as f32 / 2.0;
        let bbox = BBox { x0: half / 2.0, y0: 0.0, x1: half * 1.5, y1: half };
        let numbers = || 0..count;
        Self {
            posts: count,
            recognise: numbers().map(|_| text(tagger)).collect(),
            entail: numbers()
                .map(|number| entail::Request {
                    picture: picture(number, entail.view()),
                    prompt: tokens(PROMPT, entail.reads()),
                })
                .collect(),
            ground: numbers()
                .map(|number| ground::Request {
                    picture: picture(number, ground.view()),
                    prompt: tokens(PROMPT, ground.reads()),
                })
                .collect(),
            segment: numbers()
                .map(|number| segment::Request { picture: picture(number, masks), boxes: vec![bbox] })
                .collect(),
        }
    }
}

/// A text of which each second piece begins a word.
fn text(reads: Reads) -> recognise::Request {
    let pieces = tokens(PIECES, reads);
    let first_pieces = (1..pieces.len() as u32 - 1).step_by(2).collect();
    recognise::Request { pieces, first_pieces, context_first_pieces: Vec::new() }
}

/// Ids that every vocabulary has and that are special in none.
fn tokens(most: usize, reads: Reads) -> Vec<u32> {
    let last = u32::try_from(reads.rows - 1).unwrap_or(u32::MAX);
    (3..).step_by(7).take(most.min(reads.longest)).map(|id: u32| id.min(last)).collect()
}

fn picture(number: usize, View { side, .. }: View) -> Arc<Picture> {
    let hash = ContentHash(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let level = |index: u32| ((index as usize * 31 + number * 17) % 256) as u8;
    let rgb = (0..3 * side * side).map(level).collect();
    Arc::new(Picture { hash, width: side, height: side, original_width: side, original_height: side, rgb })
}
