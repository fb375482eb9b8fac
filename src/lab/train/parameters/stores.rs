//! Stores of a network that is trained: one of 32 bits, and where it computes in 16 another of these.

use tch::nn::{Path, VarStore};
use tch::{Device, Kind};

use crate::networks::bundle::Precision;

/// The stores of one network.
#[derive(Debug)]
pub(in crate::lab::train) struct Stores {
    /// The weights that it begins with, and in the end those that it learnt. On the CPU, where the network has a store of its
    /// own.
    pub(in crate::lab::train) weights: VarStore,
    /// What the network computes with, if these are other numbers.
    computed: Option<VarStore>,
}

impl Stores {
    /// Empty stores of a network that computes on a device.
    #[must_use]
    pub(in crate::lab::train) fn new(device: Device, precision: Precision) -> Self {
        if precision.kind() == Kind::Float {
            return Self { weights: VarStore::new(device), computed: None };
        }
        let mut computed = VarStore::new(device);
        computed.set_kind(precision.kind());
        Self { weights: VarStore::new(Device::Cpu), computed: Some(computed) }
    }

    /// A network that computes with the numbers of its own store. Its parameters are in all stores, and begin with the same
    /// numbers whatever it computes in. What it keeps in 32 bits it keeps so.
    pub(in crate::lab::train) fn network<N>(&self, make: impl Fn(&Path<'_>) -> N) -> N {
        let network = make(&self.weights.root());
        match &self.computed {
            Some(computed) => make(&computed.root()),
            None => network,
        }
    }

    /// What the network computes with.
    #[must_use]
    pub(super) fn computed(&self) -> &VarStore {
        self.computed.as_ref().unwrap_or(&self.weights)
    }

    /// Whether the network has other numbers than the weights.
    #[must_use]
    pub(super) fn are_rounded(&self) -> bool {
        self.computed.is_some()
    }
}
