//! Bundle of the settings: the one at their path, with the stages that they take from other bundles.

use crate::networks::bundle::{Bundle, BundleError, Config};

/// Opens the bundle of the settings with the stages of other bundles.
///
/// # Errors
/// The missing or damaged file of any of the bundles.
pub fn open(settings: &Config) -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::open(&settings.path)?;
    for (stage, folder) in settings.elsewhere() {
        bundle = bundle.with_stage(stage, Bundle::open(folder)?)?;
    }
    Ok(if settings.has_segmenter() { bundle } else { bundle.without_segmenter() })
}
