//! Training of MQSPN on the pocket world: it begins with the vocabulary and the encoder of a bundle's tagger and the ResNet of
//! its grounder.
//!
//! Read [`task`] first (the losses), then [`hints`], [`posts`] and [`candidates`] (what is learnt from). The authors begin with
//! BERT and CLIP, which have read and seen much, and take regions from a detector that stays as it is. Here the tagger stands
//! for BERT; the ResNet, which stays as it is too, stands for the detector, and hints for CLIP.

mod candidates;
mod hints;
mod posts;
mod task;

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;
use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::assemble::export;
use super::ofa::AUXILIARY;
use super::pocket::{TrainingRun, run_logged};
use super::recipe;
use super::training_loop::TrainingJob;
use crate::domain::{EntityType, Stage};
use crate::lab::world::Split;
use crate::networks::bundle::{Bundle, FileEntry, Joint, Manifest, Precision, Weights, write_manifest};
use crate::networks::descriptor::Network;
use crate::networks::mqspn::{self, Mqspn, MqspnConfig};
use crate::networks::ofa::OfaConfig;
use crate::networks::tagger::TaggerConfig;
use crate::stages::recognise::{LabelSet, TextStyle, WordTokenizer};
use hints::Hints;
use posts::PostBatcher;
use task::{MqspnTask, THRESHOLD};

/// Name of its checkpoint in the run's folder and of its weights in the bundle, without extension.
const NAME: &str = "mqspn";
/// File of its vocabulary in the bundle.
const TOKENIZER: &str = "mqspn.tokenizer.json";

/// What another network of the bundle has learnt.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    /// The network.
    of: &'static str,
    /// What names of its parameters begin with.
    theirs: &'static str,
    /// What they begin with in this network.
    ours: &'static str,
}

const ENCODER: Beginning = Beginning { of: "tagger", theirs: "embedder.transformer_model.", ours: "bert." };
const RESNET: Beginning =
    Beginning { of: "grounder", theirs: "encoder.embed_images.", ours: "vision_model.embeddings.resnet." };

/// Trains the network, from its checkpoint if there is one, with vocabulary and encoder of the tagger and the ResNet of the
/// grounder of the bundle in `from`, and writes a bundle of it and of that bundle's segmenter into `out`.
///
/// # Errors
/// If the bundle has no tagger, grounder or segmenter, if the grounder is no OFA, if `out` is its folder or cannot be written,
/// if the run's folder cannot be written, or if that folder holds another network's checkpoint.
pub fn train_joint(run: &TrainingRun, from: &Path, out: &Path) -> Result<()> {
    let bundle = Bundle::open(from)?;
    // Its segmenter would be copied onto itself, and its other networks would lose their manifest.
    let is_own = out.canonicalize().is_ok_and(|out| from.canonicalize().is_ok_and(|from| out == from));
    ensure!(!is_own, "`{}` is the bundle that is read: the new one needs another folder", out.display());
    run.prepare()?;
    let tagger = bundle.recognise()?;
    let segment = bundle.segment()?.clone();
    let ground = bundle.ground()?;
    let grounder = ground.network.summary().architecture;
    ensure!(
        grounder == "ofa",
        "the grounder of {} is {grounder}, and not an OFA, whose ResNet is needed",
        bundle.title()
    );
    let config = recipe::mqspn(
        &tagger.network.dimensions().config::<TaggerConfig>(),
        &ground.network.dimensions().config::<OfaConfig>(),
    );
    config.check()?;
    let (file, bytes) = bundle.tokenizer(Stage::Recognise, tagger.tokenizer.as_ref())?;
    let batcher = |split| {
        let tokenizer = WordTokenizer::from_bytes(&file, &bytes, config.max_pieces() as usize)?;
        Ok::<_, anyhow::Error>(PostBatcher {
            world: run.world(split),
            tokenizer,
            labels: LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new)),
            candidates: recipe::candidates().boxes(),
            view: Network::of(&mqspn::JOINT, &config).view(),
            grid: config.grid() as u32,
        })
    };
    let (train, dev) = (batcher(Split::Train)?, batcher(Split::Dev)?);
    tch::manual_seed(run.seed as i64);
    let store = VarStore::new(Device::Cpu);
    let network = Mqspn::new(&store.root(), &config);
    let hints = Hints::new(&(store.root() / AUXILIARY), &config);
    begin_unlikely(&store);
    for (weights, beginning) in [(&tagger.weights, ENCODER), (&ground.weights, RESNET)] {
        if let Some(weights) = weights.entry() {
            begin_with(&store, beginning, &bundle.path(weights))?;
        }
    }
    for (_, variable) in store.variables().iter().filter(|(name, _)| name.starts_with(RESNET.ours)) {
        let _ = variable.set_requires_grad(false);
    }
    let identity = format!("seed = {}\nbundle = {}", run.seed, bundle.hash());
    let job = TrainingJob { identity, ..run.job(NAME, recipe::MQSPN_SCHEDULE) };
    let steps = job.descent.schedule.steps;
    run_logged(&job, &store, |first| {
        Box::new(MqspnTask::new((network, hints), (train, dev), (first, steps)))
    })?;

    fs::create_dir_all(out).with_context(|| format!("failed to create `{}`", out.display()))?;
    let weights = format!("{NAME}.safetensors");
    let steps = export(&job.checkpoint, &out.join(&weights), |name| !name.starts_with(AUXILIARY))?;
    ensure!(steps > 0, "`{}` has taken no step", job.checkpoint.display());
    let tokenizer = out.join(TOKENIZER);
    fs::write(&tokenizer, &bytes).with_context(|| format!("failed to write `{}`", tokenizer.display()))?;
    if let Some(entry) = segment.weights.entry() {
        let (segmenter, to) = (bundle.path(entry), out.join(&entry.file));
        fs::copy(&segmenter, &to).with_context(|| format!("failed to copy `{}`", segmenter.display()))?;
    }
    let manifest = Manifest {
        name: NAME.to_owned(),
        made: format!(
            "`riveg train joint --seed {}` on the pocket world, with the tagger's encoder, the grounder's ResNet and the \
             segmenter of {}; steps: {steps}",
            run.seed,
            bundle.title()
        ),
        joint: Some(joint(&weights, &config)),
        segment: Some(segment),
        know: None,
        recognise: None,
        entail: None,
        ground: None,
        lexicon: None,
        examples: None,
        ..bundle.manifest().clone()
    };
    write_manifest(out, manifest)
        .with_context(|| format!("failed to write the bundle of `{}`", out.display()))
}

fn joint(weights: &str, config: &MqspnConfig) -> Joint {
    Joint {
        threshold: THRESHOLD,
        precision: Precision::F32,
        weights: Weights::named(weights),
        tokenizer: Some(FileEntry::named(TOKENIZER)),
        text: TextStyle::Plain,
        candidates: recipe::candidates(),
        proposals: None,
        network: Network::of(&mqspn::JOINT, config),
        self_test: Vec::new(),
    }
}

/// Where scores of words and candidates begin: few of them belong to a query.
const UNLIKELY: f64 = -3.0;

/// Lets the scores of words and candidates begin low, or the first steps would teach nothing else.
fn begin_unlikely(store: &VarStore) {
    for (_, mut bias) in store.variables().into_iter().filter(|(name, _)| name.ends_with(".score.bias")) {
        let _ = no_grad(|| bias.fill_(UNLIKELY));
    }
}

/// Copies a part of another network: every tensor of it must have its place.
fn begin_with(store: &VarStore, beginning: Beginning, weights: &Path) -> Result<()> {
    let Beginning { of, theirs, ours } = beginning;
    let tensors = Tensor::read_safetensors(weights)
        .with_context(|| format!("failed to read the {of} `{}`", weights.display()))?;
    let part = tensors
        .into_iter()
        .filter_map(|(name, tensor)| Some((format!("{ours}{}", name.strip_prefix(theirs)?), tensor)));
    let part: HashMap<String, Tensor> = part.collect();
    ensure!(!part.is_empty(), "`{}` has no `{theirs}*`", weights.display());
    let mut variables = store.variables();
    for (name, tensor) in part {
        let variable = variables.get_mut(&name).filter(|variable| variable.size() == tensor.size());
        let variable =
            variable.with_context(|| format!("`{name}` of the {of} has no place in the network"))?;
        no_grad(|| variable.copy_(&tensor));
    }
    Ok(())
}
