//! Order of texts: each epoch shuffles them, and texts of like length share a step, so that little is padding.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Steps whose texts are sorted by length together: the order stays random from one such group to the next.
const STEPS_SORTED: usize = 50;

/// Which texts a step has. It depends on the seed and the step alone.
#[derive(Debug, Clone)]
pub(super) struct Order {
    lengths: Vec<usize>,
    batch: usize,
    seed: u64,
    /// The epoch that was asked for last, and its steps.
    last: Option<(i64, Vec<Vec<usize>>)>,
}

impl Order {
    /// The order of texts of these lengths, `batch` of them in a step.
    #[must_use]
    pub(super) fn new(lengths: Vec<usize>, batch: usize, seed: u64) -> Self {
        Self { lengths, batch: batch.max(1), seed, last: None }
    }

    /// Steps of an epoch, the last of which may have fewer texts.
    #[must_use]
    pub(super) fn steps(&self) -> i64 {
        self.lengths.len().div_ceil(self.batch).max(1) as i64
    }

    /// The indices of a step's texts.
    pub(super) fn texts(&mut self, step: i64) -> &[usize] {
        let (epoch, index) = (step / self.steps(), (step % self.steps()) as usize);
        if self.last.as_ref().is_none_or(|(last, _)| *last != epoch) {
            self.last = Some((epoch, self.epoch(epoch)));
        }
        self.last.as_ref().and_then(|(_, steps)| steps.get(index)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The steps of an epoch.
    fn epoch(&self, epoch: i64) -> Vec<Vec<usize>> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"order of texts").update(&self.seed.to_le_bytes()).update(&epoch.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
        let mut texts: Vec<usize> = (0..self.lengths.len()).collect();
        texts.shuffle(&mut rng);
        let mut steps: Vec<Vec<usize>> = Vec::new();
        for group in texts.chunks_mut(self.batch * STEPS_SORTED) {
            group.sort_by_key(|&text| self.lengths[text]);
            steps.extend(group.chunks(self.batch).map(<[usize]>::to_vec));
        }
        steps.shuffle(&mut rng);
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_each_text_once_in_steps_of_like_length_and_another_order_than_the_next() {
        let lengths: Vec<usize> = (0..1_003).map(|text| text * 7 % 60).collect();
        let mut order = Order::new(lengths.clone(), 8, 1);
        assert_eq!(order.steps(), 126);
        let mut epochs = Vec::new();
        for epoch in 0..2 {
            let steps: Vec<Vec<usize>> =
                (0..126).map(|step| order.texts(epoch * 126 + step).to_vec()).collect();
            let mut texts = steps.concat();
            let padding: usize = steps
                .iter()
                .map(|step| {
                    let longest = step.iter().map(|&text| lengths[text]).max().unwrap();
                    step.iter().map(|&text| longest - lengths[text]).sum::<usize>()
                })
                .sum();
            assert!(padding * 20 < lengths.iter().sum::<usize>(), "{padding}");
            epochs.push(steps);
            texts.sort_unstable();
            assert_eq!(texts, (0..1_003).collect::<Vec<_>>());
        }
        assert_ne!(epochs[0], epochs[1]);
        // Asked for out of order, and by another of the same seed.
        assert_eq!(Order::new(lengths.clone(), 8, 1).texts(130), epochs[1][4]);
        assert_ne!(Order::new(lengths, 8, 2).texts(130), epochs[1][4]);
    }
}
