//! Metrics of outputs: records that each output got, and those that were too large for it.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};

/// The counters of each output, by its name in the settings.
#[derive(Debug, Clone)]
pub struct OutputMetrics(IntCounterVec);

const ANNOTATION: &str = "annotation";
const DELETION: &str = "deletion";
const TOO_LARGE: &str = "too-large";

impl OutputMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let help = "Records of an output, by what became of them: `annotation` and `deletion` were written, \
                    `too-large` did not fit its topic and became a dead letter.";
        let opts = Opts::new("riveg_output_records_total", help);
        Self(register(registry, IntCounterVec::new(opts, &["output", "kind"])))
    }

    /// Makes the counters of an output known.
    pub fn declare(&self, output: &str) {
        for kind in [ANNOTATION, DELETION, TOO_LARGE] {
            self.0.with_label_values(&[output, kind]).inc_by(0);
        }
    }

    /// A record was delivered.
    pub fn written(&self, output: &str, is_deletion: bool) {
        self.0.with_label_values(&[output, if is_deletion { DELETION } else { ANNOTATION }]).inc();
    }

    /// A record became a dead letter, because it is too large for the topic of its output.
    pub fn too_large(&self, output: &str) {
        self.0.with_label_values(&[output, TOO_LARGE]).inc();
    }
}
