//! Records of feeds: the same post with one picture, as each feed writes it, with the fields that the feed has around it.

use serde_json::{Value, json};

const TIME: &str = "2026-11-21T09:00:00.000Z";
/// The address of the picture of each post.
pub(crate) const URL: &str = "https://pictures.example/media/feed/1795252800123456.jpg";
const DID: &str = "did:plc:q5kd3vq6vbkvarntellmar22";
const CID: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

/// The engine's own format.
pub(crate) fn own(index: usize, text: &str) -> Value {
    json!({
        "id": index.to_string(), "text": text, "created_at": TIME, "lang": "en", "author": "4711",
        "media": [{"key": "m1", "type": "photo", "url": URL, "alt_text": "a crowd at the bridge"}],
    })
}

/// The same in the envelope of a CloudEvent.
pub(crate) fn cloud_event(index: usize, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": index.to_string(), "source": "/posts", "type": "example.post", "time": TIME,
        "datacontenttype": "application/json", "data": own(index, text),
    })
}

/// An answer of X's API v2.
pub(crate) fn x_v2(index: usize, text: &str) -> Value {
    let id = (1_990_000_000_000_000_000 + index).to_string();
    json!({
        "data": {
            "id": id, "text": text, "created_at": TIME, "lang": "en", "author_id": "2244994945",
            "edit_history_tweet_ids": [id], "attachments": {"media_keys": ["3_1990"]},
        },
        "includes": {
            "media": [{"media_key": "3_1990", "type": "photo", "url": URL, "alt_text": "a crowd at the bridge"}],
            "users": [{"id": "2244994945", "name": "Odo", "username": "odo", "created_at": TIME}],
        },
        "matching_rules": [{"id": "1", "tag": "pictures"}],
    })
}

/// A status of X's API 1.1.
pub(crate) fn x_v1(index: usize, text: &str) -> Value {
    let id = 1_990_000_000_000_000_000 + index;
    let medium = json!({
        "id": 1990, "id_str": "1990", "indices": [0, 5], "media_url_https": URL, "type": "photo", "url": "https://t.co/x",
        "ext_alt_text": "a crowd at the bridge", "sizes": {"large": {"w": 1200, "h": 900, "resize": "fit"}},
    });
    json!({
        "created_at": "Sat Nov 21 09:00:00 +0000 2026", "id": id, "id_str": id.to_string(), "full_text": text, "lang": "en",
        "truncated": false, "entities": {"hashtags": [], "urls": [], "user_mentions": [], "media": [medium]},
        "extended_entities": {"media": [medium]}, "retweet_count": 3, "favorite_count": 7,
        "user": {"id": 2244994945_u64, "id_str": "2244994945", "name": "Odo", "screen_name": "odo", "followers_count": 12},
    })
}

/// An event of Jetstream.
pub(crate) fn jetstream(index: usize, text: &str) -> Value {
    let blob = json!({"$type": "blob", "ref": {"$link": CID}, "mimeType": "image/jpeg", "size": 48_123});
    json!({
        "did": DID, "time_us": 1_795_252_800_123_456_u64, "kind": "commit",
        "commit": {
            "rev": "3lbq2w5skmc2k", "operation": "create", "collection": "app.bsky.feed.post",
            "rkey": format!("3lbq2w5{index}"), "cid": "bafyreic3flwqg3ynfmgs7xvj7yyzpmsnxx4uvarn2w3tellmar7y3q2dzm",
            "record": {
                "$type": "app.bsky.feed.post", "text": text, "createdAt": TIME, "langs": ["en"],
                "embed": {
                    "$type": "app.bsky.embed.images",
                    "images": [{"alt": "a crowd at the bridge", "aspectRatio": {"width": 4, "height": 3}, "image": blob}],
                },
            },
        },
    })
}

/// A text as the page of a server has it.
fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let tag = r#"<a href="https://social.example/tags/bridge" class="mention hashtag" rel="tag">#<span>bridge</span></a>"#;
    format!("<p>{escaped} {tag}</p>")
}

/// A status of Mastodon.
pub(crate) fn mastodon(index: usize, text: &str) -> Value {
    let id = (115_000_000_000_000_000 + index).to_string();
    json!({
        "id": id, "created_at": TIME, "language": "en", "visibility": "public", "sensitive": false, "spoiler_text": "",
        "uri": format!("https://social.example/users/odo/statuses/{id}"), "url": format!("https://social.example/@odo/{id}"),
        "replies_count": 0, "reblogs_count": 1, "favourites_count": 2, "content": html(text), "reblog": null,
        "account": {
            "id": "109", "username": "odo", "acct": "odo", "url": "https://social.example/@odo",
            "uri": "https://social.example/users/odo", "created_at": TIME, "followers_count": 12,
        },
        "media_attachments": [{
            "id": "22", "type": "image", "url": URL, "preview_url": URL, "description": "a crowd at the bridge",
            "meta": {"original": {"width": 1200, "height": 900}}, "blurhash": "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
        }],
        "mentions": [], "tags": [{"name": "bridge", "url": "https://social.example/tags/bridge"}], "emojis": [],
    })
}

/// An activity of ActivityPub.
pub(crate) fn activitypub(index: usize, text: &str) -> Value {
    let id = format!("https://social.example/users/odo/statuses/{index}");
    let note = json!({
        "id": id, "type": "Note", "published": TIME, "attributedTo": "https://social.example/users/odo",
        "to": ["https://www.w3.org/ns/activitystreams#Public"], "content": html(text), "contentMap": {"en": html(text)},
        "attachment": [{"type": "Document", "mediaType": "image/jpeg", "url": URL, "name": "a crowd at the bridge"}],
    });
    json!({
        "@context": "https://www.w3.org/ns/activitystreams", "id": format!("{id}/activity"), "type": "Create",
        "actor": "https://social.example/users/odo", "published": TIME, "object": note,
    })
}

/// The schema of the engine's own format in Avro.
pub(crate) const AVRO: &str = r#"{"type": "record", "name": "Post", "fields": [
    {"name": "id", "type": "string"}, {"name": "text", "type": "string"}, {"name": "created_at", "type": "string"},
    {"name": "lang", "type": "string"}, {"name": "author", "type": "string"},
    {"name": "media", "type": {"type": "array", "items": {"type": "record", "name": "Medium", "fields": [
        {"name": "key", "type": "string"}, {"name": "type", "type": "string"}, {"name": "url", "type": "string"},
        {"name": "alt_text", "type": ["null", "string"]}
    ]}}}
]}"#;

/// The same in Protobuf.
pub(crate) const PROTOBUF: &str = r#"syntax = "proto3";
message Post {
  string id = 1;
  string text = 2;
  string created_at = 3;
  string lang = 4;
  string author = 5;
  repeated Medium media = 6;
}
message Medium {
  string key = 1;
  string type = 2;
  string url = 3;
  string alt_text = 4;
}"#;
