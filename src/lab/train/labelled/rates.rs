//! Rates of a recipe that trains all of a network at one rate.

use serde::{Deserialize, Serialize};

use super::course::Rates;
use super::recipe_file::Faults;

/// How fast weights move.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkRates {
    /// Of all weights.
    pub network: f64,
    /// Share of the steps in which the rate rises.
    pub warm_up: f64,
    /// Weight decay of matrices.
    pub weight_decay: f64,
    /// Maximum norm of the gradients.
    pub max_norm: f64,
}

impl NetworkRates {
    /// Notes values that no training can have.
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.positive("rates.network", self.network);
        faults.positive("rates.max_norm", self.max_norm);
        faults.hold((0.0..=1.0).contains(&self.warm_up), "rates.warm_up", "from 0 to 1");
        faults.share("rates.weight_decay", self.weight_decay);
    }

    /// The rates of a training.
    pub(super) fn course(&self) -> Rates {
        Rates {
            peak: self.network,
            warm_up: self.warm_up,
            weight_decay: self.weight_decay,
            max_norm: self.max_norm,
            groups: Vec::new(),
        }
    }
}
