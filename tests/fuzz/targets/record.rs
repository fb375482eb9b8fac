//! Record target: an error with reason and place, or a post within the limits with valid spans.

use riveg::config::{Config, Sources};
use riveg::domain::{
    Annotation, EntityType, Mention, Phrase, PhraseSource, Post, Rejection, RejectionClass, Span, Triple,
};
use riveg::input::decode::{self, DecodedPost, Decoder};
use riveg::input::fetch::Fetcher;
use riveg::kafka::publish::formats::{AnswerTimes, DEFAULT_FORMAT, EncoderOptions, reader};
use riveg::kafka::publish::{Annotated, Provenance};
use riveg::stages::recognise::split_words;
use riveg::telemetry::Metrics;

/// Low limits, so that violations are found quickly.
const LIMITS: [&str; 7] = [
    "decode.max_record=256KiB",
    "decode.max_text=16KiB",
    "decode.max_picture=128KiB",
    "decode.max_side=2000",
    "decode.max_pixels=1000000",
    "decode.memory=16MiB",
    // Generated URLs are not fetched.
    "fetch.schemes=[]",
];

/// The bytes of a record.
pub fn record(input: &[u8]) {
    if let Err(rejection) = decoded(input.to_vec()) {
        // JSON errors name line or path, errors of content name the field; or the whole record is of another type.
        let placed = ["line ", "byte ", "`", "expected an object"]
            .iter()
            .any(|place| rejection.message.contains(place));
        assert!(placed, "no place: {rejection}");
    }
}

/// The decoder, created once: its HTTP client loads all of the system's certificates.
struct Reader {
    runtime: tokio::runtime::Runtime,
    limits: decode::Config,
    decoder: Decoder,
}

thread_local! {
    static READER: Reader = Reader::new();
}

impl Reader {
    fn new() -> Self {
        let sets = LIMITS.map(str::to_owned).to_vec();
        let config = Config::load(&Sources { sets, ..Sources::default() }).expect("the limits are settings");
        let limits = config.config.decode.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let fetches = Metrics::new().fetches();
        let fetcher = Fetcher::new(&config.config.fetch, limits.max_picture.as_u64(), fetches);
        let decoder = Decoder::new(limits.clone(), fetcher.expect("nothing is fetched"));
        Self { runtime: runtime.expect("a thread is a runtime"), limits, decoder }
    }
}

/// Decodes a record, and holds the answer against what is promised of it.
pub(super) fn decoded(record: Vec<u8>) -> Result<DecodedPost, Rejection> {
    READER.with(|reader| {
        let answer = reader.runtime.block_on(reader.decoder.decode(record.into()));
        assert_promised(&answer, &reader.limits);
        answer
    })
}

fn assert_promised(answer: &Result<DecodedPost, Rejection>, decode: &decode::Config) {
    match answer {
        Ok(post) => {
            assert!(!post.id.is_empty() && post.text.len() as u64 <= decode.max_text.as_u64());
            assert!(post.media.len() <= decode.max_media);
            let sizes = post.media.iter().map(|media| media.frame.rgb.len() as u64);
            assert!(sizes.sum::<u64>() <= decode.memory.as_u64());
            for media in &post.media {
                let (width, height) = (media.frame.width, media.frame.height);
                assert!(width > 0 && height > 0 && width.max(height) <= decode.max_side);
                assert!(u64::from(width) * u64::from(height) <= decode.max_pixels);
                assert_eq!(media.frame.rgb.len(), 3 * width as usize * height as usize);
            }
            words_can_be_cut_out(post);
        }
        Err(rejection) => {
            assert_eq!(rejection.stage, "decode");
            assert_ne!(rejection.class, RejectionClass::Internal, "{rejection}");
            super::assert_sayable(&rejection.message);
        }
    }
}

/// Code-point spans and byte spans both find each entity in the original text.
fn words_can_be_cut_out(post: &Post) {
    let triples = split_words(&post.text).into_iter().map(|span| named(&post.text, span)).collect();
    let annotated = Annotated::new(post, Annotation { triples, degraded: Vec::new() }, &[]);
    let epoch = std::time::UNIX_EPOCH;
    let times = AnswerTimes { ingested: epoch, published: epoch };
    let records = (DEFAULT_FORMAT.encoder)(&EncoderOptions::plain(Provenance::of_bundle("b")))
        .encode(&annotated, times);
    let said: serde_json::Value = serde_json::from_slice(&records[0].value).expect("an answer is JSON");
    assert_eq!(said["post_id"], post.id.as_str());
    let read = reader::read(&records[0].value).expect("an answer can be read again");
    assert_eq!(read.annotated.annotation.triples.len(), annotated.annotation.triples.len());
    let characters: Vec<char> = post.text.chars().collect();
    let mut end = 0;
    for entity in said["entities"].as_array().expect("entities are a list") {
        let [start, stop, byte_start, byte_stop] = ["start", "end", "byte_start", "byte_end"]
            .map(|key| entity["span"][key].as_u64().expect("spans are numbers") as usize);
        let text = entity["text"].as_str().expect("an entity has a text");
        assert_eq!(characters[start..stop].iter().collect::<String>(), text);
        assert_eq!(&post.text[byte_start..byte_stop], text);
        assert!(end <= start && start < stop, "words overlap or are out of order at {start}");
        end = stop;
    }
    // What networks read has no escapes; what they find is cut out of what was received all the same.
    for span in split_words(post.plain_text()) {
        let found = post.in_received_text(named(post.plain_text(), span).mention);
        let Span { start, end, byte_start, byte_end } = found.span;
        assert_eq!(&post.text[byte_start..byte_end], found.text);
        assert_eq!(characters[start..end].iter().collect::<String>(), found.text);
    }
}

fn named(text: &str, span: Span) -> Triple {
    let text = text[span.byte_start..span.byte_end].to_owned();
    let phrase =
        Phrase { text: text.clone(), expansion: None, source: PhraseSource::NameOnly, answers: Vec::new() };
    let mention = Mention { text, entity_type: EntityType::new("PER"), span, score: 1.0 };
    Triple { mention, iri: None, phrase, verdicts: Vec::new(), regions: Vec::new() }
}
