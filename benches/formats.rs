//! Formats benchmark: records and bytes a second of every reader and writer, one core. Compare within one run.
//!
//! `cargo bench --bench formats`. Readers get one post of the pocket world in the form of each feed, with the fields that
//! the feed has around it; writers get answers with about 1.5 triples a post. The column `ratio` is the time a record
//! against that of plain JSON (the format `riveg`). A ratio above 3 is marked: it is over the limit.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, GateVerdict, Mask, Phrase, PhraseSource, Region, Triple};
use riveg::domain::{ContentHash, Mention};
use riveg::input::formats::{Event, FeedSettings, Feeds, InputRecord};
use riveg::kafka::publish::formats::{AnswerTimes, EncoderOptions, FORMATS};
use riveg::kafka::publish::{Annotated, MaskForm, MediaInfo, PostFacts, Provenance};
use riveg::lab::world::{Sample, Split, World};
use serde_json::{Value, json};

#[path = "support/clock.rs"]
#[expect(dead_code, reason = "of the stopwatch only this thread's clock is used")]
mod clock;

use clock::{Spent, Stopwatch};

/// Posts of each case.
const POSTS: usize = 200;

/// Processor time of one measurement, and how often each is taken, in turn with the others: the least counts.
const SPENT: Duration = Duration::from_millis(150);
const ROUNDS: usize = 5;

/// The most times that a format may take longer than plain JSON.
const LIMIT: f64 = 3.0;

/// One format at work: a name, and a pass over all posts that returns records and bytes.
struct Case {
    name: String,
    pass: Box<dyn Fn() -> (usize, usize)>,
}

fn main() {
    let world = World::new(1, Split::Test);
    let samples: Vec<Sample> = (0..POSTS as u64).map(|index| world.sample(index)).collect();
    table("readers (nanoseconds and bytes are of one record)", &readers(&samples));
    let answers: Vec<Annotated> = samples.iter().map(answer).collect();
    let triples: usize = answers.iter().map(|answer| answer.annotation.triples.len()).sum();
    println!("\n{:.2} triples a post\n", triples as f64 / POSTS as f64);
    table("writers (nanoseconds and bytes are of one post)", &writers(&answers));
}

/// Measures all cases in turn and prints them; the first is plain JSON.
fn table(title: &str, cases: &[Case]) {
    println!("{title:52}{:>10}{:>12}{:>10}{:>10}{:>10}", "ns", "a second", "bytes", "MB/s", "ratio");
    let mut best: Vec<Option<f64>> = vec![None; cases.len()];
    for _ in 0..ROUNDS {
        for (case, best) in cases.iter().zip(&mut best) {
            let seconds = seconds_a_post(case);
            *best = Some(best.map_or(seconds, |best| best.min(seconds)));
        }
    }
    let plain = best[0].unwrap_or_default();
    for (case, seconds) in cases.iter().zip(best.into_iter().flatten()) {
        let (_, bytes) = (case.pass)();
        let bytes = bytes as f64 / POSTS as f64;
        let ratio = seconds / plain;
        let mark = if ratio > LIMIT { " over the limit" } else { "" };
        println!(
            "{:52}{:>10.0}{:>12.0}{bytes:>10.0}{:>10.1}{ratio:>10.2}{mark}",
            case.name,
            seconds * 1e9,
            1.0 / seconds,
            bytes / seconds / 1e6
        );
    }
}

fn seconds_a_post(case: &Case) -> f64 {
    let watch = Stopwatch::this_thread();
    let mut passes = 0_usize;
    while passes == 0 || watch.spent().processor_or_wall() < SPENT {
        black_box((case.pass)());
        passes += 1;
    }
    let spent: Spent = watch.spent();
    spent.processor_or_wall().as_secs_f64() / (passes * POSTS) as f64
}

/// Makes the record of that number, whose picture is at that address.
type RecordOf = fn(usize, &str) -> Value;

/// A reader of the same posts in the form of each feed.
fn readers(samples: &[Sample]) -> Vec<Case> {
    let forms: [(&str, &str, RecordOf); 9] = [
        ("riveg", "riveg", own),
        ("x: API v2", "x", x_v2),
        ("x: API 1.1", "x", x_v1),
        ("jetstream", "jetstream", jetstream),
        ("mastodon", "mastodon", mastodon),
        ("activitypub", "activitypub", activitypub),
        ("riveg in a CloudEvent", "riveg", cloud_event),
        ("riveg, recognised (auto)", "auto", own),
        ("a mapping by JSONPath", "mapped", own),
    ];
    let config = Config::load(&Sources::default()).expect("the defaults are right").config;
    let limits = config.decode;
    forms
        .into_iter()
        .map(|(name, format, form)| {
            let feeds = feeds(format);
            let record = |(index, sample): (usize, &Sample)| form(index, &sample.text).to_string();
            let records: Vec<InputRecord> = samples
                .iter()
                .enumerate()
                .map(|sample| InputRecord { payload: Bytes::from(record(sample)), ..InputRecord::default() })
                .collect();
            let limits = limits.clone();
            let pass = move || {
                for record in &records {
                    let read = feeds.read(record, &limits).expect("the record is right");
                    let [Event::Post(post)] = &read.events[..] else { panic!("{name}: {read:?}") };
                    assert_eq!(post.media.len(), 1, "{name}");
                    black_box(post);
                }
                (records.len(), records.iter().map(|record| record.payload.len()).sum())
            };
            Case { name: name.to_owned(), pass: Box::new(pass) }
        })
        .collect()
}

fn feeds(format: &str) -> Feeds {
    let paths = [("id", "$.id"), ("text", "$.text"), ("created_at", "$.created_at"), ("lang", "$.lang")];
    let media = [
        ("media", "$.media[*]"),
        ("media_key", "$.key"),
        ("media_url", "$.url"),
        ("media_alt", "$.alt_text"),
    ];
    let paths = paths.into_iter().chain(media).map(|(field, path)| (field.to_owned(), path.to_owned()));
    let mappings = BTreeMap::from([("mapped".to_owned(), paths.collect())]);
    let settings = FeedSettings {
        format,
        formats: &BTreeMap::new(),
        mappings: &mappings,
        skip_unknown: false,
        bluesky_pictures: "https://cdn.bsky.app/img/feed_fullsize/plain/{did}/{cid}@jpeg",
    };
    assert_eq!(settings.faults(), []);
    Feeds::new(&settings)
}

const TIME: &str = "2026-11-21T09:00:00.000Z";
const URL: &str = "https://pictures.example/media/feed/1795252800123456.jpg";
const DID: &str = "did:plc:q5kd3vq6vbkvarntellmar22";
const CID: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

fn own(index: usize, text: &str) -> Value {
    json!({
        "id": index.to_string(), "text": text, "created_at": TIME, "lang": "en", "author": "4711",
        "media": [{"key": "m1", "type": "photo", "url": URL, "alt_text": "a crowd at the bridge"}],
    })
}

fn cloud_event(index: usize, text: &str) -> Value {
    json!({
        "specversion": "1.0", "id": index.to_string(), "source": "/posts", "type": "example.post", "time": TIME,
        "datacontenttype": "application/json", "data": own(index, text),
    })
}

fn x_v2(index: usize, text: &str) -> Value {
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

fn x_v1(index: usize, text: &str) -> Value {
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

fn jetstream(index: usize, text: &str) -> Value {
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

fn mastodon(index: usize, text: &str) -> Value {
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

fn activitypub(index: usize, text: &str) -> Value {
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

/// The answer that the gold of a post is.
fn answer(sample: &Sample) -> Annotated {
    let frame = &sample.picture.frame;
    let (width, height) = (frame.width, frame.height);
    let triple = |mention: &riveg::lab::world::GoldMention| {
        let region = |&object: &usize| {
            let object = &sample.picture.objects[object];
            Region {
                media_key: "m1".to_owned(),
                bbox: object.bbox,
                box_score: 0.871,
                mask: Mask::from_pixels(&object.inside, width, height).into(),
                mask_score: 0.934,
            }
        };
        let depicted = !mention.objects.is_empty();
        let verdict = GateVerdict {
            media_key: "m1".to_owned(),
            depicted,
            probability: 0.9123,
            dropped_box_score: None,
        };
        Triple {
            mention: Mention {
                text: mention.text.clone(),
                entity_type: mention.entity_type.clone(),
                span: mention.span,
                score: 0.987,
            },
            iri: None,
            phrase: Phrase {
                text: format!("{} ({}) - {}", mention.text, mention.entity_type, mention.expansion),
                expansion: Some(mention.expansion.clone()),
                source: PhraseSource::Lexicon,
                answers: Vec::new(),
            },
            verdicts: vec![verdict],
            regions: mention.objects.iter().map(region).take(1).collect(),
        }
    };
    let medium = MediaInfo {
        key: "m1".to_owned(),
        width,
        height,
        orientation: 1,
        hash: ContentHash(*blake3::hash(&sample.picture.jpeg).as_bytes()),
        index: 0,
        is_preview: false,
    };
    Annotated {
        post_id: sample.id.clone(),
        key: None,
        media: vec![medium],
        annotation: Annotation {
            triples: sample.mentions.iter().map(triple).collect(),
            degraded: Vec::new(),
        },
        post: PostFacts {
            text: sample.text.clone(),
            addresses: vec![("m1".to_owned(), URL.to_owned())],
            ..PostFacts::default()
        },
    }
}

/// Every format in every shape and form of masks that it has; the first is what the defaults write.
fn writers(answers: &[Annotated]) -> Vec<Case> {
    let mut cases = Vec::new();
    for format in FORMATS {
        for &shape in format.shapes {
            // The forms of masks are those of the format riveg.
            let forms: &[MaskForm] = if format.name == "riveg" {
                &[MaskForm::Coco, MaskForm::Polygon, MaskForm::Png, MaskForm::None]
            } else {
                &[MaskForm::Coco]
            };
            for &masks in forms {
                let provenance = Provenance { engine: "0.1.0".to_owned(), bundle: "c0ffee".to_owned() };
                let options = EncoderOptions { shape, masks, ..EncoderOptions::plain(provenance) };
                let encoder = (format.encoder)(&options);
                let answers = answers.to_vec();
                let now = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_252_800);
                let times = AnswerTimes { ingested: now, published: now };
                let pass = move || {
                    let records = answers.iter().map(|answer| encoder.encode(answer, times));
                    records.fold((0, 0), |(count, bytes), records| {
                        (
                            count + records.len(),
                            bytes + records.iter().map(|record| record.value.len()).sum::<usize>(),
                        )
                    })
                };
                let name = format!("{}, {}, {masks:?}", format.name, shape.as_str()).to_lowercase();
                cases.push(Case { name, pass: Box::new(pass) });
            }
        }
    }
    cases
}
