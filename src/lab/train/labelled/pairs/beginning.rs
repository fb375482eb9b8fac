//! Beginning of the training of a gate or a grounder: the OFA of a bundle, its questions, and how it answers at work.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tch::nn::VarStore;

use super::super::bundle_network::{self, BundleNetwork};
use super::recipe::FrozenParts;
use crate::domain::Stage;
use crate::lab::dataset::PairTask;
use crate::networks::bundle::{Bundle, Entail, Ground, Part, TrainedPart, TrainingRecord};
use crate::networks::ofa::OfaConfig;
use crate::stages::expand::PhraseTemplate;
use crate::stages::prompt::PromptEncoder;

/// The only architecture that is trained.
const ARCHITECTURE: &str = "ofa";

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
    /// Its weights.
    pub(super) network: BundleNetwork,
    part: StagePart,
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
        let failed = || format!("failed to begin with the {} of `{}`", task.network(), folder.display());
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
        let described = bundle_network::stage_part(bundle, stage)?;
        let network = BundleNetwork::of(bundle, &described, &[ARCHITECTURE])?;
        let Part { prompt, style, tokenizer, .. } = described;
        let config: OfaConfig = network.dimensions.config();
        let (file, _) = bundle.tokenizer(stage, tokenizer)?;
        let prompts = PromptEncoder::load(&file, prompt.unwrap_or_default(), config.max_positions as usize)?;
        Ok(Self {
            prompts: prompts.with_style(style),
            config,
            phrase: bundle.manifest().phrase.clone(),
            tokenizer: file,
            answering,
            network,
            part,
        })
    }

    /// The stage's part of the manifest of what was trained.
    #[must_use]
    pub(super) fn trained(&self, record: TrainingRecord) -> TrainedPart {
        let (training, phrase) = (Some(Box::new(record)), self.phrase.clone());
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
    bundle_network::freeze(store, |name| {
        let Some(name) = name.strip_prefix("encoder.") else { return false };
        let block = name.strip_prefix("layers.").and_then(|rest| rest.split('.').next()?.parse().ok());
        frozen.trunk && name.starts_with("embed_images.")
            || frozen.embeddings && name.starts_with("embed_tokens.")
            || block.is_some_and(|block: usize| block < frozen.layers)
    });
    Ok(())
}
