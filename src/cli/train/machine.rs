//! Machine of a training on labelled data: `--device` and `--threads`.

use crate::cli::UsageError;
use crate::lab::train::Machine;
use crate::networks::blocks::device;

// What a training runs on.
#[derive(Debug, clap::Args)]
pub(super) struct MachineArguments {
    /// What computes: `cpu`, `cuda`, or `cuda:` and an index. On a GPU the same training may give slightly
    /// different weights.
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: String,
    /// Threads of libtorch [default: all cores]. A resumed training needs the same number for the same bits.
    #[arg(long)]
    threads: Option<i32>,
}

impl MachineArguments {
    /// The machine.
    ///
    /// # Errors
    /// There is no such device here.
    pub(super) fn find(&self) -> Result<Machine, UsageError> {
        let device = device::find(&self.device).map_err(|error| UsageError(error.to_string()))?;
        Ok(Machine { device, threads: self.threads })
    }
}
