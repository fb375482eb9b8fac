//! Effective settings: the merged values, each with the layer that set it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
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

/// One setting as it may be shown: secrets blotted out, references to them as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// The key's whole path.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// The layer that it comes from: a file with its line, a variable, a flag, or `default`.
    pub origin: String,
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
    /// All settings, in the order of their keys.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(key, value): (String, &Value)| Entry {
            origin: self.origins.get(&key).map_or(DEFAULT_LAYER, String::as_str).to_owned(),
            value: Self::shown(&key, value),
            key,
        };
        raw_entries(&self.merged).into_iter().map(entry).collect()
    }

    /// The settings of one section, or one setting alone.
    #[must_use]
    pub fn narrowed(&self, path: &str) -> Self {
        Self { merged: within(&self.merged, "", path), ..self.clone() }
    }

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
        let shown = Self::shown(key, value);
        let origin = self.origins.get(&format!("{path}.{key}")).map_or(DEFAULT_LAYER, String::as_str);
        // As a table of its own, since names of properties have dots in them, and may have anything.
        let line = Table::from_iter([(key.to_owned(), shown)]).to_string();
        // A file may be called anything, and a comment ends with its line.
        writeln!(formatter, "{:<44} # {}", line.trim_end(), origin.escape_debug())
    }

    /// A value as it may be shown.
    pub(super) fn shown(key: &str, value: &Value) -> Value {
        match value {
            Value::String(text) if is_secret(key) && is_reference(text) => value.clone(),
            // An empty secret is shown: it is not set.
            Value::String(text) if text.is_empty() => value.clone(),
            _ if is_secret(key) => Value::from(REDACTED),
            Value::String(text) => Value::from(without_userinfo(text)),
            _ => value.clone(),
        }
    }
}

/// All values of a table by their dotted paths.
pub(super) fn raw_entries(table: &Table) -> BTreeMap<String, &Value> {
    let mut entries = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                let inner = raw_entries(inner).into_iter();
                entries.extend(inner.map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            value => drop(entries.insert(key.clone(), value)),
        }
    }
    entries
}

/// What a table has at a path and below it, in tables as it has them.
fn within(table: &Table, prefix: &str, path: &str) -> Table {
    let mut found = Table::new();
    for (key, value) in table {
        let own = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let is_below = own == path || own.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        match value {
            value if is_below => drop(found.insert(key.clone(), value.clone())),
            Value::Table(inner) => {
                let inner = within(inner, &own, path);
                if !inner.is_empty() {
                    found.insert(key.clone(), Value::Table(inner));
                }
            }
            _ => {}
        }
    }
    found
}
