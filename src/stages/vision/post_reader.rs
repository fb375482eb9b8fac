//! Post reader: the entities of a post with types and boxes, from one question to a vision model about text and pictures.

use std::sync::Arc;

use super::box_rule::{BoxRule, bbox};
use super::extraction::{Allowed, Extraction};
use super::prompt::VisionPrompt;
use super::spans::spans;
use crate::common::Reloadable;
use crate::domain::{BBox, EntityType, Mention, Post};
use crate::llm::answers::Kind;
use crate::llm::cached::{
    AnswerReader, CachedEndpoint, LeftOut, NoAnswer, escape_untrusted, normalised_text, sent_size,
};

/// Pictures of one post that a question contains: sites show four, and each has about a thousand tokens.
const MAX_PICTURES: usize = 4;
/// The characters of a text that label its answer in the cache.
const SUBJECT_CHARS: usize = 120;

/// A vision model that reads whole posts.
#[derive(Clone)]
pub struct PostReader {
    endpoint: CachedEndpoint,
    prompt: Arc<Reloadable<VisionPrompt>>,
    types: Vec<String>,
}

/// What a vision model says of a post.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PostReading {
    /// In the order of the text.
    pub entities: Vec<EntityReading>,
    /// How many of the post's pictures, the first ones, the model saw.
    pub pictures: usize,
    /// What was left out, in words for the provenance.
    pub notes: Vec<String>,
    /// How much of the answer was left out, by reason.
    pub left_out: Vec<(LeftOut, usize)>,
}

/// One entity of a post, and where its pictures show it.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityReading {
    /// The entity in the text that networks read.
    pub mention: Mention,
    /// The index of each picture that shows it, and the box in pixels of the upright picture.
    pub shown: Vec<(usize, BBox)>,
}

impl PostReader {
    /// The model behind `endpoint`, asked in the words of `prompt` for entities of these types.
    #[must_use]
    pub fn new(
        endpoint: CachedEndpoint,
        prompt: Arc<Reloadable<VisionPrompt>>,
        types: &[EntityType],
    ) -> Self {
        let types = types.iter().map(|entity_type| entity_type.as_str().to_owned()).collect();
        Self { endpoint, prompt, types }
    }

    /// What the model says of a post. A post without a text is not asked about.
    ///
    /// # Errors
    /// The endpoint failed after all its attempts, or its answer is rejected.
    pub async fn read(&self, post: &Post) -> Result<PostReading, NoAnswer> {
        let text = normalised_text(post.plain_text());
        if text.is_empty() {
            return Ok(PostReading::default());
        }
        let frames: Vec<_> =
            post.media.iter().take(MAX_PICTURES).map(|media| Arc::clone(&media.frame)).collect();
        let format = self.endpoint.box_format();
        let question = self.prompt.get().post_question(&text, (&self.types, frames.len()), format);
        let rules = frames.iter().map(|frame| {
            let original = (frame.width, frame.height);
            BoxRule { format, sent: sent_size(frame.width, frame.height), original }
        });
        let allowed = Arc::new(Allowed { types: self.types.clone(), pictures: rules.collect() });
        let (new, kept) = (Arc::clone(&allowed), Arc::clone(&allowed));
        let reader = AnswerReader::new(
            format.as_str(),
            move |text| Extraction::read(text, &new).map(|found| found.to_json()),
            move |stored| Extraction::from_stored(stored, &kept).is_some(),
        );
        let subject: String = escape_untrusted(&text).chars().take(SUBJECT_CHARS).collect();
        let answer =
            self.endpoint.ask_object(Kind::Extraction, &subject, (question, frames), &reader).await?;
        let found = answer.and_then(|stored| Extraction::from_stored(&stored, &allowed)).unwrap_or_default();
        let reading = reading(post, &found);
        for &(reason, parts) in &reading.left_out {
            self.endpoint.left_out(reason, parts);
        }
        Ok(reading)
    }
}

/// The entities of an extraction where the post's text has them.
fn reading(post: &Post, found: &Extraction) -> PostReading {
    let text = post.plain_text();
    let names: Vec<&str> = found.entities.iter().map(|entity| entity.text.as_str()).collect();
    let places = spans(text, &names);
    let not_found = places.iter().filter(|place| place.is_none()).count();
    let entities = found.entities.iter().zip(places).filter_map(|(entity, span)| {
        let span = span?;
        let mention = Mention {
            text: text[span.byte_start..span.byte_end].to_owned(),
            entity_type: EntityType::new(&entity.entity_type),
            span,
            // A vision model gives no probability.
            score: 1.0,
        };
        let shown = entity.shown.iter().filter_map(|place| {
            let media = post.media.get(place.picture)?;
            Some((place.picture, bbox(place.fractions, &media.frame)))
        });
        Some(EntityReading { mention, shown: shown.collect() })
    });
    let mut entities: Vec<EntityReading> = entities.collect();
    entities.sort_by_key(|entity| entity.mention.span);
    let pictures = post.media.len().min(MAX_PICTURES);
    let left_out = vec![
        (LeftOut::Text, not_found),
        (LeftOut::Type, found.wrong_types),
        (LeftOut::Box, found.wrong_boxes),
    ];
    let named = left_out.iter().filter_map(|&(reason, parts)| {
        let noun = match reason {
            LeftOut::Text => ["entity that the text does not have", "entities that the text does not have"],
            LeftOut::Type => ["entity of an unknown type", "entities of unknown types"],
            LeftOut::Box => ["box outside of the pictures", "boxes outside of the pictures"],
        };
        counted(parts, noun).map(|what| format!("the vision model gave {what}"))
    });
    let unseen = counted(post.media.len() - pictures, ["picture", "pictures"])
        .map(|what| format!("{what} after the first {MAX_PICTURES} went to no vision model"));
    let notes = named.chain(unseen).collect();
    PostReading { entities, pictures, notes, left_out }
}

/// A number with its noun, in the singular or the plural; none for 0.
fn counted(count: usize, [one, many]: [&str; 2]) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    }
}
