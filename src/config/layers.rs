//! Layers: merges them, follows references, and finds unknown keys, wrong types and values out of range.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::defaults::{
    DEFAULTS, NAMED, OPEN_TABLE, all_keys, at, default_of, free_table, inherit, look_up, within_free,
};
use super::effective::{DEFAULT_LAYER, Effective};
use super::fault::{Fault, Faults};
use super::references::resolve;
use super::sources::{Layer, Sources};
use super::userinfo::without_userinfo;
use super::words::{Place, in_words};
use crate::engine::Config;
use crate::kafka::client::is_secret;

pub(super) fn load(sources: &Sources) -> Result<Effective, Faults> {
    let defaults: Table = match DEFAULTS.parse() {
        Ok(defaults) => defaults,
        Err(fault) => unreachable!("a test reads config/default.toml: {fault}"),
    };
    let mut merge = Merge {
        merged: defaults.clone(),
        resolved: Table::new(),
        defaults,
        origins: BTreeMap::new(),
        referenced: BTreeSet::new(),
        faults: Vec::new(),
    };
    for layer in sources.layers(&merge.defaults, &mut merge.faults) {
        merge.overlay("", layer.table.clone(), &layer);
    }
    merge.inherit();
    merge.follow_references(&sources.environment);
    let config = merge.typed();
    for (key, message) in config.faults() {
        merge.fault(&key, &message);
    }
    if merge.faults.is_empty() {
        Ok(Effective { config, merged: merge.merged, origins: merge.origins })
    } else {
        Err(Faults(merge.faults))
    }
}

struct Merge {
    defaults: Table,
    /// The merged values with references as they are: this may be shown.
    merged: Table,
    /// The same with references resolved: these values are used.
    resolved: Table,
    /// Which layer each key that is not a default comes from.
    origins: BTreeMap<String, String>,
    /// The keys whose values come from references: they are treated as secrets.
    referenced: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Merge {
    fn overlay(&mut self, prefix: &str, table: Table, layer: &Layer) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            if path == OPEN_TABLE {
                self.overlay_open(value, layer);
                continue;
            }
            if within_free(&path) == Some("") {
                self.overlay_free(path, value, layer);
                continue;
            }
            match (default_of(&self.defaults, &path), value) {
                (None, Value::Table(inner)) if !inner.is_empty() => self.overlay(&path, inner, layer),
                (None, _) => self.unknown(path, layer),
                (Some(Value::Table(_)), Value::Table(inner)) => self.overlay(&path, inner, layer),
                (Some(Value::Table(_)), _) => {
                    let message = format!("must be a table, `[{path}]`");
                    self.faults.push(Fault { layer: layer.origin_of(&path), key: path, message });
                }
                (Some(_), value) => {
                    place(&mut self.merged, &path, value);
                    self.origins.insert(path.clone(), layer.origin_of(&path));
                }
            }
        }
    }

    /// Named tables inherit from the template, whichever layer set the template's value.
    fn inherit(&mut self) {
        let Self { merged, origins, .. } = self;
        inherit(merged, |key, from| {
            if let Some(origin) = origins.get(&from).cloned() {
                origins.insert(key, origin);
            }
        });
    }

    /// Names of librdkafka's properties contain dots, which TOML reads as tables unless they are quoted.
    fn overlay_open(&mut self, value: Value, layer: &Layer) {
        let Value::Table(table) = value else {
            let message = format!("must be a table, `[{OPEN_TABLE}]`");
            self.faults.push(Fault {
                key: OPEN_TABLE.to_owned(),
                layer: layer.origin_of(OPEN_TABLE),
                message,
            });
            return;
        };
        for (property, value) in flattened(&table) {
            let key = format!("{OPEN_TABLE}.{property}");
            self.origins.insert(key.clone(), layer.origin_of(&key));
            let Some(Value::Table(open)) = at(&mut self.merged, OPEN_TABLE) else {
                unreachable!("the defaults have this table")
            };
            open.insert(property, value);
        }
    }

    /// Keys of a free table are not checked, and keep their types.
    fn overlay_free(&mut self, path: String, value: Value, layer: &Layer) {
        let Value::Table(table) = value else {
            let message = format!("must be a table, `[{path}]`");
            self.faults.push(Fault { layer: layer.origin_of(&path), key: path, message });
            return;
        };
        for key in all_keys(&table) {
            let key = format!("{path}.{key}");
            self.origins.insert(key.clone(), layer.origin_of(&key));
        }
        if at(&mut self.merged, &path).is_none() {
            place(&mut self.merged, &path, Value::Table(Table::new()));
        }
        if let Some(Value::Table(free)) = at(&mut self.merged, &path) {
            lay_over(free, table);
        }
        self.origins.insert(path.clone(), layer.origin_of(&path));
    }

    fn unknown(&mut self, path: String, layer: &Layer) {
        let message = match nearest(&path, &all_keys(&self.defaults)) {
            Some(key) => format!("there is no such key; did you mean {key}?"),
            None => "there is no such key; `riveg check` prints all there are".to_owned(),
        };
        self.faults.push(Fault { layer: layer.origin_of(&path), key: path, message });
    }

    /// Resolves references. One that cannot be resolved is a fault, and the default is used instead.
    fn follow_references(&mut self, environment: &[(String, String)]) {
        let (resolved, found) = followed("", &self.merged, &self.defaults, environment);
        self.resolved = resolved;
        for (key, fault) in found {
            self.referenced.insert(key.clone());
            if let Some(message) = fault {
                let layer = self.origins.get(&key).map_or(DEFAULT_LAYER, String::as_str).to_owned();
                self.faults.push(Fault { key, layer, message });
            }
        }
    }

    /// Reads the settings from the resolved table. A value that cannot be read is a fault, and its default is used instead,
    /// so that the next fault can be found.
    fn typed(&mut self) -> Config {
        loop {
            let read = serde_path_to_error::deserialize::<_, Config>(Value::Table(self.resolved.clone()));
            let fault = match read {
                Ok(mut config) => {
                    for key in &self.referenced {
                        if let Some(property) = key.strip_prefix(OPEN_TABLE) {
                            config.kafka.properties.mark_secret(property.trim_start_matches('.'));
                        }
                    }
                    return config;
                }
                Err(fault) => fault,
            };
            // A fault of one entry of a list is a fault of the list.
            let path = fault.path().to_string();
            let key = self.key_above(&path).map(str::to_owned);
            let Some((key, replaced, default)) = key.and_then(|key| {
                // Names of free keys may contain dots: the whole table is replaced.
                let replaced = free_table(&key).unwrap_or(&key).to_owned();
                let default = default_of(&self.defaults, &replaced)?.clone();
                Some((key, replaced, default))
            }) else {
                unreachable!("a test reads config/default.toml: at {path}: {}", fault.inner())
            };
            let is_date = look_up(&self.resolved, &key).is_some_and(Value::is_datetime);
            let message =
                in_words(fault.into_inner().message(), Place { within: &path[key.len()..], is_date });
            place(&mut self.resolved, &replaced, default);
            self.fault(&key, &message);
        }
    }

    /// The key that a layer set in which a value may be wrong deep inside: `publish.delivery` for a table in its place.
    fn key_above<'path>(&self, path: &'path str) -> Option<&'path str> {
        let mut key = path;
        while !self.origins.contains_key(key) {
            key = &key[..key.rfind(['.', '['])?];
        }
        Some(key)
    }

    fn fault(&mut self, key: &str, message: &str) {
        let layer = self.origins.get(key).map_or(DEFAULT_LAYER, String::as_str).to_owned();
        // The message may quote the value.
        let hidden = is_secret(key) || self.referenced.contains(key);
        let message = if hidden { "is not what it must be".to_owned() } else { without_userinfo(message) };
        self.faults.push(Fault { key: key.to_owned(), layer, message });
    }
}

/// A table with its references resolved, and the keys that had any, each with its fault if there is one.
fn followed(
    prefix: &str,
    table: &Table,
    defaults: &Table,
    environment: &[(String, String)],
) -> (Table, Vec<(String, Option<String>)>) {
    let (mut resolved, mut found) = (Table::new(), Vec::new());
    for (key, value) in table {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let value = match value {
            Value::Table(inner) => {
                let (inner, more) = followed(&path, inner, defaults, environment);
                found.extend(more);
                Some(Value::Table(inner))
            }
            Value::String(text) => match resolve(text, environment) {
                Ok(None) => Some(value.clone()),
                Ok(Some(text)) => {
                    found.push((path, None));
                    Some(Value::String(text))
                }
                Err(fault) => {
                    let default = default_of(defaults, &path).cloned();
                    found.push((path, Some(fault)));
                    default
                }
            },
            other => Some(other.clone()),
        };
        resolved.extend(value.map(|value| (key.clone(), value)));
    }
    (resolved, found)
}

/// The properties of a table of tables under their dotted names, as the strings that librdkafka takes.
fn flattened(table: &Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                flat.extend(
                    flattened(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)),
                );
            }
            Value::String(text) => flat.push((key.clone(), Value::String(text.clone()))),
            other => flat.push((key.clone(), Value::String(other.to_string()))),
        }
    }
    flat
}

/// Lays a table over another: tables over tables, and everything else in place of what was there.
fn lay_over(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => lay_over(inner, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// The known key that the unknown one resembles most, by its whole path or by its last part alone.
pub(super) fn nearest(path: &str, known: &[String]) -> Option<String> {
    const ALIKE: f64 = 0.6; // below this, suggestions confuse more than they help
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = |key: &str| {
        let whole = strsim::normalized_damerau_levenshtein(path, key);
        whole.max(0.95 * strsim::normalized_damerau_levenshtein(&leaf(path), &leaf(key)))
    };
    let best = known.iter().map(|key| (alike(key), key)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 >= ALIKE).then(|| best.1.clone())
}

/// Sets the value at a path whose tables exist, or begins a named table.
fn place(table: &mut Table, path: &str, value: Value) {
    let Some((above, key)) = path.rsplit_once('.') else { return };
    let is_named = NAMED.iter().any(|named| above.starts_with(named));
    if is_named && at(table, above).is_none() {
        place(table, above, Value::Table(Table::new()));
    }
    if let Some(Value::Table(inner)) = at(table, above) {
        inner.insert(key.to_owned(), value);
    }
}
