//! What holds in the end, and who said so?

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::Config;
use super::layers::DEFAULT_LAYER;
use super::properties::{REDACTED, is_secret};

/// The settings that hold, with the layer that each came from. Displayed as TOML, secrets blotted out.
#[derive(Debug, Clone)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    pub(super) merged: Table,
    pub(super) origins: BTreeMap<String, String>,
}

impl fmt::Display for Effective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.section(formatter, "", &self.merged)
    }
}

impl Effective {
    fn section(&self, formatter: &mut fmt::Formatter<'_>, path: &str, table: &Table) -> fmt::Result {
        let values = || table.iter().filter(|(_, value)| !value.is_table());
        if values().next().is_some() {
            writeln!(formatter, "[{path}]")?;
            for (key, value) in values() {
                self.line(formatter, path, key, value)?;
            }
            writeln!(formatter)?;
        }
        for (key, value) in table {
            if let Value::Table(inner) = value {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                self.section(formatter, &path, inner)?;
            }
        }
        Ok(())
    }

    fn line(&self, formatter: &mut fmt::Formatter<'_>, path: &str, key: &str, value: &Value) -> fmt::Result {
        let shown = if is_secret(key) { Value::from(REDACTED) } else { value.clone() };
        let origin = self.origins.get(&format!("{path}.{key}")).map_or(DEFAULT_LAYER, String::as_str);
        // As a table of its own, since names of properties have dots in them, and may have anything.
        let line = Table::from_iter([(key.to_owned(), shown)]).to_string();
        // A file may be called anything, and a comment ends with its line.
        writeln!(formatter, "{:<44} # {}", line.trim_end(), origin.escape_debug())
    }
}
