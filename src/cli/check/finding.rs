//! Findings: the lines of the table that `riveg check` prints.

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
}
