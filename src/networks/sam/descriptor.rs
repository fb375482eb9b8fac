//! Descriptor of SAM: how it serves as a segmenter, and what a bundle says of it.

use super::import::CONFIG;
use super::names::{SAM, SAM_ORIGINAL};
use super::{Sam, SamConfig, SamSegmenter};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{Architecture, Dimensions, Importing, SegmentDescriptor};
use crate::networks::served::Segmenter;
use crate::networks::weights::{BundleError, WeightSource};

/// SAM as a segmenter.
pub static SEGMENT: SegmentDescriptor = SegmentDescriptor {
    architecture: Architecture::of::<SamConfig>("sam"),
    importing: Importing { config: Some(CONFIG), ..Importing::of("a SAM", &[&SAM_ORIGINAL, &SAM]) },
    view,
    serve,
};

fn view(dimensions: &Dimensions) -> View {
    View::longest_side(dimensions.config::<SamConfig>().image_size as u32)
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    remembered: Remembered,
) -> Result<Segmenter, BundleError> {
    let sam = source.load(|root| Sam::new(root, &dimensions.config()))?;
    let sam = SamSegmenter::new(sam.freeze(), source.device, remembered);
    let encodings = sam.encodings();
    Ok(Segmenter::new(sam, encodings))
}
