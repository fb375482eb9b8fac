//! Recipe file: a recipe that ships under a name or lies in a file, over the defaults, with changes, checked as a whole.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::common::plain_file;
use crate::networks::bundle::Precision;

/// The recipes that ship for one kind of network.
pub(super) struct Shipped {
    /// The recipe that has every key.
    pub(super) defaults: &'static str,
    /// All of them, by name.
    pub(super) named: &'static [(&'static str, &'static str)],
}

/// A recipe cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the recipe `{recipe}`: {message}")]
pub struct RecipeError {
    recipe: String,
    message: String,
}

/// Values that no training can have.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    /// Notes a key whose value is not as expected.
    pub(super) fn hold(&mut self, holds: bool, key: &str, expected: &str) {
        if !holds {
            self.0.push(format!("`{key}` must be {expected}"));
        }
    }

    /// Notes a key whose value is not above 0.
    pub(super) fn positive(&mut self, key: &str, value: f64) {
        self.hold(value > 0.0 && value.is_finite(), key, "a number above 0");
    }

    /// Notes a precision that no training can have. In f16 small gradients are zero, and none is scaled here.
    pub(super) fn precision(&mut self, precision: Precision) {
        self.hold(precision != Precision::F16, "precision", "`f32` or `bf16`");
    }

    /// Notes a key whose value is no share.
    pub(super) fn share(&mut self, key: &str, value: f64) {
        self.hold((0.0..1.0).contains(&value), key, "from 0 to below 1");
    }
}

impl Shipped {
    /// The recipe of a name, or that in a file, with changes: keys with dots and their values. `check` notes the values that
    /// no training can have.
    ///
    /// # Errors
    /// There is none, a key is unknown, or values are out of range: then all of them are named.
    pub(super) fn read<R: DeserializeOwned>(
        &self,
        given: &str,
        changes: &[(String, Value)],
        check: impl FnOnce(&R, &mut Faults),
    ) -> Result<R, RecipeError> {
        let refused = |message: String| RecipeError { recipe: given.to_owned(), message };
        let parse = |text: &str| text.parse::<Table>().map_err(|error| refused(error.to_string()));
        let mut table = parse(self.defaults)?;
        merge(&mut table, parse(&self.text(given).map_err(refused)?)?);
        for (key, value) in changes {
            let mut names = key.rsplit('.');
            let innermost = names.next().unwrap_or_default().to_owned();
            let inner = Table::from_iter([(innermost, value.clone())]);
            let whole =
                names.fold(inner, |inner, name| Table::from_iter([(name.to_owned(), Value::Table(inner))]));
            merge(&mut table, whole);
        }
        let recipe: R = table.try_into().map_err(|error: toml::de::Error| refused(error.to_string()))?;
        let mut faults = Faults::default();
        check(&recipe, &mut faults);
        if faults.0.is_empty() { Ok(recipe) } else { Err(refused(faults.0.join("; "))) }
    }

    /// The text of a recipe: of a name that ships, or of a file.
    fn text(&self, given: &str) -> Result<String, String> {
        if let Some((_, text)) = self.named.iter().find(|(name, _)| *name == given) {
            return Ok((*text).to_owned());
        }
        if !given.contains('/') && Path::new(given).extension().is_none() {
            let known: Vec<&str> = self.named.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is none of this name, but `{}`", known.join("`, `")));
        }
        plain_file::read_text(Path::new(given)).map_err(|error| format!("it cannot be read: {error}"))
    }
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
