//! Training of an encoder of posts for an existing bundle, on the pocket world, with the tagger's vocabulary.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Device;
use tch::nn::VarStore;

use super::assemble::export;
use super::ofa::AUXILIARY;
use super::pocket::{TrainingRun, run_logged};
use super::recipe;
use super::tagger::TextBatcher;
use super::umt::{TrainingHeads, UmtTask};
use crate::domain::{EntityType, Stage};
use crate::lab::world::Split;
use crate::networks::bundle::{Bundle, Precision, Retrieve, Weights, write_manifest};
use crate::networks::descriptor::Network;
use crate::networks::tagger::TaggerConfig;
use crate::networks::umt::{self, Umt, is_redundant};
use crate::stages::recognise::{LabelSet, WordTokenizer};

/// Name of its checkpoint in the run's folder and of its weights in the bundle, without extension.
const NAME: &str = "umt";
/// Start of the manifest's note on how the encoder was trained.
const MADE: &str = "; `riveg train know";

/// Trains the encoder, from its checkpoint if there is one, and writes it into the bundle in `folder`, replacing an earlier
/// one. It uses the vocabulary of the bundle's tagger.
///
/// # Errors
/// If the bundle has no tagger, if the bundle or the run's folder cannot be written, or if the folder holds another
/// network's checkpoint.
pub fn train_retriever(run: &TrainingRun, folder: &Path) -> Result<()> {
    run.prepare()?;
    let bundle = Bundle::open(folder)?;
    let entry = bundle.recognise()?.tokenizer.clone();
    let (file, bytes) = bundle.tokenizer(Stage::Recognise, entry.as_ref())?;
    let batcher = |split| {
        let longest = recipe::umt(0).max_pieces as usize;
        let tokenizer = WordTokenizer::from_bytes(&file, &bytes, longest)?;
        let labels = LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new));
        let pad = bundle.recognise()?.network.dimensions().config::<TaggerConfig>().pad;
        Ok::<_, anyhow::Error>(TextBatcher { world: run.world(split), tokenizer, labels, pad })
    };
    let (train, dev) = (batcher(Split::Train)?, batcher(Split::Dev)?);
    let config = recipe::umt(train.tokenizer.vocabulary() as i64);
    tch::manual_seed(run.seed as i64);
    let store = VarStore::new(Device::Cpu);
    let umt = Umt::new(&store.root(), &config);
    let heads = TrainingHeads::new(&store.root(), &umt, train.labels.count());
    let job = run.job(NAME, recipe::UMT_SCHEDULE);
    run_logged(&job, &store, |first| Box::new(UmtTask::new((umt, heads), train, dev, first)))?;

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
        network: Network::of(&umt::RETRIEVE, &config),
        self_test: Vec::new(),
    });
    write_manifest(folder, manifest)
        .with_context(|| format!("failed to put the encoder into the bundle of `{}`", folder.display()))
}
