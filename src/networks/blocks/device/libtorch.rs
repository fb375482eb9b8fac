//! libtorch: which build of it runs in this process, which devices it sees, and what it reads from the environment.

use std::fmt;

use tch::{Cuda, Device};

/// The libtorch that this process has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Libtorch {
    /// The version of CUDA that it was built with, such as 13000 for 13.0; none where it is for the CPU alone.
    cuda: Option<i64>,
    /// CUDA devices that its driver has.
    devices: usize,
}

/// The version that the engine was built with, as build.rs finds it.
const VERSION: &str = env!("RIVEG_LIBTORCH");

/// What libtorch reads from the environment when it starts and tch has no call for, with the value that a GPU wants.
///
/// Segments that can grow keep memory in one piece under batches of changing size. TF32 makes matrix products of f32
/// several times faster, to 10 bits behind the point: convolutions use it anyway.
const FOR_CUDA: [(&str, &str); 2] =
    [("PYTORCH_ALLOC_CONF", "expandable_segments:True"), ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")];

impl Libtorch {
    /// That of this process. Looks for devices, which takes a moment where there are any.
    #[must_use]
    pub fn here() -> Self {
        let cuda = tch::utils::has_cudart().then(tch::utils::version_cudart);
        Self { cuda, devices: usize::try_from(Cuda::device_count()).unwrap_or(0) }
    }

    /// Why it has no CUDA device of this index; none where it has.
    pub(super) fn lacks(self, index: usize) -> Option<String> {
        match self {
            Self { devices, .. } if index < devices => None,
            Self { cuda: None, .. } => Some(format!(
                "{self} is in use; `scripts/libtorch cuda` brings one with CUDA, to build with LIBTORCH=.deps/libtorch-cuda"
            )),
            Self { devices: 0, .. } => Some(format!(
                "{self}; `nvidia-smi` tells whether a driver for this version of CUDA and a device are there"
            )),
            Self { .. } => Some(format!("{self}; they are counted from 0")),
        }
    }
}

impl fmt::Display for Libtorch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "libtorch {VERSION} ")?;
        let Some(version) = self.cuda else { return formatter.write_str("without CUDA") };
        write!(formatter, "with CUDA {}.{} sees ", version / 1000, version % 1000 / 10)?;
        match self.devices {
            0 => formatter.write_str("no device"),
            1 => formatter.write_str("1 device"),
            devices => write!(formatter, "{devices} devices"),
        }
    }
}

/// Variables of the environment that make `device` slower by their absence, each as `NAME=value`.
///
/// A process cannot set them for itself: libtorch may have read them before, and other threads read them meanwhile.
#[must_use]
pub fn unset_variables(device: Device, is_set: impl Fn(&str) -> bool) -> Vec<String> {
    // Of the allocator's variable the older name, too.
    let has = |name: &str| is_set(name) || name == FOR_CUDA[0].0 && is_set("PYTORCH_CUDA_ALLOC_CONF");
    let missing = FOR_CUDA.iter().filter(|(name, _)| device.is_cuda() && !has(name));
    missing.map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_described_by_version_and_devices_and_a_missing_device_with_what_to_do() {
        let cases = [
            (None, 0, "without CUDA", "`scripts/libtorch cuda`"),
            (Some(13000), 0, "with CUDA 13.0 sees no device", "`nvidia-smi`"),
            (Some(12080), 1, "with CUDA 12.8 sees 1 device", "from 0"),
            (Some(13010), 2, "with CUDA 13.1 sees 2 devices", "from 0"),
        ];
        for (cuda, devices, said, advice) in cases {
            let libtorch = Libtorch { cuda, devices };
            let text = libtorch.to_string();
            assert!(text.starts_with("libtorch 2.11.0") && text.ends_with(said), "{text}");
            let reason = libtorch.lacks(devices).unwrap();
            assert!(reason.contains(&text) && reason.contains(advice), "{reason}");
            assert!((0..devices).all(|index| libtorch.lacks(index).is_none()));
        }
    }

    #[test]
    fn variables_are_missed_on_a_gpu_alone_and_under_either_name() {
        let none = |_: &str| false;
        assert!(unset_variables(Device::Cpu, none).is_empty());
        let all = unset_variables(Device::Cuda(0), none);
        assert_eq!(
            all,
            ["PYTORCH_ALLOC_CONF=expandable_segments:True", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1"]
        );
        let older = |name: &str| name == "PYTORCH_CUDA_ALLOC_CONF";
        assert_eq!(unset_variables(Device::Cuda(0), older), all[1..]);
        assert!(unset_variables(Device::Cuda(0), |_| true).is_empty());
    }
}
