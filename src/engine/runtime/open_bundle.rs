//! Bundle of the settings: the one at their path, with the stages that they take from other bundles.

use crate::networks::bundle::{Bundle, BundleError, Config};

/// Opens the bundle of the settings, put together of all that they name.
///
/// # Errors
/// What is missing or not whole in any of the bundles, by file.
pub fn open(settings: &Config) -> Result<Bundle, BundleError> {
    let mut bundle = Bundle::open(&settings.path)?;
    for (stage, folder) in settings.elsewhere() {
        bundle = bundle.with_stage(stage, Bundle::open(folder)?)?;
    }
    Ok(if settings.has_segmenter() { bundle } else { bundle.without_segmenter() })
}
