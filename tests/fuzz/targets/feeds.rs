//! Feed targets: an error with reason and place, or events within the limits whose words lie in the received text.

use std::collections::{BTreeMap, BTreeSet};

use riveg::config::{Config, Sources};
use riveg::domain::{EntityType, Mention, Post, Rejection, RejectionClass};
use riveg::input::decode;
use riveg::input::formats::{Event, FeedSettings, Feeds, InputRecord, PostDraft, TextForm};
use riveg::stages::recognise::split_words;

/// Low limits, so that violations are found quickly.
const LIMITS: [&str; 3] = ["decode.max_record=256KiB", "decode.max_text=16KiB", "decode.max_media=4"];

/// The longest id, and the longest key of a medium with its number where two have one name.
const LONGEST_NAME: usize = 1024;
const LONGEST_KEY: usize = LONGEST_NAME + 64;

/// A record of X.
pub fn x(input: &[u8]) {
    read("x", input.to_vec());
}

/// An event of Bluesky's Jetstream.
pub fn jetstream(input: &[u8]) {
    read("jetstream", input.to_vec());
}

/// A status or an event of Mastodon.
pub fn mastodon(input: &[u8]) {
    read("mastodon", input.to_vec());
}

/// An activity of ActivityPub.
pub fn activitypub(input: &[u8]) {
    read("activitypub", input.to_vec());
}

/// The text of a status.
pub fn html(input: &[u8]) {
    let content = String::from_utf8_lossy(input);
    let status = serde_json::json!({ "id": "1", "content": content, "account": { "acct": "a" } });
    read("mastodon", status.to_string().into_bytes());
}

thread_local! {
    static LIMITED: decode::Config = limited();
}

fn limited() -> decode::Config {
    let sets = LIMITS.map(str::to_owned).to_vec();
    let config = Config::load(&Sources { sets, ..Sources::default() }).expect("the limits are settings");
    config.config.decode.clone()
}

/// Reads a record in its format and by its shape, and holds both against what is promised.
fn read(format: &str, record: Vec<u8>) {
    let record = InputRecord { payload: record.into(), ..InputRecord::default() };
    LIMITED.with(|limits| {
        for format in [format, "auto"] {
            let settings = FeedSettings {
                format,
                formats: &BTreeMap::new(),
                mappings: &BTreeMap::new(),
                skip_unknown: false,
                bluesky_pictures: "https://pictures.example/{did}/{cid}",
            };
            match Feeds::new(&settings).read(&record, limits) {
                Ok(read) => read.events.iter().for_each(|event| assert_event(event, limits)),
                Err(rejection) => assert_rejection(&rejection),
            }
        }
    });
}

fn assert_event(event: &Event, limits: &decode::Config) {
    match event {
        Event::Post(post) => assert_post(post, limits),
        Event::Deletion { id } => assert_name(id),
        Event::Ignored { kind } => {
            assert!(kind.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c)))
        }
        Event::Unknown { what } => assert!(!what.is_empty() && what.chars().count() < 2500, "{what}"),
        Event::Faulty(rejection) => assert_rejection(rejection),
    }
}

fn assert_rejection(rejection: &Rejection) {
    assert_eq!(rejection.stage, "decode");
    assert_ne!(rejection.class, RejectionClass::Internal, "{rejection}");
    super::assert_sayable(&rejection.message);
    let placed = ["line ", "byte ", "`", "expected an object", "the record has"];
    assert!(placed.iter().any(|place| rejection.message.contains(place)), "no place: {rejection}");
}

fn assert_name(name: &str) {
    assert!((1..=LONGEST_NAME).contains(&name.len()), "a name of {} bytes", name.len());
}

fn assert_post(draft: &PostDraft, limits: &decode::Config) {
    assert_name(&draft.id);
    draft.key.iter().for_each(|key| assert_name(key));
    assert!(draft.text.len() as u64 <= limits.max_text.as_u64() && draft.media.len() <= limits.max_media);
    let keys: BTreeSet<&str> = draft.media.iter().map(|medium| medium.key.as_str()).collect();
    assert!(keys.len() == draft.media.len(), "two media have one key");
    assert!(keys.iter().all(|key| key.len() <= LONGEST_KEY));
    let unescaped = match &draft.text_form {
        TextForm::Converted(converted) => Some(converted.clone()),
        _ => None,
    };
    let post = Post { text: draft.text.clone(), unescaped, ..Post::default() };
    let characters: Vec<char> = post.text.chars().collect();
    let mut before = 0;
    for span in split_words(post.plain_text()) {
        let text = post.plain_text()[span.byte_start..span.byte_end].to_owned();
        let mention = Mention { text, entity_type: EntityType::new("PER"), span, score: 1.0 };
        let found = post.in_received_text(mention);
        assert_eq!(&post.text[found.span.byte_start..found.span.byte_end], found.text);
        assert_eq!(characters[found.span.start..found.span.end].iter().collect::<String>(), found.text);
        assert!(before <= found.span.byte_start, "words are out of order");
        before = found.span.byte_start;
    }
}
