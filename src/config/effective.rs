//! Effective settings: the merged values, each with the layer that set it.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::references::is_reference;
use super::userinfo::without_userinfo;
use crate::common::secret::REDACTED;
use crate::engine::Config;
use crate::kafka::client::is_secret;

/// The name of the lowest layer.
pub(super) const DEFAULT_LAYER: &str = "default";

/// The settings that hold, with the layer that each came from. Displayed as TOML: secrets blotted out, references to them
/// as they are.
#[derive(Clone)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    pub(super) merged: Table,
    pub(super) origins: BTreeMap<String, String>,
}

impl fmt::Debug for Effective {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
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
        let shown = match value {
            Value::String(text) if is_secret(key) && is_reference(text) => value.clone(),
            // An empty secret is shown: it is not set.
            Value::String(text) if text.is_empty() => value.clone(),
            _ if is_secret(key) => Value::from(REDACTED),
            Value::String(text) => Value::from(without_userinfo(text)),
            _ => value.clone(),
        };
        let origin = self.origins.get(&format!("{path}.{key}")).map_or(DEFAULT_LAYER, String::as_str);
        // As a table of its own, since names of properties have dots in them, and may have anything.
        let line = Table::from_iter([(key.to_owned(), shown)]).to_string();
        // A file may be called anything, and a comment ends with its line.
        writeln!(formatter, "{:<44} # {}", line.trim_end(), origin.escape_debug())
    }
}
