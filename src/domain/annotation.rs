//! Annotations: for every mention, whether and where the pictures show it.

use std::sync::Arc;

use super::{BBox, Degradation, Mask, Mention, Phrase};

/// The engine's result for one post.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// One for each mention, in reading order.
    pub triples: Vec<Triple>,
    /// What could not be done as configured; empty when all went well.
    pub degraded: Vec<Degradation>,
}

impl Annotation {
    /// What could not be done as configured, in words.
    #[must_use]
    pub fn missing(&self) -> Vec<&str> {
        self.degraded.iter().map(|what| what.detail.as_str()).collect()
    }
}

/// One mention and what the pictures show of it. No region means that no picture shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Triple {
    /// The entity where the text names it.
    pub mention: Mention,
    /// The IRI of the real entity, where the lexicon links the name to one.
    pub iri: Option<Arc<str>>,
    /// The phrase that was looked for in the pictures.
    pub phrase: Phrase,
    /// The gate's answer for each picture, in the order of the post's media.
    pub verdicts: Vec<GateVerdict>,
    /// Where it is, at most one region a picture.
    pub regions: Vec<Region>,
}

/// Whether one picture shows one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct GateVerdict {
    /// Which picture.
    pub media_key: String,
    /// The decision.
    pub depicted: bool,
    /// How likely it is shown, 0 to 1.
    pub probability: f32,
    /// The score of the grounder's box, where that is too low for a region.
    pub dropped_box_score: Option<f32>,
}

/// Where one picture shows one entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// Which picture.
    pub media_key: String,
    /// The box, in pixels of the upright picture.
    pub bbox: BBox,
    /// The grounder's probability of its answer given the phrase, 0 to 1 (geometric mean over its tokens, the four of a
    /// box or those of an outline).
    pub box_score: f32,
    /// The pixels, at the size of the upright picture; shared by all mentions that were looked for in the same words.
    /// None are inside where the region has no mask, which the annotation then says.
    pub mask: Arc<Mask>,
    /// The segmenter's own estimate of the mask's IoU; without a segmenter, `box_score`.
    pub mask_score: f32,
}
