//! Which numbers stand in for weights that are not at hand? The same for one seed, on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Tensor, no_grad};

/// Draws all weights anew, so that libtorch's seed, which is one for the whole process, decides nothing. What starts
/// as a constant stays one: scales of norms, running variances.
pub(super) fn randomise(store: &VarStore, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|(left, _), (right, _)| left.cmp(right));
    for (_, mut variable) in variables {
        let size = variable.size();
        if variable.numel() < 2 || variable.min() == variable.max() {
            continue;
        }
        let fan_in: i64 = size.iter().skip(1).product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let drawn: Vec<f32> = (0..variable.numel()).map(|_| rng.random_range(-bound..bound)).collect();
        no_grad(|| variable.copy_(&Tensor::from_slice(&drawn).view(size.as_slice())));
    }
}
