//! Adaptation in a recipe: which matrices get adapters of low rank, and what else learns.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::super::parameters::{Adapted, Parameters, Product, Stores};
use super::recipe_file::Faults;

/// Adapters of low rank.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Adaptation {
    /// Rank of the product that is added to a matrix; 0: there are no adapters.
    pub rank: u32,
    /// The product counts this much, divided by the rank.
    pub alpha: f64,
    /// Parts of the names of the matrices.
    pub targets: Vec<String>,
    /// Parts of the names of what is trained as it is.
    pub whole: Vec<String>,
}

impl Adaptation {
    /// Notes values that no training can have.
    pub(super) fn check(&self, faults: &mut Faults) {
        let Self { rank, alpha, targets, whole } = self;
        faults.positive("adapters.alpha", *alpha);
        let is_text = |patterns: &[String]| patterns.iter().all(|pattern| !pattern.is_empty());
        let has_targets = *rank == 0 || !targets.is_empty();
        faults.hold(has_targets && is_text(targets), "adapters.targets", "parts of names, at least one");
        let is_used = *rank > 0 || whole.is_empty();
        faults.hold(
            is_used && is_text(whole),
            "adapters.whole",
            "parts of names, none where `adapters.rank` is 0",
        );
    }

    /// Whether there are any.
    #[must_use]
    pub(super) fn is_wanted(&self) -> bool {
        self.rank > 0
    }

    /// The parameters of a network, which has its weights. Where there are adapters, all is frozen but them, the layers whose
    /// names begin with one of `new`, and what the recipe wants to be trained as it is. What is frozen already stays so.
    ///
    /// # Errors
    /// A part of a name is in none, or a matrix is smaller than the rank.
    pub(super) fn attach(&self, stores: &Stores, new: &[&str], seed: u32) -> Result<Parameters> {
        if !self.is_wanted() {
            return Ok(Parameters::of(stores));
        }
        let variables = stores.weights.variables();
        let free = |is_one: &dyn Fn(&str, &Tensor) -> bool| -> BTreeSet<&str> {
            let names = variables
                .iter()
                .filter(|(name, variable)| variable.requires_grad() && is_one(name, variable));
            names.map(|(name, _)| name.as_str()).collect()
        };
        let is_new = |name: &str| new.iter().any(|prefix| name.starts_with(prefix));
        let mut whole = chosen("adapters.whole", &self.whole, &free(&|_, _| true), "parameter")?;
        whole.extend(free(&|name, _| is_new(name)).into_iter().map(str::to_owned));
        let matrices = free(&|name, variable| variable.dim() == 2 && !whole.contains(name));
        let targets =
            chosen("adapters.targets", &self.targets, &matrices, "matrix that can have an adapter")?;
        let product = Product { rank: i64::from(self.rank), alpha: self.alpha, seed: u64::from(seed) };
        let adapted = Adapted { targets: &targets, whole: &whole, product };
        let parameters = Parameters::adapted(stores, &adapted)?;
        let learnt: usize = parameters.learnt().values().map(Tensor::numel).sum();
        let of: usize = variables.values().map(Tensor::numel).sum();
        tracing::info!(matrices = targets.len(), learnt, of, "adapters learn, and all else stays as it was");
        Ok(parameters)
    }
}

/// The names that have one of the patterns in them.
fn chosen(key: &str, patterns: &[String], names: &BTreeSet<&str>, kind: &str) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for pattern in patterns {
        let mut fitting = names.iter().filter(|name| name.contains(pattern.as_str())).peekable();
        if fitting.peek().is_none() {
            let kinds: BTreeSet<String> = names.iter().map(|name| without_numbers(name)).collect();
            let kinds = kinds.into_iter().collect::<Vec<_>>().join("`, `");
            bail!("`{key}` has `{pattern}`, which is in the name of no {kind}; there are `{kinds}`");
        }
        all.extend(fitting.map(|name| (*name).to_owned()));
    }
    Ok(all)
}

/// The name with a star in place of each block's number, so that those of all blocks are one.
fn without_numbers(name: &str) -> String {
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    name.split('.').map(|part| if is_number(part) { "*" } else { part }).collect::<Vec<_>>().join(".")
}
