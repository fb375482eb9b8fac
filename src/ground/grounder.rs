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
}

impl Grounder {
    /// Asks the network behind `handle`, whose question and vocabulary `prompts` knows.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, prompts: PromptEncoder) -> Self {
        Self { handle, prompts }
    }

    /// The box of a phrase, in pixels of the original picture, and how likely it is, 0 to 1.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn locate(&self, picture: &Arc<Picture>, phrase: &Phrase) -> Result<(BBox, f32), CallError> {
        let prompt = self.prompts.encode(&phrase.text);
        let reply = self.handle.call(Request { picture: Arc::clone(picture), prompt }).await?;
        Ok((reply.bbox(picture), reply.likelihood()))
    }
}

impl Reply {
    /// The box in pixels of the original picture. Edges that the network gives the wrong way round are turned.
    #[must_use]
    pub fn bbox(&self, picture: &Picture) -> BBox {
        let edge = |fraction: f64, side: u32| (fraction.clamp(0.0, 1.0) * f64::from(side)) as f32;
        let [left, top, right, bottom] = self.corners;
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
    fn corners_are_fractions_of_the_original() {
        let cases = [
            ("the whole picture", [0.0, 0.0, 999.0, 999.0], BBox { x0: 0.0, y0: 0.0, x1: 300.0, y1: 99.0 }),
            ("a third", [333.0, 111.0, 666.0, 222.0], BBox { x0: 100.0, y0: 11.0, x1: 200.0, y1: 22.0 }),
            (
                "the wrong way round",
                [666.0, 222.0, 333.0, 111.0],
                BBox { x0: 100.0, y0: 11.0, x1: 200.0, y1: 22.0 },
            ),
        ];
        for (case, marks, expected) in cases {
            let corners = marks.map(|mark: f64| mark / 999.0);
            assert_eq!(Reply { corners, log_probability: 0.0 }.bbox(&picture()), expected, "{case}");
        }
    }

    #[test]
    fn a_box_is_as_likely_as_its_tokens_are_on_average() {
        let reply = Reply { corners: [0.0; 4], log_probability: 4.0 * 0.25f32.ln() };
        assert!((reply.likelihood() - 0.25).abs() < 1e-6);
    }
}
