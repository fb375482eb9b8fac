//! Budget of picture caches on a device. One budget of bytes for all its networks: the encoding that is longest
//! unused goes first.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tch::Tensor;

use crate::common::cache::ByteLru;
use crate::domain::{ContentHash, Stage};

/// What the networks of one device share to remember pictures. Clones share the same budget.
#[derive(Debug, Clone)]
pub struct Remembered {
    kept: Arc<Shared>,
    /// The number of the executor's next network.
    next: Arc<AtomicU64>,
    bytes: [Arc<AtomicU64>; Stage::WITH_RETRIEVAL.len()],
    entries: [Arc<AtomicU64>; Stage::WITH_RETRIEVAL.len()],
}

#[derive(Debug)]
struct Shared {
    kept: Mutex<Kept>,
    /// An encoding was made, or will not be made.
    changed: Condvar,
}

#[derive(Debug)]
struct Kept {
    encodings: ByteLru<(NetworkId, ContentHash), Encoding>,
    /// What an executor makes now.
    in_progress: HashSet<(NetworkId, ContentHash)>,
    /// The executors whose network of that number exists.
    shelves: HashMap<NetworkId, usize>,
}

/// One network among those that share a budget; the same number for all executors.
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
        let kept =
            Kept { encodings: ByteLru::new(bytes), in_progress: HashSet::new(), shelves: HashMap::new() };
        let shared = Shared { kept: Mutex::new(kept), changed: Condvar::new() };
        let (bytes, entries) = Default::default();
        Self { kept: Arc::new(shared), next: Arc::default(), bytes, entries }
    }

    /// The same budget for a further executor of the device. It must make the same networks in the same order: networks
    /// of one number share their encodings.
    #[must_use]
    pub fn of_another_executor(&self) -> Self {
        Self { next: Arc::default(), ..self.clone() }
    }

    /// A budget of the same size on another device. What is remembered there counts in the same numbers.
    #[must_use]
    pub fn of_another_device(&self) -> Self {
        let (bytes, entries) = (self.bytes.clone(), self.entries.clone());
        Self { bytes, entries, ..Self::within(self.max_bytes()) }
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
        let network = NetworkId(self.next.fetch_add(1, Ordering::Relaxed));
        *self.kept().shelves.entry(network).or_default() += 1;
        Shelf { budget: self.clone(), network, stage }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A map that was left by a panic holds what it held before, or one encoding less.
        self.kept.kept.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[cfg(test)]
    pub(in crate::networks) fn get(&self, picture: &ContentHash) -> Option<Tensor> {
        let mut kept = self.budget.kept();
        kept.encodings.get(&(self.network, *picture)).map(|encoding| encoding.tensor.shallow_clone())
    }

    /// The encodings of these pictures that are kept, and of the others those that nobody makes now, which the caller
    /// makes before it waits for the rest.
    pub(in crate::networks) fn claim<'a>(
        &self,
        pictures: impl Iterator<Item = &'a ContentHash>,
    ) -> (Vec<Option<Tensor>>, Claims) {
        let mut kept = self.budget.kept();
        let mut claims = Claims { budget: self.budget.clone(), network: self.network, pictures: Vec::new() };
        let found = pictures.enumerate().map(|(number, picture)| {
            let key = (self.network, *picture);
            let encoding = kept.encodings.get(&key).map(|encoding| encoding.tensor.shallow_clone());
            if encoding.is_none() && kept.in_progress.insert(key) {
                claims.pictures.push((number, *picture));
            }
            encoding
        });
        (found.collect(), claims)
    }

    /// Waits until no executor makes the encoding of this picture, and gives it; none where it was not made or not kept.
    pub(in crate::networks) fn wait_for(&self, picture: &ContentHash) -> Option<Tensor> {
        let key = (self.network, *picture);
        let shared = &self.budget.kept;
        let in_progress = |kept: &mut Kept| kept.in_progress.contains(&key);
        let kept = shared.changed.wait_while(self.budget.kept(), in_progress);
        let mut kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.encodings.get(&key).map(|encoding| encoding.tensor.shallow_clone())
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
    /// What a network remembers that the last executor has dropped helps nobody.
    fn drop(&mut self) {
        let mut kept = self.budget.kept();
        let is_last = kept.shelves.get_mut(&self.network).is_none_or(|executors| {
            *executors -= 1;
            *executors == 0
        });
        drop(kept);
        if is_last {
            self.forget();
        }
    }
}

/// Pictures whose encodings an executor makes now. Others wait for them until this is dropped.
#[derive(Debug)]
pub(in crate::networks) struct Claims {
    budget: Remembered,
    network: NetworkId,
    pictures: Vec<(usize, ContentHash)>,
}

impl Claims {
    /// The places of the pictures among those that were asked for.
    pub(in crate::networks) fn places(&self) -> Vec<usize> {
        self.pictures.iter().map(|(place, _)| *place).collect()
    }
}

impl Drop for Claims {
    /// However it ends, nobody waits in vain.
    fn drop(&mut self) {
        let mut kept = self.budget.kept();
        for (_, picture) in &self.pictures {
            kept.in_progress.remove(&(self.network, *picture));
        }
        drop(kept);
        self.budget.kept.changed.notify_all();
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
