//! What is a record, and what is none? Strings, shapes, names and limits.

use super::*;

fn config() -> Config {
    super::super::test_config()
}

fn refusal(json: &str) -> Rejection {
    read(json.as_bytes(), &config()).unwrap_err()
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
        assert_eq!(read(record.as_bytes(), &config()).unwrap().text.0, expected, "{case}");
    }
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    let record =
        r#"{"id":"1","text":"x","likes":[{"deep":{"er":null}}],"media":[{"key":"m","bytes":"","w":3}]}"#;
    assert_eq!(read(record.as_bytes(), &config()).unwrap().media.len(), 1);
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let cases = [
        ("", "not JSON: EOF"),
        ("hello", "not JSON: expected value at line 1 column 1"),
        (r#"{"id":"1","text":"x"} {}"#, "not JSON: trailing characters at line 1 column 23"),
        (r#"{"id":"1","text":"x""#, "not JSON: EOF"),
        ("[]", "found an array, expected an object"),
        ("3", "invalid type: integer `3`, expected an object"),
        (r#"{"text":"x"}"#, "missing field `id`"),
        (r#"{"id":"","text":"x"}"#, "`id` is empty"),
        (r#"{"id":7,"text":"x"}"#, "at `id`: invalid type: integer `7`, expected a string"),
        (r#"{"id":"1"}"#, "missing field `text`"),
        (r#"{"id":"1","text":["x"]}"#, "at `text`: invalid type: sequence, expected a string"),
        (r#"{"id":"1","text":"x","media":{}}"#, "at `media`: invalid type: map, expected a sequence"),
        (r#"{"id":"1","text":"x","media":[{"key":"a"},{"key":1}]}"#, "at `media[1].key`: invalid type"),
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
    assert!(read(b"{\"id\":\"\xff\"}", &config()).unwrap_err().message.contains("not UTF-8: byte 7"));
}

#[test]
fn limits_hold_at_their_edge() {
    let limits = Config { max_text: bytesize::ByteSize(4), max_media: 1, ..config() };
    let record = |text: &str, media: &str| format!(r#"{{"id":"1","text":"{text}","media":[{media}]}}"#);
    let class = |json: &str| read(json.as_bytes(), &limits).map(|_| ()).map_err(|refusal| refusal.class);
    assert_eq!(class(&record("1234", r#"{"key":"a"}"#)), Ok(()));
    assert_eq!(class(&record("12345", "")), Err(RejectionClass::TooLarge));
    assert_eq!(class(&record("", r#"{"key":"a"},{"key":"b"}"#)), Err(RejectionClass::TooLarge));
    let small = Config { max_record: bytesize::ByteSize(10), ..config() };
    assert_eq!(read(record("", "").as_bytes(), &small).unwrap_err().class, RejectionClass::TooLarge);
}

#[test]
fn half_a_surrogate_pair_is_text_but_no_name() {
    let read_as = |json: &str| read(json.as_bytes(), &config()).map(|post| (post.id.0, post.media.len()));
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
        (r#"{"id":"1","text":"","\ud800":1}"#, "not JSON: unexpected end of hex escape at line 1 column 28"),
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
        ("what nobody knows twice", r#"{"id":"1","text":"x","a":1,"a":2}"#.to_owned()),
        ("a NUL as it is", "{\"id\":\"1\",\"text\":\"\0\"}".to_owned()),
        ("no list of pictures", r#"{"id":"1","text":"x","media":null}"#.to_owned()),
    ];
    for (case, json) in answered {
        assert!(read(json.as_bytes(), &config()).is_ok(), "{case}");
    }
    let refused = [
        ("the same field twice", r#"{"id":"1","text":"x","id":"2"}"#.to_owned(), "duplicate field `id`"),
        ("a deep text", format!(r#"{{"id":"1","text":{deep}}}"#), "at `text`: invalid type: sequence"),
        (
            "depth without end",
            format!(r#"{{"id":"1","a":{unclosed}"#),
            "EOF while parsing a list at line 1 column",
        ),
        ("a huge id", format!(r#"{{"id":{digits},"text":"x"}}"#), "number out of range at line 1 column"),
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
    let longest = "é".repeat(LONGEST_NAME / 2);
    for name in ["\0", "\u{202e}x\u{7}", "👩\u{200d}👧", " ", &longest] {
        let record = record(name, name);
        let post = read(record.as_bytes(), &config()).unwrap();
        assert_eq!((post.id.0.as_str(), post.media[0].key.0.as_str()), (name, name));
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
fn of_pictures_beyond_all_limits_none_is_kept() {
    let record =
        format!(r#"{{"id":"1","text":"x","media":[{}{{"key":"m"}}]}}"#, r#"{"key":""},"#.repeat(100_000));
    let post: WirePost<'_> = serde_json::from_str(&record).unwrap();
    assert_eq!((post.media.len(), post.media.capacity().next_power_of_two()), (MOST_MEDIA + 1, 1024));
    assert_eq!(refusal(&record).message, "`media` has more entries than the 8 of decode.max_media");
}

#[test]
fn what_a_refusal_quotes_cannot_steer_a_terminal() {
    assert!(refusal("{\"id\":\"1\",\"text\":\"\",\"media\":\"\u{202e}\"}").message.contains("\\u{202e}"));
}

#[test]
fn a_megabyte_in_the_wrong_place_is_not_quoted_whole() {
    let record = format!(r#"{{"id":"1","text":"x","media":"{}"}}"#, "é".repeat(100_000));
    assert!(refusal(&record).message.chars().count() < 500);
}
