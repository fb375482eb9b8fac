//! Result of a training: the weights with the best score, put into a bundle.

use std::path::Path;

use anyhow::{Context, Result};
use tch::Kind;
use tch::nn::VarStore;

use crate::networks::bundle::{TrainedPart, TrainedStage, save_weights};

/// A network that was trained.
pub(super) struct TrainedNetwork<'a> {
    /// What it is, for people.
    pub(super) name: &'static str,
    /// What it began with, for people.
    pub(super) from: &'a str,
    /// Its vocabulary, if it reads texts.
    pub(super) tokenizer: Option<&'a Path>,
    /// The folder of the training.
    pub(super) work: &'a Path,
}

impl TrainedNetwork<'_> {
    /// Writes the weights of a store into the folder of work, and puts them into the bundle in `out` as `part`.
    ///
    /// # Errors
    /// A file cannot be written; then the bundle is as it was.
    pub(super) fn put(&self, store: &VarStore, part: TrainedPart, out: &Path) -> Result<()> {
        let Self { name, from, tokenizer, work } = *self;
        let weights = work.join(format!("{name}.safetensors"));
        save_weights(store.variables(), &weights, Kind::Float)?;
        let made = format!("`riveg train {name}`, begun with {from}; see `training` of the stage");
        let trained = TrainedStage { part, weights: &weights, tokenizer, made };
        let put = trained.put(out);
        put.with_context(|| format!("failed to put the {name} into the bundle of `{}`", out.display()))
    }
}
