//! The section `telemetry.traces` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

/// Where spans are sent, and of which posts.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Traces {
    /// The collector's address for OTLP over HTTP; empty: there are no traces.
    pub endpoint: String,
    /// The share of posts without a `traceparent` that are traced, 0 to 1.
    pub sample: f64,
    /// The longest time for one request to the collector.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Traces {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !self.endpoint.is_empty() && self.url().is_none() {
            let message = "must be an address such as `http://localhost:4318/v1/traces`, without name and password, or empty";
            faults.push(("traces.endpoint", message.to_owned()));
        }
        if !(0.0..=1.0).contains(&self.sample) {
            faults.push(("traces.sample", "must be 0 to 1".to_owned()));
        }
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(60) {
            faults.push(("traces.timeout", "must be more than nothing and a minute or less".to_owned()));
        }
        faults
    }

    /// The address; none where there are no traces, or where it is not valid.
    pub(super) fn url(&self) -> Option<Url> {
        let url = Url::parse(&self.endpoint).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.has_host();
        (matches!(url.scheme(), "http" | "https") && is_plain).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_address_without_a_password() {
        let faults = |endpoint: &str, sample| {
            let timeout = Duration::from_secs(1);
            let traces = Traces { endpoint: endpoint.to_owned(), sample, timeout };
            traces.faults().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        for endpoint in ["", "http://localhost:4318/v1/traces", "https://collector/v1/traces"] {
            assert!(faults(endpoint, 0.5).is_empty(), "{endpoint}");
        }
        for endpoint in ["localhost:4318", "http://a:b@host/", "grpc://host:4317", "http://"] {
            assert_eq!(faults(endpoint, 0.5), ["traces.endpoint"], "{endpoint}");
        }
        for sample in [-0.1, 1.1, f64::NAN] {
            assert_eq!(faults("", sample), ["traces.sample"], "{sample}");
        }
    }
}
