//! Build and bundle info: version, revision, libtorch, device and bundle as labels.

use prometheus::{IntGaugeVec, Opts};

use super::registration::{Registry, register};

/// The gauges that are always 1.
#[derive(Debug, Clone)]
pub(super) struct BuildMetrics {
    build: IntGaugeVec,
    bundle: IntGaugeVec,
}

impl BuildMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), labels))
        };
        Self {
            build: gauges(
                "riveg_build_info",
                "1, labelled with what was built and the device that it runs on.",
                &["version", "revision", "libtorch", "device"],
            ),
            bundle: gauges("riveg_bundle_info", "1, labelled with the bundle in use.", &["hash"]),
        }
    }

    /// The networks run on that device.
    pub(super) fn runs_on(&self, device: &str) {
        // As build.rs finds them.
        let (revision, libtorch) = (env!("RIVEG_REVISION"), env!("RIVEG_LIBTORCH"));
        self.build.reset();
        self.build.with_label_values(&[env!("CARGO_PKG_VERSION"), revision, libtorch, device]).set(1);
    }

    /// The bundle in use, by its hash.
    pub(super) fn bundle(&self, hash: &str) {
        self.bundle.with_label_values(&[hash]).set(1);
    }
}
