//! Whole records through the decoder.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytesize::ByteSize;
use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;
use crate::domain::RawJson;
use crate::input::config::test_config;
use crate::input::fetch::{self, Degrade};
use crate::telemetry::Metrics;

fn decoder(config: Config) -> Decoder {
    decoder_that_fetches(config, |_| {})
}

/// A decoder whose fetcher may read files but not ask servers.
pub(super) fn decoder_that_fetches(config: Config, set: impl FnOnce(&mut fetch::Config)) -> Decoder {
    let mut fetching = crate::config::Config::load(&crate::config::Sources::default()).unwrap().config.fetch;
    fetching.schemes = vec![];
    set(&mut fetching);
    let fetcher = Fetcher::new(&fetching, config.max_picture.as_u64(), Metrics::new().fetches()).unwrap();
    Decoder::new(config, fetcher)
}

pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    ::image::RgbImage::from_pixel(width, height, ::image::Rgb([9, 8, 7]))
        .write_to(&mut bytes, ::image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

pub(super) fn record(media: &str) -> Bytes {
    Bytes::from(format!(
        r#"{{"id":"p1","text":"hello","created_at":"2026-01-01T00:00:00Z","media":[{media}]}}"#
    ))
}

pub(super) fn inline_media(key: &str, bytes: &[u8]) -> String {
    format!(r#"{{"key":"{key}","type":"photo","bytes":"{}","alt_text":"of {key}"}}"#, STANDARD.encode(bytes))
}

/// The rejection where the settings reject posts with damaged pictures.
async fn refusal(media: &str) -> Rejection {
    decoder(strict(&test_config())).decode(record(media)).await.unwrap_err()
}

pub(super) fn strict(config: &Config) -> Config {
    Config { degrade: Degrade::DeadLetter, ..config.clone() }
}

#[tokio::test]
async fn a_post_keeps_all_fields_of_the_record() {
    let decoder = decoder(test_config());
    let media = [inline_media("a", &png(4, 3)), inline_media("b", &png(2, 5))].join(",");
    let post = decoder.decode(record(&media)).await.unwrap();
    assert_eq!((post.id.as_str(), post.text.as_str()), ("p1", "hello"));
    assert_eq!(post.created_at.as_ref().map(RawJson::json), Some("\"2026-01-01T00:00:00Z\""));
    assert_eq!((post.lang.clone(), post.author.clone()), (None, None));
    let sizes: Vec<_> = post.media.iter().map(|m| (m.key.as_str(), m.frame.width, m.frame.height)).collect();
    assert_eq!(sizes, [("a", 4, 3), ("b", 2, 5)]);
    assert_eq!(post.media[1].alt_text.as_deref(), Some("of b"));
}

#[tokio::test]
async fn a_post_needs_no_media() {
    let decoder = decoder(test_config());
    for json in [
        r#"{"id":"1","text":""}"#,
        r#"{"id":"1","text":"x","media":null}"#,
        r#"{"id":"1","text":"x","media":[]}"#,
    ] {
        assert!(decoder.decode(Bytes::from(json)).await.unwrap().media.is_empty(), "{json}");
    }
}

#[tokio::test]
async fn reposts_share_one_decoded_picture() {
    let decoder = decoder(test_config());
    let first = decoder.decode(record(&inline_media("a", &png(4, 3)))).await.unwrap();
    let again = decoder.decode(record(&inline_media("z", &png(4, 3)))).await.unwrap();
    assert!(Arc::ptr_eq(&first.media[0].frame, &again.media[0].frame));
    assert_eq!(decoder.frame_counts(), FrameCounts { hits: 1, misses: 1, ..decoder.frame_counts() });
}

#[tokio::test]
async fn one_bad_picture_rejects_the_post_as_configured_and_is_named() {
    let good = inline_media("good", &png(1, 1));
    let with = |bad: &str| format!("{good},{bad}");
    let cut = png(64, 64);
    let cases = [
        (
            r#"{"key":"m","bytes":"@@@@"}"#.to_owned(),
            RejectionClass::Malformed,
            "not base64: Invalid symbol 64, offset 0",
        ),
        (r#"{"key":"m","bytes":"QUJDR"}"#.to_owned(), RejectionClass::Malformed, "not base64"),
        (r#"{"key":"m","bytes":""}"#.to_owned(), RejectionClass::Malformed, "no bytes at all"),
        (r#"{"key":"m","bytes":7}"#.to_owned(), RejectionClass::Malformed, "has a number as `bytes`"),
        (
            r#"{"key":"m","bytes":"","url":""}"#.to_owned(),
            RejectionClass::Malformed,
            "both `bytes` and `url`",
        ),
        (
            r#"{"key":"m","url":"ftp://h/a.png"}"#.to_owned(),
            RejectionClass::FetchRefused,
            "`ftp` is not fetched",
        ),
        (inline_media("m", &cut[..cut.len() / 2]), RejectionClass::Malformed, "cannot be decoded as Png"),
    ];
    for (bad, class, part) in cases {
        let refusal = refusal(&with(&bad)).await;
        assert_eq!((refusal.stage, refusal.class), ("decode", class), "{}", refusal.message);
        assert!(
            refusal.message.starts_with("media `m` ") && refusal.message.contains(part),
            "{}",
            refusal.message
        );
    }
}

#[tokio::test]
async fn base64_may_be_written_in_any_variant() {
    let bytes = [png(1, 1), vec![0]].concat();
    let standard = STANDARD.encode(&bytes);
    for (field, encoded) in [
        ("bytes", standard.clone()),
        ("bytes", STANDARD_NO_PAD.encode(&bytes)),
        ("bytes", URL_SAFE_NO_PAD.encode(&bytes)),
        ("bytes", standard.replace('/', r"\/")),
        ("bytes", format!(r"{}\r\n{}", &standard[..40], &standard[40..])),
        ("bytes", format!("data:image/png;base64,{standard}")),
        ("url", format!("data:image/png;base64,{standard}")),
    ] {
        let media = format!(r#"{{"key":"m","{field}":"{encoded}"}}"#);
        let post = decoder(test_config()).decode(record(&media)).await.unwrap();
        assert_eq!((post.media.len(), post.fetched_urls()), (1, &[][..]), "{encoded}: {:?}", post.degraded());
    }
}

#[tokio::test]
async fn a_file_under_the_root_is_a_picture_like_any_other() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.jpg"), png(3, 2)).unwrap();
    let decoder = decoder_that_fetches(test_config(), |fetch| fetch.file_root = root.path().to_owned());
    let media = format!(r#"{{"key":"m","type":"photo","url":"file://{}/a.jpg"}}"#, root.path().display());
    assert_eq!(decoder.decode(record(&media)).await.unwrap().media[0].frame.width, 3);
}

#[tokio::test]
async fn a_picture_that_cannot_be_fetched_is_omitted_or_rejects_the_post_as_configured() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.jpg"), png(3, 2)).unwrap();
    let url = |key: &str, name: &str| {
        format!(r#"{{"key":"{key}","url":"file://{}/{name}"}}"#, root.path().display())
    };
    let with = |degrade| {
        decoder_that_fetches(test_config(), |fetch| {
            fetch.file_root = root.path().to_owned();
            fetch.degrade = degrade;
        })
    };
    let media = [inline_media("a", &png(4, 3)), url("gone", "none.jpg"), url("b", "a.jpg")].join(",");
    let refusal = with(Degrade::DeadLetter).decode(record(&media)).await.unwrap_err();
    assert_eq!(refusal.class, RejectionClass::FetchFailed);
    assert!(refusal.message.starts_with("media `gone` at `file:///"), "{refusal}");

    let post = with(Degrade::PublishWithout).decode(record(&media)).await.unwrap();
    let keys: Vec<_> = post.media.iter().map(|media| media.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
    let [degraded] = post.degraded() else { panic!("{:?}", post.degraded()) };
    assert!(
        degraded.detail.starts_with("media[1] is left out: fetch-failed: media `gone` at `file:///"),
        "{degraded:?}"
    );
    assert_eq!(post.media.iter().map(|media| media.index).collect::<Vec<_>>(), [0, 2]);

    // Whatever is configured: such a URL is no accident.
    let media =
        [inline_media("a", &png(4, 3)), r#"{"key":"m","url":"file:///etc/passwd"}"#.to_owned()].join(",");
    let refusal = with(Degrade::PublishWithout).decode(record(&media)).await.unwrap_err();
    assert_eq!(refusal.class, RejectionClass::FetchRefused);
}

#[tokio::test]
async fn fetched_bytes_are_checked_like_those_of_a_record() {
    let root = tempfile::tempdir().unwrap();
    let set = |fetch: &mut fetch::Config| fetch.file_root = root.path().to_owned();
    let decoders =
        [decoder_that_fetches(test_config(), set), decoder_that_fetches(strict(&test_config()), set)];
    let whole = png(64, 64);
    for (bytes, class, part) in [
        (
            b"<html>not found</html>".as_slice(),
            RejectionClass::UnsupportedMedia,
            "(the record calls it `image/jpeg`)",
        ),
        (b"\x1f\x8b\x08\0 packed", RejectionClass::UnsupportedMedia, "is not a picture"),
        (&whole[..whole.len() / 2], RejectionClass::Malformed, "cannot be decoded as Png"),
        (b"", RejectionClass::Malformed, "no bytes at all"),
    ] {
        std::fs::write(root.path().join("a.jpg"), bytes).unwrap();
        let media =
            format!(r#"{{"key":"m","type":"image/jpeg","url":"file://{}/a.jpg"}}"#, root.path().display());
        let [lenient, strict] = &decoders;
        let post = lenient.decode(record(&media)).await.unwrap();
        let [omitted] = post.omitted_media() else { panic!("{:?}", post.omitted_media()) };
        assert_eq!((omitted.index, omitted.class, post.media.len()), (0, class, 0));
        assert!(omitted.reason.contains(part), "{omitted:?}");
        match strict.decode(record(&media)).await {
            Ok(_) => assert_eq!(class, RejectionClass::UnsupportedMedia),
            Err(refusal) => assert!(refusal.class == class && refusal.message.contains(part), "{refusal}"),
        }
    }
}

#[tokio::test]
async fn a_post_waits_while_the_posts_in_flight_hold_the_memory() {
    // 20,000 pixels take 60,000 bytes as a frame; while they are decoded some hundred thousand more.
    let config = Config { cache: ByteSize(0), ..test_config() };
    let one = png(200, 100);
    let peak = probe(&one, &config).unwrap().peak_bytes;
    let decoder = decoder(Config { memory: ByteSize(peak + 59_999), ..config });
    let held = decoder.decode(record(&inline_media("a", &one))).await.unwrap();
    // The buffers beside the frame are given back.
    assert_eq!(decoder.shared.memory.free(), peak - 1);
    let mut waiting = Box::pin(decoder.decode(record(&inline_media("b", &one))));
    // Its record is read on another thread; after that it waits for memory.
    while decoder.shared.memory.waiting() == 0 {
        assert!(waiting.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(waiting.await.unwrap().media[0].key, "b");
    assert_eq!(decoder.shared.memory.free(), peak + 59_999);
}

#[tokio::test]
async fn posts_without_pictures_do_not_wait_for_pictures() {
    let decoder = decoder(test_config());
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    // Both threads are busy with pictures until the text is read.
    let held = (0..2).map(|_| {
        let (shared, gate) = (Arc::clone(&decoder.shared), Arc::clone(&gate));
        tokio::spawn(async move {
            let limit = Duration::from_secs(600);
            shared.pool.decode(Duration::ZERO, limit, move |_| gate.lock().unwrap().recv()).await
        })
    });
    let held: Vec<_> = held.collect();
    while decoder.shared.pool.free() > 0 {
        tokio::task::yield_now().await;
    }
    let mut picture = Box::pin(decoder.decode(record(&inline_media("a", &png(4, 3)))));
    while decoder.shared.pool.waiting() == 0 {
        assert!(picture.as_mut().now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(decoder.decode(record("")).await.unwrap().text, "hello");
    // Nor does a post whose picture is omitted because of its header.
    let post = decoder.decode(record(&inline_media("a", b"just a text"))).await.unwrap();
    assert_eq!(post.omitted_media()[0].class, RejectionClass::UnsupportedMedia);
    assert!(picture.as_mut().now_or_never().is_none());
    for _ in 0..2 {
        release.send(()).unwrap();
    }
    assert!(join_all(held).await.iter().all(Result::is_ok));
    assert_eq!(picture.await.unwrap().media.len(), 1);
}

#[tokio::test]
async fn a_picture_that_takes_too_long_is_omitted_and_two_are_too_many() {
    // 24 megapixels take longer than a microsecond; one pixel may not.
    let (slow, other) = (inline_media("slow", &png(6000, 4000)), inline_media("other", &png(6000, 4001)));
    let config = Config { picture_timeout: Duration::from_nanos(1000), ..test_config() };
    let told = "media `slow` takes longer to decode than the 1us of decode.picture_timeout";
    for (config, media) in [(strict(&config), slow.clone()), (config.clone(), format!("{other},{slow}"))] {
        let decoder = decoder(config);
        let refusal = decoder.decode(record(&media)).await.unwrap_err();
        assert_eq!((refusal.class, refusal.message.as_str()), (RejectionClass::TooSlow, told));
        all_is_given_back(&decoder).await;
    }
    let decoder = decoder(config);
    let post = decoder.decode(record(&slow)).await.unwrap();
    let expected = DegradedCode::MediaLeftOut.because(format!("media[0] is left out: too-slow: {told}"));
    assert_eq!(post.degraded(), [expected]);
    all_is_given_back(&decoder).await;
}

/// Waits until the decoder has given threads and memory back.
async fn all_is_given_back(decoder: &Decoder) {
    while decoder.shared.pool.free() < 2 || decoder.shared.memory.free() < test_config().memory.as_u64() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn pictures_after_one_that_took_too_long_are_decoded_within_the_memory() {
    let decoder = decoder(test_config());
    let (quick, slow) = (png(40, 30), png(50, 40));
    // The slow one is given up as at its timeout: its permit stays with its thread.
    let media =
        [inline_media("a", &quick), inline_media("b", &slow), inline_media("c", &png(60, 50))].join(",");
    let record = InputRecord { payload: record(&media), ..InputRecord::default() };
    let undecoded = only_post(read(&record, &Feeds::default(), &test_config()).unwrap()).unwrap();
    let Fetched { pictures, .. } = decoder.fetched(undecoded.media).await.unwrap();
    let mut post = undecoded.post;
    let mut pictures = pictures.into_iter();
    let first = pictures.next().unwrap();
    let permit = decoder.memory_for(&post, [&first]).await;
    let (medium, permit) = decoder.medium(first, permit).await.unwrap();
    post.media.push(medium.unwrap());
    drop(permit);
    let waiting: Vec<EncodedPicture> = pictures.collect();
    let before = decoder.shared.memory.free();
    let permit = decoder.memory_for(&post, &waiting).await;
    let needed = before - decoder.shared.memory.free();
    let headers = || waiting.iter().map(|picture| picture.header);
    assert_eq!(needed, 3 * 40 * 30 + memory::peak(headers()), "what it has and what it will have");
    drop(permit);
}

#[tokio::test]
async fn pictures_beyond_the_memory_are_omitted_or_reject_the_post() {
    let (one, other) = (png(200, 100), png(100, 200));
    let config = test_config();
    let peak = probe(&one, &config).unwrap().peak_bytes;
    // One picture and its frame, and no more.
    let config = Config { memory: ByteSize(peak), ..config };
    let media = [inline_media("a", &one), inline_media("b", &other), inline_media("c", &png(2, 2))].join(",");
    let refusal = decoder(strict(&config)).decode(record(&media)).await.unwrap_err();
    assert!(
        refusal.class == RejectionClass::TooLarge && refusal.message.contains("decode.memory"),
        "{refusal}"
    );
    let post = decoder(config).decode(record(&media)).await.unwrap();
    assert_eq!(post.media[0].key, "a");
    assert!(
        post.degraded()[0].detail.starts_with("media[1] is left out: too-large: media `b` is one too many")
    );
}

#[tokio::test]
async fn a_picture_longer_than_allowed_is_refused_before_it_is_decoded_from_base64() {
    let decoder = decoder(strict(&Config { max_picture: ByteSize(30), ..test_config() }));
    let refusal = decoder.decode(record(&inline_media("a", &[7; 100]))).await.unwrap_err();
    assert!(
        refusal.class == RejectionClass::TooLarge && refusal.message.contains("max_picture"),
        "{refusal}"
    );
}

#[test]
fn settings_out_of_range_are_found() {
    assert_eq!(test_config().faults(), []);
    let bad = Config { threads: 0, max_side: 70_000, memory: ByteSize(1), ..test_config() };
    let keys: Vec<_> = bad.faults().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["max_side", "memory", "threads"]);
    let bad = Config {
        max_pixels_per_byte: 0,
        max_scans: 0,
        picture_timeout: Duration::ZERO,
        memory: ByteSize(9 * test_config().max_pixels - 1),
        ..test_config()
    };
    let keys: Vec<_> = bad.faults().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["max_pixels_per_byte", "max_scans", "picture_timeout", "memory"]);
}

#[test]
fn where_one_post_is_expected_other_events_are_refused() {
    let deletion = || ReadEvent::Deletion { id: "7".to_owned() };
    for (events, part) in [
        (vec![deletion()], "is not one post: it says 1 things"),
        (vec![], "says 0 things"),
        (vec![deletion(), deletion()], "says 2 things"),
        (vec![ReadEvent::Unknown { what: "a like".to_owned() }], "is a like, and one post is expected"),
    ] {
        let refusal = only_post(ReadEvents { format: "riveg", events }).unwrap_err();
        let is_told = refusal.class == RejectionClass::UnknownEvent && refusal.message.contains(part);
        assert!(is_told, "{refusal}");
    }
}
