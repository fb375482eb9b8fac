//! How large may a batch be? What is configured, and what the device's memory has taught since.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one lane may put into one batch, and how long it lets a request wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Most requests in a batch.
    pub max_requests: NonZeroUsize,
    /// Most padded cost in a batch, in the unit of the lane's model: tokens or pixels.
    pub max_cost: u32,
    /// A request that has waited longer than this goes before fuller batches of other lanes.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
}

/// The budget as it stands now: memory that ran out has halved it, clean batches let it grow back.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    budget: Budget,
    max_cost: u64,
    clean_batches: u32,
}

/// Clean batches before the budget grows a step: long enough that a limit of the hardware is not met again every
/// few seconds, each time at the price of a failed batch.
const CLEAN_BATCHES_PER_STEP: u32 = 50;

/// A step is this part of the configured budget (5 %).
const STEPS_TO_FULL: u64 = 20;

impl Limits {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, max_cost: u64::from(budget.max_cost), clean_batches: 0 }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn max_requests(&self) -> usize {
        self.budget.max_requests.get()
    }

    pub(super) fn max_cost(&self) -> u64 {
        self.max_cost
    }

    /// A batch was answered at the first try.
    pub(super) fn batch_was_clean(&mut self) {
        let full = u64::from(self.budget.max_cost);
        if self.max_cost >= full {
            return;
        }
        self.clean_batches += 1;
        if self.clean_batches >= CLEAN_BATCHES_PER_STEP {
            self.clean_batches = 0;
            self.max_cost = (self.max_cost + (full / STEPS_TO_FULL).max(1)).min(full);
        }
    }

    /// A batch of that padded cost did not fit into memory. Half of what failed is the new limit: less than half the
    /// budget where the batch was smaller, and no less than before where its other half fails too.
    pub(super) fn memory_ran_out(&mut self, padded: u64) {
        self.max_cost = self.max_cost.min(padded / 2).max(1);
        self.clean_batches = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_cost: u32) -> Limits {
        let max_requests = NonZeroUsize::new(8).unwrap();
        Limits::new(Budget { max_requests, max_cost, patience: Duration::from_millis(50) })
    }

    #[test]
    fn memory_that_ran_out_halves_what_failed() {
        let mut limits = limits(1000);
        limits.memory_ran_out(1000);
        assert_eq!(limits.max_cost(), 500);
        limits.memory_ran_out(300);
        assert_eq!(
            limits.max_cost(),
            150,
            "a smaller batch failed than the limit allows: it is the evidence"
        );
        limits.memory_ran_out(300);
        assert_eq!(limits.max_cost(), 150, "what fails at 300 again tells nothing new");
        limits.memory_ran_out(1);
        assert_eq!(limits.max_cost(), 1, "never nothing");
    }

    #[test]
    fn fifty_clean_batches_give_back_five_per_cent_up_to_the_budget() {
        let mut limits = limits(1000);
        limits.memory_ran_out(1000);
        for _ in 0..49 {
            limits.batch_was_clean();
        }
        assert_eq!(limits.max_cost(), 500);
        limits.batch_was_clean();
        assert_eq!(limits.max_cost(), 550);
        for _ in 0..50 * 20 {
            limits.batch_was_clean();
        }
        assert_eq!(limits.max_cost(), 1000);
    }

    #[test]
    fn a_budget_is_read_from_settings_with_units_and_refuses_unknown_keys() {
        let good = "max_requests = 8\nmax_cost = 2048\npatience = \"2s\"";
        let budget: Budget = toml::from_str(good).unwrap();
        assert_eq!(budget.patience, Duration::from_secs(2));
        assert!(toml::from_str::<Budget>(&good.replace("patience", "patients")).is_err());
        assert!(toml::from_str::<Budget>(&good.replace('8', "0")).is_err());
    }
}
