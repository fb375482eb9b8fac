//! Mappings: what paths find, what they do not, and limits.

use super::*;
use crate::input::config::test_config;

fn mapping(fields: &[(&str, &str)]) -> Result<Mapping, Vec<(String, String)>> {
    let owned = fields.iter().map(|(field, path)| ((*field).to_owned(), (*path).to_owned()));
    Mapping::new("shop", &owned.collect())
}

fn read(fields: &[(&str, &str)], record: &str) -> Result<Event, Rejection> {
    let limits = test_config();
    let context = ReadContext { limits: &limits, bluesky_pictures: "" };
    let mut events = mapping(fields).unwrap().read(JsonValue::of(record), &context)?;
    assert_eq!(events.len(), 1);
    Ok(events.remove(0))
}

fn post(fields: &[(&str, &str)], record: &str) -> PostDraft {
    match read(fields, record).unwrap() {
        Event::Post(draft) => *draft,
        other => panic!("{other:?}"),
    }
}

const NESTED: &[(&str, &str)] = &[
    ("id", "$.meta.uid"),
    ("text", "$.body['plain text']"),
    ("created_at", "$.meta.at"),
    ("lang", "$.meta.lang"),
    ("author", "$.user"),
    ("uri", "$.link"),
    ("deleted", "$.meta.gone"),
    ("media", "$.assets[?@.kind == 'image']"),
    ("media_key", "$.n"),
    ("media_url", "$.src.large"),
    ("media_alt", "$.alt"),
    ("media_type", "$.kind"),
];

#[test]
fn each_field_comes_from_its_path() {
    let record = r#"{"meta":{"uid":9007199254740993,"at":1.5,"lang":"sv","gone":false},"link":"https://a/1",
        "body":{"plain text":"Ada i Malmö"},"user":{"n":"x"},"assets":[{"kind":"sound","n":0},
        {"kind":"image","n":7,"src":{"large":"https://a/7.jpg"},"alt":"en båt"},{"kind":"image","n":8}]}"#;
    let draft = post(NESTED, record);
    assert_eq!((draft.id.as_str(), draft.text.as_str()), ("9007199254740993", "Ada i Malmö"));
    assert_eq!(draft.uri.as_deref(), Some("https://a/1"));
    let repeated =
        [&draft.created_at, &draft.lang, &draft.author].map(|value| value.as_ref().unwrap().json());
    assert_eq!(repeated, ["1.5", "\"sv\"", "{\"n\":\"x\"}"]);
    let [first, second] = &draft.media[..] else { panic!("{:?}", draft.media) };
    assert_eq!((first.key.as_str(), first.alt_text.as_deref()), ("7", Some("en båt")));
    assert!(matches!(&first.source, MediaSource::Url(url) if url == "https://a/7.jpg"));
    assert!(matches!(&second.source, MediaSource::Missing), "a medium without an address is told, not lost");
}

#[test]
fn a_medium_that_is_a_string_is_its_address_and_its_place_is_its_key() {
    let fields = [("id", "$.i"), ("text", "$.t"), ("media", "$.p[*]")];
    let draft = post(&fields, r#"{"i":"1","t":"","p":["https://a/1.png","data:image/png;base64,AAAA",3]}"#);
    let keys: Vec<&str> = draft.media.iter().map(|medium| medium.key.as_str()).collect();
    assert_eq!(keys, ["0", "1", "2"]);
    assert!(matches!(&draft.media[1].source, MediaSource::Inline(Ok(bytes)) if bytes.len() == 3));
    assert!(matches!(&draft.media[2].source, MediaSource::Invalid(_)));
}

#[test]
fn a_record_that_says_so_is_a_deletion() {
    let record =
        |gone: &str| format!(r#"{{"meta":{{"uid":"1","gone":{gone}}},"body":{{"plain text":"x"}}}}"#);
    for gone in ["true", "1", "\"2026-01-01\"", "{}"] {
        let event = read(NESTED, &record(gone)).unwrap();
        assert!(matches!(&event, Event::Deletion { id } if id == "1"), "{gone}: {event:?}");
    }
    for gone in ["false", "0", "\"\"", "null"] {
        assert!(matches!(read(NESTED, &record(gone)).unwrap(), Event::Post(_)), "{gone}");
    }
}

#[test]
fn a_path_that_finds_nothing_useful_is_told_with_its_setting() {
    for (record, expected) in [
        (r#"{"body":{"plain text":"x"}}"#, "finds nothing at ingest.mappings.shop.id = `$.meta.uid`"),
        (r#"{"meta":{"uid":"1"},"body":{"plain text":[1]}}"#, "finds an array at ingest.mappings.shop.text"),
        (r#"{"meta":{"uid":1.5},"body":{"plain text":"x"}}"#, "found the number `1.5`"),
        (r#"{"meta":{"uid":""},"body":{"plain text":"x"}}"#, "`id` is empty"),
        (
            r#"{"meta":{"uid":"1"},"body":{"plain text":"x"},"assets":[{"kind":"image","n":1},{"kind":"image","n":1}]}"#,
            "the media key `1` names an earlier picture too",
        ),
        (r#"{"meta":{"uid":"\ud800"}}"#, "cannot be read by a mapping"),
        ("[]", "finds nothing at ingest.mappings.shop.id"),
    ] {
        let refusal = read(NESTED, record).unwrap_err();
        assert!(refusal.message.contains(expected), "{record}: {refusal}");
    }
}

#[test]
fn what_a_mapping_may_not_be_is_told_by_field() {
    let faults = mapping(&[("id", "meta.id"), ("txt", "$.t")]).unwrap_err();
    let told: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(told, ["id", "txt", "text"]);
    assert!(faults[0].1.starts_with("is `meta.id`, which is no JSONPath: "), "{faults:?}");
}

#[test]
fn a_record_of_more_values_than_a_post_has_is_refused_before_it_is_parsed() {
    let fields = [("id", "$.i"), ("text", "$.t")];
    let wide = |values: usize| format!(r#"{{"i":"1","t":"x","w":[{}1]}}"#, "1,".repeat(values));
    assert!(read(&fields, &wide(MAX_VALUES - 10)).is_ok());
    assert_eq!(read(&fields, &wide(MAX_VALUES)).unwrap_err().class, RejectionClass::TooLarge);
    let many = format!(r#"{{"i":"1","t":"x","p":[{}1]}}"#, "1,".repeat(100));
    let refusal = read(&[("id", "$.i"), ("text", "$.t"), ("media", "$.p[*]")], &many).unwrap_err();
    assert_eq!(refusal.class, RejectionClass::TooLarge);
}

#[test]
fn what_each_path_finds_is_counted_for_a_check() {
    let record = JsonValue::of(r#"{"meta":{"uid":"1"},"assets":[{"kind":"image","n":1},{"kind":"image"}]}"#);
    let mapping = mapping(NESTED).unwrap();
    let found = mapping.found(record).unwrap();
    let count =
        |field: &str| found.iter().find(|(setting, _)| setting.contains(&format!(".{field} = "))).unwrap().1;
    let counts = ["id", "text", "media", "media_key", "media_url"].map(count);
    assert_eq!(counts, [1, 0, 2, 1, 0], "{found:?}");
}
