//! Descriptors of OFA: how it serves as an entailer, as a grounder, and as both, and what a bundle says of it.

use super::import::{
    CONFIG, GROUND_SIDE, SIDE, answers_share, bins_share, dimensions_of_entailment, dimensions_of_grounding,
    entailment_recipe, locations, piece_faults,
};
use super::names::{OFA, OFA_FAIRSEQ};
use super::{Choice, Ofa, OfaConfig, OfaEntailer, OfaGrounder};
use crate::common::imaging::View;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::checkpoint::Family;
use crate::networks::descriptor::{
    Answers, Architecture, Dimensions, EntailDescriptor, GroundDescriptor, GroundSettings, Importing, Pieces,
    Reads,
};
use crate::networks::served::{Entailer, Grounder};
use crate::networks::weights::{BundleError, WeightSource};
use crate::stages::prompt::CaptionStyle;

/// The question of entailment, as it was taught on SNLI-VE where pictures have no caption. That of imports depends on the
/// checkpoint and on its recipe.
pub const ENTAIL_PROMPT: &str = " does the image describe \" {phrase} \"?";
/// The question of grounding, as it was taught on RefCOCO.
pub const GROUND_PROMPT: &str = " which region does the text \" {phrase} \" describe?";

/// OFA as an entailer.
pub static ENTAIL: EntailDescriptor = EntailDescriptor {
    architecture: ARCHITECTURE,
    importing: Importing {
        task: Some("snli_ve"),
        recipe: Some(entailment_recipe),
        dimensions: Some(dimensions_of_entailment),
        answers: Some(Answers { are: "no, yes and maybe", share: answers_share }),
        ..IMPORTING
    },
    view,
    reads,
    style: CaptionStyle::Ofa,
    prompt: ENTAIL_PROMPT,
    threshold: 0.5,
    serve: |source, dimensions, remembered| {
        Ok(entailer(OfaEntailer::new(load(source, dimensions)?, remembered)))
    },
    serve_both: Some(serve_both),
};

/// OFA as a grounder.
pub static GROUND: GroundDescriptor = GroundDescriptor {
    architecture: ARCHITECTURE,
    importing: Importing {
        task: Some("refcoco"),
        dimensions: Some(dimensions_of_grounding),
        answers: Some(Answers { are: "the location bins", share: bins_share }),
        ..IMPORTING
    },
    view,
    reads,
    style: CaptionStyle::Ofa,
    prompt: GROUND_PROMPT,
    beam: 5,
    widest_beam,
    differing: &[(SIDE, GROUND_SIDE)],
    draws_outlines: |_| false,
    serve: |source, dimensions, settings, remembered| {
        let ofa = load(source, dimensions)?;
        Ok(grounder(OfaGrounder::new(ofa, settings.beam, remembered).among(choice(settings))))
    },
};

const ARCHITECTURE: Architecture = Architecture::of::<OfaConfig>("ofa");
const FAMILIES: &[&Family] = &[&OFA_FAIRSEQ, &OFA];
const IMPORTING: Importing = Importing {
    config: Some(CONFIG),
    pieces: Some(Pieces { locations, faults: piece_faults }),
    ..Importing::of("an OFA", FAMILIES)
};

/// The widest beam that is served, twice the authors' own: each box more is a row more in every step of the decoder. A
/// network with few bins serves fewer, since one of its bins may be barred as a repetition.
const WIDEST_BEAM: usize = 10;

fn view(dimensions: &Dimensions) -> View {
    View::squashed(dimensions.config::<OfaConfig>().patch_image_size as u32)
}

fn reads(dimensions: &Dimensions) -> Reads {
    let config: OfaConfig = dimensions.config();
    Reads::pieces(config.vocabulary, config.max_positions)
}

fn widest_beam(dimensions: &Dimensions) -> usize {
    usize::try_from(dimensions.config::<OfaConfig>().bins - 1).unwrap_or(0).min(WIDEST_BEAM)
}

/// Which tokens it follows while it grounds.
fn choice(settings: GroundSettings) -> Choice {
    if settings.bins_only { Choice::Bins } else { Choice::Anything }
}

fn load(source: &WeightSource<'_>, dimensions: &Dimensions) -> Result<Ofa, BundleError> {
    source.load(|root| Ofa::new(root, &dimensions.config()))
}

fn serve_both(
    source: &WeightSource<'_>,
    dimensions: &Dimensions,
    settings: GroundSettings,
    remembered: Remembered,
) -> Result<(Entailer, Grounder), BundleError> {
    let entailing = OfaEntailer::new(load(source, dimensions)?, remembered);
    let grounding = entailing.grounder(settings.beam).among(choice(settings));
    Ok((entailer(entailing), grounder(grounding)))
}

fn entailer(ofa: OfaEntailer) -> Entailer {
    let pictures_read = ofa.trunk_runs();
    Entailer::new(ofa, pictures_read)
}

fn grounder(ofa: OfaGrounder) -> Grounder {
    let pictures_read = ofa.trunk_runs();
    Grounder::new(ofa, pictures_read)
}
