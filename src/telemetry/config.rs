//! The section `telemetry` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::traces::Traces;

/// Where metrics and probes are served, and how often progress is logged.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of metrics and probes, `host:port`; empty: they are not served.
    pub address: String,
    /// Time between progress lines in the log; zero: there are none.
    #[serde(with = "humantime_serde")]
    pub progress: Duration,
    /// Traces of posts.
    pub traces: Traces,
    /// The log filter of an engine; empty: `info`.
    pub log: String,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let address = &self.address;
        let port = address.rsplit_once(':').map(|(_, port)| port);
        let is_bindable = address.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_ok());
        let message = "must be `host:port`, or empty for none";
        let mut faults = if is_bindable { Vec::new() } else { vec![("address", message.to_owned())] };
        if EnvFilter::try_new(&self.log).is_err() {
            let message = "must be a filter such as \"info\" or \"warn,riveg::kafka=debug\"";
            faults.push(("log", message.to_owned()));
        }
        faults.extend(self.traces.faults());
        faults
    }
}
