//! AdamW with warm-up and decay, rates by group, gradient clipping and averaged weights; its state can be saved.
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019). The optimiser of `tch` does not expose its
//! moments, so a training with it cannot be resumed.

use std::collections::HashMap;
use std::f64::consts::PI;

use tch::{Kind, Tensor, no_grad};

/// Learning rate over the steps of a training.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Highest learning rate, reached after the warm-up.
    pub peak: f64,
    /// Steps of linear rise.
    pub warm_up: i64,
    /// Total steps; the decay ends there.
    pub steps: i64,
    /// How it falls after the warm-up.
    pub decay: Decay,
}

/// The fall of a learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// Half a cosine, to a fiftieth of the peak.
    Cosine,
    /// A straight line, to zero.
    Linear,
}

impl Schedule {
    /// The learning rate of a step, counted from 0.
    #[must_use]
    pub fn rate(&self, step: i64) -> f64 {
        self.peak * self.share(step)
    }

    /// The share of the peak that a step has, counted from 0.
    fn share(&self, step: i64) -> f64 {
        if step < self.warm_up {
            return (step + 1) as f64 / self.warm_up as f64;
        }
        let done = (step - self.warm_up) as f64 / (self.steps - self.warm_up).max(1) as f64;
        match self.decay {
            Decay::Cosine => 0.02 + 0.98 * 0.5 * (1.0 + (PI * done.min(1.0)).cos()),
            Decay::Linear => 1.0 - done.min(1.0),
        }
    }
}

/// How weights move.
#[derive(Debug, Clone)]
pub(super) struct Descent {
    /// The learning rate of parameters in no group.
    pub(super) schedule: Schedule,
    /// Weight decay of matrices in no group.
    pub(super) weight_decay: f64,
    /// Parameters with a rate of their own. The first group that has a parameter counts.
    pub(super) groups: Vec<Group>,
    /// Decay of the second moment.
    pub(super) second_decay: f64,
    /// Maximum norm of all gradients together.
    pub(super) max_norm: f64,
    /// Whether averages of the weights are kept.
    pub(super) averages: bool,
}

impl Descent {
    /// The trainings of the pocket world: short ones, which ship averaged weights. The second moment decays faster than
    /// the usual 0.999.
    #[must_use]
    pub(super) fn short(schedule: Schedule, weight_decay: f64) -> Self {
        Self { schedule, weight_decay, groups: Vec::new(), second_decay: 0.98, max_norm: 1.0, averages: true }
    }

    /// Peak of the rate and weight decay of a parameter.
    fn of(&self, name: &str) -> (f64, f64) {
        let group = self.groups.iter().find(|group| name.starts_with(&group.prefix));
        group.map_or((self.schedule.peak, self.weight_decay), |group| (group.peak, group.weight_decay))
    }
}

/// Parameters with a rate of their own.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// What their names begin with.
    pub(super) prefix: String,
    /// Highest learning rate.
    pub(super) peak: f64,
    /// Weight decay of matrices.
    pub(super) weight_decay: f64,
}

/// Decay of the first moment.
const FIRST_DECAY: f64 = 0.9;
/// Avoids division by zero.
const EPSILON: f64 = 1e-8;
/// Numbers updated at a time: theirs and those of their moments stay in a core's cache over the dozen operations, which
/// is twice as fast as whole tables of pieces.
const AT_ONCE: usize = 1 << 15;

struct Parameter {
    name: String,
    weight: Tensor,
    first: Tensor,
    second: Tensor,
    peak: f64,
    decay: f64,
}

/// The optimiser of one network.
pub(super) struct AdamW {
    descent: Descent,
    parameters: Vec<Parameter>,
    averages: Vec<(String, Tensor, Tensor)>,
    step: i64,
}

impl AdamW {
    /// An optimiser for those of these variables that are trainable. Matrices decay, vectors (biases, gains) do not.
    #[must_use]
    pub(super) fn new(variables: HashMap<String, Tensor>, descent: Descent) -> Self {
        let mut variables: Vec<(String, Tensor)> = variables.into_iter().collect();
        variables.sort_by(|left, right| left.0.cmp(&right.0));
        let averages = variables
            .iter()
            .filter(|(_, variable)| descent.averages && variable.kind() == Kind::Float)
            .map(|(name, variable)| (name.clone(), variable.shallow_clone(), variable.detach().copy()))
            .collect();
        let parameters = variables
            .into_iter()
            .filter(|(_, variable)| variable.requires_grad())
            .map(|(name, weight)| {
                let (peak, decay) = descent.of(&name);
                let decay = if weight.dim() > 1 { decay } else { 0.0 };
                let [first, second] = [0, 1].map(|_| weight.detach().zeros_like());
                Parameter { name, first, second, peak, decay, weight }
            })
            .collect();
        Self { descent, parameters, averages, step: 0 }
    }

    /// Steps taken.
    #[must_use]
    pub(super) fn step(&self) -> i64 {
        self.step
    }

    /// The learning rate of the next step, of parameters in no group.
    #[must_use]
    pub(super) fn rate(&self) -> f64 {
        self.descent.schedule.rate(self.step)
    }

    /// Forgets the gradients of the step before.
    pub(super) fn clear_gradients(&mut self) {
        for slot in &mut self.parameters {
            slot.weight.zero_grad();
        }
    }

    /// Updates all weights by their gradients; returns the norm of all gradients before clipping.
    pub(super) fn apply_gradients(&mut self) -> f64 {
        no_grad(|| self.update())
    }

    fn update(&mut self) -> f64 {
        let gradients: Vec<Option<Tensor>> =
            self.parameters.iter().map(|slot| Some(slot.weight.grad()).filter(Tensor::defined)).collect();
        let norms: Vec<Tensor> = gradients.iter().flatten().map(Tensor::norm).collect();
        let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
        let clip = if norm > self.descent.max_norm { self.descent.max_norm / norm } else { 1.0 };

        let (share, second_decay) = (self.descent.schedule.share(self.step), self.descent.second_decay);
        self.step += 1;
        let corrections = [FIRST_DECAY, second_decay].map(|decay| 1.0 - decay.powi(self.step as i32));
        for (slot, gradient) in self.parameters.iter().zip(gradients) {
            // A weight without a gradient of this loss stays unchanged.
            let Some(gradient) = gradient else { continue };
            let [weight, first, second] = [&slot.weight, &slot.first, &slot.second].map(|all| all.view([-1]));
            let gradient = gradient.reshape([-1]);
            let (rate, count) = (slot.peak * share, gradient.numel() as i64);
            for start in (0..count).step_by(AT_ONCE) {
                let part = |all: &Tensor| all.narrow(0, start, (count - start).min(AT_ONCE as i64));
                let gradient = part(&gradient) * clip;
                let (mut weight, mut first, mut second) = (part(&weight), part(&first), part(&second));
                let _ = first.lerp_(&gradient, 1.0 - FIRST_DECAY);
                let _ = second.lerp_(&gradient.square(), 1.0 - second_decay);
                let mut change = (&second / corrections[1]).sqrt_() + EPSILON;
                let _ = change.reciprocal_().g_mul_(&first).g_mul_scalar_(-rate / corrections[0]);
                let _ = weight.g_mul_scalar_(1.0 - rate * slot.decay).g_add_(&change);
            }
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
    pub(super) fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String> {
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

    fn descend(optimiser: &mut AdamW, loss: &Tensor) {
        optimiser.clear_gradients();
        loss.backward();
        optimiser.apply_gradients();
    }

    fn fit(steps: i64, mut optimiser: AdamW, weight: &Tensor) -> AdamW {
        for _ in 0..steps {
            let loss = (weight - 3.0).square().sum(Kind::Float);
            descend(&mut optimiser, &loss);
        }
        optimiser
    }

    #[test]
    fn a_resumed_run_ends_where_an_unbroken_one_does() {
        let schedule = Schedule { peak: 0.1, warm_up: 5, steps: 60, decay: Decay::Cosine };
        let whole = nn::VarStore::new(Device::Cpu);
        let weight = whole.root().zeros("w", &[4, 2]);
        fit(60, AdamW::new(whole.variables(), Descent::short(schedule, 0.01)), &weight);

        let broken = nn::VarStore::new(Device::Cpu);
        let again = broken.root().zeros("w", &[4, 2]);
        let half = fit(30, AdamW::new(broken.variables(), Descent::short(schedule, 0.01)), &again);
        let state = half.state().into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
        let mut resumed = AdamW::new(broken.variables(), Descent::short(schedule, 0.01));
        resumed.restore(&state).unwrap();
        assert_eq!(resumed.step(), 30);
        fit(30, resumed, &again);

        assert!(weight.equal(&again), "to the bit");
        assert!((weight.mean(Kind::Float).double_value(&[]) - 3.0).abs() < 0.5);
    }

    #[test]
    fn the_rate_rises_then_falls_to_a_fiftieth_or_to_zero() {
        for (decay, middle, last) in [(Decay::Cosine, 0.51, 0.02), (Decay::Linear, 0.5, 0.0)] {
            let schedule = Schedule { peak: 2.0, warm_up: 10, steps: 110, decay };
            for (step, share) in [(0, 0.1), (9, 1.0), (60, middle), (110, last), (120, last)] {
                assert!((schedule.rate(step) - 2.0 * share).abs() < 1e-9, "{decay:?} at {step}");
            }
        }
    }

    #[test]
    fn a_group_has_its_own_rate_and_decay_and_the_first_that_fits_counts() {
        let store = nn::VarStore::new(Device::Cpu);
        let names = ["crf", "crf/inner", "linear"];
        let weights =
            names.map(|name| name.split('/').fold(store.root(), |path, part| path / part).ones("w", &[2, 2]));
        let group = |prefix: &str, peak| Group { prefix: prefix.to_owned(), peak, weight_decay: 0.0 };
        let schedule = Schedule { peak: 0.01, warm_up: 0, steps: 1_000_000, decay: Decay::Linear };
        let groups = vec![group("crf.inner", 0.3), group("crf", 0.1)];
        let mut optimiser =
            AdamW::new(store.variables(), Descent { groups, ..Descent::short(schedule, 0.5) });
        let loss = weights.iter().map(|weight| weight.sum(Kind::Float)).sum::<Tensor>();
        descend(&mut optimiser, &loss);
        // The first step of Adam is the rate, whatever the gradient; only the last one decays.
        for (weight, expected) in weights.iter().zip([0.9, 0.7, 1.0 - 0.01 * 0.5 - 0.01]) {
            assert!((weight.double_value(&[0, 0]) - expected).abs() < 1e-5, "{weight:?} {expected}");
        }
    }

    #[test]
    fn a_state_of_another_shape_is_refused_by_name() {
        let schedule = Schedule { peak: 0.1, warm_up: 1, steps: 2, decay: Decay::Cosine };
        let store = nn::VarStore::new(Device::Cpu);
        let _ = store.root().zeros("w", &[2, 2]);
        let mut optimiser = AdamW::new(store.variables(), Descent::short(schedule, 0.0));
        let mut state: HashMap<_, _> = optimiser.state().into_iter().collect();
        state.insert("first/w".into(), Tensor::zeros([3], (Kind::Float, Device::Cpu)));
        let fault = optimiser.restore(&state).unwrap_err();
        assert!(fault.contains("first/w") && fault.contains("[3]") && fault.contains("[2, 2]"), "{fault}");
    }
}
