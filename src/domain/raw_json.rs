//! Raw JSON: values of the feed that the engine repeats without reading them.

/// A JSON value, without white space between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(String);

impl RawJson {
    /// A value whose JSON the caller has checked.
    #[must_use]
    pub fn new(json: String) -> Self {
        Self(json)
    }

    /// The JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }
}
