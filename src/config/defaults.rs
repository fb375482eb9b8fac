//! Defaults: the compiled-in file, and look-ups of keys in it.

use toml::{Table, Value};

/// All keys with their defaults: the file `config/default.toml`, compiled in.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The table with free keys. Their names contain dots, which are underscores in the environment.
pub(super) const OPEN_TABLE: &str = "kafka.properties";

/// The table of tables with names that the user chooses, and the template of these tables.
pub(super) const NAMED: &str = "llm";
const TEMPLATE: &str = "llm.default";

/// The table with free keys within each of them: further parameters for one server.
const FREE: &str = "extra";

/// The part of a path below a table with free keys. None: the path leads to no such table. Empty: it is that table.
pub(super) fn within_free(path: &str) -> Option<&str> {
    let (_, inner) = path.strip_prefix(NAMED)?.strip_prefix('.')?.split_once('.')?;
    let within = inner.strip_prefix(FREE)?;
    if within.is_empty() { Some(within) } else { within.strip_prefix('.') }
}

/// The value at a dotted path.
pub(super) fn look_up<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (table.get(first)?, rest) {
        (value, None) => Some(value),
        (Value::Table(inner), Some(rest)) => look_up(inner, rest),
        _ => None,
    }
}

/// The default at a dotted path. Paths within a named table have the template's default.
pub(super) fn default_of<'a>(defaults: &'a Table, path: &str) -> Option<&'a Value> {
    let Some(inner) = path.strip_prefix(NAMED).and_then(|rest| rest.strip_prefix('.')) else {
        return look_up(defaults, path);
    };
    match inner.split_once('.') {
        Some((_, key)) => look_up(defaults, &format!("{TEMPLATE}.{key}")),
        None => look_up(defaults, TEMPLATE),
    }
}

/// Fills every named table with the template's values of the keys that it does not set, and reports each such key with its
/// key in the template.
pub(super) fn inherit(merged: &mut Table, mut report: impl FnMut(String, String)) {
    let Some(template) = look_up(merged, TEMPLATE).and_then(Value::as_table).cloned() else {
        unreachable!("the defaults have this table")
    };
    let Some(Value::Table(named)) = merged.get_mut(NAMED) else { unreachable!("it holds the template") };
    for (name, table) in named.iter_mut() {
        let Value::Table(table) = table else { continue };
        let set = std::mem::take(table);
        // In the template's order.
        for (key, value) in &template {
            let own = set.get(key);
            if own.is_none() {
                report(format!("{NAMED}.{name}.{key}"), format!("{TEMPLATE}.{key}"));
            }
            table.insert(key.clone(), own.unwrap_or(value).clone());
        }
    }
}

/// The dotted paths of all values in a table.
pub(super) fn all_keys(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                keys.extend(all_keys(inner).into_iter().map(|rest| format!("{key}.{rest}")))
            }
            _ => keys.push(key.clone()),
        }
    }
    keys
}
