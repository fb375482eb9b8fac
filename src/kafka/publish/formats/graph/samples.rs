//! Sample answer for the tests of graph formats.

use std::time::{Duration, UNIX_EPOCH};

use super::super::format::{AnswerTimes, EncoderOptions};
use super::{Config, Names};
use crate::domain::{
    Annotation, BBox, ContentHash, EntityType, GateVerdict, Mask, Mention, Phrase, PhraseSource, RawJson,
    Region, Span, Triple,
};
use crate::kafka::publish::{Annotated, MediaInfo, PostFacts, Provenance};

/// Engine, bundle and names as in `config/default.toml`.
pub(super) fn options(change: impl FnOnce(&mut Config)) -> EncoderOptions {
    let mut config = Config::default();
    change(&mut config);
    assert_eq!(config.faults(), []);
    let provenance = Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() };
    EncoderOptions { names: Names::new(&config), ..EncoderOptions::plain(provenance) }
}

pub(super) fn times() -> AnswerTimes {
    let ingested = UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
    AnswerTimes { ingested, published: ingested + Duration::from_millis(877) }
}

/// A mention of a piece of a text.
pub(super) fn mention(text: &str, piece: (usize, usize), entity_type: &str) -> Mention {
    let characters = |end: usize| text[..end].chars().count();
    Mention {
        text: text[piece.0..piece.1].to_owned(),
        entity_type: EntityType::new(entity_type),
        span: Span {
            start: characters(piece.0),
            end: characters(piece.1),
            byte_start: piece.0,
            byte_end: piece.1,
        },
        score: 0.987_654_3,
    }
}

/// A triple of a mention, shown in the picture `a` if `shown`.
pub(super) fn triple(mention: Mention, shown: bool) -> Triple {
    let verdict = |media_key: &str, depicted| GateVerdict {
        media_key: media_key.to_owned(),
        depicted,
        probability: if depicted { 0.912_34 } else { 0.1 },
        dropped_box_score: None,
    };
    let region = Region {
        media_key: "a".to_owned(),
        bbox: BBox { x0: -0.001, y0: 1.005, x1: 2.996, y1: 4.0 },
        box_score: 0.75,
        mask: Mask { width: 3, height: 4, runs: vec![5, 2, 2, 2, 1] }.into(),
        mask_score: 1.0,
    };
    Triple {
        phrase: Phrase {
            text: format!("{} ({}) - a player", mention.text, mention.entity_type),
            expansion: Some("a player".to_owned()),
            source: PhraseSource::Lexicon,
            answers: Vec::new(),
        },
        mention,
        iri: None,
        verdicts: vec![verdict("a", shown), verdict("b", false)],
        regions: if shown { vec![region] } else { Vec::new() },
    }
}

/// A post with two pictures and these triples.
pub(super) fn answer(text: &str, triples: Vec<Triple>) -> Annotated {
    let media = |key: &str, byte| MediaInfo {
        key: key.to_owned(),
        width: 3,
        height: 4,
        orientation: 1,
        hash: ContentHash([byte; 32]),
        index: 0,
        is_preview: false,
    };
    let raw = |json: &str| Some(RawJson::new(json.to_owned()));
    Annotated {
        post_id: "post-1".to_owned(),
        key: None,
        media: vec![media("a", 0xab), media("b", 0)],
        annotation: Annotation { triples, degraded: Vec::new() },
        post: PostFacts {
            text: text.to_owned(),
            created_at: raw("\"2026-01-31T08:00:00Z\""),
            lang: raw("\"en\""),
            author: raw("{\"id\":42}"),
            addresses: vec![("a".to_owned(), "https://example.org/a b.jpg".to_owned())],
            ..PostFacts::default()
        },
    }
}

/// "CP3 in Zürich. cp3!": one entity named twice and shown once, another linked to Wikidata.
pub(super) fn three_mentions() -> Annotated {
    let text = "CP3 in Zürich. cp3!";
    let zurich = Triple {
        iri: Some("http://www.wikidata.org/entity/Q72".into()),
        ..triple(mention(text, (7, 14), "LOC"), false)
    };
    let person = |piece, shown| triple(mention(text, piece, "PER"), shown);
    answer(text, vec![person((0, 3), true), zurich, person((16, 19), false)])
}
