//! Checkpoints of a training: weights, moments, averages, the best score and the step, in one safetensors file.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use tch::{Tensor, no_grad};

use super::optimiser::AdamW;
use super::parameters::Parameters;
use super::stopping::Stopping;

/// A checkpoint's file.
pub(super) struct Checkpoint<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// What decides the training's result, one thing a line.
    pub(super) identity: &'a str,
}

/// The entry with the identity; checkpoints of trainings without one lack it.
const IDENTITY: &str = "identity";

impl Checkpoint<'_> {
    /// Writes the checkpoint, with the weights that the training changes, beside its path and renames it, so that a killed
    /// process leaves the old one intact.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub(super) fn save(
        &self,
        learnt: HashMap<String, Tensor>,
        optimiser: &AdamW,
        stopping: &Stopping,
    ) -> Result<()> {
        let mut tensors: Vec<(String, Tensor)> =
            learnt.into_iter().map(|(name, variable)| (format!("weight/{name}"), variable)).collect();
        tensors.extend(optimiser.state());
        tensors.extend(stopping.state());
        if !self.identity.is_empty() {
            tensors.push((IDENTITY.to_owned(), Tensor::from_slice(self.identity.as_bytes())));
        }
        write(self.path, &tensors)
    }

    /// Restores the weights that a training changes, and its state; does nothing if there is no checkpoint.
    ///
    /// # Errors
    /// If the file is damaged or belongs to another training. The message names the entry.
    pub(super) fn resume(
        &self,
        learnt: HashMap<String, Tensor>,
        optimiser: &mut AdamW,
        stopping: &mut Stopping,
    ) -> Result<()> {
        if !self.path.exists() {
            return Ok(());
        }
        let tensors = read(self.path)?;
        self.check(tensors.get(IDENTITY))?;
        let prefixed = tensors.iter().filter_map(|(name, tensor)| {
            Some((name.strip_prefix("weight/")?.to_owned(), tensor.shallow_clone()))
        });
        fill(learnt, prefixed.collect())
            .with_context(|| format!("`{}` is a checkpoint of another network", self.path.display()))?;
        *stopping = Stopping::of_state(&tensors);
        optimiser
            .restore(&tensors)
            .map_err(|fault| anyhow!("`{}` does not continue this training: {fault}", self.path.display()))
    }

    fn check(&self, found: Option<&Tensor>) -> Result<()> {
        let found = found.map(Vec::<u8>::try_from).transpose()?.unwrap_or_default();
        let found = String::from_utf8_lossy(&found);
        if found == self.identity {
            return Ok(());
        }
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (now, before) = (lines(self.identity), lines(&found));
        let differing = now.iter().find(|line| !before.contains(line)).cloned().unwrap_or_default();
        let key = differing.split(" = ").next().unwrap_or_default();
        let other = before.iter().find(|line| line.split(" = ").next() == Some(key));
        bail!(
            "`{}` is of another training: it has `{}`, now there is `{differing}`; take another folder with `--work`, or \
             remove this one to begin anew",
            self.path.display(),
            other.map_or("none of this", String::as_str)
        )
    }
}

/// Writes the weights of a network alone.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save_weights(path: &Path, parameters: &Parameters) -> Result<()> {
    write(path, &parameters.weights())
}

fn write(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let unfinished = path.with_extension("unfinished");
    Tensor::write_safetensors(tensors, &unfinished)
        .with_context(|| format!("failed to write the checkpoint `{}`", unfinished.display()))?;
    fs::rename(&unfinished, path).with_context(|| format!("failed to put `{}` in its place", path.display()))
}

/// The tensors of a checkpoint by name.
///
/// # Errors
/// If it cannot be read.
pub(super) fn read(path: &Path) -> Result<HashMap<String, Tensor>> {
    let tensors = Tensor::read_safetensors(path)
        .with_context(|| format!("failed to read the checkpoint `{}`", path.display()))?;
    Ok(tensors.into_iter().collect())
}

/// Copies tensors into the variables of the same names. The two sets of names must be equal.
///
/// # Errors
/// Names a variable without a tensor, a tensor without a variable, or a pair of different shapes.
pub(super) fn fill(variables: HashMap<String, Tensor>, mut tensors: HashMap<String, Tensor>) -> Result<()> {
    for (name, mut variable) in variables {
        let tensor = tensors.remove(&name).ok_or_else(|| anyhow!("no tensor for `{name}`"))?;
        if tensor.size() != variable.size() {
            bail!("`{name}` has shape {:?}, expected {:?}", tensor.size(), variable.size());
        }
        no_grad(|| variable.copy_(&tensor));
    }
    match tensors.keys().next() {
        Some(name) => bail!("no variable for `{name}`"),
        None => Ok(()),
    }
}
