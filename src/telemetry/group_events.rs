//! What happens to this engine in its group and to its transactions, as metrics tell it apart.

/// What a rebalance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebalance {
    /// Gave partitions to this engine.
    Assigned,
    /// Took partitions from it.
    Revoked,
}

impl Rebalance {
    pub(super) const ALL: [Self; 2] = [Self::Assigned, Self::Revoked];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Revoked => "revoked",
        }
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// All of it is visible.
    Committed,
    /// Nothing of it is.
    Aborted,
}

impl Transaction {
    pub(super) const ALL: [Self; 2] = [Self::Committed, Self::Aborted];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
        }
    }
}
