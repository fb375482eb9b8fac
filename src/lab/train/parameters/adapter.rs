//! Adapter of low rank: a matrix learns a product of two small factors, and stays as it was otherwise.
//!
//! Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021): `W = W0 + alpha / rank * up * down`. The network
//! knows nothing of it. Before each forward pass the sum is written into the parameter that it has, as a step that autograd
//! follows; the gradient of the whole matrix then exists only while it is turned into those of the factors.

use anyhow::{Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor, no_grad};

/// The size and the weight of all products.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::train) struct Product {
    /// Columns of the one factor and rows of the other.
    pub(in crate::lab::train) rank: i64,
    /// The product counts this much, divided by the rank.
    pub(in crate::lab::train) alpha: f64,
    /// Decides where the factors begin.
    pub(in crate::lab::train) seed: u64,
}

/// The adapter of one matrix.
#[derive(Debug)]
pub(super) struct Adapter {
    /// What the matrix began with, as the network computes with it.
    base: Tensor,
    /// The same in 32 bits, where the network computes in others.
    unrounded: Option<Tensor>,
    /// `[rank, inputs]`.
    down: Tensor,
    /// `[outputs, rank]`.
    up: Tensor,
    /// The weight of the product.
    scale: f64,
}

impl Adapter {
    /// The adapter of a matrix, given in 32 bits and as the network computes with it. Its product is 0 at first.
    ///
    /// # Errors
    /// It is no matrix, or smaller than the rank.
    pub(super) fn new(name: &str, (weight, computed): (&Tensor, &Tensor), product: Product) -> Result<Self> {
        let (rank, size) = (product.rank, weight.size());
        let [outputs, inputs] = size[..] else { anyhow::bail!("`{name}` is no matrix, but {size:?}") };
        ensure!(
            rank <= outputs.min(inputs),
            "`adapters.rank` is {rank}, but `{name}` has {outputs} rows and {inputs} columns: a product of two factors has no \
             higher rank than the smaller number"
        );
        let device = computed.device();
        let bound = 1.0 / (inputs as f32).sqrt();
        let drawn = uniform(&format!("{} {name}", product.seed), rank * inputs, bound);
        let down = Tensor::from_slice(&drawn).view([rank, inputs]).to_device(device);
        let up = Tensor::zeros([outputs, rank], (Kind::Float, device));
        let [down, up] = [down, up].map(|factor| factor.set_requires_grad(true));
        let unrounded = (computed.kind() != Kind::Float).then(|| weight.detach());
        let scale = product.alpha / product.rank as f64;
        Ok(Self { base: computed.detach().copy(), unrounded, down, up, scale })
    }

    /// Its factors, by their names.
    pub(super) fn factors(&self) -> [(&'static str, &Tensor); 2] {
        [("down", &self.down), ("up", &self.up)]
    }

    /// Writes the sum into the parameter, which does not belong to a pass that has not ended.
    pub(super) fn write(&self, computed: &mut Tensor) {
        computed.copy_(&self.base);
        let up = &self.up * self.scale;
        if computed.kind() == Kind::Float {
            let _ = computed.addmm_(&up, &self.down);
        } else {
            let _ = computed.g_add_(&up.matmul(&self.down).to_kind(computed.kind()));
        }
    }

    /// The sum in 32 bits, on the CPU; none where that is what is written into the parameter.
    pub(super) fn unrounded_sum(&self) -> Option<Tensor> {
        let on_cpu = |tensor: &Tensor| tensor.detach().to_device(Device::Cpu);
        let base = self.unrounded.as_ref()?;
        Some(no_grad(|| base.copy().addmm_(&(on_cpu(&self.up) * self.scale), &on_cpu(&self.down))))
    }
}

/// Numbers from `-bound` to `bound`, the same for the same words. libtorch's generator is shared by all that draw at the same
/// time.
pub(super) fn uniform(words: &str, count: i64, bound: f32) -> Vec<f32> {
    let mut rng = ChaCha8Rng::from_seed(*blake3::hash(words.as_bytes()).as_bytes());
    (0..count).map(|_| rng.random_range(-bound..bound)).collect()
}
