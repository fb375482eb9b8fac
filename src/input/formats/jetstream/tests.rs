//! Events of Jetstream: both wire formats, embeds, deletions, other events and faults.

use crate::domain::RejectionClass;
use crate::input::config::{Config, test_config};
use crate::input::formats::tests::{events_within, json_of, medium, post, refusal, sample, told};
use crate::input::formats::{PostDraft, TextForm};

const DID: &str = "did:plc:q5kd3vq6vbkvarntellmar22";
const FIRST: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
const SECOND: &str = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy";

fn media(post: &PostDraft) -> Vec<[String; 5]> {
    post.media.iter().map(medium).collect()
}

fn picture(cid: &str) -> String {
    format!("https://pictures.example/{DID}/{cid}")
}

/// A commit whose record has this embed.
fn embedding(embed: &str) -> String {
    format!(
        r#"{{"did":"{DID}","time_us":1,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post",
        "rkey":"3l","record":{{"text":"x","embed":{embed}}}}}}}"#
    )
}

#[test]
fn a_post_has_its_address_as_its_id_and_pictures_by_the_template() {
    let post = post("jetstream", &sample("jetstream/create.json"));
    let address = format!("at://{DID}/app.bsky.feed.post/3lbq2w5s7vc2k");
    assert_eq!(
        (post.id.as_str(), post.uri.as_deref(), post.key.as_deref()),
        (&*address, Some(&*address), None)
    );
    assert_eq!(post.text, "Kessa Varn opens the 橋 🌉 with Odo Marlin @odo.example");
    assert_eq!(post.text_form, TextForm::Plain);
    let repeated = [json_of(&post.author), json_of(&post.lang), json_of(&post.created_at)];
    let author = format!("\"{DID}\"");
    assert_eq!(repeated, [Some(&*author), Some(r#"["en","ja"]"#), Some("\"2026-11-21T09:00:00.000Z\"")]);
    // The second picture is written as records of 2022 are.
    let expected = [
        [FIRST, "image/jpeg", &picture(FIRST), "-", "the bridge"],
        [SECOND, "image/png", &picture(SECOND), "-", ""],
    ];
    assert_eq!(media(&post), expected);
}

#[test]
fn both_wire_formats_say_the_same() {
    let framed = post("jetstream", &sample("jetstream/frame.json"));
    assert_eq!(framed.id, format!("at://{DID}/app.bsky.feed.post/3lbq2w5s7vc3k"));
    assert_eq!(media(&framed), [[FIRST, "image/jpeg", &picture(FIRST), "-", "-"]]);
    let commit = format!(
        r##"{{"$type":"network.bsky.jetstream.subscribeEvents#commit","did":"{DID}","operation":"create",
        "collection":"app.bsky.feed.post","rkey":"3l","record":{{"text":"x"}}}}"##
    );
    for json in [commit.clone(), format!(r#"{{"$type":"event","payload":{commit}}}"#)] {
        for format in ["jetstream", "auto"] {
            assert_eq!(post(format, &json).id, format!("at://{DID}/app.bsky.feed.post/3l"));
        }
    }
}

#[test]
fn videos_galleries_and_links_have_pictures() {
    let video = post("jetstream", &sample("jetstream/update.json"));
    let preview = format!("https://video.bsky.app/watch/{}/{SECOND}/thumbnail.jpg", DID.replace(':', "%3A"));
    assert_eq!(media(&video), [[SECOND, "video/mp4", "-", &preview, "a walk over the bridge"]]);
    let gallery = post("jetstream", &sample("jetstream/gallery.json"));
    let second = format!("{FIRST}#2");
    let expected = [
        [FIRST, "image/jpeg", &picture(FIRST), "-", "one"],
        [&second, "image/jpeg", &picture(FIRST), "-", "the same"],
    ];
    assert_eq!(media(&gallery), expected);
}

#[test]
fn embeds_without_pictures_have_none_and_unknown_ones_are_told() {
    let quote = r#"{"$type":"app.bsky.embed.record","record":{"uri":"at://x"}}"#;
    let link = r#"{"$type":"app.bsky.embed.external","external":{"uri":"https://a","title":"b"}}"#;
    for embed in [quote, link] {
        let post = post("jetstream", &embedding(embed));
        assert_eq!((post.media.len(), post.degraded.len()), (0, 0), "{embed}");
    }
    let unknown = post("jetstream", &embedding(r#"{"$type":"app.bsky.embed.hologram","hologram":{}}"#));
    let told = "`commit.record.embed` is of the type `app.bsky.embed.hologram`, whose media are not known";
    assert_eq!(unknown.degraded, [told]);
    let images = r#"{"$type":"app.bsky.embed.images","images":[{"alt":"a","image":{"ref":{"$link":"../../x"}}},{"alt":"b"}]}"#;
    let damaged = media(&post("jetstream", &embedding(images)));
    assert_eq!(damaged[0][0], "commit.record.embed.images[0].image");
    assert!(
        damaged.iter().all(|medium| medium[2].starts_with("malformed: is a blob without")),
        "{damaged:?}"
    );
}

#[test]
fn other_events_are_deletions_skipped_or_unknown() {
    let commit = |operation: &str| {
        format!(
            r#"{{"did":"{DID}","kind":"commit","commit":{{"operation":"{operation}","collection":"app.bsky.feed.post","rkey":"3l"}}}}"#
        )
    };
    let deletion = |key: &str| format!("deletion at://{DID}/app.bsky.feed.post/{key}");
    let cases = [
        (sample("jetstream/delete.json"), deletion("3lbq2w5s7vc2k")),
        (sample("jetstream/frame-delete.json"), deletion("3lbq2w5s7vc3k")),
        (sample("jetstream/identity.json"), "ignored identity".to_owned()),
        (sample("jetstream/frame-account.json"), "ignored account".to_owned()),
        (sample("jetstream/frame-error.json"), "ignored error".to_owned()),
        (
            sample("jetstream/like.json"),
            "unknown a Jetstream commit of the collection `app.bsky.feed.like`".to_owned(),
        ),
        (commit("merge"), "unknown a Jetstream commit with the operation `merge`".to_owned()),
        (
            format!(r#"{{"did":"{DID}","kind":"handle"}}"#),
            "unknown a Jetstream event of the kind `handle`".to_owned(),
        ),
    ];
    for (json, expected) in cases {
        assert_eq!(told("jetstream", &json), [expected], "{json}");
    }
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let commit = |fields: &str| format!(r#"{{"did":"{DID}","kind":"commit","commit":{{{fields}}}}}"#);
    let post = r#""collection":"app.bsky.feed.post","operation":"create""#;
    let cases = [
        ("[]".to_owned(), "found an array, expected an object"),
        ("{}".to_owned(), "missing field `kind`"),
        (format!(r#"{{"did":"{DID}","kind":"commit"}}"#), "missing field `commit`"),
        (
            r#"{"$type":"message","payload":[]}"#.to_owned(),
            "at `payload`: found an array, expected an object",
        ),
        (commit(r#""operation":"create""#), "at `commit`: missing field `collection`"),
        (commit(r#""collection":"app.bsky.feed.post""#), "at `commit`: missing field `operation`"),
        (commit(post), "at `commit`: missing field `rkey`"),
        (commit(&format!(r#"{post},"rkey":"a/b""#)), "at `commit.rkey`: found `a/b`, expected a record key"),
        (commit(&format!(r#"{post},"rkey":"..""#)), "at `commit.rkey`: found `..`, expected a record key"),
        (commit(&format!(r#"{post},"rkey":"3l""#)), "at `commit`: missing field `record`"),
        (commit(&format!(r#"{post},"rkey":"3l","record":{{}}"#)), "at `commit.record`: missing field `text`"),
        (
            commit(&format!(r#"{post},"rkey":"3l","record":{{"text":"x","embed":[]}}"#)),
            "at `commit.record.embed`: found an array, expected an object",
        ),
        (commit(&format!(r#"{post},"rkey":"3l""#)).replace("did:plc:", "did:"), "at `did`: found `did:q5k"),
        (commit(&format!(r#"{post},"rkey":"3l""#)).replace("plc", "p/c"), "at `did`: found `did:p/c:q5k"),
    ];
    for (json, expected) in cases {
        let refusal = refusal("jetstream", &json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
    let limits = Config { max_text: bytesize::ByteSize(4), max_media: 1, ..test_config() };
    for name in ["create", "gallery"] {
        let large =
            events_within("jetstream", &sample(&format!("jetstream/{name}.json")), &limits).unwrap_err();
        assert_eq!(large.class, RejectionClass::TooLarge);
    }
}
