//! Records of X: both APIs, their media, retweets, edits, notices and faults.

use crate::domain::RejectionClass;
use crate::input::config::{Config, test_config};
use crate::input::formats::tests::{events_within, json_of, medium, post, posts, refusal, sample, told};
use crate::input::formats::{PostDraft, TextForm};

const PHOTO: &str = "https://pbs.twimg.com/media/GZaVarn1.jpg";
const VIDEO: &str = "https://pbs.twimg.com/ext_tw_video_thumb/1845/pu/img/GZaVid.jpg";
const WHOLE: &str = "Kessa Varn &amp; Odo Marlin open the 橋 🌉 in Tellmar https://t.co/abc";

fn media(post: &PostDraft) -> Vec<[String; 5]> {
    post.media.iter().map(medium).collect()
}

fn keys(post: &PostDraft) -> Vec<&str> {
    post.media.iter().map(|medium| medium.key.as_str()).collect()
}

#[test]
fn a_post_has_its_media_in_the_order_of_their_keys() {
    let post = post("x", &sample("x/single.json"));
    assert_eq!((post.id.as_str(), post.key.as_deref()), ("1843000000000000017", None));
    assert_eq!(post.uri.as_deref(), Some("https://x.com/i/web/status/1843000000000000017"));
    assert_eq!((post.text.as_str(), &post.text_form), (WHOLE, &TextForm::HtmlEscapes));
    let repeated = [json_of(&post.author), json_of(&post.lang), json_of(&post.created_at)];
    assert_eq!(repeated, [Some("\"7001\""), Some("\"en\""), Some("\"2026-11-21T09:00:00.000Z\"")]);
    let expected = [
        ["3_1843", "photo", PHOTO, "-", "Kessa Varn on the new bridge 🌉"],
        ["7_1845", "video", "-", VIDEO, "-"],
    ];
    assert_eq!(media(&post), expected);
    assert!(post.degraded.is_empty());
}

#[test]
fn long_texts_edits_retweets_and_quotes() {
    let [note, retweet, quote] = posts("x", &sample("x/list.json")).try_into().unwrap();
    assert!(note.text.ends_with("&lt;end&gt;") && note.text.contains("goes on"), "{}", note.text);
    assert_eq!((note.id.as_str(), note.key.as_deref()), ("1843000000000000020", Some("1843000000000000018")));
    let gif = "https://pbs.twimg.com/tweet_video_thumb/GZaGif.jpg";
    assert_eq!(media(&note), [["16_1844", "animated_gif", "-", gif, "-"]]);
    // The text and the media of the original, under the id, time and author of the retweet.
    assert_eq!((retweet.id.as_str(), retweet.text.as_str()), ("1843000000000000030", WHOLE));
    assert_eq!(retweet.uri.as_deref(), Some("https://x.com/i/web/status/1843000000000000030"));
    assert_eq!(json_of(&retweet.author), Some("\"7002\""));
    assert_eq!(json_of(&retweet.created_at), Some("\"2026-11-21T10:00:00.000Z\""));
    assert_eq!(media(&retweet)[0][2], PHOTO);
    // A video that `includes` lacks is told.
    assert_eq!(keys(&retweet), ["3_1843", "7_1845"]);
    assert!(
        media(&retweet)[1][2].starts_with("unsupported-media: is named in `attachments.media_keys` and not")
    );
    // A quote is its own text; the quoted post is another post.
    assert_eq!((quote.text.as_str(), quote.media.len()), ("Ossen was better", 0));
}

#[test]
fn a_retweet_without_its_original_is_answered_and_says_so() {
    let json =
        r#"{"data":{"id":"2","text":"RT @a: cut…","referenced_tweets":[{"type":"retweeted","id":"1"}]}}"#;
    let post = post("x", json);
    assert_eq!(post.text, "RT @a: cut…");
    assert!(post.degraded[0].contains("lacks the post `1` that this one retweets"), "{:?}", post.degraded);
}

#[test]
fn media_without_an_address_say_what_to_ask_for() {
    let json = r#"{"data":{"id":"1","text":"x","attachments":{"media_keys":["3_1","3_2"]}},
        "includes":{"media":[{"media_key":"3_2","type":"photo"}]}}"#;
    let media = media(&post("x", json));
    assert!(media[0][2].contains("not described in `includes.media`"), "{media:?}");
    assert!(media[1][2].contains("`media.fields`"), "{media:?}");
}

#[test]
fn posts_of_streams_and_posts_alone_are_read() {
    let streamed = post("x", &sample("x/stream.json"));
    assert_eq!((streamed.text.as_str(), streamed.media.len()), (WHOLE, 0));
    for format in ["x", "auto"] {
        assert_eq!(
            post(format, &sample("x/alone.json")).uri.unwrap(),
            "https://x.com/i/web/status/1843000000000000040"
        );
    }
}

#[test]
fn statuses_of_the_older_api() {
    let status = post("x", &sample("x/status.json"));
    // The id is the string, whatever the number beside it.
    assert_eq!((status.id.as_str(), status.text.as_str()), ("1843000000000000017", WHOLE));
    assert_eq!(json_of(&status.author), Some("\"7001\""));
    let expected = [["1843", "photo", PHOTO, "-", "two people"], ["1845", "video", "-", VIDEO, "-"]];
    assert_eq!(media(&status), expected);
    let retweet = post("x", &sample("x/retweet.json"));
    assert_eq!((retweet.id.as_str(), retweet.text.as_str()), ("1843000000000000050", WHOLE));
    assert_eq!(
        (media(&retweet), json_of(&retweet.author)),
        (expected.map(|medium| medium.map(str::to_owned)).to_vec(), Some("\"7002\""))
    );
    let cut = post(
        "x",
        r#"{"id":1,"id_str":"1","text":"cut…","truncated":true,"edit_history":{"initial_tweet_id":"9"}}"#,
    );
    assert_eq!((cut.key.as_deref(), cut.degraded.len()), (Some("9"), 1));
    assert!(cut.degraded[0].contains("is cut"));
    let photo = r#"{"id_str":"1","text":"x","entities":{"media":[{"id_str":"5","media_url":"http://a/b.jpg","type":"photo"}]}}"#;
    assert_eq!(media(&post("x", photo)), [["5", "photo", "http://a/b.jpg", "-", "-"]]);
}

#[test]
fn notices_are_deletions_or_skipped_by_name() {
    let user = |name: &str| {
        format!(r#"{{"data":{{"{name}":{{"user":{{"id":"1"}},"event_at":"2026-11-21T09:00:00Z"}}}}}}"#)
    };
    let cases = [
        (sample("x/delete.json"), "deletion 1843000000000000040"),
        (r#"{"delete":{"tweet":{"id":"7"}}}"#.to_owned(), "deletion 7"),
        (sample("x/delete-status.json"), "deletion 1843000000000000050"),
        (r#"{"delete":{"favorite":{"tweet_id":"7"}}}"#.to_owned(), "ignored favorite_delete"),
        (sample("x/edit.json"), "ignored tweet_edit"),
        (user("user_delete"), "ignored user_delete"),
        (user("user_profile_modification"), "ignored user_profile_modification"),
        (user("withheld"), "ignored withheld"),
        (sample("x/scrub.json"), "ignored scrub_geo"),
        (sample("x/limit.json"), "ignored limit"),
        (r#"{"disconnect":{"code":4,"reason":"slow"}}"#.to_owned(), "ignored disconnect"),
        (sample("x/errors.json"), "ignored errors"),
        (sample("x/empty.json"), "ignored meta"),
        (user("user_renamed"), "unknown a message of X with the fields `user_renamed` in `data`"),
        (r#"{"event":"follow"}"#.to_owned(), "unknown a message of X with the fields `event`"),
        ("{}".to_owned(), "unknown a message of X with no fields"),
    ];
    for (json, expected) in cases {
        assert_eq!(told("x", &json), [expected], "{json}");
    }
}

#[test]
fn a_fault_names_the_path_and_what_was_expected_and_found() {
    let cases = [
        ("7", "found a number, expected an object"),
        (r#"{"data":7}"#, "at `data`: found a number, expected an object or an array"),
        (r#"{"data":{"id":"","text":"x"}}"#, "at `data.id`: found an empty id"),
        (r#"{"data":{"id":1.5,"text":"x"}}"#, "at `data.id`: found the number `1.5`"),
        (r#"{"data":{"id":"1","text":["x"]}}"#, "at `data.text`: found an array, expected a string"),
        (r#"{"data":{"id":"1","id":"2","text":"x"}}"#, "at `data`: duplicate field `id`"),
        (
            r#"{"data":{"id":"1","text":"x","note_tweet":{"text":3}}}"#,
            "at `data.note_tweet.text`: found a number, expected a string",
        ),
        (
            r#"{"data":{"id":"1","text":"x","attachments":{"media_keys":["a",{}]}}}"#,
            "at `data.attachments.media_keys[1]`: found an object",
        ),
        (
            r#"{"data":{"id":"2","text":"x","referenced_tweets":[{"type":"retweeted","id":"1"}]},
                "includes":{"tweets":[{"id":"0"},{"id":"1","text":7}]}}"#,
            "at `includes.tweets[1].text`: found a number, expected a string",
        ),
        (r#"{"delete":{"other":{}}}"#, "at `delete`: found neither `tweet` nor `status`"),
        (r#"{"data":{"delete":{"tweet":{}}}}"#, "at `data.delete.tweet`: missing field `id`"),
        (r#"{"id_str":"1","full_text":7}"#, "at `full_text`: found a number, expected a string"),
        (
            r#"{"id_str":"1","text":"x","retweeted_status":{"id_str":"2"}}"#,
            "at `retweeted_status`: missing field `text`",
        ),
        (
            r#"{"id_str":"1","text":"x","extended_entities":{"media":[{"type":"photo"}]}}"#,
            "at `extended_entities.media[0]`: missing field `id_str`",
        ),
    ];
    for (json, expected) in cases {
        let refusal = refusal("x", json);
        assert_eq!(refusal.class, RejectionClass::Malformed, "{json}");
        assert!(refusal.message.contains(expected), "{json}: {}", refusal.message);
    }
}

#[test]
fn limits_hold_for_texts_and_media() {
    let limits = Config { max_text: bytesize::ByteSize(4), max_media: 1, ..test_config() };
    let record = |text: &str, keys: &str| {
        format!(r#"{{"data":{{"id":"1","text":"{text}","attachments":{{"media_keys":[{keys}]}}}}}}"#)
    };
    let fault = |json: &str| events_within("x", json, &limits).map(|_| ()).map_err(|refusal| refusal.message);
    assert_eq!(fault(&record("1234", "\"a\"")), Ok(()));
    assert_eq!(
        fault(&record("12345", "")).unwrap_err(),
        "`data.text` has 5 bytes, more than the 4 B of decode.max_text"
    );
    let many = fault(&record("", "\"a\",\"b\"")).unwrap_err();
    assert_eq!(many, "`data.attachments.media_keys` has more entries than the 1 of decode.max_media");
}

#[test]
fn includes_of_any_size_are_searched_once() {
    let others = r#"{"media_key":"9","id":"9"},"#.repeat(20_000);
    let json = format!(
        r#"{{"data":[{}{{"id":"1","text":"x"}}],"includes":{{"media":[{others}{{"media_key":"3_1","type":"photo","url":"https://a"}}],"tweets":[{others}{{"id":"8"}}]}}}}"#,
        r#"{"id":"1","text":"x","attachments":{"media_keys":["3_1","3_0"]},"referenced_tweets":[{"type":"retweeted","id":"none"}]},"#
            .repeat(499)
    );
    let limits = Config { max_record: bytesize::ByteSize::mib(32), ..test_config() };
    let events = events_within("x", &json, &limits).unwrap();
    assert_eq!(events.len(), 500);
}
