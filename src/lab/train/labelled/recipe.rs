//! Recipe of a tagger's training: what is read, how long and how fast it is trained, what stays as it was.

use serde::{Deserialize, Serialize};
use toml::Value;

use super::adaptation::Adaptation;
use super::course::Steps;
use super::recipe_file::{Faults, RecipeError, Shipped};
use crate::networks::bundle::Precision;

/// The recipe that has every key.
const DEFAULTS: &str = include_str!("../../../../config/training/tagger.toml");

/// Recipes that ship, by name.
const SHIPPED: Shipped = Shipped {
    defaults: DEFAULTS,
    named: &[
        ("tagger", DEFAULTS),
        ("tagger-knowledge", include_str!("../../../../config/training/tagger-knowledge.toml")),
        ("tagger-paper", include_str!("../../../../config/training/tagger-paper.toml")),
    ],
};

/// How a tagger is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Decides all that is drawn.
    pub seed: u32,
    /// The numbers in which the network computes.
    pub precision: Precision,
    /// What is read.
    pub text: Text,
    /// How long.
    pub steps: Steps,
    /// How fast.
    pub rates: Rates,
    /// What stays as it was.
    pub frozen: Frozen,
    /// What learns in place of whole matrices.
    pub adapters: Adaptation,
    /// An encoder from nothing.
    pub network: NewNetwork,
}

/// What is read of texts.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Longest input in pieces.
    pub max_pieces: usize,
    /// Whether knowledge is read.
    pub knowledge: Knowledge,
}

/// Whether knowledge is read behind a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knowledge {
    /// It is not.
    None,
    /// That of the data set.
    Given,
}

/// How fast weights move.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Of the encoder.
    pub encoder: f64,
    /// Of the linear layer.
    pub linear: f64,
    /// Of the CRF.
    pub crf: f64,
    /// Share of the steps in which the rates rise.
    pub warm_up: f64,
    /// Weight decay of matrices.
    pub weight_decay: f64,
    /// Maximum norm of the gradients.
    pub max_norm: f64,
    /// Share of numbers that training leaves out.
    pub dropout: f64,
}

/// What is not trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// The tables.
    pub embeddings: bool,
    /// The first layers.
    pub layers: usize,
}

/// Dimensions of an encoder from nothing.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewNetwork {
    /// Pieces of its vocabulary; few texts may yield fewer.
    pub vocabulary: u32,
    /// Width.
    pub hidden: i64,
    /// Blocks.
    pub layers: i64,
    /// Attention heads.
    pub heads: i64,
    /// Width inside the feed-forward layers.
    pub ffn: i64,
}

impl Recipe {
    /// The recipe of a name, or that in a file, with changes: keys with dots and their values.
    ///
    /// # Errors
    /// There is none, a key is unknown, or values are out of range: then all of them are named.
    pub fn read(given: &str, changes: &[(String, Value)]) -> Result<Self, RecipeError> {
        SHIPPED.read(given, changes, Self::check)
    }

    /// Notes values that no training can have.
    fn check(&self, faults: &mut Faults) {
        let Self { precision, text, steps, rates, adapters, network, .. } = self;
        faults.precision(*precision);
        faults.hold(text.max_pieces >= 3, "text.max_pieces", "at least 3");
        steps.check(faults);
        faults.positive("rates.encoder", rates.encoder);
        faults.positive("rates.linear", rates.linear);
        faults.positive("rates.crf", rates.crf);
        faults.positive("rates.max_norm", rates.max_norm);
        faults.hold((0.0..=1.0).contains(&rates.warm_up), "rates.warm_up", "from 0 to 1");
        faults.share("rates.weight_decay", rates.weight_decay);
        faults.share("rates.dropout", rates.dropout);
        adapters.check(faults);
        faults.hold(network.vocabulary >= 100, "network.vocabulary", "at least 100");
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;

    #[test]
    fn every_recipe_that_ships_can_be_read_and_differs() {
        let names = SHIPPED.named.iter().map(|(name, _)| name);
        let recipes: Vec<Recipe> = names.map(|name| Recipe::read(name, &[]).unwrap()).collect();
        assert_eq!(recipes[0].text.knowledge, Knowledge::None);
        assert_eq!(recipes[1].steps.batch, recipes[0].steps.batch, "what a recipe leaves out is the default");
        assert_eq!((recipes[2].rates.crf, recipes[2].steps.epochs), (0.015, 25));
        let written = toml::to_string(&recipes[2]).unwrap();
        assert_eq!(toml::from_str::<Recipe>(&written).unwrap(), recipes[2]);
    }

    #[test]
    fn changes_come_last_and_every_fault_is_named() {
        let change = |key: &str, value: &str| {
            let value = format!("value = {value}").parse::<Table>().unwrap().remove("value").unwrap();
            (key.to_owned(), value)
        };
        let read =
            |changes: &[(String, Value)]| Recipe::read("tagger", changes).map_err(|error| error.to_string());
        let changed = read(&[change("steps.epochs", "2"), change("seed", "7")]).unwrap();
        assert_eq!((changed.steps.epochs, changed.seed, changed.steps.batch), (2, 7, 32));
        for (changes, expected) in [
            (vec![change("steps.epoch", "2")], "unknown field `epoch`"),
            (vec![change("rates.encoder", "\"fast\"")], "invalid type: string \"fast\""),
            (
                vec![change("steps.batch", "0"), change("rates.dropout", "1.0")],
                "`steps.batch` must be at least 1; `rates.dropout` must be from 0 to below 1",
            ),
            (vec![change("rates.crf", "nan")], "`rates.crf` must be a number above 0"),
            (vec![change("precision", "\"f16\"")], "`precision` must be `f32` or `bf16`"),
            (
                vec![change("adapters.alpha", "0.0"), change("adapters.whole", "[\"crf\"]")],
                "`adapters.alpha` must be a number above 0; `adapters.whole` must be parts of names, none where \
                 `adapters.rank` is 0",
            ),
            (
                vec![change("adapters.rank", "1"), change("adapters.targets", "[]")],
                "`adapters.targets` must be parts of names, at least one",
            ),
        ] {
            let error = read(&changes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = Recipe::read("taggers", &[]).unwrap_err().to_string();
        assert!(error.contains("`tagger`, `tagger-knowledge`"), "{error}");
        assert!(Recipe::read("./none.toml", &[]).unwrap_err().to_string().contains("cannot be read"));
    }
}
