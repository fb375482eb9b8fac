//! Reloaded settings: the keys that a running engine takes in at SIGHUP. All others hold until its end.

use super::Config;

/// Keys whose new values, and whose files, are taken in.
pub const RELOADED: [&str; 8] = [
    "expand.lexicon",
    "expand.files",
    "expand.prompt",
    "link.prompt",
    "knowledge.prompt",
    "vision.prompt",
    "telemetry.log",
    "telemetry.traces.sample",
];

/// The same of each language model.
const OF_MODELS: [&str; 1] = ["requests_per_minute"];

/// Whether a running engine takes a new value of a key in.
#[must_use]
pub fn is_reloaded(key: &str) -> bool {
    let of_model = || key.strip_prefix("llm.").and_then(|rest| rest.split_once('.')).map(|(_, key)| key);
    RELOADED.contains(&key) || of_model().is_some_and(|key| OF_MODELS.contains(&key))
}

impl Config {
    /// These settings with the values of `new` that a running engine takes in.
    #[must_use]
    pub fn reloaded(&self, new: &Self) -> Self {
        let mut config = self.clone();
        config.expand.lexicon.clone_from(&new.expand.lexicon);
        config.expand.files.clone_from(&new.expand.files);
        config.expand.prompt.clone_from(&new.expand.prompt);
        config.link.prompt.clone_from(&new.link.prompt);
        config.knowledge.prompt.clone_from(&new.knowledge.prompt);
        config.vision.prompt.clone_from(&new.vision.prompt);
        config.telemetry.log.clone_from(&new.telemetry.log);
        config.telemetry.traces.sample = new.telemetry.traces.sample;
        for (name, model) in &mut config.llm {
            if let Some(new) = new.llm.get(name) {
                model.requests_per_minute = new.requests_per_minute;
            }
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_all_models_are_reloaded_and_addresses_are_not() {
        assert!(is_reloaded("llm.local.requests_per_minute") && is_reloaded("expand.lexicon"));
        for key in ["llm.local.url", "llm.requests_per_minute", "kafka.bootstrap", "expand.lexicon.x", ""] {
            assert!(!is_reloaded(key), "{key}");
        }
    }
}
