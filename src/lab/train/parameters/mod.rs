//! Parameters of a training: those that learn, as themselves, as copies in 32 bits or by an adapter, and those that stay.
//!
//! A network may compute in 16 bits. What learns is then a copy in 32 bits of each parameter, which is rounded into the
//! parameter before each forward pass, as a step that autograd follows (Micikevicius et al., "Mixed Precision Training", 2018):
//! steps of the optimiser that 16 bits would round away are kept, and gradients of the parts of a batch are summed in 32 bits.

mod adapter;
mod stores;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};

pub(super) use adapter::Product;
pub(super) use stores::Stores;

use self::adapter::Adapter;

/// The parameters of a network.
#[derive(Debug)]
pub(super) struct Parameters {
    all: Vec<Parameter>,
    frozen: Option<String>,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    /// What the network computes with.
    computed: Tensor,
    role: Role,
}

#[derive(Debug)]
enum Role {
    /// The training has what the network computes with.
    Own,
    /// The training has a copy in 32 bits, on the device of the network if it learns.
    Copied(Tensor),
    /// The training has the factors of a product.
    Adapted(Adapter),
    /// The training has nothing of it: there are adapters, and this has none. The weight in 32 bits.
    Kept(Tensor),
}

/// Which parameters learn where there are adapters, by their names.
#[derive(Debug)]
pub(super) struct Adapted<'a> {
    /// By an adapter each.
    pub(super) targets: &'a BTreeSet<String>,
    /// As they are.
    pub(super) whole: &'a BTreeSet<String>,
    /// The adapters.
    pub(super) product: Product,
}

/// Numbers that are hashed at a time, so that a large table is not in memory twice.
const HASHED_AT_ONCE: i64 = 1 << 18;

impl Parameters {
    /// All of a network of 32 bits, as they are.
    #[must_use]
    pub(super) fn own(store: &VarStore) -> Self {
        let own = |(name, computed)| Parameter { name, computed, role: Role::Own };
        Self { all: sorted(store).into_iter().map(own).collect(), frozen: None }
    }

    /// All of a network, which has its weights; those that are frozen stay as they are.
    #[must_use]
    pub(super) fn of(stores: &Stores) -> Self {
        if !stores.are_rounded() {
            return Self::own(&stores.weights);
        }
        let all = paired(stores)
            .into_iter()
            .map(|(name, weight, computed)| Parameter::copied(name, &weight, &computed));
        Self { all: all.collect(), frozen: None }
    }

    /// The same, where only adapters learn and what is trained as it is: all else is frozen.
    ///
    /// # Errors
    /// A target is smaller than the rank.
    pub(super) fn adapted(stores: &Stores, adapted: &Adapted<'_>) -> Result<Self> {
        let Adapted { targets, whole, product } = *adapted;
        let (mut all, mut hasher) = (Vec::new(), blake3::Hasher::new());
        for (name, weight, computed) in paired(stores) {
            if whole.contains(&name) {
                all.push(if stores.are_rounded() {
                    Parameter::copied(name, &weight, &computed)
                } else {
                    Parameter { name, computed, role: Role::Own }
                });
                continue;
            }
            let weight = weight.set_requires_grad(false);
            let computed = computed.set_requires_grad(false);
            add(&mut hasher, &name, &weight);
            no_grad(|| computed.shallow_clone().copy_(&weight));
            let role = if targets.contains(&name) {
                Role::Adapted(Adapter::new(&name, (&weight, &computed), product)?)
            } else {
                Role::Kept(weight)
            };
            all.push(Parameter { name, computed, role });
        }
        Ok(Self { all, frozen: Some(hasher.finalize().to_hex().to_string()) })
    }

    /// A hash of all weights that stay as they were, which a checkpoint does not have; none where there are no adapters.
    #[must_use]
    pub(super) fn frozen(&self) -> Option<&str> {
        self.frozen.as_deref()
    }

    /// All that the training has, by name.
    #[must_use]
    pub(super) fn learnt(&self) -> HashMap<String, Tensor> {
        let mut all = HashMap::new();
        for Parameter { name, computed, role } in &self.all {
            match role {
                Role::Own => drop(all.insert(name.clone(), computed.shallow_clone())),
                Role::Copied(copy) => drop(all.insert(name.clone(), copy.shallow_clone())),
                Role::Adapted(adapter) => all.extend(
                    adapter
                        .factors()
                        .map(|(factor, tensor)| (format!("{name}.{factor}"), tensor.shallow_clone())),
                ),
                Role::Kept(_) => {}
            }
        }
        all
    }

    /// Writes the present weights into the network. Gradients of what is computed with them reach what learns, unless this is
    /// called within `no_grad`. A backward pass needs it anew.
    pub(super) fn write(&self) {
        for Parameter { computed, role, .. } in &self.all {
            let mut computed = computed.shallow_clone();
            match role {
                Role::Copied(copy) if copy.requires_grad() => {
                    // What was written before belongs to a pass that has ended.
                    let _ = computed.detach_();
                    computed.copy_(copy);
                }
                Role::Adapted(adapter) => {
                    let _ = computed.detach_();
                    adapter.write(&mut computed);
                }
                _ => {}
            }
        }
    }

    /// All weights as a bundle gets them, in 32 bits. Sums of adapters are those that were written last.
    #[must_use]
    pub(super) fn weights(&self) -> Vec<(String, Tensor)> {
        let weights = self.all.iter().map(|Parameter { name, computed, role }| {
            let weight = match role {
                Role::Own => computed.shallow_clone(),
                Role::Copied(weight) | Role::Kept(weight) => weight.shallow_clone(),
                Role::Adapted(adapter) => adapter.unrounded_sum().unwrap_or_else(|| computed.shallow_clone()),
            };
            (name.clone(), weight)
        });
        weights.collect()
    }
}

impl Parameter {
    /// A parameter that the network computes with in other numbers.
    fn copied(name: String, weight: &Tensor, computed: &Tensor) -> Self {
        let learns = weight.requires_grad();
        let computed = computed.set_requires_grad(false);
        no_grad(|| computed.shallow_clone().copy_(weight));
        let place = if learns { computed.device() } else { Device::Cpu };
        let copy = weight.detach().to_device(place).set_requires_grad(learns);
        Self { name, computed, role: Role::Copied(copy) }
    }
}

/// The variables of a network in the order of their names.
fn sorted(store: &VarStore) -> Vec<(String, Tensor)> {
    let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|left, right| left.0.cmp(&right.0));
    variables
}

/// Each weight with what the network computes with in its place, in the order of their names.
fn paired(stores: &Stores) -> Vec<(String, Tensor, Tensor)> {
    let pairs = sorted(&stores.weights).into_iter().zip(sorted(stores.computed()));
    pairs.map(|((name, weight), (_, computed))| (name, weight, computed)).collect()
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
