//! Shared weights: tensors that lie in memory once for all executors of a device.

use std::sync::{Arc, Mutex, PoisonError};

use tch::nn::VarStore;
use tch::{Device, TchError, Tensor};

use super::files::Weights;
use super::precision::Precision;

/// The weights of the networks that were loaded so far. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct SharedWeights(Arc<Mutex<Vec<Loaded>>>);

#[derive(Debug)]
struct Loaded {
    weights: Weights,
    precision: Precision,
    device: Device,
    variables: Vec<(String, Tensor)>,
}

impl SharedWeights {
    /// Gives a network the tensors of one that was loaded from the same weights, if there is one with the same variables.
    ///
    /// # Errors
    /// libtorch refuses.
    pub(super) fn give(
        &self,
        store: &VarStore,
        (weights, precision): (&Weights, Precision),
    ) -> Result<bool, TchError> {
        let loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut variables = sorted(store);
        let is_same = |one: &&Loaded| {
            let same_source =
                (&one.weights, one.precision, one.device) == (weights, precision, store.device());
            let same = |(one, other): (&(String, Tensor), &(String, Tensor))| {
                one.0 == other.0 && one.1.size() == other.1.size()
            };
            same_source
                && one.variables.len() == variables.len()
                && one.variables.iter().zip(&variables).all(same)
        };
        let Some(found) = loaded.iter().find(is_same) else { return Ok(false) };
        for ((_, variable), (_, shared)) in variables.iter_mut().zip(&found.variables) {
            variable.f_set_data(shared)?;
        }
        Ok(true)
    }

    /// Takes in a network that was loaded.
    pub(super) fn add(&self, store: &VarStore, (weights, precision): (&Weights, Precision)) {
        let (weights, device, variables) = (weights.clone(), store.device(), sorted(store));
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.push(Loaded { weights, precision, device, variables });
    }
}

/// The variables of a network by their names.
fn sorted(store: &VarStore) -> Vec<(String, Tensor)> {
    let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
    variables.sort_by(|(one, _), (other, _)| one.cmp(other));
    variables
}

#[cfg(test)]
mod tests {
    use tch::nn;

    use super::*;

    fn network(width: i64) -> (VarStore, nn::Linear) {
        let store = VarStore::new(Device::Cpu);
        let linear = nn::linear(store.root() / "proj", 3, width, Default::default());
        (store, linear)
    }

    #[test]
    fn a_second_network_of_the_same_weights_takes_no_memory_for_them() {
        let (shared, source) = (SharedWeights::default(), (&Weights::Random { seed: 1 }, Precision::F32));
        let (first, first_linear) = network(5);
        assert!(!shared.give(&first, source).unwrap());
        shared.add(&first, source);
        let (second, second_linear) = network(5);
        assert!(shared.give(&second, source).unwrap());
        assert_eq!(second_linear.ws.data_ptr(), first_linear.ws.data_ptr());
        for other in [(&Weights::Random { seed: 2 }, Precision::F32), (source.0, Precision::Bf16)] {
            assert!(!shared.give(&network(5).0, other).unwrap());
        }
        assert!(!shared.give(&network(6).0, source).unwrap(), "a network of other sizes");
    }
}
