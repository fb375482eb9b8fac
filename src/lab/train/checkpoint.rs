//! Checkpoints of a training: weights, moments, averages and the step, in one safetensors file.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use tch::nn::VarStore;
use tch::{Tensor, no_grad};

use super::optimiser::AdamW;

/// Writes a checkpoint beside `path` and renames it, so that a killed process leaves the old checkpoint intact.
///
/// # Errors
/// If the folder cannot be written.
pub(super) fn save(path: &Path, store: &VarStore, optimiser: &AdamW) -> Result<()> {
    let mut tensors: Vec<(String, Tensor)> =
        store.variables().into_iter().map(|(name, variable)| (format!("weight/{name}"), variable)).collect();
    tensors.extend(optimiser.state());
    let unfinished = path.with_extension("unfinished");
    Tensor::write_safetensors(&tensors, &unfinished)
        .with_context(|| format!("failed to write the checkpoint `{}`", unfinished.display()))?;
    fs::rename(&unfinished, path).with_context(|| format!("failed to put `{}` in its place", path.display()))
}

/// Restores a training from its checkpoint; does nothing if there is none.
///
/// # Errors
/// If the file is damaged or belongs to another network. The message names the entry.
pub(super) fn resume(path: &Path, store: &VarStore, optimiser: &mut AdamW) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let tensors: HashMap<String, Tensor> = Tensor::read_safetensors(path)
        .with_context(|| format!("failed to read the checkpoint `{}`", path.display()))?
        .into_iter()
        .collect();
    let prefixed = tensors.iter().filter_map(|(name, tensor)| {
        Some((name.strip_prefix("weight/")?.to_owned(), tensor.shallow_clone()))
    });
    fill(store, prefixed.collect())
        .with_context(|| format!("`{}` is a checkpoint of another network", path.display()))?;
    optimiser
        .restore(&tensors)
        .map_err(|fault| anyhow!("`{}` does not continue this training: {fault}", path.display()))
}

/// Copies tensors into the variables of the same names. The two sets of names must be equal.
///
/// # Errors
/// Names a variable without a tensor, a tensor without a variable, or a pair of different shapes.
pub(super) fn fill(store: &VarStore, mut tensors: HashMap<String, Tensor>) -> Result<()> {
    for (name, mut variable) in store.variables() {
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
