//! Damage of a data set: all damaged places of a split as one error, the first of them with file and line.

use std::error::Error;

use anyhow::{Result, bail};

/// Faults that are listed; the rest are counted.
const FAULTS_SHOWN: usize = 20;

/// The damaged places of a split.
#[derive(Debug, Default)]
pub(super) struct Damage {
    shown: Vec<String>,
    more: usize,
}

impl Damage {
    /// Notes a fault.
    pub(super) fn note(&mut self, fault: &dyn Error) {
        self.say(match fault.source() {
            Some(source) => format!("{fault}: {source}"),
            None => fault.to_string(),
        });
    }

    /// Notes a fault that names its place.
    pub(super) fn say(&mut self, fault: String) {
        if self.shown.len() == FAULTS_SHOWN {
            self.more += 1;
        } else {
            self.shown.push(fault);
        }
    }

    /// Nothing, or one error of all faults.
    ///
    /// # Errors
    /// There are faults.
    pub(super) fn refuse(&self, split: &str) -> Result<()> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let more = if self.more > 0 { format!("\nand {} more", self.more) } else { String::new() };
        bail!("{split} is damaged:\n{}{more}", self.shown.join("\n"))
    }
}
