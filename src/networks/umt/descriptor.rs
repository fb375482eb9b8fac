//! Descriptor of UMT: how it serves as the encoder of posts, and what a bundle says of it.

use super::{Umt, UmtConfig, UmtEncoder};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{Architecture, Dimensions, Importing, Reads, RetrieveDescriptor};
use crate::networks::served::Encoder;
use crate::networks::weights::{BundleError, WeightSource};

/// UMT as the encoder of posts.
pub static RETRIEVE: RetrieveDescriptor = RetrieveDescriptor {
    architecture: Architecture::of::<UmtConfig>("umt"),
    importing: Importing::none("a UMT"),
    view,
    reads,
    serve,
};

fn view(dimensions: &Dimensions) -> View {
    View::centre(dimensions.config::<UmtConfig>().image_size as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: UmtConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_pieces)
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    remembered: Remembered,
) -> Result<Encoder, BundleError> {
    let umt = source.load(|root| Umt::new(root, &dimensions.config()))?;
    let umt = UmtEncoder::new(umt, remembered);
    let pictures_seen = umt.pictures_seen();
    Ok(Encoder::new(umt, pictures_seen))
}
