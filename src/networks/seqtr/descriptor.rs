//! Descriptor of SeqTR: how it serves as a grounder, and what a bundle says of it.

use super::{SeqTr, SeqTrConfig, SeqTrGrounder, import, names};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::descriptor::{
    Architecture, Dimensions, GroundDescriptor, GroundSettings, Importing, Reads,
};
use crate::networks::served::Grounder;
use crate::networks::weights::{BundleError, WeightSource};
use crate::stages::prompt::{CaptionStyle, PHRASE};

/// SeqTR as a grounder.
pub static GROUND: GroundDescriptor = GroundDescriptor {
    architecture: Architecture::of::<SeqTrConfig>("seqtr"),
    importing: Importing {
        dimensions: Some(import::dimensions),
        ..Importing::of("a SeqTR", &[&names::SEQTR])
    },
    view,
    reads,
    style: CaptionStyle::Ofa,
    prompt: PHRASE,
    beam: 1,
    widest_beam: |_| 1,
    differing: &[],
    draws_outlines: |dimensions| dimensions.config::<SeqTrConfig>().contour_points.is_some(),
    serve,
};

fn view(dimensions: &Dimensions) -> View {
    View::longest_side(dimensions.config::<SeqTrConfig>().image_size as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: SeqTrConfig = dimensions.config();
    Reads::words(config.vocabulary, config.max_words)
}

fn serve(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    _settings: GroundSettings,
    remembered: Remembered,
) -> Result<Grounder, BundleError> {
    let seqtr = source.load(|root| SeqTr::new(root, &dimensions.config()))?;
    let seqtr = SeqTrGrounder::new(seqtr, remembered);
    let pictures_read = seqtr.trunk_runs();
    Ok(Grounder::new(seqtr, pictures_read))
}
