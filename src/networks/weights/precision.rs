//! Precision: the number format in which a network computes.

use serde::{Deserialize, Serialize};
use tch::Kind;

/// The number format in which a network computes; files may hold another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits: parity is proven in it.
    #[default]
    F32,
    /// 16 bits with the range of 32: for GPUs and CPUs that multiply it.
    Bf16,
    /// 16 bits; values end at 65,504.
    F16,
}

impl Precision {
    /// The format as manifests and settings name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The format as libtorch names it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::F16 => Kind::Half,
        }
    }
}
