//! Datatypes of literals.

/// The datatype of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Datatype {
    Text,
    Integer,
    Decimal,
    Boolean,
    Time,
    Address,
}

impl Datatype {
    /// Its IRI.
    pub(super) fn iri(self) -> &'static str {
        match self {
            Self::Text => "http://www.w3.org/2001/XMLSchema#string",
            Self::Integer => "http://www.w3.org/2001/XMLSchema#integer",
            Self::Decimal => "http://www.w3.org/2001/XMLSchema#decimal",
            Self::Boolean => "http://www.w3.org/2001/XMLSchema#boolean",
            Self::Time => "http://www.w3.org/2001/XMLSchema#dateTime",
            Self::Address => "http://www.w3.org/2001/XMLSchema#anyURI",
        }
    }
}
