//! Batch budget: the configured size of a lane's batches and the longest wait of its requests.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Limits of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Most requests in a batch.
    pub max_requests: NonZeroUsize,
    /// Most tokens in a batch, padding included: pieces of text, and one for each 16 x 16 pixels of a picture.
    pub max_tokens: u32,
    /// A request that has waited longer than this goes before fuller batches of other lanes.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_read_from_settings_with_units_and_refuses_unknown_keys() {
        let good = "max_requests = 8\nmax_tokens = 2048\npatience = \"2s\"";
        let budget: Budget = toml::from_str(good).unwrap();
        assert_eq!(budget.patience, Duration::from_secs(2));
        assert!(toml::from_str::<Budget>(&good.replace("patience", "patients")).is_err());
        assert!(
            toml::from_str::<Budget>(&good.replace("max_tokens", "max_cost")).is_err(),
            "its name of old"
        );
        assert!(toml::from_str::<Budget>(&good.replace('8', "0")).is_err());
    }
}
