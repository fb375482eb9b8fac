//! Faults of records and media, and the rejections made of them.

use crate::domain::{Rejection, RejectionClass};

use super::escape::{escaped, shortened};

/// Why a medium has no pixels: the class of the fault, and a sentence that begins after the medium's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFault {
    /// What kind of fault it is.
    pub class: RejectionClass,
    /// The rest of a sentence whose subject is the medium.
    pub message: String,
}

impl MediaFault {
    pub(crate) fn new(class: RejectionClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(RejectionClass::Malformed, message)
    }

    /// The rejection of a post because of its medium `key`.
    pub(crate) fn rejection(&self, key: &str) -> Rejection {
        rejection(self.class, format!("media `{}` {}", shortened(key), self.message))
    }
}

/// The rejection of a record. The message may quote the record: it is escaped here.
pub(crate) fn rejection(class: RejectionClass, message: String) -> Rejection {
    Rejection { stage: "decode", class, message: escaped(message) }
}

/// The rejection of a record that is no post. Only the beginning of a long message is kept.
pub(crate) fn malformed(message: &str) -> Rejection {
    rejection(RejectionClass::Malformed, shortened(message))
}
