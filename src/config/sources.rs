//! Sources of settings: files, environment and command line, each read as a TOML table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::{Table, Value};

use super::defaults::{OPEN_TABLE, TEXT_OR_LIST, all_keys, default_of, within_free};
use super::fault::Fault;
use super::lines::{line_at, lines_of};

/// All that is laid over the defaults, later ones over earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// TOML files, in order.
    pub files: Vec<PathBuf>,
    /// Variables, as `std::env::vars` gives them; those of other programs are passed over.
    pub environment: Vec<(String, String)>,
    /// `section.key=value`, in order.
    pub sets: Vec<String>,
}

/// One source's settings, and what it is called in faults.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) table: Table,
    /// Where in a file each key stands.
    lines: BTreeMap<String, usize>,
}

impl Layer {
    /// What a key of this layer is said to come from: the line, if it is a file's.
    pub(super) fn origin_of(&self, key: &str) -> String {
        match self.lines.get(key) {
            Some(line) => format!("{}:{line}", self.name),
            None => self.name.clone(),
        }
    }
}

const PREFIX: &str = "RIVEG_";

impl Sources {
    /// The same without the variables that override keys; those that references name stay.
    #[must_use]
    pub fn without_overrides(mut self) -> Self {
        self.environment.retain(|(name, _)| !name.starts_with(PREFIX));
        self
    }

    /// All layers that can be read, in order; what cannot be read becomes a fault.
    pub(super) fn layers(&self, defaults: &Table, faults: &mut Vec<Fault>) -> Vec<Layer> {
        let mut layers = Vec::new();
        for path in &self.files {
            let name = path.display().to_string();
            let text = match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("cannot be read: {error}");
                    faults.push(Fault { key: name, layer: "--config".to_owned(), message });
                    continue;
                }
            };
            match text.parse::<Table>() {
                Ok(table) => layers.push(Layer { name, table, lines: lines_of(&text) }),
                Err(error) => faults.push(no_toml(&name, &text, &error)),
            }
        }
        layers
            .extend(self.environment.iter().filter_map(|(name, raw)| variable(name, raw, defaults, faults)));
        layers.extend(self.sets.iter().filter_map(|set| assignment(set, defaults, faults)));
        layers
    }
}

/// What is wrong and where; not the line itself, which may hold a secret.
fn no_toml(name: &str, text: &str, error: &toml::de::Error) -> Fault {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or_default();
    let column = before.chars().rev().take_while(|&letter| letter != '\n').count() + 1;
    // The parser's reasons may be several lines.
    let reason = error.message().trim_end().replace('\n', ", ");
    let message = format!("this is not TOML: {reason}");
    Fault { key: format!("column {column}"), layer: format!("{name}:{}", line_at(text, at)), message }
}

/// A variable of ours has two underscores in its name: a cluster's own `RIVEG_PORT` and the like are none.
fn variable(name: &str, raw: &str, defaults: &Table, faults: &mut Vec<Fault>) -> Option<Layer> {
    let path = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
    if !path.contains("__") {
        if let Some(key) = all_keys(defaults).into_iter().find(|key| key.replace('.', "_") == path) {
            let right = key.to_ascii_uppercase().replace('.', "__");
            let message = format!("is not read; did you mean {PREFIX}{right}?");
            faults.push(Fault { key: name.to_owned(), layer: "the environment".to_owned(), message });
        }
        return None;
    }
    let open = format!("{}__", OPEN_TABLE.replace('.', "__"));
    let path = match path.strip_prefix(&open) {
        Some(property) => format!("{OPEN_TABLE}.{}", property.replace('_', ".")),
        None => path.replace("__", "."),
    };
    layer(format!("environment variable {name}"), &path, raw, defaults, faults)
}

/// The environment variable of a key.
pub(super) fn variable_of(key: &str) -> String {
    let path = match key.strip_prefix(OPEN_TABLE).and_then(|rest| rest.strip_prefix('.')) {
        Some(property) => format!("{OPEN_TABLE}.").replace('.', "__") + &property.replace('.', "_"),
        None => key.replace('.', "__"),
    };
    format!("{PREFIX}{}", path.to_ascii_uppercase())
}

/// A layer of one value. A path of very many parts would be a table so deep that walking it overflows the stack.
fn layer(name: String, path: &str, raw: &str, defaults: &Table, faults: &mut Vec<Fault>) -> Option<Layer> {
    const MOST_PARTS: usize = 16; // ours have 3, librdkafka's properties up to 7
    if path.split('.').count() > MOST_PARTS {
        let message = format!("has more than the {MOST_PARTS} parts that a key may have");
        faults.push(Fault { key: path.to_owned(), layer: name, message });
        return None;
    }
    Some(Layer { name, table: single(path, raw, defaults), lines: BTreeMap::new() })
}

fn assignment(set: &str, defaults: &Table, faults: &mut Vec<Fault>) -> Option<Layer> {
    let name = "--set".to_owned();
    let Some((path, raw)) = set.split_once('=') else {
        let message = "has no `=`; expected section.key=value".to_owned();
        // What follows the key may be a secret all the same.
        let is_key = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
        let key = set.chars().take_while(|&letter| is_key(letter)).collect();
        faults.push(Fault { key, layer: name, message });
        return None;
    };
    layer(name, path.trim(), raw.trim(), defaults, faults)
}

/// A table with one value in it. Where the default is a string, so is this, without quotes, unless it may be a list and
/// begins as one; else it is TOML, or a string where it is none.
fn single(path: &str, raw: &str, defaults: &Table) -> Table {
    let text = || Value::String(raw.to_owned());
    let is_list = raw.starts_with('[') && TEXT_OR_LIST.contains(&path);
    let is_text = !raw.starts_with('"')
        && !is_list
        && within_free(path).is_none()
        && (path.starts_with(OPEN_TABLE) || default_of(defaults, path).is_none_or(toml::Value::is_str));
    let value = if is_text {
        text()
    } else {
        format!("value = {raw}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("value"))
            .unwrap_or_else(text)
    };
    let mut keys = path.split('.').rev();
    let last = keys.next().unwrap_or_default().to_owned();
    keys.fold(Table::from_iter([(last, value)]), |inner, key| {
        Table::from_iter([(key.to_owned(), Value::Table(inner))])
    })
}
