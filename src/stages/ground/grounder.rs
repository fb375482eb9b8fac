//! Grounder: from a picture and a phrase to a box in the upright picture.

use std::sync::Arc;

use super::{Outline, Proposal, Reply, Request};
use crate::common::imaging::{Picture, Workers, polygon};
use crate::domain::{BBox, Mask, Phrase};
use crate::scheduler::{CallError, Flow, Handle};
use crate::stages::prompt::{PhraseEncoder, tokenise_question};

/// Finds phrases in pictures.
pub struct Grounder {
    handle: Handle<Request, Reply>,
    phrases: Arc<PhraseEncoder>,
    /// Threads for long questions.
    workers: Workers,
}

/// Where a picture shows a phrase.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The box, in pixels of the upright picture.
    pub bbox: BBox,
    /// The likelihood of the answer, 0 to 1: the geometric mean of its tokens' probabilities.
    pub likelihood: f32,
    /// The outline, from networks that give one.
    pub outline: Option<Outline>,
}

impl Grounder {
    /// A grounder that calls the network behind `handle`, with its phrase encoder.
    #[must_use]
    pub fn new(handle: Handle<Request, Reply>, phrases: impl Into<PhraseEncoder>) -> Self {
        Self { handle, phrases: Arc::new(phrases.into()), workers: Workers::default() }
    }

    /// Whether its prompt holds the picture's caption.
    #[must_use]
    pub fn reads_captions(&self) -> bool {
        self.phrases.has_caption()
    }

    /// Where a picture, in the network's view and with this caption (empty: none), shows a phrase.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn locate(
        &self,
        flow: Flow,
        (picture, caption): (&Arc<Picture>, &str),
        phrase: &Phrase,
    ) -> Result<Located, CallError> {
        let reply = self.ask(flow, (picture, caption), &phrase.text).await?;
        let (bbox, likelihood) = (reply.bbox(picture), reply.likelihood());
        Ok(Located { bbox, likelihood, outline: reply.outline })
    }

    /// All boxes that the network finds for a phrase in a picture, which is in the network's view; the likeliest is the first.
    /// A prompt with a place for the picture's caption has none in it.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn propose(
        &self,
        flow: Flow,
        picture: &Arc<Picture>,
        phrase: &str,
    ) -> Result<Vec<Proposal>, CallError> {
        Ok(self.ask(flow, (picture, ""), phrase).await?.proposals())
    }

    async fn ask(
        &self,
        flow: Flow,
        (picture, caption): (&Arc<Picture>, &str),
        phrase: &str,
    ) -> Result<Reply, CallError> {
        let phrases = Arc::clone(&self.phrases);
        let encode = move |phrase: &str, caption: &str| phrases.encode(phrase, caption);
        let prompt = tokenise_question(&self.workers, (phrase, caption), encode).await;
        self.handle.call(flow, Request { picture: Arc::clone(picture), prompt }).await
    }
}

impl Located {
    /// The mask of the outline, or else of the box, in an upright picture of this size.
    #[must_use]
    pub fn mask(&self, width: u32, height: u32) -> Mask {
        if let Some(outline) = &self.outline {
            return outline.mask(width, height);
        }
        let BBox { x0, y0, x1, y1 } = self.bbox;
        let corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
        polygon::mask(&corners, width, height)
    }
}

impl Reply {
    /// The box in pixels of the upright picture. Swapped edges are put in order.
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

    /// The geometric mean of its tokens' probabilities.
    #[must_use]
    pub fn likelihood(&self) -> f32 {
        likelihood(
            self.log_probability,
            self.outline.as_ref().map_or(BOX_TOKENS, |outline| outline.tokens.max(1)),
        )
    }

    /// All boxes, with their likelihoods. Swapped edges are put in order.
    fn proposals(&self) -> Vec<Proposal> {
        let best = (&self.corners, self.likelihood());
        let others =
            self.others.iter().map(|other| (&other.corners, likelihood(other.log_probability, BOX_TOKENS)));
        std::iter::once(best).chain(others).map(|(corners, score)| proposal(corners, score)).collect()
    }
}

fn proposal([left, top, right, bottom]: &[f64; 4], score: f32) -> Proposal {
    let edge = |edge: f64| edge.clamp(0.0, 1.0) as f32;
    let corners = [left.min(*right), top.min(*bottom), left.max(*right), top.max(*bottom)].map(edge);
    Proposal { corners, score }
}

/// The tokens of a box.
const BOX_TOKENS: usize = 4;

/// The geometric mean of so many tokens' probabilities.
fn likelihood(log_probability: f32, tokens: usize) -> f32 {
    (log_probability / tokens as f32).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::super::OtherBox;
    use super::*;
    use crate::domain::{ContentHash, Frame};

    fn picture() -> Arc<Picture> {
        let frame = Frame {
            hash: ContentHash([0; 32]),
            width: 300,
            height: 99,
            orientation: 1,
            reduced: 1,
            rgb: vec![0; 300 * 99 * 3],
        };
        Picture::squashed(&frame, 16)
    }

    fn reply(corners: [f64; 4], log_probability: f32) -> Reply {
        Reply { corners, log_probability, outline: None, others: Vec::new() }
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
            assert_eq!(reply(corners, 0.0).bbox(&picture()), expected, "{case}");
        }
    }

    #[test]
    fn an_answer_is_as_likely_as_its_tokens_are_on_average() {
        let quarter = reply([0.0; 4], 4.0 * 0.25f32.ln());
        assert!((quarter.likelihood() - 0.25).abs() < 1e-6);
        let outline = Outline { points: vec![[0.0; 2]; 3], tokens: 7 };
        let outlined = Reply { outline: Some(outline), ..reply([0.0; 4], 7.0 * 0.25f32.ln()) };
        assert!((outlined.likelihood() - 0.25).abs() < 1e-6);
    }

    #[test]
    fn all_boxes_of_a_search_are_proposed_with_their_likelihoods() {
        let other = OtherBox { corners: [0.75, 0.5, 0.25, 1.5], log_probability: 4.0 * 0.125f32.ln() };
        let both = Reply { others: vec![other], ..reply([0.0, 0.25, 1.0, 0.5], 4.0 * 0.5f32.ln()) };
        let [best, second] = both.proposals()[..] else { panic!("there are two") };
        assert_eq!((best.corners, second.corners), ([0.0, 0.25, 1.0, 0.5], [0.25, 0.5, 0.75, 1.0]));
        assert!(
            (best.score - 0.5).abs() < 1e-6 && (second.score - 0.125).abs() < 1e-6,
            "{best:?} {second:?}"
        );
    }

    #[test]
    fn the_pixels_are_those_of_the_outline_or_else_of_the_box() {
        let bbox = BBox { x0: 1.0, y0: 0.0, x1: 3.0, y1: 2.0 };
        let boxed = Located { bbox, likelihood: 1.0, outline: None };
        assert_eq!(boxed.mask(4, 3), Mask { width: 4, height: 3, runs: vec![3, 2, 1, 2, 4] });
        let points = vec![[0.0, 0.0], [0.25, 0.0], [0.25, 1.0], [0.0, 1.0]];
        let outlined = Located { outline: Some(Outline { points, tokens: 9 }), ..boxed };
        assert_eq!(outlined.mask(4, 3), Mask { width: 4, height: 3, runs: vec![0, 3, 9] });
    }
}
