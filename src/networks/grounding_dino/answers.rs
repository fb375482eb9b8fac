//! Remembered answers: what was found for a prompt about a picture, so that a grounder need not look again for what the
//! gate of the same network has found.

use crate::common::cache::ByteLru;
use crate::domain::ContentHash;

/// The share of the budget of encodings that answers may take in addition, a sixteenth: an answer has some 150 bytes where
/// an encoding has 18 million.
const SHARE: usize = 16;
/// The most bytes of remembered answers, whatever the budget: those to some ten thousand prompts, far more than pass
/// between a post's gate and its grounder.
const MOST_BYTES: usize = 2 << 20;

/// The best box for a prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// How well it fits the word of the prompt that it fits best, 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom as parts of the picture; a box may reach beyond its edges.
    pub corners: [f64; 4],
}

/// A prompt about a picture.
type Question = (ContentHash, Vec<u32>);

/// Answers by their questions; the one longest unused goes first.
#[derive(Debug)]
pub(super) struct Answers(ByteLru<Question, Answer>);

impl Answers {
    /// Answers of a network whose encodings have a budget of this many bytes.
    pub(super) fn beside(encodings: usize) -> Self {
        Self(ByteLru::new((encodings / SHARE).min(MOST_BYTES)))
    }

    pub(super) fn get(&mut self, question: &Question) -> Option<Answer> {
        self.0.get(question).copied()
    }

    pub(super) fn keep(&mut self, question: Question, answer: Answer) {
        let bytes = size_of::<(Question, Answer)>() + size_of_val(question.1.as_slice());
        self.0.insert(question, answer, bytes);
    }

    pub(super) fn forget(&mut self) {
        self.0 = ByteLru::new(self.0.max_bytes());
    }
}
