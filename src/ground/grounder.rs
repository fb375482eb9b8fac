//! From a picture and a phrase to a box in the original picture.

use std::sync::Arc;

use super::{Reply, Request};
use crate::domain::{BBox, Phrase};
use crate::imaging::Picture;
use crate::prompt::PromptEncoder;
use crate::scheduler::{CallError, Handle};

/// Finds phrases in pictures.
pub struct Grounder {
    handle: Handle<Request, Reply>,
    prompts: PromptEncoder,
    bins: u32,
}

impl Grounder {
    /// Asks the network behind `handle`, whose question and vocabulary `prompts` knows, and which divides each side of
    /// a picture by `bins` marks, the first and the last on the edges.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, prompts: PromptEncoder, bins: u32) -> Self {
        Self { handle, prompts, bins }
    }

    /// The box of a phrase, in pixels of the picture before it was squashed, and how likely it is, 0 to 1.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn locate(&self, picture: &Arc<Picture>, phrase: &Phrase) -> Result<(BBox, f32), CallError> {
        let prompt = self.prompts.encode(&phrase.text);
        let reply = self.handle.call(Request { picture: Arc::clone(picture), prompt }).await?;
        Ok((reply.bbox(picture, self.bins), reply.likelihood()))
    }
}

impl Reply {
    /// The box in pixels of the original picture. Edges that the network gives the wrong way round are turned.
    #[must_use]
    pub fn bbox(&self, picture: &Picture, bins: u32) -> BBox {
        let last = f64::from(bins.max(2) - 1);
        let edge = |bin: u32, side: u32| (f64::from(bin).min(last) / last * f64::from(side)) as f32;
        let [left, top, right, bottom] = self.bins;
        let (width, height) = (picture.original_width, picture.original_height);
        BBox {
            x0: edge(left.min(right), width),
            y0: edge(top.min(bottom), height),
            x1: edge(left.max(right), width),
            y1: edge(top.max(bottom), height),
        }
    }

    /// The geometric mean of its four tokens' probabilities.
    #[must_use]
    pub fn likelihood(&self) -> f32 {
        (self.log_probability / 4.0).exp().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ContentHash, Frame};

    fn picture() -> Arc<Picture> {
        let frame = Frame { hash: ContentHash([0; 32]), width: 300, height: 99, rgb: vec![0; 300 * 99 * 3] };
        Picture::squashed(&frame, 16)
    }

    #[test]
    fn bins_are_marks_from_edge_to_edge_of_the_original() {
        let cases = [
            ("the whole picture", [0, 0, 999, 999], BBox { x0: 0.0, y0: 0.0, x1: 300.0, y1: 99.0 }),
            ("a third", [333, 111, 666, 222], BBox { x0: 100.0, y0: 11.0, x1: 200.0, y1: 22.0 }),
            ("the wrong way round", [666, 222, 333, 111], BBox { x0: 100.0, y0: 11.0, x1: 200.0, y1: 22.0 }),
        ];
        for (case, bins, expected) in cases {
            assert_eq!(Reply { bins, log_probability: 0.0 }.bbox(&picture(), 1000), expected, "{case}");
        }
    }

    #[test]
    fn a_box_is_as_likely_as_its_tokens_are_on_average() {
        let reply = Reply { bins: [0; 4], log_probability: 4.0 * 0.25f32.ln() };
        assert!((reply.likelihood() - 0.25).abs() < 1e-6);
    }
}
