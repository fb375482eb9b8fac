//! Changes of a recipe: the flags that most often differ, and any key by `--set`.

use toml::{Table, Value};

use crate::cli::UsageError;

// What differs from the recipe.
#[derive(Debug, clap::Args)]
pub(super) struct Changes {
    /// Passes over the data [default: those of the recipe].
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Texts, pairs or regions of a step [default: those of the recipe].
    #[arg(long, value_name = "N")]
    batch: Option<u32>,
    /// Highest learning rate of the network, of a tagger that of its encoder [default: that of the recipe].
    #[arg(long, value_name = "RATE")]
    rate: Option<f64>,
    /// The seed of all that is drawn [default: that of the recipe].
    #[arg(long)]
    seed: Option<u32>,
    /// Any key of the recipe, such as `steps.at_once=8`; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Changes {
    /// Keys and values: those of the flags, then those of `--set`. `rate` is the key of the rate.
    ///
    /// # Errors
    /// A `--set` without a value.
    pub(super) fn all(&self, rate: &str) -> Result<Vec<(String, Value)>, UsageError> {
        let flags = [
            ("steps.epochs", self.epochs.map(Value::from)),
            ("steps.batch", self.batch.map(Value::from)),
            (rate, self.rate.map(Value::from)),
            ("seed", self.seed.map(Value::from)),
        ];
        let flags = flags.into_iter().filter_map(|(key, value)| Some(Ok((key.to_owned(), value?))));
        flags.chain(self.set.iter().map(|text| change(text))).collect()
    }
}

/// `key=value` as TOML; what is no TOML is a string.
fn change(text: &str) -> Result<(String, Value), UsageError> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| UsageError(format!("`{text}` is not of the form key=value")))?;
    let read = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    Ok((key.trim().to_owned(), read.unwrap_or_else(|| value.into())))
}
