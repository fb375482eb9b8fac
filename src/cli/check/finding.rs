//! Findings: the lines of the table that `riveg check` prints.

use serde_json::{Value, json};

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) what: String,
    pub(super) found: Result<String, String>,
    /// The engine runs and may lose something, or the check cannot tell whether it would run.
    pub(super) is_warning: bool,
}

impl Finding {
    pub(super) fn new(what: String, found: Result<String, String>) -> Self {
        Self { what, found, is_warning: false }
    }

    /// How it ended, in one word.
    pub(super) fn state(&self) -> &'static str {
        match &self.found {
            Ok(_) if self.is_warning => "WARN",
            Ok(_) => "ok",
            Err(_) => "FAILED",
        }
    }

    /// What was found.
    pub(super) fn text(&self) -> &str {
        match &self.found {
            Ok(text) | Err(text) => text,
        }
    }

    /// The same for programs.
    pub(super) fn to_json(&self) -> Value {
        json!({ "what": self.what, "state": self.state().to_ascii_lowercase(), "found": self.text() })
    }
}
