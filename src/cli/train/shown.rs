//! Progress of a training: a bar with the time left on a terminal, lines of the log otherwise.

use std::time::Duration;

use anyhow::Result;
use indicatif::ProgressBar;

use crate::cli::progress;
use crate::lab::train::{Taken, Validation, Watch};

/// Steps between two lines of the log.
const LOG_INTERVAL: i64 = 50;

/// Shows a training to people.
pub(super) struct Shown {
    name: &'static str,
    bar: ProgressBar,
}

impl Shown {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, bar: progress::bar(0, "{bar:30} step {pos} of {len} {msg}") }
    }
}

impl Watch for Shown {
    fn begins(&mut self, step: i64, of: i64) -> Result<()> {
        self.bar.set_length(of.unsigned_abs());
        self.bar.set_position(step.unsigned_abs());
        if step > 0 {
            tracing::info!(training = self.name, step, of, "goes on from its checkpoint");
        }
        Ok(())
    }

    fn taken(&mut self, taken: &Taken) -> Result<()> {
        let Taken { step, of, loss, norm, rate, .. } = *taken;
        let left = humantime::format_duration(Duration::from_secs(taken.left().as_secs()));
        self.bar.set_position(step.unsigned_abs());
        self.bar.set_message(format!("loss {loss:.3}, {left} left"));
        if self.bar.is_hidden() && (step % LOG_INTERVAL == 0 || step == of) {
            tracing::info!(
                training = self.name,
                step,
                of,
                "loss {loss:.4} norm {norm:.2} rate {rate:.2e}, {left} left"
            );
        }
        Ok(())
    }

    fn validated(&mut self, step: i64, validation: &Validation, is_best: bool) -> Result<()> {
        let best = if is_best { ", the best so far" } else { "" };
        self.bar.suspend(|| {
            tracing::info!(training = self.name, step, "dev split: {}{best}", validation.words);
        });
        Ok(())
    }
}
