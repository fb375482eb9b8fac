//! Looks of the settings: gate and grounder, each the bundle's network on the device or a vision model.

use std::sync::Arc;

use crate::common::Reloadable;
use crate::domain::Stage;
use crate::engine::Config;
use crate::networks::bundle::Bundle;
use crate::networks::served::Served;
use crate::scheduler::Device;
use crate::stages::entail::Entailer;
use crate::stages::ground::Grounder;
use crate::stages::pipeline::{AnsweredBy, Gate, Looks};
use crate::stages::vision::{self, VisionPrompt};

use super::endpoints::Endpoints;
use super::error::RuntimeError;
use super::executors::Executors;
use super::picture_runs::PictureRuns;
use super::{vocabularies, warm_up};

/// The wording of the settings.
pub(super) fn prompt(vision: &vision::Config) -> Result<VisionPrompt, RuntimeError> {
    if vision.prompt.as_os_str().is_empty() {
        return Ok(VisionPrompt::default());
    }
    Ok(VisionPrompt::load(&vision.prompt)?)
}

/// Refuses vision models for stages for which the joint network of a bundle answers. A vision model that reads whole posts is
/// none: it takes the joint network out of the bundle.
pub(super) fn no_second_answers(bundle: &Bundle, vision: &vision::Config) -> Result<(), RuntimeError> {
    let answered =
        [Stage::Entail, Stage::Ground].into_iter().find(|&stage| vision.endpoint_of(stage).is_some());
    match answered.filter(|_| bundle.joint().is_some()) {
        Some(stage) => Err(RuntimeError::AnsweredTwice { stage }),
        None => Ok(()),
    }
}

/// Puts the networks of gate and grounder on the device before it starts, where no vision model answers in their place.
/// Counts their pictures in `runs`.
pub(super) fn looks(
    bundle: &Bundle,
    config: &Config,
    (endpoints, prompt, gate): (&Endpoints, &Arc<Reloadable<VisionPrompt>>, Gate),
    executors: &Executors,
    (device, runs): (&mut Device, &mut PictureRuns),
) -> Result<Looks, RuntimeError> {
    let (vision, budgets) = (&config.vision, &config.scheduler);
    let (entail, ground) = (vision.endpoint_of(Stage::Entail), vision.endpoint_of(Stage::Ground));
    if bundle.joint().is_some() {
        let (entailer, grounder) = (AnsweredBy::Nobody, AnsweredBy::Nobody);
        return Ok(Looks { entailer, grounder, gate, min_box_score: 0.0, degrade: vision.degrade });
    }
    let (entailing, grounding) = match (entail, ground) {
        (None, None) => {
            let both = executors.each(|place, remembered| bundle.entailer_and_grounder(place, remembered))?;
            let (entailing, grounding): (Vec<_>, Vec<_>) = both.into_iter().unzip();
            (Some(entailing), Some(grounding))
        }
        (None, Some(_)) => {
            let entailing = executors.each(|place, remembered| bundle.entailer(place, remembered.clone()))?;
            (Some(entailing), None)
        }
        (Some(_), None) => {
            let grounding = executors.each(|place, remembered| bundle.grounder(place, remembered.clone()))?;
            (None, Some(grounding))
        }
        (Some(_), Some(_)) => (None, None),
    };
    let entailer = match entailing {
        None => AnsweredBy::Endpoint(endpoints.vision(entail.unwrap_or_default(), prompt)?),
        Some(entailing) => {
            let (part, prompts) = (bundle.entail()?, vocabularies::entail_prompts(bundle)?);
            let view = part.network.view();
            runs.entail = entailing.iter().map(Served::pictures_read).collect();
            let samples = warm_up::entail(&prompts, view);
            let handle = device.warmed_lane(Stage::Entail, entailing, budgets.entail, samples);
            AnsweredBy::Network(Entailer::new(handle, prompts, part.threshold), view)
        }
    };
    // A vision model gives no score of its boxes.
    let mut min_box_score = 0.0;
    let grounder = match grounding {
        None => AnsweredBy::Endpoint(endpoints.vision(ground.unwrap_or_default(), prompt)?),
        Some(grounding) => {
            let (part, phrases) = (bundle.ground()?, vocabularies::ground_phrases(bundle)?);
            let view = part.network.view();
            min_box_score = part.threshold;
            runs.ground = grounding.iter().map(Served::pictures_read).collect();
            let samples = warm_up::ground(&phrases, view);
            let handle = device.warmed_lane(Stage::Ground, grounding, budgets.ground, samples);
            AnsweredBy::Network(Grounder::new(handle, phrases), view)
        }
    };
    Ok(Looks { entailer, grounder, gate, min_box_score, degrade: vision.degrade })
}
