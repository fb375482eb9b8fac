//! `riveg config explain`: one setting in words.

use std::fmt::Write as _;

use serde_json::json;
use toml::Value;

use super::super::output_format::{FormatArgument, print, print_json};
use super::super::{Failure, Settings, UsageError};
use crate::config::{Entry, Explanation, explain};

pub(super) fn run(key: &str, format: FormatArgument, settings: &Settings) -> Result<(), Failure> {
    let explanation = explain(key).map_err(|unknown| UsageError(unknown.to_string()))?;
    // Whoever has a fault in the settings wants to read what a key means all the same.
    let entries = settings.load().map(|effective| effective.entries()).ok();
    let now = entries.as_ref().map(|entries| entries.iter().find(|entry| entry.key == key));
    if format.is_json() {
        print_json(&as_json(&explanation, now.flatten()))
    } else {
        print(&in_words(&explanation, now))
    }
}

fn as_json(explanation: &Explanation, now: Option<&Entry>) -> serde_json::Value {
    let Explanation { key, comment, default, keys, variable, is_reloaded } = explanation;
    json!({
        "key": key,
        "comment": comment,
        "default": default,
        "value": now.map(|entry| &entry.value),
        "origin": now.map(|entry| &entry.origin),
        "environment": variable,
        "reloaded": is_reloaded,
        "keys": keys,
    })
}

/// The text; `now` is none where the settings have faults, and holds none where no layer sets the key.
fn in_words(explanation: &Explanation, now: Option<Option<&Entry>>) -> String {
    let Explanation { key, comment, default, keys, variable, is_reloaded } = explanation;
    let mut text = format!("{key}\n");
    for line in comment.lines() {
        let _ = writeln!(text, "  {line}");
    }
    // Writing to a string cannot fail.
    let mut say = |name: &str, words: &str| {
        let _ = writeln!(text, "{name:<13}{words}");
    };
    if let Some(variable) = variable {
        if let Some(default) = default {
            say("default", &shown(default));
        }
        match now {
            Some(Some(entry)) => {
                say("now", &format!("{} ({})", shown(&entry.value), entry.origin.escape_debug()))
            }
            Some(None) => say("now", "not set"),
            None => say("now", "unknown: the settings have faults, which `riveg config show` prints"),
        }
        say("environment", variable);
        say("flag", &format!("--set {key}=VALUE"));
        say(
            "SIGHUP",
            if *is_reloaded { "reloads it" } else { "does not reload it: it takes effect at the next start" },
        );
    }
    for (number, key) in keys.iter().enumerate() {
        say(if number == 0 { "keys" } else { "" }, key);
    }
    text
}

/// A value as TOML has it.
pub(super) fn shown(value: &Value) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_explained_with_its_value_and_a_section_with_its_keys() {
        let entry = Entry {
            key: "engine.max_looks".to_owned(),
            value: Value::from(7),
            origin: "mine.toml:3".to_owned(),
        };
        let text = in_words(&explain("engine.max_looks").unwrap(), Some(Some(&entry)));
        for line in [
            "engine.max_looks\n  Limit of the pairs of entity and picture of one post",
            "\ndefault      64\n",
            "\nnow          7 (mine.toml:3)\n",
            "\nenvironment  RIVEG_ENGINE__MAX_LOOKS\n",
            "\nflag         --set engine.max_looks=VALUE\n",
            "\nSIGHUP       does not reload it",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        let text = in_words(&explain("telemetry").unwrap(), Some(None));
        assert!(text.contains("\nkeys         telemetry.address\n") && !text.contains("default"), "{text}");
        assert!(in_words(&explain("expand.lexicon").unwrap(), None).contains("SIGHUP       reloads it"));
    }
}
