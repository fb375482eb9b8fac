//! Where do annotations go, how safely, and what of their posts goes with them?

use serde::{Deserialize, Serialize};

use crate::kafka::publish::{Carry, HEADER_PREFIX, Include, KeyOf, TimestampOf};

/// Where annotations go.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The topic of annotations.
    pub topic: String,
    /// The topic of posts that could not be annotated.
    pub dead_letter_topic: String,
    /// How safely they are written.
    pub delivery: DeliveryMode,
    /// The name that transactions are made under; empty: one of the group and this machine.
    pub transactional_id: String,
    /// Whose key an annotation has.
    pub key: KeyOf,
    /// Names of the record's headers that its annotation has too; `*`: all.
    pub headers: Vec<String>,
    /// Whose timestamp an annotation has.
    pub timestamp: TimestampOf,
    /// Fields of the post that its annotation repeats.
    pub include: Vec<Include>,
}

/// How safely annotations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryMode {
    /// Nothing is lost; a crash may write some twice.
    AtLeastOnce,
    /// Nothing is lost and, for those who read what is committed, nothing comes twice.
    ExactlyOnce,
}

impl Publish {
    /// The name that transactions are made under, by an engine that reads in `group`.
    #[must_use]
    pub fn transactional_id(&self, group: &str) -> String {
        if !self.transactional_id.is_empty() {
            return self.transactional_id.clone();
        }
        let host = gethostname::gethostname();
        format!("riveg-{group}-{}", host.to_string_lossy())
    }

    /// What annotations keep of their records.
    #[must_use]
    pub fn carry(&self) -> Carry {
        Carry { key: self.key, headers: self.headers.clone(), timestamp: self.timestamp }
    }

    /// What cannot work: the key within the section, and why.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut hold = |holds: bool, message: String| {
            if !holds {
                faults.push(("headers".to_owned(), message));
            }
        };
        let all = Carry::ALL_HEADERS;
        let alone = self.headers.len() == 1 || !self.headers.iter().any(|name| name == all);
        hold(alone, format!("has `{all}`, which stands for all headers, and further names"));
        for name in &self.headers {
            hold(
                !name.starts_with(HEADER_PREFIX),
                format!("names `{name}`; names that begin with `{HEADER_PREFIX}` are the engine's own"),
            );
            hold(
                name == all || !name.contains('*'),
                format!("names `{name}`; `*` stands for all headers and for nothing else"),
            );
        }
        faults
    }
}
