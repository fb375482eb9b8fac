//! The section `scheduler` of the configuration: one budget a stage.

use serde::{Deserialize, Serialize};

use super::Budget;

/// Limits of each stage's batches.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "a field is a stage, and a Budget says the rest")]
pub struct Config {
    pub recognise: Budget,
    pub entail: Budget,
    pub ground: Budget,
    pub segment: Budget,
    pub know: Budget,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let budgets = [
            ("recognise", self.recognise),
            ("entail", self.entail),
            ("ground", self.ground),
            ("segment", self.segment),
            ("know", self.know),
        ];
        let empty = budgets.into_iter().filter(|(_, budget)| budget.max_tokens == 0);
        empty.map(|(stage, _)| (format!("{stage}.max_tokens"), "must be at least 1".to_owned())).collect()
    }
}
