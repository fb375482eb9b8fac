//! Formats benchmark: records and bytes a second of every reader and writer, one core. Compare within one run.
//!
//! `cargo bench --bench formats`. Readers get one post of the pocket world in the form of each feed, with the fields that
//! the feed has around it; writers get answers with about 1.5 triples a post. The column `ratio` is the time a record
//! against that of plain JSON (the format `riveg`). A ratio above 3 is marked: it is over the limit.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use riveg::common::registry::avro::{self, AvroSchema};
use riveg::common::registry::protobuf::{self, ProtobufSchema};
use riveg::common::registry::wire::{HEADER_BYTES, header};
use riveg::common::registry::{JsonLimits, Schema};
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, GateVerdict, Mask, Phrase, PhraseSource, Region, Triple};
use riveg::domain::{ContentHash, Mention};
use riveg::input::formats::{Event, FeedSettings, Feeds, InputRecord};
use riveg::kafka::publish::formats::{AnswerTimes, EncoderOptions, FORMATS};
use riveg::kafka::publish::{Annotated, MaskForm, MediaInfo, PostFacts, Provenance};
use riveg::lab::world::{Sample, Split, World};
use serde_json::Value;

#[path = "support/clock.rs"]
#[expect(dead_code, reason = "of the stopwatch only this thread's clock is used")]
mod clock;
#[path = "support/feeds.rs"]
mod feeds;

use clock::{Spent, Stopwatch};
use feeds::URL;

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

/// How the record of a case is written: its name, the setting that reads it, its JSON, and its schema if it has one.
type Form = (&'static str, &'static str, RecordOf, Option<Schema>);

/// A reader of the same posts in the form of each feed.
fn readers(samples: &[Sample]) -> Vec<Case> {
    let nothing = BTreeMap::new();
    let avro = AvroSchema::new(feeds::AVRO, &nothing).expect("it is a schema");
    let protobuf = ProtobufSchema::new(feeds::PROTOBUF, &nothing).expect("it is a schema");
    let forms: [Form; 11] = [
        ("riveg", "riveg", feeds::own, None),
        ("x: API v2", "x", feeds::x_v2, None),
        ("x: API 1.1", "x", feeds::x_v1, None),
        ("jetstream", "jetstream", feeds::jetstream, None),
        ("mastodon", "mastodon", feeds::mastodon, None),
        ("activitypub", "activitypub", feeds::activitypub, None),
        ("riveg in a CloudEvent", "riveg", feeds::cloud_event, None),
        ("riveg, recognised (auto)", "auto", feeds::own, None),
        ("a mapping by JSONPath", "mapped", feeds::own, None),
        ("riveg in Avro", "riveg", feeds::own, Some(Schema::Avro(avro))),
        ("riveg in Protobuf", "riveg", feeds::own, Some(Schema::Protobuf(protobuf))),
    ];
    let config = Config::load(&Sources::default()).expect("the defaults are right").config;
    let limits = config.decode;
    let bounds = JsonLimits::for_records_of(limits.max_record.as_u64());
    forms
        .into_iter()
        .map(|(name, format, form, schema)| {
            let feeds = feed_settings(format);
            let record =
                |(index, sample): (usize, &Sample)| framed(&form(index, &sample.text), schema.as_ref());
            let records: Vec<Bytes> = samples.iter().enumerate().map(record).collect();
            let limits = limits.clone();
            let pass = move || {
                for record in &records {
                    let payload = match &schema {
                        Some(schema) => schema.to_json(&record.slice(HEADER_BYTES..), bounds),
                        None => Ok(record.clone()),
                    };
                    let payload = payload.expect("the record follows its schema");
                    let record = InputRecord { payload, ..InputRecord::default() };
                    let read = feeds.read(&record, &limits).expect("the record is right");
                    let [Event::Post(post)] = &read.events[..] else { panic!("{name}: {read:?}") };
                    assert_eq!(post.media.len(), 1, "{name}");
                    black_box(post);
                }
                (records.len(), records.iter().map(Bytes::len).sum())
            };
            Case { name: name.to_owned(), pass: Box::new(pass) }
        })
        .collect()
}

/// The bytes of a record: JSON, or the wire format of a Schema Registry.
fn framed(value: &Value, schema: Option<&Schema>) -> Bytes {
    let mut record = header(1);
    match schema {
        Some(Schema::Avro(schema)) => {
            avro::append(schema, value, &mut record).expect("it follows its schema")
        }
        Some(Schema::Protobuf(schema)) => {
            protobuf::append(schema, value, &mut record).expect("it follows its schema");
        }
        Some(Schema::Json) | None => return value.to_string().into(),
    }
    record.into()
}

fn feed_settings(format: &str) -> Feeds {
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
