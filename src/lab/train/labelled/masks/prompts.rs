//! Prompts of a training: boxes whose edges are moved a little at each step, because those of a grounder are not exact.
//!
//! As in the paper on SAM (appendix A): normal noise, whose deviation is a tenth of the box's side, of 20 pixels at most.

use std::f64::consts::PI;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::recipe::Jitter;

/// The longer side of the pictures in whose pixels `prompt.most` is.
const MOST_AT: f64 = 1024.0;

/// Moves boxes. What it does to a region depends on the seed, the step and the region alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mover {
    /// By how much.
    pub(super) jitter: Jitter,
    /// The seed of the training.
    pub(super) seed: u32,
    /// The side of the square that the network sees.
    pub(super) side: u32,
}

impl Mover {
    /// The corners that a region is asked by at a step: left, top, right, bottom within a picture of this size.
    #[must_use]
    pub(super) fn moved(
        &self,
        corners: [f32; 4],
        (step, region): (i64, usize),
        (width, height): (u32, u32),
    ) -> [f32; 4] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"jitter of boxes").update(&self.seed.to_le_bytes());
        hasher.update(&step.to_le_bytes()).update(&(region as u64).to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(*hasher.finalize().as_bytes());
        let most = self.jitter.most * f64::from(self.side) / MOST_AT;
        let [x0, y0, x1, y1] = corners;
        let mut edge = |edge: f32, side: f32, limit: u32| {
            let noise = normal(&mut rng) * self.jitter.noise * f64::from(side);
            (f64::from(edge) + noise.clamp(-most, most)).clamp(0.0, f64::from(limit)) as f32
        };
        let across = [edge(x0, x1 - x0, width), edge(x1, x1 - x0, width)];
        let down = [edge(y0, y1 - y0, height), edge(y1, y1 - y0, height)];
        // Strong noise may turn a box over.
        let [left, right] = [across[0].min(across[1]), across[0].max(across[1])];
        let [top, bottom] = [down[0].min(down[1]), down[0].max(down[1])];
        [left, top, right, bottom]
    }
}

/// A number of the standard normal distribution (Box and Muller).
fn normal(rng: &mut impl Rng) -> f64 {
    let (length, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * length.ln()).sqrt() * (2.0 * PI * angle).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_move_by_a_tenth_of_the_side_and_by_twenty_pixels_at_most() {
        let mover = Mover { jitter: Jitter { noise: 0.1, most: 20.0 }, seed: 3, side: 512 };
        // The left edge of boxes of 60 and of 400 pixels, in many steps.
        let moves = |right: f32| -> Vec<f64> {
            let moved = |step| mover.moved([100.0, 100.0, right, 160.0], (step, 7), (512, 512))[0];
            (0..2_000).map(|step| f64::from(moved(step)) - 100.0).collect()
        };
        let deviation = |moves: &[f64]| {
            (moves.iter().map(|moved| moved * moved).sum::<f64>() / moves.len() as f64).sqrt()
        };
        let small = moves(160.0);
        assert!((deviation(&small) - 6.0).abs() < 0.6, "{}", deviation(&small));
        assert!(moves(500.0).iter().all(|moved| moved.abs() <= 10.0), "20 pixels at 1,024 are 10 at 512");
        assert_eq!(small, moves(160.0), "to the bit");
    }

    #[test]
    fn a_moved_box_stays_a_box_of_its_picture() {
        let mover = Mover { jitter: Jitter { noise: 3.0, most: 1e6 }, seed: 1, side: 64 };
        for step in 0..200 {
            let [x0, y0, x1, y1] = mover.moved([1.0, 2.0, 60.0, 30.0], (step, 0), (64, 32));
            assert!(0.0 <= x0 && x0 <= x1 && x1 <= 64.0 && 0.0 <= y0 && y0 <= y1 && y1 <= 32.0);
        }
    }
}
