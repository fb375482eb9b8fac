//! Bundle of the settings: the one at their path, with the stages that they take from other bundles, and without those that
//! a vision model answers.

use crate::domain::Stage;
use crate::engine::Config;
use crate::networks::bundle::{Bundle, BundleError};

use super::precision;

/// Opens the bundle of the settings with the stages of other bundles. A stage that a vision model answers is left out: its
/// hash then names the endpoint's model.
///
/// # Errors
/// The missing or damaged file of any of the bundles.
pub fn open(settings: &Config) -> Result<Bundle, BundleError> {
    let folders = &settings.bundle;
    let mut bundle = Bundle::open(&folders.path)?;
    for (stage, folder) in folders.elsewhere() {
        bundle = bundle.with_stage(stage, Bundle::open(folder)?)?;
    }
    for stage in Stage::ALL {
        if let Some(endpoint) = settings.vision.endpoint_of(stage).and_then(|name| settings.llm.get(name)) {
            bundle =
                bundle.answered_by(stage, &format!("{} {}", endpoint.model, endpoint.box_format.as_str()));
        }
    }
    let bundle = if folders.has_segmenter() { bundle } else { bundle.without_segmenter() };
    Ok(precision::chosen(bundle, &settings.device))
}
