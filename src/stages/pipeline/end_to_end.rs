//! End to end: entities, types and boxes of a post by one question to a vision model, masks by the segmenter.

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

/// Annotates a post by what a vision model says of it.
pub(super) async fn annotate(
    flow: Flow,
    post: &Post,
    ((reader, degrade), linker): ((&PostReader, Degrade), &Linker),
    (limits, maker): (Limits, MaskMaker<'_>),
) -> Result<Annotation, AnnotateError> {
    let mut reading = match reader.read(post).await {
        Ok(reading) => reading,
        Err(source) if degrade == Degrade::DeadLetter => {
            return Err(NoLook { stage: Stage::Recognise, source }.into());
        }
        Err(fault) => {
            let notes = vec![format!("the post was not read: {fault}")];
            PostReading { notes, ..PostReading::default() }
        }
    };
    let notes = std::mem::take(&mut reading.notes).into_iter();
    let mut degraded: Vec<Degradation> = notes.map(|note| DegradedCode::NotRead.because(note)).collect();
    let dropped = reading.entities.len().saturating_sub(limits.entities);
    reading.entities.truncate(limits.entities);
    degraded.extend(limits.dropped_entities(dropped));
    let text = normalised_text(post.plain_text());
    let about_post = LinkContext { text: &text, background: None };
    let links = reading.entities.iter().map(|entity| linker.link(&entity.mention, about_post));
    let links = try_join_all(links).await?;
    let faults = links.iter().filter_map(|linked| linked.fault.clone());
    degraded.extend(faults.map(|fault| DegradedCode::NotLinked.because(fault)));
    // What the model says of a picture holds although its mask is beyond the limit.
    let verdicts: Vec<Vec<GateVerdict>> =
        reading.entities.iter().map(|entity| verdicts(post, entity, reading.pictures)).collect();
    degraded.extend(limits.dropped_queries(drop_pairs(&mut reading.entities, limits.looks)));

    let pairs: Vec<(usize, Located)> = reading
        .entities
        .iter()
        .flat_map(|entity| &entity.shown)
        .map(|&(media, bbox)| (media, located(bbox)))
        .collect();
    let queries: Vec<Option<(usize, &Located)>> =
        pairs.iter().map(|(media, located)| Some((*media, located))).collect();
    let masks = maker.masks(flow, post, &queries).await?;
    degraded.extend(limits.dropped_masks(masks.beyond_limit));
    degraded.extend(masks.notes);

    let mut regions = pairs.iter().zip(&masks.of_queries);
    let entities = reading.entities.into_iter().zip(verdicts).zip(links);
    let triples = entities.map(|((EntityReading { mention, shown }, verdicts), linked)| {
        let key = |media: usize| post.media[media].key.clone();
        let own = regions.by_ref().take(shown.len());
        let region =
            own.filter_map(|((media, located), mask)| Some(mask.as_ref()?.region(key(*media), located)));
        let regions = region.collect();
        let phrase = phrase(&mention);
        let iri = linked.candidate.and_then(|entity| entity.iri);
        Triple { mention: post.in_received_text(mention), iri, phrase, verdicts, regions }
    });
    Ok(Annotation { triples: triples.collect(), degraded })
}

/// What the model says of an entity and each picture that it saw.
fn verdicts(post: &Post, entity: &EntityReading, pictures: usize) -> Vec<GateVerdict> {
    let verdict = |(index, media): (usize, &Media)| {
        let depicted = entity.shown.iter().any(|(other, _)| *other == index);
        let probability = f32::from(u8::from(depicted));
        GateVerdict { media_key: media.key.clone(), depicted, probability, dropped_box_score: None }
    };
    post.media.iter().take(pictures).enumerate().map(verdict).collect()
}

/// Keeps the first pairs of entity and picture, and counts the others.
fn drop_pairs(entities: &mut [EntityReading], most: usize) -> usize {
    let (mut left, mut dropped) = (most, 0);
    for EntityReading { shown, .. } in entities {
        let kept = shown.len().min(left);
        dropped += shown.len() - kept;
        left -= kept;
        shown.truncate(kept);
    }
    dropped
}

/// A vision model gives no likelihood, so it is 1.
fn located(bbox: BBox) -> Located {
    Located { bbox, likelihood: 1.0, outline: None }
}

/// The model looks for the entity itself, so the phrase is its name.
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
        let entity = |pictures: usize| EntityReading {
            mention: mention.clone(),
            shown: (0..pictures).map(|media| (media, bbox)).collect(),
        };
        let mut entities = [entity(2), entity(0), entity(3), entity(1)];
        assert_eq!(drop_pairs(&mut entities, 4), 2);
        assert_eq!(entities.map(|entity| entity.shown.len()), [2, 0, 2, 0]);
    }
}
