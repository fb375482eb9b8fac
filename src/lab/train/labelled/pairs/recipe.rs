//! Recipe of the training of a gate or a grounder: how long and how fast, the loss, what stays as it was.

use serde::{Deserialize, Serialize};
use toml::Value;

use super::super::adaptation::Adaptation;
use super::super::course::Steps;
use super::super::rates::NetworkRates;
use super::super::recipe_file::{Faults, RecipeError, Shipped};
use crate::lab::dataset::PairTask;
use crate::networks::bundle::Precision;

const GATE: &str = include_str!("../../../../../config/training/gate.toml");
const GROUNDER: &str = include_str!("../../../../../config/training/grounder.toml");

/// How a gate or a grounder is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PairRecipe {
    /// Decides the order of pairs.
    pub seed: u32,
    /// The numbers in which the network computes.
    pub precision: Precision,
    /// How long.
    pub steps: Steps,
    /// How fast.
    pub rates: NetworkRates,
    /// What is wrong with an answer.
    pub loss: Loss,
    /// What stays as it was.
    pub frozen: FrozenParts,
    /// What learns in place of whole matrices.
    pub adapters: Adaptation,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Share of the probability that is wanted for all other answers together.
    pub label_smoothing: f64,
}

/// What is not trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenParts {
    /// The trunk of pictures.
    pub trunk: bool,
    /// The table of tokens.
    pub embeddings: bool,
    /// The first blocks of the encoder.
    pub layers: usize,
}

impl PairRecipe {
    /// The recipe of a name, or that in a file, over the defaults of the task, with changes: keys with dots and their values.
    ///
    /// # Errors
    /// There is none, a key is unknown, or values are out of range: then all of them are named.
    pub fn read(task: PairTask, given: &str, changes: &[(String, Value)]) -> Result<Self, RecipeError> {
        let shipped = match task {
            PairTask::Entailment => Shipped { defaults: GATE, named: &[("gate", GATE)] },
            PairTask::Grounding => Shipped { defaults: GROUNDER, named: &[("grounder", GROUNDER)] },
        };
        shipped.read(given, changes, Self::check)
    }

    /// Notes values that no training can have.
    fn check(&self, faults: &mut Faults) {
        let Self { precision, steps, rates, loss, adapters, .. } = self;
        faults.precision(*precision);
        steps.check(faults);
        rates.check(faults);
        faults.share("loss.label_smoothing", loss.label_smoothing);
        adapters.check(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_recipe_and_every_fault_is_named() {
        let gate = PairRecipe::read(PairTask::Entailment, "gate", &[]).unwrap();
        let grounder = PairRecipe::read(PairTask::Grounding, "grounder", &[]).unwrap();
        assert_eq!((gate.rates.network, gate.steps.epochs), (2e-5, 6), "those of the paper");
        assert_eq!((grounder.rates.network, grounder.steps.epochs), (3e-5, 10), "those of the paper");
        let changes = [("loss.label_smoothing", 1.0), ("rates.network", 0.0)];
        let changes = changes.map(|(key, value)| (key.to_owned(), Value::from(value)));
        let error = PairRecipe::read(PairTask::Entailment, "gate", &changes).unwrap_err().to_string();
        let expected =
            "`rates.network` must be a number above 0; `loss.label_smoothing` must be from 0 to below 1";
        assert!(error.contains(expected), "{error}");
        let error = PairRecipe::read(PairTask::Entailment, "grounder", &[]).unwrap_err().to_string();
        assert!(error.contains("there is none of this name, but `gate`"), "{error}");
    }
}
