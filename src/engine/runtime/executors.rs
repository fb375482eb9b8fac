//! Executors of the settings: the device, and what each of its executors has of the networks.

use std::sync::Arc;

use tracing::info;

use crate::networks::blocks::device::{self, Layout, Place, cores, find, use_threads};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::Device;
use crate::telemetry::Metrics;

use super::error::RuntimeError;

/// The executors of a device: for each, the budget of its caches, which is one for all.
pub(super) struct Executors {
    place: Place,
    remembered: Vec<Remembered>,
}

impl Executors {
    /// A device without lanes, and its executors.
    ///
    /// # Errors
    /// There is no such device.
    pub(super) fn new(
        config: &device::Config,
        remembered: &Remembered,
        metrics: Arc<Metrics>,
    ) -> Result<(Device, Self), RuntimeError> {
        let place = find(&config.name)?;
        let Layout { executors, threads } = config.layout(cores());
        info!(device = config.name, executors, threads, "batches of so many executors run at one time");
        let mut device = Device::with_executors("riveg-device", executors, metrics);
        device.begin_with(move || use_threads(threads));
        let others = (1..executors).map(|_| remembered.of_another_executor());
        let remembered = std::iter::once(remembered.clone()).chain(others).collect();
        Ok((device, Self { place, remembered }))
    }

    /// A network for each executor. Networks must be made in the same order for all: one call for each network.
    ///
    /// # Errors
    /// The first that cannot be made.
    pub(super) fn each<N, E>(&self, make: impl Fn(Place, &Remembered) -> Result<N, E>) -> Result<Vec<N>, E> {
        self.remembered.iter().map(|remembered| make(self.place, remembered)).collect()
    }
}
