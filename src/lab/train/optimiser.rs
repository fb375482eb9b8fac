//! AdamW with warm-up, cosine schedule, gradient clipping and averaged weights; its state can be saved.
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019). The optimiser of `tch` does not expose its
//! moments, so a training with it cannot be resumed.

use std::f64::consts::PI;

use tch::nn::VarStore;
use tch::{Kind, Tensor, no_grad};

/// Learning rate over the steps of a training.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Highest learning rate, reached after the warm-up.
    pub peak: f64,
    /// Steps of linear rise.
    pub warm_up: i64,
    /// Total steps; the cosine ends there, at a fiftieth of the peak.
    pub steps: i64,
}

impl Schedule {
    /// The learning rate of a step, counted from 0.
    #[must_use]
    pub fn rate(&self, step: i64) -> f64 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f64 / self.warm_up as f64;
        }
        let done = (step - self.warm_up) as f64 / (self.steps - self.warm_up).max(1) as f64;
        let cosine = 0.5 * (1.0 + (PI * done.min(1.0)).cos());
        self.peak * (0.02 + 0.98 * cosine)
    }
}

/// Decay of the first moment.
const FIRST_DECAY: f64 = 0.9;
/// Decay of the second moment: below the usual 0.999, because the trainings are short.
const SECOND_DECAY: f64 = 0.98;
/// Avoids division by zero.
const EPSILON: f64 = 1e-8;
/// Maximum norm of all gradients together.
const MAX_GRADIENT_NORM: f64 = 1.0;

struct Parameter {
    name: String,
    weight: Tensor,
    first: Tensor,
    second: Tensor,
    decay: f64,
}

/// The optimiser of one network.
pub(super) struct AdamW {
    schedule: Schedule,
    parameters: Vec<Parameter>,
    averages: Vec<(String, Tensor, Tensor)>,
    step: i64,
}

impl AdamW {
    /// An optimiser for all trainable variables of a store. Matrices decay, vectors (biases, gains) do not.
    #[must_use]
    pub(super) fn new(store: &VarStore, schedule: Schedule, weight_decay: f64) -> Self {
        let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
        variables.sort_by(|left, right| left.0.cmp(&right.0));
        let averages = variables
            .iter()
            .filter(|(_, variable)| variable.kind() == Kind::Float)
            .map(|(name, variable)| (name.clone(), variable.shallow_clone(), variable.detach().copy()))
            .collect();
        let parameters = variables
            .into_iter()
            .filter(|(_, variable)| variable.requires_grad())
            .map(|(name, weight)| Parameter {
                name,
                first: weight.detach().zeros_like(),
                second: weight.detach().zeros_like(),
                decay: if weight.dim() > 1 { weight_decay } else { 0.0 },
                weight,
            })
            .collect();
        Self { schedule, parameters, averages, step: 0 }
    }

    /// Steps taken.
    #[must_use]
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// Updates all weights by the gradient of `loss`; returns the norm of all gradients before clipping.
    pub(super) fn descend(&mut self, loss: &Tensor) -> f64 {
        for slot in &mut self.parameters {
            slot.weight.zero_grad();
        }
        loss.backward();
        no_grad(|| self.update())
    }

    fn update(&mut self) -> f64 {
        let gradients: Vec<Option<Tensor>> =
            self.parameters.iter().map(|slot| Some(slot.weight.grad()).filter(Tensor::defined)).collect();
        let squares: Vec<Tensor> =
            gradients.iter().flatten().map(|gradient| gradient.square().sum(Kind::Float)).collect();
        let norm = Tensor::stack(&squares, 0).sum(Kind::Float).sqrt().double_value(&[]);
        let clip = if norm > MAX_GRADIENT_NORM { MAX_GRADIENT_NORM / norm } else { 1.0 };

        let rate = self.schedule.rate(self.step);
        self.step += 1;
        let first_correction = 1.0 - FIRST_DECAY.powi(self.step as i32);
        let second_correction = 1.0 - SECOND_DECAY.powi(self.step as i32);
        for (slot, gradient) in self.parameters.iter_mut().zip(gradients) {
            // A weight without a gradient of this loss stays unchanged.
            let Some(gradient) = gradient else { continue };
            let gradient = gradient * clip;
            let _ = slot.first.g_mul_scalar_(FIRST_DECAY).g_add_(&(&gradient * (1.0 - FIRST_DECAY)));
            let _ =
                slot.second.g_mul_scalar_(SECOND_DECAY).g_add_(&(gradient.square() * (1.0 - SECOND_DECAY)));
            let denominator = (&slot.second / second_correction).sqrt() + EPSILON;
            let _ = slot.weight.g_mul_scalar_(1.0 - rate * slot.decay);
            let _ = slot.weight.g_add_(&(&slot.first / denominator * (-rate / first_correction)));
        }
        self.update_averages();
        norm
    }

    /// The window of the average is about a fortieth of the steps so far.
    fn update_averages(&mut self) {
        let follow = (40.0 / (self.step as f64 + 40.0)).max(0.001);
        for (_, variable, average) in &mut self.averages {
            let _ = average.g_mul_scalar_(1.0 - follow).g_add_(&(variable.detach() * follow));
        }
    }

    /// The averaged weights by name, which bundles ship.
    #[must_use]
    pub(super) fn averaged(&self) -> Vec<(String, Tensor)> {
        self.averages.iter().map(|(name, _, average)| (name.clone(), average.shallow_clone())).collect()
    }

    /// The state of a checkpoint beside the weights, by name.
    #[must_use]
    pub(super) fn state(&self) -> Vec<(String, Tensor)> {
        let moments = self.parameters.iter().flat_map(|slot| {
            [
                (format!("first/{}", slot.name), slot.first.shallow_clone()),
                (format!("second/{}", slot.name), slot.second.shallow_clone()),
            ]
        });
        let averages = self
            .averages
            .iter()
            .map(|(name, _, average)| (format!("average/{name}"), average.shallow_clone()));
        moments.chain(averages).chain([("step".to_owned(), Tensor::from_slice(&[self.step]))]).collect()
    }

    /// Restores the state that [`AdamW::state`] returned.
    ///
    /// # Errors
    /// Names the first entry that is missing or has another shape.
    pub(super) fn restore(
        &mut self,
        state: &std::collections::HashMap<String, Tensor>,
    ) -> Result<(), String> {
        let find = |name: String, shape: Vec<i64>| match state.get(&name) {
            Some(tensor) if tensor.size() == shape => Ok(tensor.shallow_clone()),
            Some(tensor) => Err(format!("`{name}` has shape {:?}, expected {shape:?}", tensor.size())),
            None => Err(format!("`{name}` is missing")),
        };
        no_grad(|| {
            for slot in &mut self.parameters {
                slot.first.copy_(&find(format!("first/{}", slot.name), slot.first.size())?);
                slot.second.copy_(&find(format!("second/{}", slot.name), slot.second.size())?);
            }
            for (name, _, average) in &mut self.averages {
                average.copy_(&find(format!("average/{name}"), average.size())?);
            }
            self.step = find("step".to_owned(), vec![1])?.int64_value(&[0]);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, nn};

    fn fit(steps: i64, mut optimiser: AdamW, weight: &Tensor) -> AdamW {
        for _ in 0..steps {
            let loss = (weight - 3.0).square().sum(Kind::Float);
            optimiser.descend(&loss);
        }
        optimiser
    }

    #[test]
    fn a_resumed_run_ends_where_an_unbroken_one_does() {
        let schedule = Schedule { peak: 0.1, warm_up: 5, steps: 60 };
        let whole = nn::VarStore::new(Device::Cpu);
        let weight = whole.root().zeros("w", &[4, 2]);
        fit(60, AdamW::new(&whole, schedule, 0.01), &weight);

        let broken = nn::VarStore::new(Device::Cpu);
        let again = broken.root().zeros("w", &[4, 2]);
        let half = fit(30, AdamW::new(&broken, schedule, 0.01), &again);
        let state = half.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
        let mut resumed = AdamW::new(&broken, schedule, 0.01);
        resumed.restore(&state).unwrap();
        assert_eq!(resumed.step(), 30);
        fit(30, resumed, &again);

        assert!(weight.allclose(&again, 1e-6, 1e-7, false));
        assert!((weight.mean(Kind::Float).double_value(&[]) - 3.0).abs() < 0.5);
    }

    #[test]
    fn the_rate_rises_then_falls_to_a_fiftieth() {
        let schedule = Schedule { peak: 1.0, warm_up: 10, steps: 110 };
        assert!((schedule.rate(0) - 0.1).abs() < 1e-9);
        assert!((schedule.rate(9) - 1.0).abs() < 1e-9);
        assert!(schedule.rate(60) < 0.6);
        assert!((schedule.rate(110) - 0.02).abs() < 1e-9);
    }

    #[test]
    fn a_state_of_another_shape_is_refused_by_name() {
        let store = nn::VarStore::new(Device::Cpu);
        let _ = store.root().zeros("w", &[2, 2]);
        let mut optimiser = AdamW::new(&store, Schedule { peak: 0.1, warm_up: 1, steps: 2 }, 0.0);
        let mut state: std::collections::HashMap<_, _> = optimiser.state().into_iter().collect();
        state.insert("first/w".into(), Tensor::zeros([3], (Kind::Float, Device::Cpu)));
        let fault = optimiser.restore(&state).unwrap_err();
        assert!(fault.contains("first/w") && fault.contains("[3]") && fault.contains("[2, 2]"), "{fault}");
    }
}
