//! Was the checkpoint taught what the stage asks? Names and shapes do not tell an OFA's two tasks apart: what the file
//! says of its training does, and what the network says after a question.

use tch::Device;

use super::{Import, ImportError};
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::bundle::self_test::frame;
use crate::networks::bundle::{Bundle, Manifest, SelfTestError, Weights};
use crate::networks::checkpoint::Checkpoint;
use crate::networks::ofa::OfaConfig;
use crate::stages::entail;
use crate::stages::ground;
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

/// What the network is asked for.
const PHRASE: &str = "a dog";

impl Import {
    /// Refuses an OFA that says that it was trained for another task.
    pub(super) fn check_task(&self, checkpoint: &Checkpoint) -> Result<(), ImportError> {
        // As fairseq registers them.
        let expected = match self.stage {
            Stage::Entail => "snli_ve",
            Stage::Ground => "refcoco",
            Stage::Retrieve | Stage::Recognise | Stage::Segment => return Ok(()),
        };
        match &checkpoint.settings().task {
            Some(task) if task.value != expected => Err(ImportError::OtherTask {
                file: self.from.clone(),
                stage: self.stage,
                key: task.key.clone(),
                expected,
                found: task.value.escape_debug().to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// A warning where a network that has its weights and its vocabulary says something else than answers after a
    /// question. Without a vocabulary it cannot be asked anything that would mean something to it.
    pub(super) fn asked_in_earnest(
        &self,
        bundle: &Bundle,
        prompts: Option<&PromptEncoder>,
        config: &OfaConfig,
    ) -> Result<Option<String>, ImportError> {
        let Some(prompts) = prompts else { return Ok(None) };
        let picture = Picture::squashed(&frame(), config.patch_image_size as u32);
        let prompt = prompts.encode(PHRASE);
        let (share, answers) = match self.stage {
            Stage::Entail => {
                let Some(ofa) = bundle.entailing_ofa(Device::Cpu)? else { return Ok(None) };
                (ofa.share_of_answers(&entail::Request { picture, prompt }), "no, yes and maybe")
            }
            Stage::Ground => {
                let Some(ofa) = bundle.grounding_ofa(Device::Cpu)? else { return Ok(None) };
                (ofa.share_of_bins(&ground::Request { picture, prompt }), "the location bins")
            }
            Stage::Retrieve | Stage::Recognise | Stage::Segment => return Ok(None),
        };
        let share = share.map_err(|source| SelfTestError::Model { stage: self.stage, source })?;
        Ok((share < ANSWERS_FROM).then(|| {
            format!(
                "warning: asked for \"{PHRASE}\", it gives {answers} together {:.1} % of its probability, where a \
                 network taught the stage `{}` gives them nearly all: it was probably taught something else, or nothing",
                100.0 * share,
                self.stage
            )
        }))
    }
}
