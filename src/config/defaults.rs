//! Defaults: the compiled-in file, and look-ups of keys in it.

use toml::{Table, Value};

/// All keys with their defaults: the file `config/default.toml`, compiled in.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The table with free keys. Their names contain dots, which are underscores in the environment.
pub(super) const OPEN_TABLE: &str = "kafka.properties";

/// Tables of tables with names that the user chooses.
pub(super) const NAMED: [&str; 2] = [MODELS, "publish.outputs"];

/// The table in each of them with the values that the others do not set.
pub(super) const TEMPLATE: &str = "default";

/// The tables with free keys within each table of [`MODELS`]: further parameters for one server.
const FREE: &str = "extra";
const MODELS: &str = "llm";

/// Keys whose default is a text and that may be a list too.
pub(super) const TEXT_OR_LIST: [&str; 2] = ["ingest.topic", "device.name"];

/// Further tables with free keys.
const FREE_TABLES: [&str; 2] = ["ingest.formats", "ingest.mappings"];

/// The part of a path below a table with free keys. None: the path leads to no such table. Empty: it is that table.
pub(super) fn within_free(path: &str) -> Option<&str> {
    let below = |table: &'static str| {
        let within = path.strip_prefix(table)?;
        if within.is_empty() { Some(within) } else { within.strip_prefix('.') }
    };
    if let Some(within) = FREE_TABLES.into_iter().find_map(below) {
        return Some(within);
    }
    let (_, inner) = path.strip_prefix(MODELS)?.strip_prefix('.')?.split_once('.')?;
    let within = inner.strip_prefix(FREE)?;
    if within.is_empty() { Some(within) } else { within.strip_prefix('.') }
}

/// The path of the table with free keys that a path leads into.
pub(super) fn free_table(path: &str) -> Option<&str> {
    let within = within_free(path)?;
    Some(path[..path.len() - within.len()].trim_end_matches('.'))
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
    let within = |named: &'static str| Some((named, path.strip_prefix(named)?.strip_prefix('.')?));
    let Some((named, inner)) = NAMED.into_iter().find_map(within) else { return look_up(defaults, path) };
    match inner.split_once('.') {
        Some((_, key)) => look_up(defaults, &format!("{named}.{TEMPLATE}.{key}")),
        None => look_up(defaults, &format!("{named}.{TEMPLATE}")),
    }
}

/// Fills every named table with the template's values of the keys that it does not set, and reports each such key with its
/// key in the template.
pub(super) fn inherit(merged: &mut Table, mut report: impl FnMut(String, String)) {
    for named in NAMED {
        inherit_in(named, merged, &mut report);
    }
}

fn inherit_in(named: &str, merged: &mut Table, report: &mut impl FnMut(String, String)) {
    let template_path = format!("{named}.{TEMPLATE}");
    let Some(template) = look_up(merged, &template_path).and_then(Value::as_table).cloned() else {
        unreachable!("the defaults have this table")
    };
    let Some(Value::Table(tables)) = at(merged, named) else { unreachable!("it holds the template") };
    for (name, table) in tables.iter_mut() {
        let Value::Table(table) = table else { continue };
        let set = std::mem::take(table);
        // In the template's order.
        for (key, value) in &template {
            let own = set.get(key);
            if own.is_none() {
                report(format!("{named}.{name}.{key}"), format!("{template_path}.{key}"));
            }
            table.insert(key.clone(), own.unwrap_or(value).clone());
        }
    }
}

/// The value at a dotted path, to be changed.
pub(super) fn at<'a>(table: &'a mut Table, path: &str) -> Option<&'a mut Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (table.get_mut(first)?, rest) {
        (value, None) => Some(value),
        (Value::Table(inner), Some(rest)) => at(inner, rest),
        _ => None,
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
