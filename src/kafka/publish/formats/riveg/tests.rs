//! Golden tests of the format `riveg` in both shapes, and what ids of entities depend on.

use std::time::{Duration, UNIX_EPOCH};

use expect_test::expect;

use super::*;
use crate::domain::{
    Annotation, BBox, ContentHash, EntityType, GateVerdict, Mask, Mention, Phrase, PhraseSource, Post,
    RawJson, Region, Span, Triple, UnescapedText,
};
use crate::kafka::publish::formats::AnswerTimes;
use crate::kafka::publish::{Annotated, BoxUnit, Include, MaskForm, MediaInfo, PostFacts, Provenance};

fn mention(text: &str, entity_type: &str, span: [usize; 4]) -> Mention {
    let [start, end, byte_start, byte_end] = span;
    Mention {
        text: text.to_owned(),
        entity_type: EntityType::new(entity_type),
        span: Span { start, end, byte_start, byte_end },
        score: 0.987_654_3,
    }
}

fn verdict(media_key: &str, depicted: bool, probability: f32) -> GateVerdict {
    GateVerdict { media_key: media_key.to_owned(), depicted, probability, dropped_box_score: None }
}

/// "🏀 CP3 in Zürich": one entity in one of two pictures, the other in none.
pub(super) fn annotated() -> Annotated {
    let shown = Triple {
        mention: mention("CP3", "PER", [2, 5, 5, 8]),
        iri: None,
        phrase: Phrase {
            text: "CP3 (PER) - a basketball player in a purple jersey".to_owned(),
            expansion: Some("a basketball player in a purple jersey".to_owned()),
            source: PhraseSource::Lexicon,
            answers: Vec::new(),
        },
        verdicts: vec![verdict("a", true, 0.912_34), verdict("b", false, 0.000_04)],
        regions: vec![Region {
            media_key: "a".to_owned(),
            bbox: BBox { x0: -0.001, y0: 1.005, x1: 2.996, y1: 4.0 },
            box_score: 0.75,
            mask: Mask { width: 3, height: 4, runs: vec![5, 2, 2, 2, 1] }.into(),
            mask_score: 1.0,
        }],
    };
    let absent = Triple {
        mention: mention("Zürich", "LOC", [9, 15, 12, 19]),
        iri: None,
        phrase: Phrase {
            text: "Zürich (LOC)".to_owned(),
            expansion: None,
            source: PhraseSource::NameOnly,
            answers: Vec::new(),
        },
        verdicts: vec![verdict("a", false, 0.1), verdict("b", false, 0.25)],
        regions: vec![],
    };
    let media = |key: &str, orientation, byte| MediaInfo {
        key: key.to_owned(),
        width: 3,
        height: 4,
        orientation,
        hash: ContentHash([byte; 32]),
        index: if key == "a" { 0 } else { 2 },
        is_preview: key == "b",
    };
    Annotated {
        post_id: "post-1".to_owned(),
        key: None,
        media: vec![media("a", 6, 0xab), media("b", 1, 0)],
        annotation: Annotation { triples: vec![shown, absent], degraded: vec![] },
        post: PostFacts::default(),
    }
}

pub(super) fn times() -> AnswerTimes {
    let ingested = UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
    AnswerTimes { ingested, published: ingested + Duration::from_millis(877) }
}

/// The only record of an answer.
fn encoded(annotated: &Annotated) -> EncodedRecord {
    encoded_with(annotated, &[])
}

fn options() -> EncoderOptions {
    EncoderOptions::plain(Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() })
}

pub(super) fn encoded_with(annotated: &Annotated, include: &[Include]) -> EncodedRecord {
    let options = EncoderOptions { include: include.to_vec(), ..options() };
    let mut records = (FORMAT.encoder)(&options).encode(annotated, times());
    assert_eq!(records.len(), 1);
    records.remove(0)
}

fn json(annotated: &Annotated) -> serde_json::Value {
    json_of(&encoded(annotated))
}

fn json_of(record: &EncodedRecord) -> serde_json::Value {
    assert!(!record.value.contains(&b'\n'), "one record is one line");
    serde_json::from_slice(&record.value).unwrap()
}

#[test]
fn a_dropped_box_is_told_where_its_picture_was_judged() {
    let mut annotated = annotated();
    annotated.annotation.triples[0].verdicts[0].dropped_box_score = Some(0.123_46);
    let record = encoded(&annotated);
    let written: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    let pictures = &written["entities"][0]["gate"]["pictures"];
    assert_eq!(pictures[0]["dropped_box_score"], 0.1235, "{pictures}");
    assert_eq!(pictures[1].get("dropped_box_score"), None, "{pictures}");
}

#[test]
fn an_annotation_is_written_to_the_byte_like_this() {
    let record = encoded(&annotated());
    let headers: Vec<_> = record.headers.iter().collect();
    assert_eq!((record.key, headers), (None, vec![("content-type", Some(&b"application/json"[..]))]));
    let line = String::from_utf8(record.value.into()).unwrap();
    expect![[r#"
        {"schema":"riveg.annotation",
        "version":1,
        "post_id":"post-1",
        "entities":[{"id":"b0af0aacb419f8d4",
        "text":"CP3",
        "type":"PER",
        "span":{"start":2,
        "end":5,
        "unit":"codepoint",
        "byte_start":5,
        "byte_end":8},
        "score":0.9877,
        "expansion":{"text":"a basketball player in a purple jersey",
        "source":"lexicon"},
        "phrase":"CP3 (PER) - a basketball player in a purple jersey",
        "gate":{"decision":"depicted",
        "probability":0.9123,
        "pictures":[{"media_key":"a",
        "decision":"depicted",
        "probability":0.9123},{"media_key":"b",
        "decision":"absent",
        "probability":0.0}]},
        "regions":[{"media_key":"a",
        "box":[0.0,1.0,3.0,4.0],
        "box_score":0.75,
        "mask":{"size":[4,3],
        "counts":"5220O"},
        "mask_score":1.0}]},{"id":"1bb63fdd97c81081",
        "text":"Zürich",
        "type":"LOC",
        "span":{"start":9,
        "end":15,
        "unit":"codepoint",
        "byte_start":12,
        "byte_end":19},
        "score":0.9877,
        "expansion":null,
        "phrase":"Zürich (LOC)",
        "gate":{"decision":"absent",
        "probability":0.25,
        "pictures":[{"media_key":"a",
        "decision":"absent",
        "probability":0.1},{"media_key":"b",
        "decision":"absent",
        "probability":0.25}]},
        "regions":[]}],
        "media":[{"key":"a",
        "index":0,
        "width":3,
        "height":4,
        "orientation":6,
        "blake3":"abababababababababababababababababababababababababababababababab"},{"key":"b",
        "index":2,
        "width":3,
        "height":4,
        "blake3":"0000000000000000000000000000000000000000000000000000000000000000",
        "preview":true}],
        "provenance":{"engine":"0.1.0",
        "bundle":"c0ffee",
        "degraded":[],
        "degraded_codes":[]},
        "ingested_at":"2025-06-15T15:06:40.123Z",
        "published_at":"2025-06-15T15:06:41.000Z"}"#]]
    .assert_eq(&line.replace(",\"", ",\n\""));
}

#[test]
fn an_entity_without_pictures_to_ask_has_no_gate() {
    let mut annotated = annotated();
    annotated.media.clear();
    for triple in &mut annotated.annotation.triples {
        triple.verdicts.clear();
        triple.regions.clear();
    }
    let json = json(&annotated);
    assert_eq!(json["entities"][0]["gate"], serde_json::Value::Null);
    assert_eq!(json["entities"][0]["regions"], serde_json::json!([]));
    assert_eq!(json["media"], serde_json::json!([]));
}

/// The region of the first entity, as these options write it.
fn region_as(masks: MaskForm, boxes: BoxUnit) -> serde_json::Value {
    let encoder = (FORMAT.encoder)(&EncoderOptions { masks, boxes, ..options() });
    let mut json = json_of(&encoder.encode(&annotated(), times())[0]);
    json["entities"][0]["regions"][0].take()
}

#[test]
fn masks_and_boxes_have_the_form_that_the_settings_ask_for() {
    // 3 columns, 4 rows; inside are the middle rows of the last two columns.
    let coco = region_as(MaskForm::Coco, BoxUnit::Relative);
    assert_eq!(coco["relative_box"], serde_json::json!([-0.000_333, 0.25125, 0.998_667, 1.0]), "{coco}");
    assert_eq!(coco.get("box"), None);
    let none = region_as(MaskForm::None, BoxUnit::Pixels);
    assert_eq!((none.get("mask"), none.get("relative_box")), (None, None));
    assert_eq!(none["mask_score"], 1.0);
    let polygon = region_as(MaskForm::Polygon, BoxUnit::Pixels)["mask"].take();
    assert_eq!(polygon, serde_json::json!({ "size": [4, 3], "rings": [[1, 1, 3, 1, 3, 3, 1, 3]] }));
    let png = region_as(MaskForm::Png, BoxUnit::Pixels)["mask"]["png"].take();
    let file =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, png.as_str().unwrap()).unwrap();
    let picture = image::load_from_memory(&file).unwrap().into_luma8();
    let white: Vec<u8> = picture.pixels().map(|pixel| u8::from(pixel.0[0] == 255)).collect();
    assert_eq!(white, [0, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0]);
}

#[test]
fn a_mention_with_another_plain_spelling_has_it_as_surface() {
    let mut annotated = annotated();
    annotated.post.text = "AT&amp;T in Oslo".to_owned();
    annotated.post.unescaped = Some(UnescapedText::new(&annotated.post.text, [((2, 7), "&")]));
    annotated.annotation.triples[0].mention = mention("AT&amp;T", "ORG", [0, 8, 0, 8]);
    annotated.annotation.triples[1].mention = mention("Oslo", "LOC", [12, 16, 12, 16]);
    let json = json(&annotated);
    assert_eq!(json["entities"][0]["surface"], "AT&T");
    assert_eq!(json["entities"][1].get("surface"), None);
}

fn triples(annotated: &Annotated, options: EncoderOptions) -> Vec<String> {
    let records =
        (FORMAT.encoder)(&EncoderOptions { shape: Shape::Triple, ..options }).encode(annotated, times());
    assert!(records.iter().all(|record| record.key.is_none()), "all have the key of the post");
    records.into_iter().map(|record| String::from_utf8(record.value.into()).unwrap()).collect()
}

#[test]
fn triples_are_written_to_the_byte_like_this() {
    let lines = triples(&annotated(), options()).join("\n");
    expect![[r#"
        {"schema":"riveg.triple",
        "version":1,
        "post_id":"post-1",
        "triple":0,
        "triples":2,
        "triple_id":"34a92ccd9964cb79",
        "entity_id":"b0af0aacb419f8d4",
        "text":"CP3",
        "type":"PER",
        "start":2,
        "end":5,
        "byte_start":5,
        "byte_end":8,
        "score":0.9877,
        "expansion":"a basketball player in a purple jersey",
        "expansion_source":"lexicon",
        "phrase":"CP3 (PER) - a basketball player in a purple jersey",
        "depicted":true,
        "depicted_probability":0.9123,
        "media_key":"a",
        "media_index":0,
        "media_width":3,
        "media_height":4,
        "media_orientation":6,
        "media_blake3":"abababababababababababababababababababababababababababababababab",
        "box":[0.0,1.0,3.0,4.0],
        "box_score":0.75,
        "mask":{"size":[4,3],
        "counts":"5220O"},
        "mask_score":1.0,
        "engine":"0.1.0",
        "bundle":"c0ffee",
        "degraded":[],
        "degraded_codes":[],
        "ingested_at":"2025-06-15T15:06:40.123Z",
        "published_at":"2025-06-15T15:06:41.000Z"}
        {"schema":"riveg.triple",
        "version":1,
        "post_id":"post-1",
        "triple":1,
        "triples":2,
        "triple_id":"fe300be9aa0779c5",
        "entity_id":"1bb63fdd97c81081",
        "text":"Zürich",
        "type":"LOC",
        "start":9,
        "end":15,
        "byte_start":12,
        "byte_end":19,
        "score":0.9877,
        "phrase":"Zürich (LOC)",
        "depicted":false,
        "depicted_probability":0.25,
        "engine":"0.1.0",
        "bundle":"c0ffee",
        "degraded":[],
        "degraded_codes":[],
        "ingested_at":"2025-06-15T15:06:40.123Z",
        "published_at":"2025-06-15T15:06:41.000Z"}"#]]
    .assert_eq(&lines.replace(",\"", ",\n\""));
}

#[test]
fn a_post_that_names_nothing_has_one_record_without_an_entity() {
    let mut annotated = annotated();
    annotated.annotation.triples.clear();
    annotated.post.text = "nothing".to_owned();
    let lines = triples(&annotated, EncoderOptions { include: vec![Include::Text], ..options() });
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains(r#""triple":0,"triples":0,"post_text":"nothing","engine":"#), "{line}");
    assert!(!line.contains("triple_id"), "{line}");
}

#[test]
fn ids_depend_on_post_span_and_type_alone() {
    let base = annotated();
    let ids = |annotated: &Annotated| -> Vec<String> {
        let json = json(annotated);
        let entities = json["entities"].as_array().unwrap();
        entities.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
    };
    let first = &ids(&base)[0];
    let mut other_words = base.clone();
    other_words.annotation.triples[0].phrase.text = "something else".to_owned();
    assert_eq!(&ids(&other_words)[0], first);
    let mut other_post = base.clone();
    other_post.post_id = "post-2".to_owned();
    assert_ne!(&ids(&other_post)[0], first);
    let mut other_type = base.clone();
    other_type.annotation.triples[0].mention.entity_type = EntityType::new("ORG");
    assert_ne!(&ids(&other_type)[0], first);
    let mut other_place = base.clone();
    other_place.annotation.triples[0].mention.span.byte_end += 1;
    assert_ne!(&ids(&other_place)[0], first);
}

#[test]
fn included_fields_follow_the_posts_id_and_urls_are_part_of_their_pictures() {
    let post = Post {
        key: None,
        uri: None,
        id: "post-1".to_owned(),
        text: "🏀 CP3 in Zürich".to_owned(),
        unescaped: None,
        created_at: Some(RawJson::new("1763715600.50".to_owned())),
        lang: None,
        author: Some(RawJson::new(r#"{"id":12345678901234567890123,"name":"kessa"}"#.to_owned())),
        media: vec![],
    };
    let addresses = [("b".to_owned(), "https://example.org/b.jpg".to_owned())];
    let all = [Include::CreatedAt, Include::Lang, Include::Author, Include::Text, Include::Media];
    let annotated = Annotated { post: PostFacts::of(&post, &addresses), ..self::annotated() };
    let with = |wanted: &[Include]| json_of(&encoded_with(&annotated, wanted));
    let written = String::from_utf8(encoded_with(&annotated, &all).value.into()).unwrap();
    let repeated = r#""post_id":"post-1","created_at":1763715600.50,"author":{"id":12345678901234567890123,"name":"kessa"},"text":"🏀 CP3 in Zürich","entities":["#;
    assert!(written.contains(repeated), "{written}");
    let json = with(&all);
    assert_eq!(json.get("lang"), None, "the feed does not have it");
    assert_eq!(json["media"][1]["url"], "https://example.org/b.jpg");
    assert_eq!(json["media"][0].get("url"), None, "this picture was in the record");
    let json = with(&[Include::Author]);
    let fields: Vec<bool> =
        ["author", "text", "created_at"].iter().map(|field| json.get(field).is_some()).collect();
    assert_eq!(fields, [true, false, false]);
    assert_eq!(json["media"][1].get("url"), None);
}
