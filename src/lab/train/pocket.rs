//! Training of the pocket bundle from scratch: vocabularies, then the tagger, OFA on both tasks, and SAM.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use tch::Device;
use tch::nn::VarStore;
use tokenizers::Tokenizer;

use super::ofa::{OfaTrainer, TrainingData};
use super::optimiser::{Descent, Schedule};
use super::parameters::Parameters;
use super::phrases::{EncodePrompt, Prompts, Resolution};
use super::segmenter::SamTask;
use super::tagger::{TaggerTask, TextBatcher};
use super::training_loop::{LogLines, TrainingJob, TrainingTask, run_training};
use super::{recipe, tokenizers as vocabularies};
use crate::domain::EntityType;
use crate::lab::world::{COLOURS, KINDS, Split, World, lexicon};
use crate::networks::ofa::OfaConfig;
use crate::networks::sam::Sam;
use crate::networks::tagger::Tagger;
use crate::stages::prompt::{CaptionStyle, PHRASE, PromptEncoder};
use crate::stages::recognise::{LabelSet, WordTokenizer};

/// File of the tagger's vocabulary in the run's folder and in the bundle.
pub(super) const TAGGER_TOKENIZER: &str = "tagger.tokenizer.json";
/// File of OFA's vocabulary.
pub(super) const OFA_TOKENIZER: &str = "ofa.tokenizer.json";

/// Steps between two validations.
const VALIDATION_INTERVAL: i64 = 500;

/// A network of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Network {
    /// Entities of the text
    Tagger,
    /// Gate and boxes: one set of weights for both tasks
    Ofa,
    /// Masks
    Segmenter,
}

impl Network {
    /// All of them, in the order of a post.
    pub const ALL: [Network; 3] = [Network::Tagger, Network::Ofa, Network::Segmenter];

    /// File of its checkpoint in the run's folder and of its weights in the bundle.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Tagger => "tagger.safetensors",
            Self::Ofa => "ofa.safetensors",
            Self::Segmenter => "segmenter.safetensors",
        }
    }

    /// Its name in logs and manifests.
    pub(super) fn name(self) -> &'static str {
        self.file().trim_end_matches(".safetensors")
    }
}

/// Options of a training: folder, steps, seed, threads.
#[derive(Debug, Clone)]
pub struct TrainingRun {
    /// The folder of checkpoints and tokenizers.
    pub folder: PathBuf,
    /// Steps that override the recipe's, for a short trial.
    pub steps: Option<i64>,
    /// Seed of weights and worlds.
    pub seed: u64,
    /// Threads of libtorch; all cores if not given.
    pub threads: Option<i32>,
}

impl TrainingRun {
    /// Creates the folder and sets the threads of libtorch.
    pub(super) fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("failed to create `{}`", self.folder.display()))?;
        if let Some(threads) = self.threads {
            tch::set_num_threads(threads);
        }
        Ok(())
    }

    pub(super) fn job(&self, name: &str, schedule: Schedule) -> TrainingJob {
        let steps = self.steps.unwrap_or(schedule.steps);
        TrainingJob {
            name: name.to_owned(),
            checkpoint: self.folder.join(format!("{name}.safetensors")),
            descent: Descent::short(
                Schedule { steps, warm_up: schedule.warm_up.min(steps / 4), ..schedule },
                recipe::WEIGHT_DECAY,
            ),
            seed: self.seed,
            validation_interval: VALIDATION_INTERVAL,
            checkpoint_interval: None,
            patience: None,
            identity: String::new(),
        }
    }

    pub(super) fn world(&self, split: Split) -> World {
        World::new(self.seed, split)
    }
}

/// Trains one network, reported in the log.
pub(super) fn run_logged(
    job: &TrainingJob,
    store: &VarStore,
    make: impl FnOnce(i64) -> Box<dyn TrainingTask>,
) -> Result<()> {
    let parameters = Parameters::own(store);
    run_training(job, (store, &parameters), make, &mut LogLines { job: job.name.clone() }).map(drop)
}

/// Trains the given networks, each from its checkpoint if there is one.
///
/// # Errors
/// If the folder cannot be read or written, or holds checkpoints of other networks.
pub fn train_pocket(run: &TrainingRun, networks: &[Network]) -> Result<()> {
    run.prepare()?;
    for &network in networks {
        tch::manual_seed(run.seed as i64);
        match network {
            Network::Tagger => train_tagger(run)?,
            Network::Ofa => train_ofa(run)?,
            Network::Segmenter => train_segmenter(run)?,
        }
    }
    Ok(())
}

fn train_tagger(run: &TrainingRun) -> Result<()> {
    let path = run.folder.join(TAGGER_TOKENIZER);
    if !path.exists() {
        let world = run.world(Split::Train);
        let texts = (0..recipe::VOCABULARY_POSTS).map(|index| world.text(index).text);
        let annotations = (0..recipe::VOCABULARY_POSTS / 4).map(|index| world.annotation(index));
        let texts = texts.chain(annotations);
        vocabularies::save(&vocabularies::train_unigram(texts, recipe::TAGGER_PIECES)?, &path)?;
    }
    let batcher = |split| {
        Ok::<_, anyhow::Error>(TextBatcher {
            world: run.world(split),
            tokenizer: WordTokenizer::load(&path, recipe::tagger(0).max_pieces())?,
            labels: LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new)),
            pad: recipe::tagger(0).pad,
        })
    };
    let (train, dev) = (batcher(Split::Train)?, batcher(Split::Dev)?);
    let store = VarStore::new(Device::Cpu);
    let tagger = Tagger::new(&store.root(), recipe::tagger(train.tokenizer.vocabulary() as i64));
    let job = run.job(Network::Tagger.name(), recipe::TAGGER_SCHEDULE);
    run_logged(&job, &store, |first| Box::new(TaggerTask::new(tagger, train, dev, first)))
}

fn train_segmenter(run: &TrainingRun) -> Result<()> {
    let store = VarStore::new(Device::Cpu);
    let sam = Sam::new(&store.root(), &recipe::sam());
    let (train, dev) = (run.world(Split::Train), run.world(Split::Dev));
    let job = run.job(Network::Segmenter.name(), recipe::SAM_SCHEDULE);
    run_logged(&job, &store, |first| Box::new(SamTask::new(sam, train, dev, first)))
}

fn train_ofa(run: &TrainingRun) -> Result<()> {
    let (tokenizer, config) = ofa_vocabulary(run)?;
    let store = VarStore::new(Device::Cpu);
    let learner = OfaTrainer::new(&store.root(), &config, KINDS.len() as i64, COLOURS.len() as i64);
    let job = run.job(Network::Ofa.name(), recipe::OFA_SCHEDULE);
    let resolution = Resolution {
        side: config.patch_image_size as u32,
        grid: config.grid() as u32,
        bins: config.bins as u32,
    };
    let encoder = |template| -> Result<EncodePrompt> {
        let encoder = PromptEncoder::new(tokenizer.clone(), template, config.max_positions as usize)?;
        Ok(Arc::new(move |phrase| encoder.encode(phrase, "")))
    };
    let prompts =
        Prompts { entail: encoder(recipe::ENTAIL_PROMPT)?, ground: encoder(recipe::GROUND_PROMPT)? };
    let (train, dev) = (run.world(Split::Train), run.world(Split::Dev));
    run_logged(&job, &store, |first| {
        Box::new(learner.into_task(TrainingData { train, dev, resolution, prompts }, first))
    })
}

/// The vocabulary of OFA: trained once, kept in the folder.
pub(super) fn ofa_vocabulary(run: &TrainingRun) -> Result<(Tokenizer, OfaConfig)> {
    let path = run.folder.join(OFA_TOKENIZER);
    if !path.exists() {
        let world = run.world(Split::Train);
        let phrases = prompted_phrases(&world, recipe::VOCABULARY_POSTS / 2).into_iter();
        // The answers must be whole pieces, so they must be frequent.
        let answers = (0..5_000).map(|_| " no yes maybe".to_owned());
        let trained =
            vocabularies::train_byte_pairs(phrases.chain(answers), recipe::OFA_PIECES, recipe::BINS)?;
        vocabularies::save(&trained.tokenizer, &path)?;
    }
    let tokenizer = Tokenizer::from_file(&path)
        .map_err(|error| anyhow!("failed to read the tokenizer `{}`: {error}", path.display()))?;
    let id = |piece: &str| {
        let id = tokenizer.token_to_id(piece).map(i64::from);
        id.with_context(|| format!("the tokenizer `{}` has no piece `{piece}`", path.display()))
    };
    let answers = [id("\u{120}no")?, id("\u{120}yes")?, id("\u{120}maybe")?];
    let config = recipe::ofa(tokenizer.get_vocab_size(true) as i64, id("<bin_0>")?, answers);
    Ok((tokenizer, config))
}

/// The phrases of a world in both prompts.
fn prompted_phrases(world: &World, posts: u64) -> Vec<String> {
    lexicon(world, posts)
        .iter()
        .flat_map(|entry| {
            let phrase = format!("{} ({}) - {}", entry.surface, entry.entity_type, entry.expansion);
            [recipe::ENTAIL_PROMPT, recipe::GROUND_PROMPT]
                .map(|prompt| prompt.replace(PHRASE, &CaptionStyle::Ofa.clean(&phrase)))
        })
        .collect()
}
