//! Mentions of posts, gold and predicted: the data that scores compare.

use std::collections::HashMap;

use crate::domain::{Annotation, BBox, EntityType, Mask, Triple};

/// One annotated post.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldPost {
    /// The feed's identifier.
    pub id: String,
    /// The text; empty if the file of the gold has none.
    pub text: String,
    /// Its entities, in reading order.
    pub mentions: Vec<GoldMention>,
    /// Whether the data set says what the pictures show. If not, an entity without regions may be shown.
    pub grounded: bool,
}

/// One annotated entity. It has no region if no picture shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldMention {
    /// The entity's text.
    pub text: String,
    /// Its type.
    pub entity_type: EntityType,
    /// Start and end in the post's text, in code points; the end is exclusive. None if the file has names alone.
    pub span: Option<(usize, usize)>,
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
    /// Start and end in the post's text, in code points; the end is exclusive. None if the file has names alone.
    pub span: Option<(usize, usize)>,
    /// The gate's decision over all pictures, where it is known: a box may be missing though the gate asked for one.
    pub gate: Option<bool>,
    /// Its regions, at most one per picture.
    pub regions: Vec<PredictedRegion>,
}

/// The mentions of each post, by the post's id.
pub type Predictions = HashMap<String, Vec<PredictedMention>>;

/// One predicted region.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedRegion {
    /// The key of its picture.
    pub media_key: String,
    /// The box; none in answers that say only that a picture shows the entity.
    pub bbox: Option<BBox>,
    /// The mask; none in answers without masks.
    pub mask: Option<Mask>,
    /// The segmenter's estimate of the mask's IoU.
    pub mask_score: Option<f32>,
}

impl PredictedMention {
    /// The judged fields of an annotation.
    #[must_use]
    pub fn from_annotation(annotation: &Annotation) -> Vec<Self> {
        let mention = |triple: &Triple| {
            let regions = triple.regions.iter().map(|region| PredictedRegion {
                media_key: region.media_key.clone(),
                bbox: Some(region.bbox),
                mask: Some(Mask::clone(&region.mask)),
                mask_score: Some(region.mask_score),
            });
            let asked = !triple.verdicts.is_empty();
            Self {
                text: triple.mention.text.clone(),
                entity_type: triple.mention.entity_type.clone(),
                span: Some((triple.mention.span.start, triple.mention.span.end)),
                gate: asked.then(|| triple.verdicts.iter().any(|verdict| verdict.depicted)),
                regions: regions.collect(),
            }
        };
        annotation.triples.iter().map(mention).collect()
    }

    /// Whether the answer says that a picture shows the entity.
    #[must_use]
    pub fn is_depicted(&self) -> bool {
        self.gate.unwrap_or(!self.regions.is_empty())
    }
}
