//! Beginning of the training of a gate or a grounder: the OFA of a bundle, its questions, and how it answers at work.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tch::nn::VarStore;

use super::recipe::FrozenParts;
use crate::common::plain_file;
use crate::domain::Stage;
use crate::lab::dataset::PairTask;
use crate::networks::bundle::{
    Bundle, Entail, Ground, Part, TrainedPart, TrainingRecord, Weights, load_weights,
};
use crate::networks::ofa::OfaConfig;
use crate::stages::expand::PhraseTemplate;
use crate::stages::prompt::PromptEncoder;

/// The only architecture that is trained.
const ARCHITECTURE: &str = "ofa";

/// What the network of a task is called.
#[must_use]
pub(super) fn name(task: PairTask) -> &'static str {
    match task {
        PairTask::Entailment => "gate",
        PairTask::Grounding => "grounder",
    }
}

/// A network before its training.
pub(super) struct Beginning {
    /// Its dimensions.
    pub(super) config: OfaConfig,
    /// Its questions.
    pub(super) prompts: PromptEncoder,
    /// How phrases read at work.
    pub(super) phrase: PhraseTemplate,
    /// Its vocabulary.
    pub(super) tokenizer: PathBuf,
    /// How it answers at work.
    pub(super) answering: Answering,
    part: StagePart,
    weights: PathBuf,
    ignored: Vec<String>,
}

/// How a network answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answering {
    /// A picture shows a phrase from this probability.
    Gate {
        /// Of yes and maybe together.
        threshold: f32,
    },
    /// A box is the best of so many that are followed.
    Grounder {
        /// Boxes followed at a time.
        beam: usize,
    },
}

enum StagePart {
    Entail(Entail),
    Ground(Ground),
}

impl Beginning {
    /// Opens the network of a bundle.
    ///
    /// # Errors
    /// The bundle has none, has no weights or no vocabulary, or is no OFA.
    pub(super) fn open(folder: &Path, task: PairTask) -> Result<Self> {
        let failed = || format!("failed to begin with the {} of `{}`", name(task), folder.display());
        Self::of(&Bundle::open(folder).with_context(failed)?, task).with_context(failed)
    }

    fn of(bundle: &Bundle, task: PairTask) -> Result<Self> {
        let (part, answering) = match task {
            PairTask::Entailment => {
                let entail = bundle.entail()?.clone();
                let threshold = entail.threshold;
                (StagePart::Entail(entail), Answering::Gate { threshold })
            }
            PairTask::Grounding => {
                let ground = bundle.ground()?.clone();
                let beam = ground.beam;
                (StagePart::Ground(ground), Answering::Grounder { beam })
            }
        };
        let stage = part.stage();
        let described = bundle.manifest().parts().into_iter().find(|part| part.stage == stage);
        let Some(Part { network, dimensions, prompt, style, weights, tokenizer, .. }) = described else {
            bail!("there is no stage `{stage}`");
        };
        let architecture = network.architecture;
        ensure!(architecture == ARCHITECTURE, "it is `{architecture}`; only `{ARCHITECTURE}` is trained");
        let Weights::File { entry, ignored } = weights else {
            bail!("it has no weights: they are drawn at random when it is loaded");
        };
        let config: OfaConfig = dimensions.config();
        let (file, _) = bundle.tokenizer(stage, tokenizer)?;
        let prompts = PromptEncoder::load(&file, prompt.unwrap_or_default(), config.max_positions as usize)?;
        Ok(Self {
            prompts: prompts.with_style(style),
            config,
            phrase: bundle.manifest().phrase.clone(),
            tokenizer: file,
            answering,
            weights: bundle.path(entry),
            ignored: ignored.clone(),
            part,
        })
    }

    /// Gives a network of these dimensions its weights.
    ///
    /// # Errors
    /// All tensors that are missing or have another shape.
    pub(super) fn fill(&self, store: &VarStore) -> Result<()> {
        let file = plain_file::open(&self.weights)
            .with_context(|| format!("failed to read `{}`", self.weights.display()))?;
        Ok(load_weights(store, &self.weights, BufReader::new(file), &self.ignored)?)
    }

    /// The stage's part of the manifest of what was trained.
    #[must_use]
    pub(super) fn trained(&self, record: TrainingRecord) -> TrainedPart {
        let (training, phrase) = (Some(record), self.phrase.clone());
        match &self.part {
            StagePart::Entail(part) => TrainedPart::Entail(Entail { training, ..part.clone() }, phrase),
            StagePart::Ground(part) => TrainedPart::Ground(Ground { training, ..part.clone() }, phrase),
        }
    }
}

impl StagePart {
    fn stage(&self) -> Stage {
        match self {
            Self::Entail(_) => Stage::Entail,
            Self::Ground(_) => Stage::Ground,
        }
    }
}

/// Keeps the frozen parts of a network as they are.
///
/// # Errors
/// The encoder has fewer blocks.
pub(super) fn freeze(store: &VarStore, config: &OfaConfig, frozen: &FrozenParts) -> Result<()> {
    let blocks = config.encoder_layers;
    ensure!(
        frozen.layers as i64 <= blocks,
        "`frozen.layers` is {}, but the encoder has {blocks}",
        frozen.layers
    );
    for (name, variable) in store.variables() {
        let Some(name) = name.strip_prefix("encoder.") else { continue };
        let block = name.strip_prefix("layers.").and_then(|rest| rest.split('.').next()?.parse().ok());
        let is_frozen = frozen.trunk && name.starts_with("embed_images.")
            || frozen.embeddings && name.starts_with("embed_tokens.")
            || block.is_some_and(|block: usize| block < frozen.layers);
        if is_frozen {
            let _ = variable.set_requires_grad(false);
        }
    }
    Ok(())
}
