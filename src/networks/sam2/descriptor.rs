//! Descriptor of SAM 2: how it serves as a segmenter, and what a bundle says of it.

use super::import::{CONFIG, point_table};
use super::names::{SAM2, SAM2_ORIGINAL};
use super::{Sam2, Sam2Config, Sam2Segmenter};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{Architecture, Dimensions, Importing, SegmentDescriptor};
use crate::networks::served::Segmenter;
use crate::networks::weights::{BundleError, WeightSource};

/// SAM 2 as a segmenter.
pub static SEGMENT: SegmentDescriptor = SegmentDescriptor {
    architecture: Architecture::of::<Sam2Config>("sam2"),
    importing: Importing {
        config: Some(CONFIG),
        tensors: Some(point_table),
        ..Importing::of("a SAM 2", &[&SAM2_ORIGINAL, &SAM2])
    },
    view,
    serve,
};

fn view(dimensions: &Dimensions) -> View {
    View::squashed_bilinear(dimensions.config::<Sam2Config>().image_size as u32)
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    remembered: Remembered,
) -> Result<Segmenter, BundleError> {
    let sam2 = source.load(|root| Sam2::new(root, &dimensions.config()))?.freeze();
    let sam2 = Sam2Segmenter::new(sam2, source.device, remembered);
    let encodings = sam2.encodings();
    Ok(Segmenter::new(sam2, encodings))
}
