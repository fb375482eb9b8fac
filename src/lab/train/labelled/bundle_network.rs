//! Network of a bundle before its training: its dimensions, its weights, and the parameters that stay as they are.

use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use tch::nn::VarStore;

use crate::common::plain_file;
use crate::domain::Stage;
use crate::networks::bundle::{Bundle, Part, Weights, load_weights};
use crate::networks::descriptor::Dimensions;

/// A network whose weights are in a file.
#[derive(Debug, Clone)]
pub(super) struct BundleNetwork {
    /// Its architecture.
    pub(super) architecture: &'static str,
    /// Its dimensions.
    pub(super) dimensions: Dimensions,
    weights: PathBuf,
    ignored: Vec<String>,
}

impl BundleNetwork {
    /// The network of a stage.
    ///
    /// # Errors
    /// It has no weights, or its architecture is none of those that are `trained`.
    pub(super) fn of(bundle: &Bundle, part: &Part<'_>, trained: &[&str]) -> Result<Self> {
        let architecture = part.network.architecture;
        ensure!(
            trained.contains(&architecture),
            "it is `{architecture}`; only `{}` is trained",
            trained.join("` or `")
        );
        let Weights::File { entry, ignored } = part.weights else {
            bail!("it has no weights: they are drawn at random when it is loaded");
        };
        Ok(Self {
            architecture,
            dimensions: part.dimensions.clone(),
            weights: bundle.path(entry),
            ignored: ignored.clone(),
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
}

/// What the manifest of a bundle says of a stage.
///
/// # Errors
/// It has none.
pub(super) fn stage_part(bundle: &Bundle, stage: Stage) -> Result<Part<'_>> {
    let found = bundle.manifest().parts().into_iter().find(|part| part.stage == stage);
    found.with_context(|| format!("there is no stage `{stage}`"))
}

/// Keeps the parameters as they are whose names are frozen.
pub(super) fn freeze(store: &VarStore, is_frozen: impl Fn(&str) -> bool) {
    for (name, variable) in store.variables() {
        if is_frozen(&name) {
            let _ = variable.set_requires_grad(false);
        }
    }
}
