//! Budget of picture caches on a device. One budget of bytes for all its networks: the encoding that is longest
//! unused goes first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::Tensor;

use crate::common::cache::ByteLru;
use crate::domain::{ContentHash, Stage};

/// What the networks of one device share to remember pictures. Clones share the same budget.
#[derive(Debug, Clone)]
pub struct Remembered {
    kept: Arc<Mutex<Kept>>,
    bytes: [Arc<AtomicU64>; Stage::WITH_RETRIEVAL.len()],
    entries: [Arc<AtomicU64>; Stage::WITH_RETRIEVAL.len()],
}

#[derive(Debug)]
struct Kept {
    encodings: ByteLru<(NetworkId, ContentHash), Encoding>,
    networks: u64,
}

/// One network among those that share a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct NetworkId(u64);

/// An encoding on the device; it and its bytes count for its stage as long as it is kept.
#[derive(Debug)]
struct Encoding {
    tensor: Tensor,
    bytes: u64,
    /// All bytes and all entries of its stage.
    of_stage: [Arc<AtomicU64>; 2],
}

impl Drop for Encoding {
    fn drop(&mut self) {
        let [bytes, entries] = &self.of_stage;
        bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        entries.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One network's part of the budget: what it has put there, and nobody else's.
#[derive(Debug)]
pub(in crate::networks) struct Shelf {
    budget: Remembered,
    network: NetworkId,
    stage: Stage,
}

/// Says what a [`Shelf`] holds, from any thread.
#[derive(Debug, Clone)]
pub(in crate::networks) struct Reader {
    budget: Remembered,
    network: NetworkId,
}

impl Reader {
    /// Whether the encoding of this picture is kept now.
    pub(in crate::networks) fn has(&self, picture: &ContentHash) -> bool {
        self.budget.kept().encodings.get(&(self.network, *picture)).is_some()
    }
}

impl Remembered {
    /// At most so many bytes of the device's memory, for all networks together.
    #[must_use]
    pub fn within(bytes: usize) -> Self {
        let kept = Kept { encodings: ByteLru::new(bytes), networks: 0 };
        Self { kept: Arc::new(Mutex::new(kept)), bytes: Default::default(), entries: Default::default() }
    }

    /// The most bytes that all networks may remember together.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.kept().encodings.max_bytes()
    }

    /// What the network of a stage remembers now, in bytes; one that two stages share counts for the earlier. The number
    /// is shared: it can be read from other threads.
    #[must_use]
    pub fn bytes(&self, stage: Stage) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes[stage as usize])
    }

    /// How many pictures the network of a stage remembers now, counted as their bytes are.
    #[must_use]
    pub fn entries(&self, stage: Stage) -> Arc<AtomicU64> {
        Arc::clone(&self.entries[stage as usize])
    }

    /// What all networks remember now, in bytes.
    #[must_use]
    pub fn all_bytes(&self) -> u64 {
        self.bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    /// Room for one more network.
    pub(in crate::networks) fn shelf(&self, stage: Stage) -> Shelf {
        let mut kept = self.kept();
        kept.networks += 1;
        Shelf { budget: self.clone(), network: NetworkId(kept.networks), stage }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A map that was left by a panic holds what it held before, or one encoding less.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A budget for one network alone.
impl From<usize> for Remembered {
    fn from(bytes: usize) -> Self {
        Self::within(bytes)
    }
}

impl Shelf {
    pub(in crate::networks) fn reader(&self) -> Reader {
        Reader { budget: self.budget.clone(), network: self.network }
    }

    pub(in crate::networks) fn get(&self, picture: &ContentHash) -> Option<Tensor> {
        let mut kept = self.budget.kept();
        kept.encodings.get(&(self.network, *picture)).map(|encoding| encoding.tensor.shallow_clone())
    }

    /// Forgets what this network has kept.
    pub(in crate::networks) fn forget(&self) {
        self.budget.kept().encodings.remove_if(|(network, _), _| *network == self.network);
    }

    /// Keeps an encoding that owns its memory; one larger than the whole budget is not kept.
    pub(in crate::networks) fn keep(&self, picture: ContentHash, tensor: Tensor) {
        let bytes = tensor.numel() * tensor.kind().elt_size_in_bytes();
        let of_stage = [self.budget.bytes(self.stage), self.budget.entries(self.stage)];
        of_stage[0].fetch_add(bytes as u64, Ordering::Relaxed);
        of_stage[1].fetch_add(1, Ordering::Relaxed);
        let encoding = Encoding { tensor, bytes: bytes as u64, of_stage };
        self.budget.kept().encodings.insert((self.network, picture), encoding, bytes);
    }
}

impl Drop for Shelf {
    /// What a network that has gone remembers helps nobody.
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn hash(value: u8) -> ContentHash {
        ContentHash([value; 32])
    }

    fn ten_bytes() -> Tensor {
        Tensor::zeros([10], (Kind::Uint8, Device::Cpu))
    }

    fn spent(budget: &Remembered) -> [u64; 2] {
        [Stage::Entail, Stage::Segment].map(|stage| budget.bytes(stage).load(Ordering::Relaxed))
    }

    fn pictures(budget: &Remembered) -> [u64; 2] {
        [Stage::Entail, Stage::Segment].map(|stage| budget.entries(stage).load(Ordering::Relaxed))
    }

    #[test]
    fn networks_spend_one_budget_and_the_gauges_say_on_what() {
        let budget = Remembered::within(40);
        let (entail, segment) = (budget.shelf(Stage::Entail), budget.shelf(Stage::Segment));
        for value in 0..3 {
            entail.keep(hash(value), ten_bytes());
        }
        segment.keep(hash(0), ten_bytes());
        assert_eq!((spent(&budget), pictures(&budget)), ([30, 10], [3, 1]));
        assert!(entail.get(&hash(0)).is_some());
        segment.keep(hash(1), ten_bytes());
        assert_eq!((spent(&budget), budget.all_bytes()), ([20, 20], 40), "the budget is one for both");
        assert!(entail.get(&hash(1)).is_none(), "it was longest unused, though another network came");
        assert!(entail.get(&hash(0)).is_some() && segment.get(&hash(0)).is_some());
    }

    #[test]
    fn a_picture_is_each_networks_own_and_goes_with_its_network() {
        let budget = Remembered::within(40);
        let (entail, segment) = (budget.shelf(Stage::Entail), budget.shelf(Stage::Segment));
        entail.keep(hash(1), ten_bytes());
        assert!(segment.get(&hash(1)).is_none());
        segment.keep(hash(1), ten_bytes());
        entail.keep(hash(1), ten_bytes());
        assert_eq!(spent(&budget), [10, 10], "the second time in place of the first");
        segment.keep(hash(2), Tensor::zeros([41], (Kind::Uint8, Device::Cpu)));
        assert_eq!(spent(&budget), [10, 10], "larger than the whole budget");
        drop(entail);
        assert_eq!((spent(&budget), pictures(&budget)), ([0, 10], [0, 1]));
    }
}
