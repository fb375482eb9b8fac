//! The section `device` of the configuration: where the networks run.

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::DeviceNames;
use crate::scheduler::Device;

/// The device, and what is kept on it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `cpu`, `cuda`, or `cuda:` and an index; or several GPUs.
    pub name: DeviceNames,
    /// Batches that each device computes at one time; 0: on a CPU one for each core that `threads` leave, on a GPU one.
    pub executors: usize,
    /// Threads of one operator on the CPU; 0: the cores, divided among the executors.
    pub threads: usize,
    /// The number format in which the networks compute.
    pub precision: PrecisionChoice,
    /// Limit of each device's memory that all networks together use for encodings of pictures.
    pub trunk_cache: ByteSize,
    /// Limit of the memory for pictures at the sizes of the networks.
    pub picture_cache: ByteSize,
}

/// Who chooses the number format of each network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// The bundle.
    #[default]
    Bundle,
    /// The engine, which measures at the start whether 16 bits are faster here.
    Auto,
    /// 32 bits for all networks.
    F32,
    /// 16 bits with the range of 32 for all networks.
    Bf16,
    /// 16 bits that end at 65,504 for all networks.
    F16,
}

impl Config {
    /// Range faults: the key within the section, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold("executors", self.executors <= Device::MAX_EXECUTORS, "must be 0 (as many as fit) to 64");
        hold("threads", self.threads <= 1024, "must be 0 (all cores) to 1024");
        faults.extend(self.name.fault().map(|fault| ("name", fault)));
        faults
    }

    /// Executors of each device and threads of each executor on a machine with so many cores for this process. On a CPU
    /// they are together never more than the cores: threads that wait for a core keep others waiting at every operator.
    #[must_use]
    pub fn layout(&self, cores: usize) -> Layout {
        let (cores, devices) = (cores.max(1), self.name.count().max(1));
        let executors = match self.executors {
            0 if !self.name.on_cpu() => 1,
            0 => cores / self.threads.clamp(1, cores),
            executors => executors,
        };
        let executors = if self.name.on_cpu() { executors.min(cores) } else { executors };
        let executors = executors.clamp(1, (Device::MAX_EXECUTORS / devices).max(1));
        let threads = if self.threads == 0 { cores } else { self.threads };
        Layout { executors, threads: threads.min(cores / (executors * devices)).max(1) }
    }
}

/// How the cores of a process are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Batches that each device computes at one time.
    pub executors: usize,
    /// Threads of one operator on the CPU.
    pub threads: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_and_threads_never_exceed_the_cores() {
        let layout = |name: &str, executors, threads, cores| {
            let config = Config {
                name: name.split(' ').map(str::to_owned).collect(),
                executors,
                threads,
                precision: PrecisionChoice::Bundle,
                trunk_cache: ByteSize(0),
                picture_cache: ByteSize(0),
            };
            let Layout { executors, threads } = config.layout(cores);
            (executors, threads)
        };
        for (name, set, cores, expected) in [
            ("cpu", (0, 0), 2, (2, 1)),
            ("cpu", (0, 1), 8, (8, 1)),
            ("cpu", (0, 4), 8, (2, 4)),
            ("cpu", (0, 16), 8, (1, 8)),
            ("cpu", (1, 0), 8, (1, 8)),
            ("cpu", (2, 0), 8, (2, 4)),
            ("cpu", (9, 9), 4, (4, 1)),
            ("cpu", (0, 0), 200, (64, 3)),
            ("cuda:0", (0, 0), 16, (1, 16)),
            ("cuda:0", (2, 1), 16, (2, 1)),
            ("cuda:0 cuda:1", (0, 0), 16, (1, 8)),
            ("cuda:0 cuda:1", (50, 0), 16, (32, 1)),
        ] {
            assert_eq!(layout(name, set.0, set.1, cores), expected, "{name} {set:?} on {cores}");
        }
    }
}
