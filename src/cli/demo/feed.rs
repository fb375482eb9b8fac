//! Feed of the demonstration: its posts as records of riveg, or as events of Bluesky's Jetstream with a server of pictures.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::routing::get;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use clap::ValueEnum;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::super::Failure;
use crate::config::Config;
use crate::input::fetch::Scheme;
use crate::lab::dataset::Example;

/// The form of the posts that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Feed {
    /// Posts of the format riveg, with their pictures in them.
    Riveg,
    /// Events of Bluesky's Jetstream, whose pictures a server in this process has.
    Jetstream,
}

/// The account that writes all posts.
const DID: &str = "did:plc:pocketworld";

/// Between the times of two events.
const STEP: Duration = Duration::from_millis(10);

/// The pictures of the events, served until this is dropped.
pub(super) struct PictureServer {
    _stop: DropGuard,
}

/// The fields of a record that an event repeats.
#[derive(Deserialize)]
struct Record {
    id: String,
    text: String,
    created_at: String,
    #[serde(default)]
    media: Vec<Medium>,
}

#[derive(Deserialize)]
struct Medium {
    key: String,
    bytes: String,
}

/// The posts as events, with ids and keys of pictures as Bluesky has them, also in the gold; and the pictures by content
/// identifier.
pub(super) fn as_events(posts: &mut [Example]) -> Result<HashMap<String, Bytes>, Failure> {
    let mut pictures = HashMap::new();
    let mut time = SystemTime::now();
    for post in posts {
        let record: Record = serde_json::from_slice(&post.record)?;
        let mut images = Vec::new();
        for medium in record.media {
            let bytes = BASE64_STANDARD.decode(&medium.bytes)?;
            // Not the real hash of a blob, but as unique and of the same letters.
            let cid = format!("bafkrei{}", blake3::hash(&bytes).to_hex());
            let regions = post.gold.mentions.iter_mut().flat_map(|mention| &mut mention.regions);
            regions
                .filter(|region| region.media_key == medium.key)
                .for_each(|region| region.media_key.clone_from(&cid));
            let blob = json!({"$type": "blob", "ref": {"$link": cid}, "mimeType": "image/jpeg", "size": bytes.len()});
            images.push(json!({"alt": "", "image": blob}));
            pictures.insert(cid, bytes.into());
        }
        let embed = json!({"$type": "app.bsky.embed.images", "images": images});
        let mut written =
            json!({"$type": "app.bsky.feed.post", "text": record.text, "createdAt": record.created_at});
        if embed["images"][0].is_object() {
            written["embed"] = embed;
        }
        let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let event = json!({
            "did": DID, "time_us": u64::try_from(micros).unwrap_or(u64::MAX), "kind": "commit",
            "commit": {
                "rev": format!("3l{micros}"), "operation": "create", "collection": "app.bsky.feed.post",
                "rkey": record.id, "record": written, "cid": "bafyrei",
            },
        });
        post.record = event.to_string().into_bytes();
        post.gold.id = format!("at://{DID}/app.bsky.feed.post/{}", record.id);
        time += STEP;
    }
    Ok(pictures)
}

impl PictureServer {
    /// Serves pictures on a free local port, and lets the engine fetch them from there.
    pub(super) async fn start(
        pictures: HashMap<String, Bytes>,
        config: &mut Config,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let pictures = Arc::new(pictures);
        let find = async move |Path((_, cid)): Path<(String, String)>| match pictures.get(&cid) {
            Some(bytes) => Ok(([(header::CONTENT_TYPE, "image/jpeg")], bytes.clone())),
            None => Err(StatusCode::NOT_FOUND),
        };
        let router = Router::new().route("/{did}/{cid}", get(find));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        config.ingest.bluesky_pictures = format!("http://{address}/{{did}}/{{cid}}");
        config.fetch.schemes = vec![Scheme::Http];
        config.fetch.ports = vec![address.port()];
        config.fetch.allow_networks = vec![address.ip().into()];
        Ok(Self { _stop: stop.drop_guard() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType};
    use crate::input::formats::{Event, Feeds, InputRecord, MediaSource};
    use crate::lab::dataset::{GoldMention, GoldPost, GoldRegion};

    #[test]
    fn a_post_becomes_an_event_with_the_same_text_and_pictures_and_the_gold_follows() {
        let record = r#"{"id":"test-0-000001","text":"Ada","created_at":"2024-01-01T00:00:00Z","media":[{"key":"m","bytes":"AAEC"}]}"#;
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let region = GoldRegion { media_key: "m".to_owned(), bbox, mask: None };
        let mention = GoldMention {
            text: "Ada".to_owned(),
            entity_type: EntityType::new("PER"),
            span: Some((0, 3)),
            regions: vec![region],
        };
        let gold = GoldPost {
            id: "test-0-000001".to_owned(),
            text: "Ada".to_owned(),
            mentions: vec![mention],
            grounded: true,
        };
        let mut posts = [Example { record: record.as_bytes().to_vec(), gold, knowledge: None }];
        let pictures = as_events(&mut posts).unwrap();
        let config = Config::load(&crate::config::Sources::default()).unwrap().config;
        let feeds = Feeds::new(&config.feeds());
        let record = InputRecord { payload: posts[0].record.clone().into(), ..InputRecord::default() };
        let read = feeds.read(&record, &config.decode).unwrap();
        let [Event::Post(draft)] = &read.events[..] else { panic!("{read:?}") };
        assert_eq!((read.format, &draft.id, draft.text.as_str()), ("jetstream", &posts[0].gold.id, "Ada"));
        let key = &posts[0].gold.mentions[0].regions[0].media_key;
        assert_eq!((&draft.media[0].key, pictures[key].as_ref()), (key, &[0, 1, 2][..]));
        assert!(matches!(&draft.media[0].source, MediaSource::Url(url) if url.contains(key)));
    }
}
