//! Metrics of dead letters: their number by class, and the parts of records that did not fit.

use std::sync::Arc;

use prometheus::{IntCounterVec, Opts};

use super::DeadLetterLog;
use super::registration::{Registry, register};

/// The counters of dead letters.
#[derive(Debug, Clone)]
pub(super) struct DeadLetterMetrics {
    rejected: IntCounterVec,
    cut: IntCounterVec,
    log: Arc<DeadLetterLog>,
}

impl DeadLetterMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, label: &str| {
            register(registry, IntCounterVec::new(Opts::new(name, help), &[label]))
        };
        Self {
            rejected: counters(
                "riveg_dead_letters_total",
                "Records rejected, by class of the reason.",
                "class",
            ),
            cut: counters(
                "riveg_dead_letters_cut_total",
                "Parts of records that the topic of dead letters had no room for, by part.",
                "what",
            ),
            log: Arc::default(),
        }
    }

    /// Makes classes and parts known.
    pub(super) fn know(&self, classes: &[&str], parts: &[&str]) {
        classes.iter().for_each(|class| self.rejected.with_label_values(&[class]).inc_by(0));
        parts.iter().for_each(|part| self.cut.with_label_values(&[part]).inc_by(0));
    }

    pub(super) fn rejected(&self, class: &str) {
        self.rejected.with_label_values(&[class]).inc();
    }

    /// Which of them the log names.
    pub(super) fn log(&self) -> &DeadLetterLog {
        &self.log
    }

    pub(super) fn cut(&self, part: &str) {
        self.cut.with_label_values(&[part]).inc();
    }
}
