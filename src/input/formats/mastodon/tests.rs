//! Statuses and streaming events of Mastodon.

use crate::domain::{RejectionClass, Span};
use crate::input::config::{Config, test_config};
use crate::input::formats::tests::{events_within, json_of, medium, post, posts, refusal, sample, told};
use crate::input::formats::{PostDraft, TextForm};

const TEXT: &str = "@odo opens the 橋 🌉 & says Rill Ossen built it\nin Tellmar :bridge:\n\nMore: \
                    news.example/articles/the-brid… #bridges";

/// The text that networks read.
fn read(post: &PostDraft) -> &str {
    match &post.text_form {
        TextForm::Converted(converted) => converted.text(),
        other => panic!("{other:?}"),
    }
}

/// The piece of the received text that a piece of the text read stands for.
fn received<'a>(post: &'a PostDraft, piece: &str) -> &'a str {
    let TextForm::Converted(converted) = &post.text_form else { panic!("{:?}", post.text_form) };
    let byte_start = converted.text().find(piece).unwrap();
    let start = converted.text()[..byte_start].chars().count();
    let span =
        Span { start, end: start + piece.chars().count(), byte_start, byte_end: byte_start + piece.len() };
    let found = converted.received_span(&post.text, span);
    &post.text[found.byte_start..found.byte_end]
}

fn media(post: &PostDraft) -> Vec<[String; 5]> {
    post.media.iter().map(medium).collect()
}

#[test]
fn a_status_is_read_as_its_page_shows_it_with_its_places_in_the_html() {
    let post = post("mastodon", &sample("mastodon/status.json"));
    assert_eq!(read(&post), TEXT);
    for (piece, expected) in [
        ("Rill Ossen", "Rill Ossen"),
        ("@odo", "@<span>odo"),
        ("橋 🌉", "橋 🌉"),
        ("🌉 & says", "🌉 &amp; says"),
        ("built it\nin Tellmar", "built it<br>in Tellmar"),
        (":bridge:", ":bridge:"),
        ("#bridges", "#<span>bridges"),
        ("says Rill", "says <strong>Rill"),
    ] {
        assert_eq!(received(&post, piece), expected, "{piece}");
    }
    assert_eq!((post.id.as_str(), post.key.as_deref()), ("115588011223344556", None));
    assert_eq!(post.uri.as_deref(), Some("https://social.example/users/kessa/statuses/115588011223344556"));
    let repeated = [json_of(&post.author), json_of(&post.lang), json_of(&post.created_at)];
    let author = "\"https://social.example/users/kessa\"";
    assert_eq!(repeated, [Some(author), Some("\"en\""), Some("\"2026-11-21T09:00:00.000Z\"")]);
    let expected = [
        [
            "22345792",
            "image",
            "https://files.example/original/a.jpeg",
            "https://files.example/small/a.jpeg",
            "people on a bridge",
        ],
        [
            "22345793",
            "gifv",
            "https://files.example/original/b.mp4",
            "https://files.example/small/b.png",
            "-",
        ],
        ["22345794", "unknown", "https://far.example/c.bin", "-", "-"],
    ];
    assert_eq!(media(&post), expected);
}

#[test]
fn a_boost_has_the_text_and_media_of_its_original_under_its_own_id() {
    let boost = post("mastodon", &sample("mastodon/boost.json"));
    assert_eq!((boost.id.as_str(), read(&boost), boost.media.len()), ("115588011223344999", TEXT, 3));
    assert_eq!(json_of(&boost.author), Some("\"https://social.example/users/rill\""));
    assert_eq!(json_of(&boost.created_at), Some("\"2026-11-21T12:00:00.000Z\""));
    assert_eq!(posts("mastodon", &sample("mastodon/timeline.json")).len(), 2);
}

#[test]
fn streaming_events_bring_change_and_delete_posts() {
    assert_eq!(read(&post("mastodon", &sample("mastodon/update.json"))), TEXT);
    let edited = post("mastodon", &sample("mastodon/edit.json"));
    assert_eq!((edited.id.as_str(), read(&edited)), ("115588011223344556", "Rill Ossen opens it"));
    let status = r#"{"id":7,"content":"x","account":{"acct":"a"}}"#;
    let forwarded = post("mastodon", &format!(r#"{{"event":"update","payload":{status}}}"#));
    assert_eq!((forwarded.id.as_str(), json_of(&forwarded.author)), ("7", Some("\"a\"")));
    let cases = [
        (sample("mastodon/delete.json"), "deletion 115588011223344556"),
        (sample("mastodon/filters.json"), "ignored filters_changed"),
        (r#"{"event":"notification","payload":"{}"}"#.to_owned(), "ignored notification"),
        (r#"{"event":"announcement.reaction","payload":"{}"}"#.to_owned(), "ignored announcement.reaction"),
        (r#"{"event":"wave","payload":"{}"}"#.to_owned(), "unknown a Mastodon event of the name `wave`"),
    ];
    for (json, expected) in cases {
        assert_eq!(told("mastodon", &json), [expected]);
    }
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let cases = [
        (r#"{"content":"x"}"#, "missing field `id`"),
        (r#"{"id":"1","content":null}"#, "missing field `content`"),
        (r#"{"id":"1","content":["x"]}"#, "at `content`: found an array, expected a string"),
        (r#"{"id":"1","content":"","reblog":{"id":"2"}}"#, "at `reblog`: missing field `content`"),
        (r#"{"id":"1","content":"","media_attachments":{}}"#, "at `media_attachments`: found an object"),
        (
            r#"{"id":"1","content":"","media_attachments":[{}]}"#,
            "at `media_attachments[0]`: missing field `id`",
        ),
        (r#"{"event":"update"}"#, "missing field `payload`"),
        (r#"{"event":"update","payload":"{"}"#, "at `payload`: the string is not JSON: EOF"),
        (r#"{"event":"update","payload":"{\"id\":\"1\"}"}"#, "at `payload`: missing field `content`"),
        (r#"{"event":"delete","payload":""}"#, "at `payload`: found an empty id"),
        (r#"{"event":7}"#, "at `event`: found a number, expected a string"),
    ];
    for (json, expected) in cases {
        let refusal = refusal("mastodon", json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
}

#[test]
fn two_megabytes_of_html_are_too_large_or_read_whole() {
    let html = format!("<p><b>Rill</b> &amp; <i>Ossen</i> {}<br>", "opens the 橋 ".repeat(60)).repeat(2_500);
    assert!(html.len() > 2_000_000);
    let json = serde_json::json!({ "id": "1", "content": html, "account": {} }).to_string();
    let refusal = refusal("mastodon", &json);
    assert_eq!(refusal.class, RejectionClass::TooLarge);
    let told = format!("`content` has {} bytes, more than the 128.0 KiB of decode.max_text", html.len());
    assert_eq!(refusal.message, told);
    let limits = Config { max_text: bytesize::ByteSize::mib(4), ..test_config() };
    let events = events_within("mastodon", &json, &limits).unwrap();
    let [crate::input::formats::Event::Post(post)] = &events[..] else { panic!("{}", events.len()) };
    assert_eq!(read(post).matches("Rill & Ossen").count(), 2_500);
}
