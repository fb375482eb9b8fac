//! Metrics of media that posts are answered without, by reason.

use prometheus::{IntCounterVec, Opts};

use super::registration::{Registry, register};
use crate::domain::RejectionClass;

/// The counters of media that are left out.
#[derive(Debug, Clone)]
pub struct MediaMetrics {
    left_out: IntCounterVec,
}

impl MediaMetrics {
    /// What may be wrong with a medium whose post is answered all the same.
    const REASONS: [RejectionClass; 5] = [
        RejectionClass::UnsupportedMedia,
        RejectionClass::Malformed,
        RejectionClass::TooLarge,
        RejectionClass::TooSlow,
        RejectionClass::FetchFailed,
    ];

    pub(super) fn new(registry: &Registry) -> Self {
        let options = Opts::new(
            "riveg_media_left_out_total",
            "Media that posts were answered without, by class of the reason.",
        );
        let left_out = register(registry, IntCounterVec::new(options, &["reason"]));
        Self::REASONS.iter().for_each(|reason| left_out.with_label_values(&[reason.as_str()]).reset());
        Self { left_out }
    }

    /// A post is answered without one of its media.
    pub fn left_out(&self, reason: RejectionClass) {
        self.left_out.with_label_values(&[reason.as_str()]).inc();
    }
}
