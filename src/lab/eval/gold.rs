//! What is compared: the mentions of a post as its annotators see them, and as the engine does.

use crate::domain::{Annotation, BBox, EntityType, Mask};

/// One post as its annotators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldPost {
    /// The feed's identifier.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its entities, in reading order.
    pub mentions: Vec<GoldMention>,
}

/// One entity as annotated. No region: no picture shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldMention {
    /// The entity's text.
    pub text: String,
    /// Its type.
    pub entity_type: EntityType,
    /// First code point and one past the last, in the post's text.
    pub span: (usize, usize),
    /// Every place that shows it: any of them is a right answer.
    pub regions: Vec<GoldRegion>,
}

/// One place that shows an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldRegion {
    /// Which of the post's pictures.
    pub media_key: String,
    /// The box, in pixels of the upright picture.
    pub bbox: BBox,
    /// The pixels, where they were annotated.
    pub mask: Option<Mask>,
}

/// One entity as the engine sees it: all of an answer that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedMention {
    /// The entity's text.
    pub text: String,
    /// Its type.
    pub entity_type: EntityType,
    /// First code point and one past the last.
    pub span: (usize, usize),
    /// Where the pictures show it, at most once a picture.
    pub regions: Vec<PredictedRegion>,
}

/// One place that the engine found.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedRegion {
    /// Which of the post's pictures.
    pub media_key: String,
    /// The box.
    pub bbox: BBox,
    /// The pixels.
    pub mask: Mask,
}

impl PredictedMention {
    /// What is judged of an annotation.
    #[must_use]
    pub fn from_annotation(annotation: &Annotation) -> Vec<Self> {
        annotation
            .triples
            .iter()
            .map(|triple| Self {
                text: triple.mention.text.clone(),
                entity_type: triple.mention.entity_type.clone(),
                span: (triple.mention.span.start, triple.mention.span.end),
                regions: triple
                    .regions
                    .iter()
                    .map(|region| PredictedRegion {
                        media_key: region.media_key.clone(),
                        bbox: region.bbox,
                        mask: Mask::clone(&region.mask),
                    })
                    .collect(),
            })
            .collect()
    }
}
