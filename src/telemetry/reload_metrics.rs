//! Metrics of reloads: how many were put into force, and how many were refused.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The new files and rates are in force.
    Applied,
    /// A setting or a file is invalid; the old ones stay in force.
    Refused,
}

impl Reload {
    const ALL: [Self; 2] = [Self::Applied, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
        }
    }
}

/// The counter of reloads.
#[derive(Debug, Clone)]
pub(super) struct ReloadMetrics(IntCounterVec);

impl ReloadMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let opts = Opts::new(
            "riveg_reloads_total",
            "Reloads of lexicon, wordings, log filter and rates, by outcome.",
        );
        let reloads = register(registry, IntCounterVec::new(opts, &["outcome"]));
        Reload::ALL.iter().for_each(|outcome| reloads.with_label_values(&[outcome.as_str()]).inc_by(0));
        Self(reloads)
    }

    pub(super) fn ended(&self, outcome: Reload) {
        self.0.with_label_values(&[outcome.as_str()]).inc();
    }
}
