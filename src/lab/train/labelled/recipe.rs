//! Recipe of a tagger's training: a file of settings over the defaults that ship, checked as a whole.

use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::common::plain_file;

/// The recipe that has every key.
const DEFAULTS: &str = include_str!("../../../../config/training/tagger.toml");

/// Recipes that ship, by name.
const SHIPPED: [(&str, &str); 3] = [
    ("tagger", DEFAULTS),
    ("tagger-knowledge", include_str!("../../../../config/training/tagger-knowledge.toml")),
    ("tagger-paper", include_str!("../../../../config/training/tagger-paper.toml")),
];

/// How a tagger is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Decides all that is drawn.
    pub seed: u32,
    /// What is read.
    pub text: Text,
    /// How long.
    pub steps: Steps,
    /// How fast.
    pub rates: Rates,
    /// What stays as it was.
    pub frozen: Frozen,
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

/// How long it is trained.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Passes over the texts.
    pub epochs: u32,
    /// Texts of a step.
    pub batch: usize,
    /// Texts in memory at a time.
    pub at_once: usize,
    /// Passes without a better score after which it ends; 0: never.
    pub patience: u32,
    /// Steps between two checkpoints.
    pub checkpoint: u32,
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

/// A recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the recipe `{recipe}`: {message}")]
pub struct RecipeError {
    recipe: String,
    message: String,
}

impl Recipe {
    /// The recipe of a name, or that in a file, with changes: keys with dots and their values.
    ///
    /// # Errors
    /// There is none, a key is unknown, or values are out of range: then all of them are named.
    pub fn read(given: &str, changes: &[(String, Value)]) -> Result<Self, RecipeError> {
        let refused = |message: String| RecipeError { recipe: given.to_owned(), message };
        let parse = |text: &str| text.parse::<Table>().map_err(|error| refused(error.to_string()));
        let mut table = parse(DEFAULTS)?;
        merge(&mut table, parse(&text(given).map_err(refused)?)?);
        for (key, value) in changes {
            let mut names = key.rsplit('.');
            let innermost = names.next().unwrap_or_default().to_owned();
            let inner = Table::from_iter([(innermost, value.clone())]);
            let whole =
                names.fold(inner, |inner, name| Table::from_iter([(name.to_owned(), Value::Table(inner))]));
            merge(&mut table, whole);
        }
        let recipe: Self = table.try_into().map_err(|error: toml::de::Error| refused(error.to_string()))?;
        let faults = recipe.faults();
        if faults.is_empty() { Ok(recipe) } else { Err(refused(faults.join("; "))) }
    }

    /// Values that no training can have.
    fn faults(&self) -> Vec<String> {
        let Self { text, steps, rates, network, .. } = self;
        let mut faults = Vec::new();
        let mut hold = |holds: bool, key: &str, expected: &str| {
            if !holds {
                faults.push(format!("`{key}` must be {expected}"));
            }
        };
        hold(text.max_pieces >= 3, "text.max_pieces", "at least 3");
        hold(steps.epochs > 0, "steps.epochs", "at least 1");
        hold(steps.batch > 0, "steps.batch", "at least 1");
        hold(steps.at_once > 0, "steps.at_once", "at least 1");
        hold(steps.checkpoint > 0, "steps.checkpoint", "at least 1");
        let positive = [
            ("rates.encoder", rates.encoder),
            ("rates.linear", rates.linear),
            ("rates.crf", rates.crf),
            ("rates.max_norm", rates.max_norm),
        ];
        for (key, value) in positive {
            hold(value > 0.0 && value.is_finite(), key, "a number above 0");
        }
        hold((0.0..=1.0).contains(&rates.warm_up), "rates.warm_up", "from 0 to 1");
        hold((0.0..1.0).contains(&rates.weight_decay), "rates.weight_decay", "from 0 to below 1");
        hold((0.0..1.0).contains(&rates.dropout), "rates.dropout", "from 0 to below 1");
        hold(network.vocabulary >= 100, "network.vocabulary", "at least 100");
        faults
    }
}

/// The text of a recipe: of a name that ships, or of a file.
fn text(given: &str) -> Result<String, String> {
    if let Some((_, text)) = SHIPPED.iter().find(|(name, _)| *name == given) {
        return Ok((*text).to_owned());
    }
    if !given.contains('/') && Path::new(given).extension().is_none() {
        let known: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is none of this name, but `{}`", known.join("`, `")));
    }
    plain_file::read_text(Path::new(given)).map_err(|error| format!("it cannot be read: {error}"))
}

/// Puts the values of `upper` over those of `lower`, table by table.
fn merge(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(lower)), Value::Table(upper)) => merge(lower, upper),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_that_ships_can_be_read_and_differs() {
        let recipes = SHIPPED.map(|(name, _)| Recipe::read(name, &[]).unwrap());
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
        ] {
            let error = read(&changes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = Recipe::read("taggers", &[]).unwrap_err().to_string();
        assert!(error.contains("`tagger`, `tagger-knowledge`"), "{error}");
        assert!(Recipe::read("./none.toml", &[]).unwrap_err().to_string().contains("cannot be read"));
    }
}
