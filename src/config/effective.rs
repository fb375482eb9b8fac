//! What holds in the end, and who said so?

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

use super::Config;
use super::layers::DEFAULT_LAYER;
use super::references::is_reference;
use crate::common::secret::REDACTED;
use crate::kafka::client::is_secret;

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
            // That there is none is no secret.
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

/// A text in which addresses have no name and password any more: `scheme://name:password@host`.
pub(super) fn without_userinfo(text: &str) -> String {
    const SCHEME: &str = "://";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SCHEME) {
        let (before, after) = rest.split_at(at + SCHEME.len());
        shown.push_str(before);
        // A password may hold anything but these unless it is escaped; what is escaped wrongly is blotted out as well.
        let end = after.find(['/', '?', '#', ' ', '"', '`']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(host) => {
                shown.push_str(REDACTED);
                &after[host..]
            }
            None => after,
        };
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_names_and_passwords_and_nothing_else() {
        let cases = [
            ("redis://:canary@host:6379/0", "redis://[redacted]@host:6379/0"),
            ("https://a:canary@b@c/d@e f://canary@h", "https://[redacted]@c/d@e f://[redacted]@h"),
            ("file:///a@b", "file:///a@b"),
            ("host:9092,SSL://b:1", "host:9092,SSL://b:1"),
            ("me@example.org", "me@example.org"),
            ("", ""),
        ];
        for (text, shown) in cases {
            assert_eq!(without_userinfo(text), shown);
        }
    }
}
