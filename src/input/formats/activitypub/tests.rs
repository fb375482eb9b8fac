//! Activities and objects of ActivityPub.

use crate::domain::RejectionClass;
use crate::input::formats::tests::{json_of, medium, post, refusal, sample, told};
use crate::input::formats::{PostDraft, TextForm};

const NOTE: &str = "https://social.example/users/kessa/statuses/115588011223344556";

fn read(post: &PostDraft) -> &str {
    match &post.text_form {
        TextForm::Converted(converted) => converted.text(),
        _ => &post.text,
    }
}

fn media(post: &PostDraft) -> Vec<[String; 5]> {
    post.media.iter().map(medium).collect()
}

#[test]
fn an_activity_brings_a_post_under_the_id_of_its_object() {
    for format in ["activitypub", "auto"] {
        let post = post(format, &sample("activitypub/create.json"));
        assert_eq!((post.id.as_str(), post.uri.as_deref()), (NOTE, Some(NOTE)));
        assert!(read(&post).starts_with("@odo opens the 橋 🌉 & says Rill Ossen built it\nin Tellmar"));
        let repeated = [json_of(&post.author), json_of(&post.lang), json_of(&post.created_at)];
        let author = "\"https://social.example/users/kessa\"";
        assert_eq!(repeated, [Some(author), Some("\"en\""), Some("\"2026-11-21T09:00:00Z\"")]);
        // What is no picture and no film is no medium.
        let expected = [
            [
                "attachment[0]",
                "image/jpeg",
                "https://files.example/original/a.jpeg",
                "-",
                "people on a bridge",
            ],
            ["attachment[1]", "video/mp4", "https://files.example/b.mp4", "https://files.example/b.png", "-"],
        ];
        assert_eq!(media(&post), expected);
    }
    let edited = post("activitypub", &sample("activitypub/update.json"));
    assert_eq!((edited.id.as_str(), read(&edited)), (NOTE, "Rill Ossen opens it"));
}

#[test]
fn objects_alone_have_their_text_in_any_of_three_fields() {
    let article = post("activitypub", &sample("activitypub/article.json"));
    assert_eq!(read(&article), "Die Brücke\n\nRill Ossen — Tellmar");
    assert_eq!(json_of(&article.lang), Some("\"de\""));
    assert_eq!(json_of(&article.author), Some("\"https://blog.example/author/odo\""));
    assert_eq!(media(&article), [["attachment", "image/png", "https://blog.example/a.png", "-", "Brücke"]]);
    let cases = [
        (r#"{"type":"Note","id":"a","content":"<p>a</p>","name":"b"}"#, "a"),
        (r#"{"type":["Note","Extra"],"id":"a","contentMap":{"en":"<b>c</b>"}}"#, "c"),
        (r#"{"type":"Page","id":"a","name":"<d>"}"#, "<d>"),
        (r#"{"type":"Note","id":"a","content":"<e>","mediaType":"text/plain"}"#, "<e>"),
        (r#"{"type":"Note","id":"a"}"#, ""),
    ];
    for (json, text) in cases {
        assert_eq!(read(&post("activitypub", json)), text, "{json}");
    }
}

#[test]
fn boosts_and_groups_pass_posts_on() {
    let boost = post("activitypub", &sample("activitypub/boost.json"));
    assert_eq!(boost.id, "https://social.example/users/rill/statuses/10/activity");
    assert!(read(&boost).contains("Rill Ossen") && boost.media.len() == 2);
    assert_eq!(json_of(&boost.author), Some("\"https://social.example/users/rill\""));
    assert_eq!(json_of(&boost.created_at), Some("\"2026-11-21T12:00:00Z\""));
    let grouped = post("activitypub", &sample("activitypub/announce-group.json"));
    assert_eq!(
        (grouped.id.as_str(), read(&grouped)),
        ("https://forum.example/post/1", "Odo Marlin on bridges")
    );
    assert_eq!(media(&grouped)[0][..3], ["attachment[0]", "image", "https://forum.example/pictrs/a.webp"]);
}

#[test]
fn other_activities_are_deletions_skipped_or_unknown() {
    let delete = |object: &str| format!(r#"{{"type":"Delete","actor":"https://a/u","object":{object}}}"#);
    let cases = [
        (sample("activitypub/delete.json"), format!("deletion {NOTE}")),
        (delete("\"https://a/1\""), "deletion https://a/1".to_owned()),
        (delete("\"https://a/u\""), "ignored account".to_owned()),
        (r#"{"type":"Tombstone","id":"https://a/1"}"#.to_owned(), "deletion https://a/1".to_owned()),
        (sample("activitypub/announce.json"), "ignored Announce".to_owned()),
        (sample("activitypub/like.json"), "ignored Like".to_owned()),
        (sample("activitypub/person.json"), "ignored account".to_owned()),
        (
            r#"{"type":"Create","object":"https://a/1"}"#.to_owned(),
            "unknown an ActivityPub activity whose object is only an address".to_owned(),
        ),
        (
            r#"{"type":"Create","object":{"type":"Arrive","id":"x"}}"#.to_owned(),
            "unknown an ActivityPub object of the type `Arrive`".to_owned(),
        ),
        (r#"{"type":"Wave"}"#.to_owned(), "unknown an ActivityPub object of the type `Wave`".to_owned()),
    ];
    for (json, expected) in cases {
        assert_eq!(told("activitypub", &json), [expected], "{json}");
    }
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let cases = [
        ("7", "found a number, expected an object"),
        ("{}", "missing field `type`"),
        (r#"{"type":"Note","content":"x"}"#, "missing field `id`"),
        (r#"{"type":"Create"}"#, "missing field `object`"),
        (r#"{"type":"Create","object":7}"#, "at `object`: found a number, expected an object"),
        (
            r#"{"type":"Create","object":{"type":"Note","id":"a","content":7}}"#,
            "at `object.content`: found a number",
        ),
        (
            r#"{"type":"Note","id":"a","contentMap":{"en":[]}}"#,
            "at `contentMap.en`: found an array, expected a string",
        ),
        (
            r#"{"type":"Note","id":"a","attachment":"x"}"#,
            "at `attachment`: found a string, expected an array",
        ),
        (r#"{"type":"Delete","object":7}"#, "at `object`: found no address"),
        (r#"{"type":"Delete","object":""}"#, "at `object`: found an empty id"),
    ];
    for (json, expected) in cases {
        let refusal = refusal("activitypub", json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
    let id = "a".repeat(1025);
    let refusal = refusal("activitypub", &format!(r#"{{"type":"Note","id":"{id}","content":""}}"#));
    assert_eq!(refusal.class, RejectionClass::TooLarge);
}
