//! Extra request fields: a table of the settings that is merged into the request, for server-specific options.

use serde_json::{Map, Value};

/// Fields that the engine sets itself.
const OWN: [&str; 5] = ["messages", "model", "stream", "stream_options", "n"];
/// Fields that have a setting, with that setting.
const SETTINGS: [(&str, &str); 6] = [
    ("temperature", "temperature"),
    ("max_tokens", "max_tokens"),
    ("max_completion_tokens", "max_tokens"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("response_format", "response_format"),
];
/// The key under which TOML dates and times appear, which JSON does not have.
const DATE: &str = "$__toml_private_datetime";

/// The faults of a table, each as the rest of a sentence that begins with the key `extra`.
pub(super) fn faults(extra: &Map<String, Value>) -> Vec<String> {
    let own = OWN.iter().filter(|key| extra.contains_key(**key));
    let own = own.map(|key| format!("cannot hold `{key}`, which the engine decides itself"));
    let settings = SETTINGS.iter().filter(|(key, _)| extra.contains_key(*key));
    let settings =
        settings.map(|(key, setting)| format!("cannot hold `{key}`: the setting `{setting}` is for that"));
    let values = extra.iter().filter(|(_, value)| !is_json(value));
    let values = values.map(|(key, _)| format!("holds a date or a number in `{key}` that JSON cannot hold"));
    own.chain(settings).chain(values).collect()
}

/// NaN and infinity have become null here, which TOML cannot express otherwise.
fn is_json(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(entries) => !entries.contains_key(DATE) && entries.values().all(is_json),
        Value::Array(values) => values.iter().all(is_json),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Merges `extra` into a request: tables into tables; other values replace.
pub(super) fn merge(request: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (key, value) in extra {
        match (request.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            _ => {
                request.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(text: &str) -> Map<String, Value> {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn tables_are_merged_into_tables() {
        let mut request = table("model = \"small\"\n[a]\nb = 1\nc = [1]");
        merge(&mut request, &table("top_p = 0.5\n[a]\nc = [2, 3]\n[a.d]\ne = true"));
        let expected = json!({"model": "small", "top_p": 0.5, "a": {"b": 1, "c": [2, 3], "d": {"e": true}}});
        assert_eq!(Value::Object(request), expected);
    }

    #[test]
    fn fields_that_the_engine_sets_and_values_that_are_no_json_are_refused_by_name() {
        assert_eq!(
            faults(&table("top_p = 0.9\n[chat_template_kwargs]\nenable_thinking = false")),
            Vec::<String>::new()
        );
        for key in
            ["messages", "model", "stream", "n", "temperature", "max_completion_tokens", "response_format"]
        {
            let faults = faults(&table(&format!("{key} = 1")));
            assert!(faults.len() == 1 && faults[0].contains(&format!("`{key}`")), "{faults:?}");
        }
        for value in ["2026-01-01", "nan", "[inf]", "{ when = 10:00:00 }"] {
            let faults = faults(&table(&format!("key = {value}")));
            assert!(faults.len() == 1 && faults[0].contains("`key`"), "{value}: {faults:?}");
        }
    }
}
