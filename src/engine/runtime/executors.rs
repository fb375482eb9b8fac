//! Executors of the settings: the devices they run on, and what each executor has of the networks.

use std::sync::Arc;

use tracing::info;

use crate::networks::blocks::device::{self, Layout, Place, cores, find, use_threads};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::Device;
use crate::telemetry::Metrics;

use super::error::RuntimeError;

/// The executors that draw from the same lanes: for each, its device and the budget of its caches, which all executors of
/// a device share.
pub(super) struct Executors(Vec<(Place, Remembered)>);

impl Executors {
    /// A scheduler without lanes, and its executors on all devices of the settings.
    ///
    /// # Errors
    /// One of the devices is not here.
    pub(super) fn new(
        config: &device::Config,
        remembered: &Remembered,
        metrics: Arc<Metrics>,
    ) -> Result<(Device, Self), RuntimeError> {
        let places = config.name.iter().map(find).collect::<Result<Vec<Place>, _>>()?;
        let Layout { executors, threads } = config.layout(cores());
        let names = &config.name;
        info!(device = %names, executors, threads, "batches of so many executors of each device run at one time");
        let mut device = Device::with_executors("riveg-device", executors * places.len(), metrics);
        device.begin_with(move || use_threads(threads));
        let of_device = |(number, place): (usize, Place)| {
            let of_all = if number == 0 { remembered.clone() } else { remembered.of_another_device() };
            let others: Vec<Remembered> = (1..executors).map(|_| of_all.of_another_executor()).collect();
            std::iter::once(of_all).chain(others).map(move |remembered| (place, remembered))
        };
        Ok((device, Self(places.into_iter().enumerate().flat_map(of_device).collect())))
    }

    /// A network for each executor. Networks must be made in the same order for all: one call for each network.
    ///
    /// # Errors
    /// The first that cannot be made.
    pub(super) fn each<N, E>(&self, make: impl Fn(Place, &Remembered) -> Result<N, E>) -> Result<Vec<N>, E> {
        self.0.iter().map(|(place, remembered)| make(*place, remembered)).collect()
    }
}
