//! Records of the engine's own format: strings, shapes, names and limits.

use super::*;
use crate::input::config::test_config;
use crate::input::formats::json::MAX_NAME_BYTES;
use crate::input::formats::{Feeds, InputRecord};

fn refusal(json: &str) -> Rejection {
    read_with(json, &test_config(), |_| ()).unwrap_err()
}

/// What `ask` finds in the draft of a record.
fn read_with<T>(json: &str, config: &Config, ask: impl FnOnce(PostDraft) -> T) -> Result<T, Rejection> {
    let record = InputRecord { payload: json.as_bytes().to_vec().into(), ..InputRecord::default() };
    let mut events = Feeds::default().read(&record, config)?.events;
    match (events.pop(), events.len()) {
        (Some(Event::Post(draft)), 0) => Ok(ask(*draft)),
        other => panic!("the record is one post, not {other:?}"),
    }
}

#[test]
fn any_string_of_json_is_a_text() {
    let cases = [
        ("a lone leading surrogate", r#""\ud83d!""#, "\u{FFFD}!"),
        ("a lone trailing surrogate", r#""\ude00""#, "\u{FFFD}"),
        ("two leading ones before a pair", r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        ("a whole pair", r#""\ud83d\ude00""#, "😀"),
        ("a NUL", r#""a\u0000b""#, "a\0b"),
        ("directions", r#""\u202eabc\u2066""#, "\u{202e}abc\u{2066}"),
        ("a family with joiners", r#""👨‍👩‍👧""#, "👨‍👩‍👧"),
        ("nothing", r#""""#, ""),
        ("half a pair before a letter", r#""\ud83d\u0041""#, "\u{FFFD}A"),
        ("half a pair at the end", r#""a\udbff""#, "a\u{FFFD}"),
        ("letters that look like halves in UTF-8", r#""\ud7ff\ue000""#, "\u{d7ff}\u{e000}"),
        ("marks without a letter", r#""\u0301\u20e3""#, "\u{301}\u{20e3}"),
        ("no characters", r#""\ufffe\uffff""#, "\u{fffe}\u{ffff}"),
    ];
    for (case, json, expected) in cases {
        let record = format!(r#"{{"id":"1","text":{json},"created_at":"now"}}"#);
        assert_eq!(read_with(&record, &test_config(), |post| post.text).unwrap(), expected, "{case}");
    }
}

#[test]
fn unknown_fields_are_ignored() {
    let record =
        r#"{"id":"1","text":"x","likes":[{"deep":{"er":null}}],"media":[{"key":"m","bytes":"","w":3}]}"#;
    assert_eq!(read_with(record, &test_config(), |post| post.media.len()), Ok(1));
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let cases = [
        ("", "not JSON: EOF"),
        ("hello", "not JSON: expected value at line 1 column 1"),
        (r#"{"id":"1","text":"x"} {}"#, "not JSON: trailing characters at line 1 column 23"),
        (r#"{"id":"1","text":"x""#, "not JSON: EOF"),
        ("[]", "found an array, expected an object"),
        ("3", "not a post: found a number, expected an object"),
        (r#"{"text":"x"}"#, "missing field `id`"),
        (r#"{"id":"","text":"x"}"#, "`id` is empty"),
        (r#"{"id":7.0,"text":"x"}"#, "at `id`: found the number `7.0`, expected a string or a whole number"),
        (r#"{"id":1e3,"text":"x"}"#, "at `id`: found the number `1e3`, expected a string or a whole number"),
        (r#"{"id":null,"text":"x"}"#, "at `id`: found null, expected a string or a whole number"),
        (r#"{"id":[7],"text":"x"}"#, "at `id`: found an array, expected a string or a whole number"),
        (r#"{"id":"1"}"#, "missing field `text`"),
        (r#"{"id":"1","text":["x"]}"#, "at `text`: found an array, expected a string"),
        (r#"{"id":"1","text":null}"#, "at `text`: found null, expected a string"),
        (r#"{"id":"1","text":"x","media":{}}"#, "at `media`: found an object, expected an array"),
        (
            r#"{"id":"1","text":"x","media":["https://a"]}"#,
            "at `media[0]`: found a string, expected an object",
        ),
        (
            r#"{"id":"1","text":"x","media":[{"key":"a"},{"key":{}}]}"#,
            "at `media[1].key`: found an object, expected",
        ),
        (r#"{"id":"1","text":"x","media":[{"key":1},{"key":"1"}]}"#, "`media[1].key`: `1` names an earlier"),
        (r#"{"id":"1","text":"x","media":[{"bytes":""}]}"#, "at `media[0]`: missing field `key`"),
        (
            r#"{"id":"1","text":"x","media":[{"key":"a"},{"key":"a"}]}"#,
            "`media[1].key`: `a` names an earlier",
        ),
    ];
    for (json, expected) in cases {
        let refusal = refusal(json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
    let not_utf8 = InputRecord { payload: (&b"{\"id\":\"\xff\"}"[..]).into(), ..InputRecord::default() };
    let refusal = Feeds::default().read(&not_utf8, &test_config()).unwrap_err();
    assert!(refusal.message.contains("not UTF-8: byte 7"));
}

#[test]
fn limits_hold_at_their_edge() {
    let limits = Config { max_text: bytesize::ByteSize(4), max_media: 1, ..test_config() };
    let record = |text: &str, media: &str| format!(r#"{{"id":"1","text":"{text}","media":[{media}]}}"#);
    let class = |json: &str| read_with(json, &limits, |_| ()).map_err(|refusal| refusal.class);
    assert_eq!(class(&record("1234", r#"{"key":"a"}"#)), Ok(()));
    assert_eq!(class(&record("12345", "")), Err(RejectionClass::TooLarge));
    assert_eq!(class(&record("", r#"{"key":"a"},{"key":"b"}"#)), Err(RejectionClass::TooLarge));
    let small = Config { max_record: bytesize::ByteSize(10), ..test_config() };
    assert_eq!(read_with(&record("", ""), &small, |_| ()).unwrap_err().class, RejectionClass::TooLarge);
}

#[test]
fn half_a_surrogate_pair_is_allowed_in_texts_but_not_in_names() {
    let read_as = |json: &str| read_with(json, &test_config(), |post| (post.id, post.media.len()));
    assert_eq!(read_as(r#"{"id":"\ud83d\ude00\u0000","text":"\ud800"}"#), Ok(("😀\0".to_owned(), 0)));
    let cases = [
        (
            r#"{"id":"ab\ud800","text":""}"#,
            "at `id`: expected a name, found half of a surrogate pair after 2 bytes",
        ),
        (
            r#"{"id":"1","text":"","media":[{"key":"a"},{"key":"\udfff"}]}"#,
            "at `media[1].key`: expected a name, found half of a surrogate pair after 0 bytes",
        ),
    ];
    for (json, expected) in cases {
        let refusal = refusal(json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
}

#[test]
fn json_of_a_hostile_shape_is_read_or_refused_with_its_place() {
    let wide = format!("[{}1]", "1,".repeat(500_000));
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let unclosed = "[".repeat(500_000);
    let digits = "9".repeat(500_000);
    let answered = [
        ("a byte order mark", "\u{feff}{\"id\":\"1\",\"text\":\"x\"}".to_owned()),
        ("a deep field that nobody knows", format!(r#"{{"id":"1","text":"x","a":{deep}}}"#)),
        ("a wide one", format!(r#"{{"id":"1","text":"x","a":{wide}}}"#)),
        ("a huge number", format!(r#"{{"id":"1","text":"x","a":{digits},"b":1e999999}}"#)),
        ("a name with a NUL", r#"{"id":"1","text":"x","\u0000":1,"id\u0000":2}"#.to_owned()),
        ("half of a pair as a name that nobody knows", r#"{"id":"1","text":"x","\ud800":1}"#.to_owned()),
        ("what nobody knows twice", r#"{"id":"1","text":"x","a":1,"a":2}"#.to_owned()),
        ("a NUL as it is", "{\"id\":\"1\",\"text\":\"\0\"}".to_owned()),
        ("no list of pictures", r#"{"id":"1","text":"x","media":null}"#.to_owned()),
    ];
    for (case, json) in answered {
        assert_eq!(read_with(&json, &test_config(), |_| ()), Ok(()), "{case}");
    }
    let refused = [
        ("the same field twice", r#"{"id":"1","text":"x","id":"2"}"#.to_owned(), "duplicate field `id`"),
        ("a deep text", format!(r#"{{"id":"1","text":{deep}}}"#), "at `text`: found an array"),
        (
            "depth without end",
            format!(r#"{{"id":"1","a":{unclosed}"#),
            "EOF while parsing a list at line 1 column",
        ),
        ("a name cut by a NUL", r#"{"id\u0000":"1","text":"x"}"#.to_owned(), "missing field `id`"),
        (
            "two byte order marks",
            "\u{feff}\u{feff}{}".to_owned(),
            "not JSON: expected value at line 1 column 1",
        ),
        (
            "an escape that is none",
            r#"{"id":"\uD8","text":"x"}"#.to_owned(),
            "invalid escape at line 1 column",
        ),
    ];
    for (case, json, expected) in refused {
        let refusal = refusal(&json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{case}");
        assert!(refusal.message.contains(expected), "{case}: {}", refusal.message);
    }
}

#[test]
fn names_of_any_unicode_pass_up_to_their_limit() {
    let record =
        |id: &str, key: &str| serde_json::json!({"id": id, "text": "", "media": [{"key": key}]}).to_string();
    let longest = "é".repeat(MAX_NAME_BYTES / 2);
    for name in ["\0", "\u{202e}x\u{7}", "👩\u{200d}👧", " ", &longest] {
        let record = record(name, name);
        let names = read_with(&record, &test_config(), |post| (post.id, post.media[0].key.clone())).unwrap();
        assert_eq!((names.0.as_str(), names.1.as_str()), (name, name));
    }
    let long = format!("{longest}x");
    for (record, field) in [(record(&long, "m"), "`id`"), (record("1", &long), "`media[0].key`")] {
        let refusal = refusal(&record);
        assert_eq!(refusal.class, RejectionClass::TooLarge);
        assert_eq!(
            refusal.message,
            format!("{field} has 1025 bytes, more than the 1024 that a name may have")
        );
    }
}

#[test]
fn media_beyond_the_limit_are_not_read() {
    // What is wrong with the last of them is not looked for.
    let record = format!(r#"{{"id":"1","text":"x","media":[{}7]}}"#, r#"{"key":""},"#.repeat(100_000));
    assert_eq!(refusal(&record).message, "`media` has more entries than the 8 of decode.max_media");
}

#[test]
fn a_whole_number_is_a_name_by_its_digits() {
    for digits in
        ["17", "0", "-5", "9007199254740993", "1790324512345678905", "123456789012345678901234567890"]
    {
        let record = format!(r#"{{"id": {digits} ,"text":"x","media":[{{"key":{digits}}}]}}"#);
        let names = read_with(&record, &test_config(), |post| (post.id, post.media[0].key.clone()));
        assert_eq!(names, Ok((digits.to_owned(), digits.to_owned())));
    }
    let huge = format!(r#"{{"id":{},"text":"x"}}"#, "9".repeat(500_000));
    assert_eq!(refusal(&huge).class, RejectionClass::TooLarge);
}

#[test]
fn fields_that_are_only_repeated_may_have_any_type() {
    let values =
        ["1700000000.25", r#"{"id":1,"id":2}"#, "[\"a\"]", "true", "\"\\ud83d\"", "\"a\u{1}b\"", "1e999"];
    for value in values {
        let record = format!(
            r#"{{"created_at":{value},"id":"1","author":{value},"text":"x","author":{value},"lang":{value}}}"#
        );
        let shapes = read_with(&record, &test_config(), |post| {
            [post.created_at, post.author, post.lang].map(|value| value.map(|value| value.json().to_owned()))
        });
        let expected = value.replace('\u{1}', "\\u0001").replace("\\ud83d", "\\ufffd");
        assert_eq!(shapes, Ok([(); 3].map(|()| Some(expected.clone()))), "{value}");
    }
    let record = r#"{"id":"1","text":"x","created_at":null,"media":[{"key":"a","type":3,"alt_text":["x"],"preview_image_url":{}}]}"#;
    let helps = read_with(record, &test_config(), |mut post| {
        let medium = post.media.remove(0);
        (post.created_at.is_none(), medium.declared_type, medium.alt_text, medium.preview_url)
    });
    assert_eq!(helps, Ok((true, None, None, None)));
}

#[test]
fn boxes_that_cannot_be_read_are_noted_and_the_post_is_read_without_them() {
    let record = |boxes: &str| {
        format!(r#"{{"id":"1","text":"x","media":[{{"key":"a"}},{{"key":"b","candidate_boxes":{boxes}}}]}}"#)
    };
    let read = |boxes: &str| {
        let count = |mut post: PostDraft| (post.media.remove(1).candidate_boxes.len(), post.degraded);
        read_with(&record(boxes), &test_config(), count).unwrap()
    };
    assert_eq!(read("[[0,0,4,4],[1.5,2,3,9]]"), (2, vec![]));
    assert_eq!(read("null"), (0, vec![]));
    let (count, notes) = read("[[0,0,4,4],7]");
    assert_eq!((count, notes.len()), (0, 1));
    assert!(notes[0].starts_with("`media[1].candidate_boxes` is not read: its box 1"), "{notes:?}");
}

#[test]
fn text_that_a_refusal_quotes_cannot_steer_a_terminal() {
    let record = "{\"id\":\"1\",\"text\":\"\",\"media\":[{\"key\":\"\u{202e}\"},{\"key\":\"\u{202e}\"}]}";
    assert!(refusal(record).message.contains("`\\u{202e}` names an earlier"));
}

#[test]
fn a_megabyte_in_the_wrong_place_is_not_quoted_whole() {
    let record = format!(r#"{{"id":"1","text":"x","media":"{}"}}"#, "é".repeat(100_000));
    assert!(refusal(&record).message.chars().count() < 500);
}
