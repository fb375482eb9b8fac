//! Metrics of the consumer group and of transactions.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};

use super::registration::{Registry, register, seconds_buckets};

/// What a rebalance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebalance {
    /// Gave partitions to this engine.
    Assigned,
    /// Took partitions from it.
    Revoked,
}

impl Rebalance {
    const ALL: [Self; 2] = [Self::Assigned, Self::Revoked];

    fn as_str(self) -> &'static str {
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
    const ALL: [Self; 2] = [Self::Committed, Self::Aborted];

    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
        }
    }
}

/// The counters of rebalances and transactions.
#[derive(Debug, Clone)]
pub(super) struct GroupMetrics {
    rebalances: IntCounterVec,
    transactions: HistogramVec,
}

impl GroupMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let rebalances = Opts::new("riveg_rebalances_total", "Rebalances of the consumer group by kind.");
        let rebalances = register(registry, IntCounterVec::new(rebalances, &["kind"]));
        Rebalance::ALL.iter().for_each(|kind| rebalances.with_label_values(&[kind.as_str()]).reset());
        let transactions = HistogramOpts::new(
            "riveg_transaction_seconds",
            "Time from the begin of a transaction to its commit or abort.",
        );
        let transactions = HistogramVec::new(transactions.buckets(seconds_buckets()), &["outcome"]);
        let transactions = register(registry, transactions);
        Transaction::ALL.iter().for_each(|outcome| drop(transactions.with_label_values(&[outcome.as_str()])));
        Self { rebalances, transactions }
    }

    pub(super) fn rebalanced(&self, kind: Rebalance) {
        self.rebalances.with_label_values(&[kind.as_str()]).inc();
    }

    pub(super) fn transaction(&self, outcome: Transaction, took: Duration) {
        self.transactions.with_label_values(&[outcome.as_str()]).observe(took.as_secs_f64());
    }
}
