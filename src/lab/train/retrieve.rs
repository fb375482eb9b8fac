//! How does a bundle that is there come to an encoder of posts? Trained on the pocket world, in the tagger's vocabulary.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;
use tch::nn::VarStore;

use super::assemble::export;
use super::ofa::AUXILIARY;
use super::pocket::TrainingRun;
use super::recipe;
use super::tagger::TextBatcher;
use super::training_loop::run_training;
use super::umt::{TrainingHeads, UmtTask};
use crate::domain::{EntityType, Stage};
use crate::lab::world::Split;
use crate::networks::bundle::{Bundle, Precision, Retrieve, RetrieveNetwork, Weights, write_manifest};
use crate::networks::umt::{Umt, is_redundant};
use crate::stages::recognise::{LabelSet, WordTokenizer};

/// Its checkpoint in the course's folder and its weights in the bundle, without the ending.
const NAME: &str = "umt";
/// Begins what the manifest says of how the encoder was made.
const MADE: &str = "; `riveg train know";

/// Trains the encoder from its checkpoint if there is one, and puts it into the bundle of a folder in the place of the
/// one that is there. The bundle's tagger lends its vocabulary.
///
/// # Errors
/// If the bundle has no tagger or cannot be written, or if the course's folder cannot, or holds another network's
/// checkpoint.
pub fn train_retriever(run: &TrainingRun, folder: &Path) -> Result<()> {
    run.prepare()?;
    let bundle = Bundle::open(folder)?;
    let entry = bundle.recognise()?.tokenizer.clone();
    let (file, bytes) = bundle.tokenizer(Stage::Recognise, entry.as_ref())?;
    let batcher = |split| {
        let longest = recipe::umt(0).max_pieces as usize;
        let tokenizer = WordTokenizer::from_bytes(&file, &bytes, longest)?;
        let labels = LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new));
        let pad = bundle.recognise()?.network.config().pad;
        Ok::<_, anyhow::Error>(TextBatcher { world: run.world(split), tokenizer, labels, pad })
    };
    let (train, dev) = (batcher(Split::Train)?, batcher(Split::Dev)?);
    let config = recipe::umt(train.tokenizer.vocabulary() as i64);
    tch::manual_seed(run.seed as i64);
    let store = VarStore::new(Device::Cpu);
    let umt = Umt::new(&store.root(), &config);
    let heads = TrainingHeads::new(&store.root(), &umt, train.labels.count());
    let job = run.job(NAME, recipe::UMT_SCHEDULE);
    run_training(&job, &store, |first| Box::new(UmtTask::new((umt, heads), train, dev, first)))?;

    let weights = format!("{NAME}.safetensors");
    let shipped = |name: &str| !name.starts_with(AUXILIARY) && !is_redundant(name);
    let steps = export(&job.checkpoint, &folder.join(&weights), shipped)?;
    ensure!(steps > 0, "`{}` has taken no step", job.checkpoint.display());
    let mut manifest = bundle.manifest().clone();
    manifest.made.truncate(manifest.made.find(MADE).unwrap_or(manifest.made.len()));
    manifest.made += &format!("{MADE} --seed {}`, steps: {steps}", run.seed);
    manifest.know = Some(Retrieve {
        precision: Precision::F32,
        weights: Weights::named(&weights),
        tokenizer: entry,
        network: RetrieveNetwork::Umt(config.into()),
        self_test: Vec::new(),
    });
    write_manifest(folder, manifest)
        .with_context(|| format!("failed to put the encoder into the bundle of `{}`", folder.display()))
}
