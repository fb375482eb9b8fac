//! Random initialisation: weights drawn from a seed, the same on every machine.

use tch::nn::VarStore;
use tch::{Kind, Tensor};

/// Numbers drawn at a time: their 128 KiB of random bytes and 256 KiB of floats stay in a core's cache.
const AT_ONCE: usize = 1 << 16;
/// Half of the values that two bytes can have.
const HALF: f64 = 32_768.0;

/// Draws all weights anew, so that libtorch's seed, which is one for the whole process, decides nothing. What starts
/// as a constant stays one: scales of norms, running variances.
///
/// The name of a tensor and the seed decide its numbers, whatever other tensors there are. They are BLAKE3's output for
/// the two, two bytes a number: 65,536 values evenly between the bounds, more than 16 bits of a float tell apart there.
pub fn randomise(store: &VarStore, seed: u64) {
    let _no_grad = tch::no_grad_guard();
    for (name, variable) in store.variables() {
        if variable.numel() > 1 && variable.min() != variable.max() {
            draw(&name, &variable, seed);
        }
    }
}

/// Fills a tensor with numbers of one over the root of its inputs at most.
fn draw(name: &str, variable: &Tensor, seed: u64) {
    let fan_in: i64 = variable.size().iter().skip(1).product();
    let bound = f64::from(1.0 / (fan_in as f32).sqrt());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(name.as_bytes());
    let mut source = hasher.finalize_xof();
    let mut bytes = vec![0; 2 * AT_ONCE];
    let flat = variable.view([-1]);
    for start in (0..variable.numel()).step_by(AT_ONCE) {
        let count = AT_ONCE.min(variable.numel() - start);
        let bytes = &mut bytes[..2 * count];
        source.fill(bytes);
        let drawn = Tensor::from_data_size(bytes, &[count as i64], Kind::Int16).to_kind(Kind::Float);
        // Halfway between two whole numbers, so that the mean is 0.
        let drawn = (drawn + 0.5) * (bound / HALF);
        flat.narrow(0, start as i64, count as i64).copy_(&drawn);
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, nn};

    use super::*;

    const MATRIX: [i64; 2] = [300, 400];

    /// A store with a matrix, a vector and a constant, registered in this order or the other.
    fn store(kind: Kind, names: [&str; 3]) -> VarStore {
        let mut store = VarStore::new(Device::Cpu);
        store.set_kind(kind);
        let root = store.root();
        for name in names {
            let (size, init): (&[i64], _) = match name {
                "matrix" => (&MATRIX, nn::Init::Uniform { lo: -1.0, up: 1.0 }),
                "vector" => (&[7], nn::Init::Uniform { lo: -1.0, up: 1.0 }),
                _ => (&[5], nn::Init::Const(1.0)),
            };
            let _ = root.var(name, size, init);
        }
        store
    }

    fn drawn(kind: Kind, names: [&str; 3], seed: u64) -> [Tensor; 3] {
        let store = store(kind, names);
        randomise(&store, seed);
        let variables = store.variables();
        ["matrix", "vector", "constant"].map(|name| variables[name].detach())
    }

    #[test]
    fn seed_and_name_decide_the_numbers_and_the_order_of_tensors_does_not() {
        let one = drawn(Kind::Float, ["matrix", "vector", "constant"], 7);
        assert_eq!(one, drawn(Kind::Float, ["constant", "vector", "matrix"], 7));
        let other = drawn(Kind::Float, ["matrix", "vector", "constant"], 8);
        assert_ne!(one[0], other[0]);
        assert_ne!(one[1], other[1]);
        assert_eq!(one[2], Tensor::ones([5], (Kind::Float, Device::Cpu)));
        // The first numbers, written down: another machine or library must draw the same.
        let first = Vec::<f32>::try_from(one[1].narrow(0, 0, 3)).unwrap();
        assert_eq!(first, FIRST);
    }

    const FIRST: [f32; 3] = [-0.668_441_8, 0.991_867_07, -0.757_766_7];

    #[test]
    fn numbers_are_spread_evenly_within_one_over_the_root_of_the_inputs() {
        for kind in [Kind::Float, Kind::BFloat16, Kind::Half] {
            let [matrix, ..] =
                drawn(kind, ["matrix", "vector", "constant"], 7).map(|it| it.to_kind(Kind::Float));
            // 120,000 numbers within 1 / 20: the mean has a deviation of 8e-5, the variance one of 2e-6.
            let bound = 1.0 / 20.0;
            let value = |tensor: Tensor| tensor.double_value(&[]);
            assert!(value(matrix.abs().max()) <= bound + 1e-4, "{kind:?}");
            assert!(value(matrix.mean(Kind::Float)).abs() < 5e-4, "{kind:?}");
            assert!((value(matrix.var(true)) - bound * bound / 3.0).abs() < 2e-5, "{kind:?}");
            // No row and no column repeats another: a product with them keeps what tells its inputs apart.
            let alike = matrix.matmul(&matrix.transpose(0, 1)) / (bound * bound / 3.0 * 400.0);
            let alike = (alike - Tensor::eye(MATRIX[0], (Kind::Float, Device::Cpu))).abs().max();
            assert!(value(alike) < 0.4, "{kind:?}");
        }
    }
}
