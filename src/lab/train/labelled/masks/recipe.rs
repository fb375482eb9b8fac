//! Recipe of the training of a segmenter: how long and how fast, how boxes are moved, the loss, what stays as it was.

use serde::{Deserialize, Serialize};
use toml::Value;

use super::super::adaptation::Adaptation;
use super::super::course::Steps;
use super::super::rates::NetworkRates;
use super::super::recipe_file::{Faults, RecipeError, Shipped};
use crate::lab::train::mask_loss::MaskWeights;
use crate::networks::bundle::Precision;

const SEGMENTER: &str = include_str!("../../../../../config/training/segmenter.toml");

/// How a segmenter is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MaskRecipe {
    /// Decides the order of regions, and how their boxes are moved.
    pub seed: u32,
    /// The numbers in which the network computes.
    pub precision: Precision,
    /// How long.
    pub steps: Steps,
    /// How fast.
    pub rates: NetworkRates,
    /// What a mask is asked by.
    pub prompt: Jitter,
    /// What is wrong with a mask.
    pub loss: MaskWeights,
    /// What stays as it was.
    pub frozen: FrozenParts,
    /// What learns in place of whole matrices.
    pub adapters: Adaptation,
}

/// How boxes are moved.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Jitter {
    /// Standard deviation of each edge, as a share of the box's side.
    pub noise: f64,
    /// The most that an edge is moved, in pixels of a picture whose longer side is 1,024.
    pub most: f64,
}

/// What is not trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenParts {
    /// The encoder of pictures.
    pub image_encoder: bool,
    /// The encoder of boxes.
    pub prompt_encoder: bool,
    /// Pictures whose encodings stay in memory while the encoder of pictures is frozen.
    pub encodings: usize,
}

impl MaskRecipe {
    /// The recipe of a name, or that in a file, over the defaults, with changes: keys with dots and their values.
    ///
    /// # Errors
    /// There is none, a key is unknown, or values are out of range: then all of them are named.
    pub fn read(given: &str, changes: &[(String, Value)]) -> Result<Self, RecipeError> {
        Shipped { defaults: SEGMENTER, named: &[("segmenter", SEGMENTER)] }.read(given, changes, Self::check)
    }

    /// Notes values that no training can have.
    fn check(&self, faults: &mut Faults) {
        let Self { precision, steps, rates, prompt, loss, adapters, .. } = self;
        faults.precision(*precision);
        steps.check(faults);
        rates.check(faults);
        let mut weight = |key: &str, value: f64| {
            faults.hold(value >= 0.0 && value.is_finite(), key, "a number from 0 on");
        };
        weight("prompt.noise", prompt.noise);
        weight("prompt.most", prompt.most);
        weight("loss.focal", loss.focal);
        weight("loss.dice", loss.dice);
        weight("loss.iou", loss.iou);
        faults.hold(loss.focal + loss.dice > 0.0, "loss.focal", "above 0 where `loss.dice` is 0");
        adapters.check(faults);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::train::mask_loss::PAPER;

    #[test]
    fn the_recipe_that_ships_has_the_loss_of_the_paper_and_every_fault_is_named() {
        let shipped = MaskRecipe::read("segmenter", &[]).unwrap();
        assert_eq!((shipped.loss, shipped.prompt), (PAPER, Jitter { noise: 0.1, most: 20.0 }));
        assert!(shipped.frozen.image_encoder);
        let changes = [("prompt.noise", -0.1), ("loss.focal", 0.0), ("loss.dice", 0.0)];
        let changes = changes.map(|(key, value)| (key.to_owned(), Value::from(value)));
        let error = MaskRecipe::read("segmenter", &changes).unwrap_err().to_string();
        let expected =
            "`prompt.noise` must be a number from 0 on; `loss.focal` must be above 0 where `loss.dice` is 0";
        assert!(error.contains(expected), "{error}");
        let error = MaskRecipe::read("gate", &[]).unwrap_err().to_string();
        assert!(error.contains("there is none of this name, but `segmenter`"), "{error}");
    }
}
