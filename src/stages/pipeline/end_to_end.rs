//! End to end: entities, types and boxes of a post in one answer, of a vision model or a joint network; masks by the
//! segmenter.

use futures_util::future::try_join_all;

use crate::domain::{
    Annotation, BBox, Degradation, DegradedCode, GateVerdict, Media, Mention, Phrase, PhraseSource, Post,
    Stage, Triple,
};
use crate::llm::cached::{Degrade, normalised_text};
use crate::scheduler::Flow;
use crate::stages::ground::Located;
use crate::stages::link::{LinkContext, Linker};
use crate::stages::vision::{EntityReading, PostReader, PostReading};

use super::error::{AnnotateError, NoLook};
use super::limits::Limits;
use super::masks::MaskMaker;

/// What a reader of whole posts says of one.
#[derive(Debug, Default)]
pub(super) struct PostAnswer {
    /// In the order of the text.
    pub(super) entities: Vec<EntityAnswer>,
    /// What it left out.
    pub(super) degraded: Vec<Degradation>,
}

/// What it says of an entity.
#[derive(Debug)]
pub(super) struct EntityAnswer {
    pub(super) mention: Mention,
    pub(super) verdicts: Vec<GateVerdict>,
    /// The index of each picture that shows it, and where.
    pub(super) shown: Vec<(usize, Located)>,
}

/// The answer of a vision model.
pub(super) async fn by_model(
    reader: &PostReader,
    degrade: Degrade,
    post: &Post,
) -> Result<PostAnswer, AnnotateError> {
    let PostReading { entities, pictures, notes, .. } = match reader.read(post).await {
        Ok(reading) => reading,
        Err(source) if degrade == Degrade::DeadLetter => {
            return Err(NoLook { stage: Stage::Recognise, source }.into());
        }
        Err(fault) => {
            let notes = vec![format!("the post was not read: {fault}")];
            PostReading { notes, ..PostReading::default() }
        }
    };
    let answer = |entity: EntityReading| EntityAnswer {
        verdicts: verdicts(post, &entity, pictures),
        mention: entity.mention,
        // A vision model gives no likelihood, so it is 1.
        shown: entity.shown.into_iter().map(|(media, bbox)| (media, located(bbox, 1.0))).collect(),
    };
    Ok(PostAnswer {
        entities: entities.into_iter().map(answer).collect(),
        degraded: notes.into_iter().map(|note| DegradedCode::NotRead.because(note)).collect(),
    })
}

/// Annotates a post by what a reader of whole posts says of it.
pub(super) async fn annotate(
    flow: Flow,
    post: &Post,
    (answer, linker): (PostAnswer, &Linker),
    (limits, maker): (Limits, MaskMaker<'_>),
) -> Result<Annotation, AnnotateError> {
    let PostAnswer { mut entities, mut degraded } = answer;
    let dropped = entities.len().saturating_sub(limits.entities);
    entities.truncate(limits.entities);
    degraded.extend(limits.dropped_entities(dropped));
    let text = normalised_text(post.plain_text());
    let about_post = LinkContext { text: &text, background: None };
    let links = entities.iter().map(|entity| linker.link(&entity.mention, about_post));
    let links = try_join_all(links).await?;
    let faults = links.iter().filter_map(|linked| linked.fault.clone());
    degraded.extend(faults.map(|fault| DegradedCode::NotLinked.because(fault)));
    // What the reader says of a picture holds although its mask is beyond the limit.
    degraded.extend(limits.dropped_queries(drop_pairs(&mut entities, limits.looks)));

    let pairs = || entities.iter().flat_map(|entity| &entity.shown);
    let queries: Vec<Option<(usize, &Located)>> =
        pairs().map(|(media, located)| Some((*media, located))).collect();
    let masks = maker.masks(flow, post, &queries).await?;
    degraded.extend(limits.dropped_masks(masks.beyond_limit));
    degraded.extend(masks.notes);
    let regions = pairs().zip(&masks.of_queries).map(|((media, located), mask)| {
        let key = post.media[*media].key.clone();
        Some(mask.as_ref()?.region(key, located))
    });
    let mut regions = regions.collect::<Vec<_>>().into_iter();

    let triples = entities.into_iter().zip(links).map(|(entity, linked)| {
        let EntityAnswer { mention, verdicts, shown } = entity;
        let regions = regions.by_ref().take(shown.len()).flatten().collect();
        let phrase = phrase(&mention);
        let iri = linked.candidate.and_then(|entity| entity.iri);
        Triple { mention: post.in_received_text(mention), iri, phrase, verdicts, regions }
    });
    Ok(Annotation { triples: triples.collect(), degraded })
}

/// What a vision model says of an entity and each picture that it saw.
fn verdicts(post: &Post, entity: &EntityReading, pictures: usize) -> Vec<GateVerdict> {
    let verdict = |(index, media): (usize, &Media)| {
        let depicted = entity.shown.iter().any(|(other, _)| *other == index);
        let probability = f32::from(u8::from(depicted));
        GateVerdict { media_key: media.key.clone(), depicted, probability, dropped_box_score: None }
    };
    post.media.iter().take(pictures).enumerate().map(verdict).collect()
}

/// Keeps the first pairs of entity and picture, and counts the others.
fn drop_pairs(entities: &mut [EntityAnswer], most: usize) -> usize {
    let (mut left, mut dropped) = (most, 0);
    for EntityAnswer { shown, .. } in entities {
        let kept = shown.len().min(left);
        dropped += shown.len() - kept;
        left -= kept;
        shown.truncate(kept);
    }
    dropped
}

/// A box without an outline.
pub(super) fn located(bbox: BBox, likelihood: f32) -> Located {
    Located { bbox, likelihood, outline: None }
}

/// A reader of whole posts looks for the entity itself, so the phrase is its name.
fn phrase(mention: &Mention) -> Phrase {
    Phrase {
        text: mention.text.clone(),
        expansion: None,
        source: PhraseSource::NameOnly,
        answers: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EntityType, Span};

    #[test]
    fn pairs_beyond_the_limit_are_dropped_in_the_order_of_the_text() {
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let span = Span { start: 0, end: 1, byte_start: 0, byte_end: 1 };
        let mention = Mention { text: "A".to_owned(), entity_type: EntityType::new("PER"), span, score: 1.0 };
        let entity = |pictures: usize| EntityAnswer {
            mention: mention.clone(),
            verdicts: Vec::new(),
            shown: (0..pictures).map(|media| (media, located(bbox, 1.0))).collect(),
        };
        let mut entities = [entity(2), entity(0), entity(3), entity(1)];
        assert_eq!(drop_pairs(&mut entities, 4), 2);
        assert_eq!(entities.map(|entity| entity.shown.len()), [2, 0, 2, 0]);
    }
}
