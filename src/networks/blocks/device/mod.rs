//! Device: where the networks run.

mod config;
mod libtorch;
mod names;

pub use config::{Config, Layout, PrecisionChoice};
pub use libtorch::{Libtorch, unset_variables};
pub use names::DeviceNames;
/// Where the tensors of a network lie.
pub use tch::Device as Place;
use tch::{Cuda, Device, Kind, TchError, Tensor};
use tracing::warn;

use crate::scheduler::ModelError;

/// A device that this machine does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no device `{name}`: {reason}")]
pub struct NoDevice {
    name: String,
    reason: String,
}

impl From<TchError> for ModelError {
    fn from(error: TchError) -> Self {
        Self::from_message(error.to_string())
    }
}

/// The device of that name: `cpu`, `cuda`, or `cuda:` and an index.
///
/// # Errors
/// Where there is no such device here, or no device has such a name.
pub fn find(name: &str) -> Result<Device, NoDevice> {
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => Some(0),
        Some(("cuda", index)) => index.parse::<usize>().ok(),
        _ => None,
    };
    let none = |reason: String| NoDevice { name: name.to_owned(), reason };
    let index = index.ok_or_else(|| none("a device is `cpu`, `cuda`, or `cuda:` and an index".to_owned()))?;
    match Libtorch::here().lacks(index) {
        Some(reason) => Err(none(reason)),
        None => Ok(Device::Cuda(index)),
    }
}

/// A tensor of host memory on a device. Does not wait for the copy: on a GPU what is launched afterwards waits for it there,
/// and it waits for nothing that was launched before. Memory that [`staged`] has returned is read by the GPU itself;
/// other memory is read before this returns.
pub(in crate::networks) fn send(tensor: &Tensor, device: Device) -> Result<Tensor, TchError> {
    tensor.f_to_device_(device, tensor.f_kind()?, true, false)
}

/// A tensor of host memory in memory that a GPU reads by itself, so that [`send`] takes no time of the device's thread; as
/// it is for a CPU, or where the system has no such memory left, which is said.
pub(in crate::networks) fn staged(tensor: Tensor, device: Device) -> Tensor {
    if !device.is_cuda() {
        return tensor;
    }
    match tensor.f_internal_pin_memory(device) {
        Ok(pinned) => pinned,
        Err(error) => {
            let why = error.to_string();
            warn!(why, "a batch is copied to the GPU from pageable memory");
            tensor
        }
    }
}

/// Lets convolutions on a GPU be tried in several ways at their first run of a size, and the fastest be taken from then on.
/// For networks that read pictures of one size: then there are as many sizes as a batch may have members. Others would try at
/// every new size of a picture.
pub fn tune(device: Device, reads_one_size: bool) {
    if device.is_cuda() {
        Cuda::cudnn_set_benchmark(reads_one_size);
    }
}

/// More than any device has, and less than the 2^60 bytes that libtorch refuses before it looks for room.
const IMPOSSIBLE: i64 = 1 << 50;

/// Has libtorch's allocator hand the memory back to the driver that it keeps for later and no tensor holds.
///
/// cuBLAS and cuDNN allocate beside it, and cannot use what it keeps. tch has no call for this. libtorch does it by
/// itself before it says that an allocation does not fit: so one is asked for that fits nowhere. On a processor memory
/// goes back as it is freed.
pub(in crate::networks) fn hand_back(device: Device) {
    if device.is_cuda() {
        // It cannot succeed; and if it failed for another reason, the next run will say so.
        let _ = Tensor::f_empty([IMPOSSIBLE], (Kind::Uint8, device));
    }
}

/// The cores that this process may use, by affinity and by limits of its container.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Lets operators on the CPU that this thread runs use so many threads; 0: as many as there are cores.
///
/// OpenMP and oneDNN keep the number by thread, and what oneDNN has prepared is lost with a new one: call this on the
/// thread that computes, once, before it does.
pub fn use_threads(threads: usize) {
    let threads = if threads == 0 { cores() } else { threads };
    tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_not_here_is_named_with_the_reason() {
        assert_eq!(find("cpu"), Ok(Device::Cpu));
        for (name, reason) in
            [("tpu", "a device is"), ("cuda:x", "a device is"), ("cuda:250", "libtorch 2.11.0")]
        {
            let error = find(name).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.contains(reason), "{error}");
        }
    }
}
