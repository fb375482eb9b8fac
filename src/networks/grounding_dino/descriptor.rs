//! Descriptors of Grounding DINO: how it serves as an entailer, as a grounder, and as both, and what a bundle says of it.

use super::authors::GROUNDING_DINO_ORIGINAL;
use super::import::{CONFIG, checked_copies};
use super::names::GROUNDING_DINO;
use super::{GroundingDino, GroundingDinoConfig, GroundingDinoEntailer, GroundingDinoGrounder};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::checkpoint::Family;
use crate::networks::descriptor::{
    Architecture, Dimensions, EntailDescriptor, GroundDescriptor, GroundSettings, Importing, Reads,
};
use crate::networks::served::{Entailer, Grounder};
use crate::networks::weights::{BundleError, WeightSource};
use crate::stages::prompt::CaptionStyle;

/// A phrase ends with a full stop.
const PROMPT: &str = "{phrase}.";

/// The score from which transformers takes a box to be found, where nothing else is said.
const THRESHOLD: f32 = 0.25;

/// Grounding DINO as an entailer.
pub static ENTAIL: EntailDescriptor = EntailDescriptor {
    architecture: ARCHITECTURE,
    importing: IMPORTING,
    view,
    reads,
    style: CaptionStyle::GroundingDino,
    prompt: PROMPT,
    threshold: THRESHOLD,
    serve: |source, dimensions, remembered| {
        Ok(entailer(GroundingDinoEntailer::new(load(source, dimensions)?, remembered)))
    },
    serve_both: Some(serve_both),
};

/// Grounding DINO as a grounder.
pub static GROUND: GroundDescriptor = GroundDescriptor {
    architecture: ARCHITECTURE,
    importing: IMPORTING,
    view,
    reads,
    style: CaptionStyle::GroundingDino,
    prompt: PROMPT,
    beam: 1,
    widest_beam: |_| 1,
    differing: &[],
    draws_outlines: |_| false,
    serve: |source, dimensions, _settings, remembered| {
        Ok(grounder(GroundingDinoGrounder::new(load(source, dimensions)?, remembered)))
    },
};

const ARCHITECTURE: Architecture = Architecture::of::<GroundingDinoConfig>("grounding-dino");
const FAMILIES: &[&Family] = &[&GROUNDING_DINO, &GROUNDING_DINO_ORIGINAL];
const IMPORTING: Importing = Importing {
    config: Some(CONFIG),
    tensors: Some(checked_copies),
    ..Importing::of("a Grounding DINO", FAMILIES)
};

fn view(dimensions: &Dimensions) -> View {
    let config: GroundingDinoConfig = dimensions.config();
    View::shortest_side(config.shortest_side as u32, config.longest_side as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: GroundingDinoConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_text)
}

fn load(source: &WeightSource<'_>, dimensions: &Dimensions) -> Result<GroundingDino, BundleError> {
    source.load(|root| GroundingDino::new(root, &dimensions.config()))
}

fn serve_both(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    _settings: GroundSettings,
    remembered: Remembered,
) -> Result<(Entailer, Grounder), BundleError> {
    let entailing = GroundingDinoEntailer::new(load(source, dimensions)?, remembered);
    let grounding = entailing.grounder();
    Ok((entailer(entailing), grounder(grounding)))
}

fn entailer(network: GroundingDinoEntailer) -> Entailer {
    let pictures_read = network.trunk_runs();
    Entailer::new(network, pictures_read)
}

fn grounder(network: GroundingDinoGrounder) -> Grounder {
    let pictures_read = network.trunk_runs();
    Grounder::new(network, pictures_read)
}
