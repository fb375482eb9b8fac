//! Descriptor of ALBEF: how it serves as an entailer, and what a bundle says of it.

use super::import::resized;
use super::names;
use super::{Albef, AlbefConfig, AlbefEntailer};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{Architecture, Dimensions, EntailDescriptor, Importing, Reads};
use crate::networks::served::Entailer;
use crate::networks::weights::{BundleError, WeightSource};
use crate::stages::prompt::{CaptionStyle, PHRASE};

/// ALBEF as an entailer.
pub static ENTAIL: EntailDescriptor = EntailDescriptor {
    architecture: Architecture::of::<AlbefConfig>("albef"),
    importing: Importing { tensors: Some(resized), ..Importing::of("an ALBEF", &[&names::ALBEF]) },
    view,
    reads,
    style: CaptionStyle::Albef,
    prompt: PHRASE,
    threshold: 0.5,
    serve,
    serve_both: None,
};

fn view(dimensions: &Dimensions) -> View {
    View::squashed(dimensions.config::<AlbefConfig>().image_size as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: AlbefConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_positions)
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    remembered: Remembered,
) -> Result<Entailer, BundleError> {
    let albef = source.load(|root| Albef::new(root, &dimensions.config()))?;
    let albef = AlbefEntailer::new(albef, remembered);
    let pictures_read = albef.pictures_seen();
    Ok(Entailer::new(albef, pictures_read))
}
