//! Gold and predicted mentions of a post: the data that scores compare.

use crate::domain::{Annotation, BBox, EntityType, Mask};

/// One annotated post.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldPost {
    /// The feed's identifier.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its entities, in reading order.
    pub mentions: Vec<GoldMention>,
}

/// One annotated entity. It has no region if no picture shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldMention {
    /// The entity's text.
    pub text: String,
    /// Its type.
    pub entity_type: EntityType,
    /// Start and end in the post's text, in code points; the end is exclusive.
    pub span: (usize, usize),
    /// All regions that show it: any of them is a correct answer.
    pub regions: Vec<GoldRegion>,
}

/// One region that shows an entity.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldRegion {
    /// The key of its picture.
    pub media_key: String,
    /// The box, in pixels of the upright picture.
    pub bbox: BBox,
    /// The mask, if it was annotated.
    pub mask: Option<Mask>,
}

/// One entity of an answer, reduced to the judged fields.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedMention {
    /// The entity's text.
    pub text: String,
    /// Its type.
    pub entity_type: EntityType,
    /// Start and end in the post's text, in code points; the end is exclusive.
    pub span: (usize, usize),
    /// Its regions, at most one per picture.
    pub regions: Vec<PredictedRegion>,
}

/// One predicted region.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedRegion {
    /// The key of its picture.
    pub media_key: String,
    /// The box.
    pub bbox: BBox,
    /// The mask.
    pub mask: Mask,
}

impl PredictedMention {
    /// The judged fields of an annotation.
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
