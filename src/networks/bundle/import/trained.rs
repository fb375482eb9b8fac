//! Training of an imported network: what it answers to a question of its stage. Names and shapes do not tell one trained
//! for another task.

use super::request::Import;
use crate::networks::bundle::manifest::Manifest;
use crate::networks::bundle::self_test::frame;
use crate::networks::bundle::stages::Part;
use crate::networks::descriptor::{ImportError, Importing};
use crate::networks::weights::{WeightSource, Weights};
use crate::stages::prompt::PromptEncoder;

/// The share of probability from which a network is taken to answer. One that was taught the task gives its answers
/// nearly all, one that was taught another nearly nothing; a strange picture moves neither to the middle.
const ANSWERS_FROM: f64 = 0.5;

/// A warning where another stage of the bundle has the very same weights: a network may be taught both, but of published
/// checkpoints each is taught one.
pub(super) fn same_weights(old: &Manifest, tried: &Manifest) -> Option<String> {
    let hash = |weights: &Weights| weights.entry().map(|entry| entry.sha256.clone());
    let new = tried.parts().pop()?;
    let others = old.parts();
    let same =
        others.iter().find(|part| part.stage != new.stage && hash(part.weights) == hash(new.weights))?;
    let stage = same.stage;
    Some(format!(
        "warning: these are the weights that the stage `{stage}` has already; published checkpoints are taught one of the two"
    ))
}

impl Import {
    /// A warning where a network that has its weights and its vocabulary gives something else than answers after a
    /// question. Without a vocabulary it cannot be asked anything that means something to it.
    pub(super) fn check_answers(
        &self,
        source: &WeightSource<'_>,
        part: &Part<'_>,
        (prompts, importing): (Option<&PromptEncoder>, &Importing),
    ) -> Result<Option<String>, ImportError> {
        let (Some(prompts), Some(answers), Some(view)) = (prompts, &importing.answers, part.view) else {
            return Ok(None);
        };
        let Some(question) = part.question else { return Ok(None) };
        let prompt = prompts.encode(&question.phrase, &question.caption);
        let share = (answers.share)(source, part.dimensions, view.of(&frame()), prompt)?;
        Ok((share < ANSWERS_FROM).then(|| {
            format!(
                "warning: asked `{}`, it gives {} together {:.1} % of its probability, where a network \
                 taught the stage `{}` gives them nearly all: it was probably taught something else, or nothing",
                prompts.wording(&question.phrase, &question.caption),
                answers.are,
                100.0 * share,
                self.stage
            )
        }))
    }
}
