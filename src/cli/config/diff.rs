//! `riveg config diff`: the settings that differ from the defaults, or from those of other files.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::output_format::{FormatArgument, print, print_json};
use super::super::{Failure, Settings};
use super::explanation::shown;
use crate::config::{Config, Difference, Sources};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A TOML file that the settings are compared with, laid over the defaults alone; may be given several times, later
    /// files win. Without it, they are compared with the defaults.
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatArgument,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let before = if arguments.against.is_empty() {
        Config::load(&Sources::default())?
    } else {
        let files = Settings { config: arguments.against.clone(), set: Vec::new() };
        // References may name variables, so the environment is read; no variable of it overrides a key.
        Config::load(&files.sources().without_overrides())?
    };
    let differences = arguments.settings.load()?.differences(&before);
    if arguments.format.is_json() { print_json(&differences) } else { print(&lines(&differences)) }
}

/// One key a line: both values, and where the second comes from.
fn lines(differences: &[Difference]) -> String {
    let width = differences.iter().map(|one| one.key.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for Difference { key, before, value, origin } in differences {
        let [before, value] =
            [before, value].map(|value| value.as_ref().map_or_else(|| "(none)".to_owned(), shown));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:width$}  {before} -> {value}  # {}", origin.escape_debug());
    }
    text
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    #[test]
    fn both_values_stand_on_the_line_of_their_key() {
        let difference = |key: &str, before: Option<i64>, value| Difference {
            key: key.to_owned(),
            before: before.map(Value::from),
            value: Some(Value::from(value)),
            origin: "a.toml:1".to_owned(),
        };
        let text = lines(&[difference("a.bc", Some(1), 2), difference("a.b", None, 3)]);
        assert_eq!(text, "a.bc  1 -> 2  # a.toml:1\na.b   (none) -> 3  # a.toml:1\n");
    }
}
