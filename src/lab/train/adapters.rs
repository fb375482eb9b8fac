//! Adapters of low rank: chosen matrices learn a product of two small factors, and all else stays as it was.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021): `W = W0 + alpha / rank * up * down`. The networks
//! know nothing of it. Before each forward pass the sum is written into the parameter that they have, as a step that
//! autograd follows; the gradient of a whole matrix then exists only while it is turned into those of its factors.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::nn::VarStore;
use tch::{Kind, Tensor, no_grad};

/// The size and the weight of all products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    /// Columns of the one factor and rows of the other.
    pub(super) rank: i64,
    /// The product counts this much, divided by the rank.
    pub(super) alpha: f64,
    /// Decides where the factors begin.
    pub(super) seed: u64,
}

/// The adapters of a network.
#[derive(Debug, Default)]
pub(super) struct Adapters {
    adapted: Vec<Adapted>,
    /// Parameters that are trained as they are.
    whole: Vec<(String, Tensor)>,
    /// The weight of a product.
    scale: f64,
    /// A hash of all that stays as it was.
    frozen: String,
}

#[derive(Debug)]
struct Adapted {
    name: String,
    /// The parameter of the network.
    weight: Tensor,
    /// What it began with.
    base: Tensor,
    /// `[rank, inputs]`.
    down: Tensor,
    /// `[outputs, rank]`.
    up: Tensor,
}

/// Numbers that are hashed at a time, so that a large table is not in memory twice.
const HASHED_AT_ONCE: i64 = 1 << 18;

impl Adapters {
    /// None: a network whose parameters are trained as they are.
    #[must_use]
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Gives the parameters `targets` factors, trains those of `whole` as they are, and freezes all others. The product is 0
    /// at first.
    ///
    /// # Errors
    /// A target is smaller than the rank.
    pub(super) fn new(
        store: &VarStore,
        targets: &BTreeSet<String>,
        whole: &BTreeSet<String>,
        product: Product,
    ) -> Result<Self> {
        let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
        variables.sort_by(|left, right| left.0.cmp(&right.0));
        let scale = product.alpha / product.rank as f64;
        let mut adapters = Self { scale, ..Self::none() };
        let mut hasher = blake3::Hasher::new();
        for (name, variable) in variables {
            if whole.contains(&name) {
                adapters.whole.push((name, variable));
                continue;
            }
            let _ = variable.set_requires_grad(false);
            add(&mut hasher, &name, &variable);
            if targets.contains(&name) {
                adapters.adapted.push(Adapted::new(name, variable, product)?);
            }
        }
        adapters.frozen = hasher.finalize().to_hex().to_string();
        Ok(adapters)
    }

    /// A hash of all weights that stay as they were, which a checkpoint does not have; none where there are no adapters.
    #[must_use]
    pub(super) fn frozen(&self) -> Option<&str> {
        (!self.adapted.is_empty()).then_some(self.frozen.as_str())
    }

    /// All that a training changes, by name: factors and what is trained as it is, or, without adapters, the variables of
    /// the store.
    #[must_use]
    pub(super) fn learnt(&self, store: &VarStore) -> HashMap<String, Tensor> {
        if self.adapted.is_empty() {
            return store.variables();
        }
        let factors = self.adapted.iter().flat_map(Adapted::factors);
        let whole = self.whole.iter().map(|(name, variable)| (name.clone(), variable.shallow_clone()));
        factors.chain(whole).collect()
    }

    /// Writes the present weights of the targets into the network. Gradients of what is computed with them reach the
    /// factors, unless this is called within `no_grad`. A backward pass needs it anew.
    pub(super) fn write(&self) {
        for Adapted { weight, base, down, up, .. } in &self.adapted {
            let mut weight = weight.shallow_clone();
            // What was written before belongs to a pass that has ended.
            let _ = weight.detach_();
            weight.copy_(base);
            let _ = weight.addmm_(&(up * self.scale), down);
        }
    }
}

impl Adapted {
    fn new(name: String, weight: Tensor, product: Product) -> Result<Self> {
        let (rank, size) = (product.rank, weight.size());
        let [outputs, inputs] = size[..] else { anyhow::bail!("`{name}` is no matrix, but {size:?}") };
        ensure!(
            rank <= outputs.min(inputs),
            "`adapters.rank` is {rank}, but `{name}` has {outputs} rows and {inputs} columns: a product of two factors has no \
             higher rank than the smaller number"
        );
        let options = (Kind::Float, weight.device());
        let bound = 1.0 / (inputs as f32).sqrt();
        let drawn = uniform(&format!("{} {name}", product.seed), rank * inputs, bound);
        let down = Tensor::from_slice(&drawn).view([rank, inputs]).to_device(weight.device());
        let up = Tensor::zeros([outputs, rank], options);
        let [down, up] = [down, up].map(|factor| factor.set_requires_grad(true));
        let base = weight.detach().copy();
        Ok(Self { name, weight, base, down, up })
    }

    fn factors(&self) -> [(String, Tensor); 2] {
        [("down", &self.down), ("up", &self.up)]
            .map(|(factor, tensor)| (format!("{}.{factor}", self.name), tensor.shallow_clone()))
    }
}

/// Numbers from `-bound` to `bound`, the same for the same words. libtorch's generator is shared by all that draw at the same
/// time.
fn uniform(words: &str, count: i64, bound: f32) -> Vec<f32> {
    let mut rng = ChaCha8Rng::from_seed(*blake3::hash(words.as_bytes()).as_bytes());
    (0..count).map(|_| rng.random_range(-bound..bound)).collect()
}

/// Adds a tensor to a hash.
fn add(hasher: &mut blake3::Hasher, name: &str, tensor: &Tensor) {
    hasher.update(name.as_bytes()).update(&(tensor.numel() as u64).to_le_bytes());
    let numbers = no_grad(|| tensor.detach().reshape([-1]));
    let count = numbers.numel() as i64;
    for start in (0..count).step_by(HASHED_AT_ONCE as usize) {
        let part = numbers.narrow(0, start, HASHED_AT_ONCE.min(count - start)).to_kind(Kind::Float);
        let mut bytes = vec![0; part.numel() * size_of::<f32>()];
        part.copy_data_u8(&mut bytes, part.numel());
        hasher.update(&bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;
    use tch::nn::{self, Module};

    const PRODUCT: Product = Product { rank: 2, alpha: 3.0, seed: 7 };

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn distance(left: &Tensor, right: &Tensor) -> f64 {
        (left - right).abs().max().double_value(&[])
    }

    #[test]
    fn gradients_of_factors_are_those_of_the_sum_spelt_out_and_nothing_else_has_any() {
        let store = VarStore::new(Device::Cpu);
        let [inner, outer] =
            ["inner", "outer"].map(|name| nn::linear(store.root() / name, 5, 5, Default::default()));
        let begun = inner.ws.detach().copy();
        let targets = names(&["inner.weight"]);
        let adapters = Adapters::new(&store, &targets, &names(&["outer.bias"]), PRODUCT).unwrap();
        let learnt = adapters.learnt(&store);
        let (down, up) = (&learnt["inner.weight.down"], &learnt["inner.weight.up"]);
        let input =
            Tensor::from_slice(&[0.3_f32, -1.0, 0.7, 2.0, 0.1, 1.5, 0.2, -0.4, 0.9, -2.0]).view([2, 5]);
        no_grad(|| adapters.write());
        assert_eq!(distance(&inner.ws, &begun), 0.0, "the product is 0 at first");
        no_grad(|| {
            let drawn = Tensor::from_slice(&uniform("up", 10, 0.5)).view([5, 2]);
            up.shallow_clone().copy_(&drawn);
        });

        // Two parts of a batch: their gradients are added up.
        for part in [0, 1] {
            adapters.write();
            let output = outer.forward(&inner.forward(&input.narrow(0, part, 1)).tanh());
            output.square().sum(Kind::Float).backward();
        }
        let found = [down.grad(), up.grad(), outer.bs.as_ref().unwrap().grad()];
        let [down, up] = [down, up].map(|factor| factor.detach().copy().set_requires_grad(true));
        let bias = outer.bs.as_ref().unwrap().detach().copy().set_requires_grad(true);
        let sum = &begun + up.matmul(&down) * 1.5;
        let hidden = input.linear(&sum, inner.bs.as_ref()).tanh();
        hidden.linear(&outer.ws, Some(&bias)).square().sum(Kind::Float).backward();
        for (found, spelt_out) in found.iter().zip([down.grad(), up.grad(), bias.grad()]) {
            let largest = spelt_out.abs().max().double_value(&[]);
            assert!(largest > 1e-2 && distance(found, &spelt_out) < 1e-5 * largest, "{found:?}");
        }
        assert!(distance(&inner.ws, &sum) < 1e-6);
        for frozen in [&outer.ws, inner.bs.as_ref().unwrap()] {
            assert!(!frozen.requires_grad() && !frozen.grad().defined());
        }

        // Outside of a training step nothing follows it.
        no_grad(|| adapters.write());
        assert!(!inner.ws.requires_grad() && distance(&inner.ws, &sum) < 1e-6);
    }

    #[test]
    fn factors_depend_on_seed_and_name_and_the_hash_on_what_is_frozen() {
        let made = |seed, weight: f64, whole: f64| {
            let store = VarStore::new(Device::Cpu);
            for (name, value) in [("a", weight), ("b", 0.0), ("c", whole)] {
                let _ = store.root().var(name, &[3, 4], nn::Init::Const(value));
            }
            let product = Product { seed, ..PRODUCT };
            let adapters = Adapters::new(&store, &names(&["a", "b"]), &names(&["c"]), product).unwrap();
            let factor =
                |name: &str| Vec::<f32>::try_from(adapters.learnt(&store)[name].reshape([-1])).unwrap();
            (factor("a.down"), factor("b.down"), adapters.frozen().unwrap().to_owned())
        };
        let (first, second, frozen) = made(1, 0.5, 0.0);
        assert_ne!(first, second);
        assert!(
            first.iter().all(|number| number.abs() <= 0.5) && first.iter().any(|number| number.abs() > 0.2)
        );
        assert_eq!(
            made(1, 0.5, 9.0),
            (first.clone(), second, frozen.clone()),
            "what learns is not in the hash"
        );
        assert_ne!(made(2, 0.5, 0.0).0, first);
        assert_ne!(made(1, 0.6, 0.0).2, frozen);
    }

    #[test]
    fn a_rank_above_that_of_a_matrix_is_refused() {
        let store = VarStore::new(Device::Cpu);
        let _ = store.root().zeros("w", &[1, 4]);
        let error = Adapters::new(&store, &names(&["w"]), &names(&[]), PRODUCT).unwrap_err().to_string();
        assert!(error.contains("`adapters.rank` is 2, but `w` has 1 rows and 4 columns"), "{error}");
    }
}
