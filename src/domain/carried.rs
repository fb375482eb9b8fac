//! What is written on as the feed has it?

/// A value of the feed that nobody here reads: its JSON, without white space between its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried(String);

impl Carried {
    /// The value of that JSON, which the caller knows to be valid.
    #[must_use]
    pub fn new(json: String) -> Self {
        Self(json)
    }

    /// Its JSON.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }
}
