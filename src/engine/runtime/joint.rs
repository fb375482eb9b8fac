//! Joint network of a bundle: on the device, in place of tagger, gate and grounder, and asked as the manifest says.

use crate::domain::{EntityType, Stage};
use crate::networks::bundle::Bundle;
use crate::scheduler::{Budget, Device};
use crate::stages::pipeline::Gate;
use crate::stages::recognise::joint::{JointReader, JointSettings};

use super::error::RuntimeError;
use super::executors::Executors;
use super::{vocabularies, warm_up};

/// Puts the joint network of a bundle on the device before it starts. With an open gate every picture shows every entity.
pub(super) fn reader(
    bundle: &Bundle,
    (types, gate): (Vec<EntityType>, Gate),
    executors: &Executors,
    (device, budget): (&mut Device, Budget),
) -> Result<JointReader, RuntimeError> {
    let part = vocabularies::joint(bundle)?;
    let tokenizer = vocabularies::joint_words(bundle)?;
    let settings = JointSettings {
        types,
        candidates: part.candidates.boxes().into(),
        view: part.network.view(),
        threshold: match gate {
            Gate::Entailer => part.threshold,
            Gate::Open => 0.0,
        },
    };
    let samples = warm_up::joint(&tokenizer, &settings);
    let models = executors.each(|place, remembered| bundle.joint_network(place, remembered.clone()))?;
    let handle = device.warmed_lane(Stage::Recognise, models, budget, samples);
    Ok(JointReader::new(handle, tokenizer, settings))
}
