//! Decode faults: where in a value what is wrong, and the limits of the JSON that values become.

use std::fmt::{self, Write as _};

/// The deepest value within values. The readers of JSON take 128.
const MAX_DEPTH: usize = 100;

/// The most bytes of JSON for each byte that a record may have: Base64 adds a third, and names of fields that a schema
/// says once for all stand in each object.
const JSON_PER_BYTE: u64 = 4;

/// Limits of the JSON that a value becomes, and whether it has what Protobuf leaves out.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimits {
    max_bytes: usize,
    with_defaults: bool,
}

/// Why a value is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeFault {
    what: String,
    /// A limit is exceeded; otherwise the value is damaged.
    is_limit: bool,
    /// The names of the fields around it, the innermost first.
    path: Vec<String>,
    /// The byte of the value behind which it is.
    behind: Option<usize>,
}

impl JsonLimits {
    /// The limits for records of at most so many bytes.
    #[must_use]
    pub fn for_records_of(max_record: u64) -> Self {
        let max_bytes = usize::try_from(max_record.saturating_mul(JSON_PER_BYTE)).unwrap_or(usize::MAX);
        Self { max_bytes, with_defaults: false }
    }

    /// The same, where zeros, empty texts and empty lists are written, which Protobuf leaves out: for readers of a schema
    /// that they know.
    #[must_use]
    pub fn with_defaults(self) -> Self {
        Self { with_defaults: true, ..self }
    }

    pub(super) fn has_defaults(self) -> bool {
        self.with_defaults
    }

    /// The most bytes of JSON.
    #[must_use]
    pub fn max_bytes(self) -> usize {
        self.max_bytes
    }

    /// Whether a value may follow so many bytes of JSON, within so many others.
    pub(super) fn check(self, bytes: usize, depth: usize) -> Result<(), DecodeFault> {
        if bytes > self.max_bytes {
            return Err(self.exceeded());
        }
        if depth > MAX_DEPTH {
            return Err(DecodeFault::beyond_limit(format!("values nest deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    /// The fault of a value with too much JSON.
    pub(super) fn exceeded(self) -> DecodeFault {
        DecodeFault::beyond_limit(format!(
            "its JSON has more than {} bytes, {JSON_PER_BYTE} times decode.max_record",
            self.max_bytes
        ))
    }
}

impl DecodeFault {
    pub(super) fn malformed(what: String) -> Self {
        Self { what, is_limit: false, path: Vec::new(), behind: None }
    }

    pub(super) fn beyond_limit(what: String) -> Self {
        Self { is_limit: true, ..Self::malformed(what) }
    }

    /// Whether a limit is exceeded.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.is_limit
    }

    /// The fault, which is in the value of this field.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.path.push(name.chars().take(100).collect());
        self
    }

    /// The fault, which is in this element of a list.
    pub(super) fn within_list(mut self, index: u64) -> Self {
        self.path.push(format!("[{index}]"));
        self
    }

    /// The fault, which was found behind so many bytes.
    pub(super) fn behind(self, bytes: usize) -> Self {
        Self { behind: Some(bytes), ..self }
    }
}

impl From<String> for DecodeFault {
    fn from(what: String) -> Self {
        Self::malformed(what)
    }
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = String::new();
        // The outermost names say most.
        for name in self.path.iter().rev().take(10) {
            let separator = if path.is_empty() || name.starts_with('[') { "" } else { "." };
            write!(path, "{separator}{name}")?;
        }
        if !path.is_empty() {
            write!(formatter, "at `{path}`, ")?;
        }
        if let Some(bytes) = self.behind {
            write!(formatter, "byte {bytes}: ")?;
        }
        formatter.write_str(&self.what)
    }
}
