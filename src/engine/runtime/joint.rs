//! Joint network of a bundle: on the device, in place of tagger, gate and grounder, and asked as the manifest says. Where the
//! manifest says so, a grounder on the device proposes regions to it.

use crate::domain::{EntityType, Stage};
use crate::networks::bundle::Bundle;
use crate::networks::served::Served;
use crate::scheduler::{self, Device};
use crate::stages::ground::{Grounder, Proposer};
use crate::stages::pipeline::{Gate, JointReading};
use crate::stages::prompt::TextMemory;
use crate::stages::recognise::joint::{JointReader, JointSettings};

use super::error::RuntimeError;
use super::executors::Executors;
use super::picture_runs::PictureRuns;
use super::{vocabularies, warm_up};

/// Puts the joint network of a bundle on the device before it starts, and the grounder that proposes regions to it. With an
/// open gate every picture shows every entity. Counts the grounder's pictures in `runs`.
pub(super) fn reading(
    bundle: &Bundle,
    (types, gate, texts): (Vec<EntityType>, Gate, TextMemory),
    executors: &Executors,
    budgets: &scheduler::Config,
    (device, runs): (&mut Device, &mut PictureRuns),
) -> Result<JointReading, RuntimeError> {
    let part = vocabularies::joint(bundle)?;
    let tokenizer = vocabularies::joint_words(bundle)?;
    let settings = JointSettings {
        types,
        candidates: part.candidates.boxes().into(),
        keeps_grid: part.proposals.as_ref().is_none_or(|proposals| proposals.keep_grid),
        view: part.network.view(),
        threshold: match gate {
            Gate::Entailer => part.threshold,
            Gate::Open => 0.0,
        },
    };
    let samples = warm_up::joint(&tokenizer, &settings);
    let models = executors.each(|place, remembered| bundle.joint_network(place, remembered.clone()))?;
    let handle = device.warmed_lane(Stage::Recognise, models, budgets.recognise, samples);
    let reader = JointReader::new(handle, tokenizer, settings).within(texts);
    let proposer = proposer(bundle, executors, budgets, (device, runs))?;
    Ok(JointReading { reader, proposer: proposer.map(Box::new) })
}

/// The grounder that proposes regions, where the manifest says so.
fn proposer(
    bundle: &Bundle,
    executors: &Executors,
    budgets: &scheduler::Config,
    (device, runs): (&mut Device, &mut PictureRuns),
) -> Result<Option<Proposer>, RuntimeError> {
    let Some((proposals, ground)) = bundle.proposals()? else { return Ok(None) };
    let phrases = vocabularies::ground_phrases(bundle)?;
    let view = ground.network.view();
    let models = executors.each(|place, remembered| bundle.grounder(place, remembered.clone()))?;
    runs.ground = models.iter().map(Served::pictures_read).collect();
    let samples = warm_up::ground(&phrases, view);
    let handle = device.warmed_lane(Stage::Ground, models, budgets.ground, samples);
    let asked = proposals.asked(&bundle.manifest().entity_types);
    Ok(Some(Proposer::new(Grounder::new(handle, phrases), view, asked, ground.threshold)))
}
