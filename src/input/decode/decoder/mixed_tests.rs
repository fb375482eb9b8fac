//! Posts with media of all kinds: which are decoded, which are omitted, and with which reason.

use super::tests::{decoder_that_fetches, inline_media, png, record, strict};
use super::*;
use crate::input::config::test_config;
use crate::input::fetch::Degrade;

const VIDEO: &[u8] = b"\0\0\0\x18ftypisom\0\0\0\0isommp42";

/// A folder with a picture, a preview, a video and a broken picture.
fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let whole = png(64, 64);
    for (name, bytes) in [
        ("a.png", png(3, 2).as_slice()),
        ("preview.png", &png(5, 4)),
        ("v.mp4", VIDEO),
        ("cut.png", &whole[..90]),
    ] {
        std::fs::write(root.path().join(name), bytes).unwrap();
    }
    root
}

fn fetching(root: &tempfile::TempDir, config: Config) -> Decoder {
    decoder_that_fetches(config, |fetch| {
        fetch.file_root = root.path().to_owned();
        fetch.degrade = Degrade::DeadLetter;
    })
}

/// The decoded media: place, key, width, and whether it is a preview.
fn decoded_media(post: &DecodedPost) -> Vec<(usize, &str, u32, bool)> {
    post.media.iter().map(|media| (media.index, &*media.key, media.frame.width, media.is_preview)).collect()
}

fn reasons(post: &DecodedPost) -> Vec<&str> {
    post.omitted_media().iter().map(|medium| medium.reason.as_str()).collect()
}

#[tokio::test]
async fn a_medium_that_is_no_picture_never_rejects_a_post_and_is_named() {
    let root = folder();
    let url = |name: &str| format!(r#""url":"file://{}/{name}""#, root.path().display());
    let media = [
        r#"{"key":"x","type":"video"}"#.to_owned(),
        inline_media("a", &png(4, 3)),
        r#"{"key":"none","type":"photo"}"#.to_owned(),
        format!(r#"{{"key":"v","type":"video/mp4",{}}}"#, url("v.mp4")),
        inline_media("heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"),
        // Declared as a video, but the bytes are a picture: the bytes decide.
        format!(r#"{{"key":"b","type":"video",{}}}"#, url("a.png")),
        format!(r#"{{"key":"gone","type":"gifv",{}}}"#, url("gone.mp4")),
    ]
    .join(",");
    // Whatever the setting for damaged pictures.
    for config in [test_config(), strict(&test_config())] {
        let post = fetching(&root, config).decode(record(&media)).await.unwrap();
        assert_eq!(decoded_media(&post), [(1, "a", 4, false), (5, "b", 3, false)]);
        let reasons = reasons(&post);
        let begins = [
            "media[0] is left out: unsupported-media: media `x` has neither `bytes` nor `url` (the record calls it `video`)",
            "media[2] is left out: unsupported-media: media `none` has neither `bytes` nor `url` (the record calls it `photo`)",
            "media[3] is left out: unsupported-media: media `v` is a container of kind `isom`",
            "media[4] is left out: unsupported-media: media `heic` is a container of kind `heic`",
            "media[6] is left out: unsupported-media: media `gone` at `file:///",
        ];
        assert_eq!(reasons.len(), begins.len(), "{reasons:?}");
        for (reason, begin) in reasons.iter().zip(begins) {
            assert!(reason.starts_with(begin), "{reason}");
        }
        let told: Vec<&str> = post.degraded().iter().map(|what| what.detail.as_str()).collect();
        assert_eq!(told, reasons);
    }
}

#[tokio::test]
async fn a_preview_stands_for_a_medium_that_is_no_picture_and_for_no_other() {
    let root = folder();
    let url = |field: &str, name: &str| format!(r#""{field}":"file://{}/{name}""#, root.path().display());
    let preview = url("preview_image_url", "preview.png");
    let media = [
        format!(r#"{{"key":"a","type":"animated_gif",{preview}}}"#),
        format!(r#"{{"key":"b","type":"video",{},{preview}}}"#, url("url", "v.mp4")),
        format!(r#"{{"key":"c",{},{preview}}}"#, url("url", "v.mp4")),
        format!(r#"{{"key":"d","type":"photo",{},{preview}}}"#, url("url", "a.png")),
        format!(r#"{{"key":"e","type":"photo",{},{preview}}}"#, url("url", "cut.png")),
        format!(r#"{{"key":"f","type":"video",{}}}"#, url("preview_image_url", "v.mp4")),
        format!(r#"{{"key":"g","type":"video","bytes":"AAAAGGZ0eXBpc29t",{preview}}}"#),
    ]
    .join(",");
    let post = fetching(&root, test_config()).decode(record(&media)).await.unwrap();
    let expected =
        [(0, "a", 5, true), (1, "b", 5, true), (2, "c", 5, true), (3, "d", 3, false), (6, "g", 5, true)];
    assert_eq!(decoded_media(&post), expected);
    let fetched: Vec<(&str, &str)> = post
        .fetched_urls()
        .iter()
        .map(|(key, address)| (key.as_str(), address.rsplit('/').next().unwrap()))
        .collect();
    let expected = [
        ("a", "preview.png"),
        ("b", "preview.png"),
        ("c", "preview.png"),
        ("d", "a.png"),
        ("e", "cut.png"),
        ("g", "preview.png"),
    ];
    assert_eq!(fetched, expected);
    let [cut, no_preview] = reasons(&post)[..] else { panic!("{:?}", post.omitted_media()) };
    assert!(cut.starts_with("media[4] is left out: malformed: media `e` cannot be decoded"), "{cut}");
    assert!(no_preview.starts_with("media[5] is left out: unsupported-media: media `f` is a container"));
}

#[tokio::test]
async fn a_post_without_a_usable_picture_is_still_a_post() {
    let cut = png(64, 64);
    let media = [inline_media("cut", &cut[..90]), r#"{"key":"b","bytes":"@@"}"#.to_owned()].join(",");
    let post = fetching(&folder(), test_config()).decode(record(&media)).await.unwrap();
    assert_eq!((post.text.as_str(), post.media.len()), ("hello", 0));
    let classes: Vec<_> =
        post.omitted_media().iter().map(|medium| (medium.index, medium.class.as_str())).collect();
    assert_eq!(classes, [(0, "malformed"), (1, "malformed")]);
}

#[tokio::test]
async fn a_value_that_nests_too_deep_is_not_repeated_and_the_answer_says_so() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let json = format!(r#"{{"id":"1","text":"x","author":{deep},"lang":["en"]}}"#);
    let post = fetching(&folder(), test_config()).decode(Bytes::from(json)).await.unwrap();
    assert_eq!(
        (post.author.is_none(), post.lang.as_ref().map(|lang| lang.json())),
        (true, Some(r#"["en"]"#))
    );
    let told = DegradedCode::FieldNotRepeated
        .because("`author` is nested deeper than 64 lists, and is not repeated");
    assert_eq!(post.degraded(), [told]);
}

#[tokio::test]
async fn html_escapes_are_undone_for_networks_as_configured() {
    let json = r#"{"id":"1","text":"AT&amp;T \u0026lt;3"}"#;
    for (unescape, expected) in [(true, "AT&T <3"), (false, "AT&amp;T &lt;3")] {
        let post = fetching(&folder(), Config { unescape, ..test_config() })
            .decode(Bytes::from(json))
            .await
            .unwrap();
        assert_eq!((post.text.as_str(), post.plain_text()), ("AT&amp;T &lt;3", expected));
    }
}
