//! Hostile texts: spans stay correct for any Unicode. The real binary with the shipped bundle, on texts with right-to-left,
//! joining, combining and invisible characters and texts of 100 kB, around names that the tagger finds.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use riveg::domain::Post;
use serde_json::{Value, json};

use crate::support::{pocket_bundle, pocket_posts, riveg};

/// The post's picture in the form of a record.
fn media(post: &Post) -> Value {
    let frame = &post.media[0].frame;
    let picture = RgbImage::from_raw(frame.width, frame.height, frame.rgb.clone()).unwrap();
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).unwrap();
    json!([{ "key": "👁\u{202e}\0", "bytes": STANDARD.encode(png.into_inner()) }])
}

/// Variants of a text with names: description, text, and minimum of entities to find.
fn texts(named: &str) -> Vec<(&'static str, String, usize)> {
    let zalgo = "\u{301}\u{489}\u{20dd}".repeat(3000);
    vec![
        ("as it is", named.to_owned(), 1),
        ("turned", format!("\u{202e}{named}\u{202c} \u{2067}{named}\u{2069}"), 1),
        (
            "families, flags and tones",
            format!("👩\u{200d}👩\u{200d}👧🇳🇴🇳🇱👍🏽 {named} 1️⃣🏴\u{e0067}\u{e007f}"),
            1,
        ),
        ("marks", format!("cafe\u{301} ﬁ İ ǆ ß e\u{327}\u{301} {named} שָׁלוֹם مرحبًا नमस्ते เชียงใหม่"), 1),
        ("a mountain of marks", format!("a{zalgo} {named} {zalgo}"), 1),
        ("controls", format!("\0\u{1}\u{7f}\u{85} {named}\r\n\u{2028}{named}\0"), 1),
        (
            "what cannot be seen",
            format!("\u{200b}\u{feff}\u{2060}\u{ad} {named} \u{fff9}\u{10ffff}\u{e000}"),
            1,
        ),
        ("special pieces", format!("<s> </s> <pad> <mask> [CLS] {{phrase}} {named} <bin_7>"), 1),
        ("white space alone", "\u{3000}\u{a0}\n\t ".repeat(100), 0),
        ("nothing", String::new(), 0),
    ]
}

/// Like [`texts`], with 100 kB each: their cost must stay linear.
fn long_texts(named: &str) -> Vec<(&'static str, String, usize)> {
    const LONG: usize = 100_000; // bytes
    let times = |part: &str| part.repeat(LONG / part.len());
    // Repeated until it fills a window of the tagger, which may miss names beside unknown characters.
    let named = &format!("{named}\n").repeat(12);
    vec![
        ("names", times(&format!("{named} ")), 100),
        ("one word", format!("{} {named}", times("x")), 1),
        ("one character", format!("a{} {named}", times("\u{301}")), 1),
        ("one family", format!("{} {named}", times("👩\u{200d}")), 1),
        ("one sign", format!("{} {named}", times("!")), 1),
        ("signs", format!("{} {named}", times("!?")), 1),
        ("NULs", format!("{} {named}", times("\0")), 1),
        ("ideographs", format!("{} {named}", times("火")), 1),
        ("spaces", format!("{} {named}", times(" ")), 1),
    ]
}

/// The number of entities of an answer; checks that code-point and byte spans both cut the entity out of the text.
fn entities_cut_out_of(text: &str, answer: &Value, case: &str) -> usize {
    let characters: Vec<char> = text.chars().collect();
    let entities = answer["entities"].as_array().unwrap();
    let mut end = 0;
    for entity in entities {
        let number = |key: &str| entity["span"][key].as_u64().unwrap() as usize;
        let (start, stop) = (number("start"), number("end"));
        assert_eq!(
            text[number("byte_start")..number("byte_end")],
            *entity["text"].as_str().unwrap(),
            "{case}"
        );
        assert_eq!(
            characters[start..stop].iter().collect::<String>(),
            *entity["text"].as_str().unwrap(),
            "{case}"
        );
        assert!(end <= start && start < stop, "{case}: {entity}");
        end = stop;
    }
    entities.len()
}

#[test]
fn any_text_is_answered_with_entities_that_can_be_cut_out_of_it() {
    let posts = pocket_posts(2);
    let (mut cases, mut input) = (Vec::new(), String::new());
    for post in &posts {
        for (case, text, least) in texts(&post.text) {
            let record = json!({ "id": case, "text": text, "media": media(post) });
            writeln!(input, "{record}").unwrap();
            cases.push((case, text, least));
        }
    }
    for (case, text, least) in posts.iter().flat_map(|post| long_texts(&post.text)) {
        writeln!(input, "{}", json!({ "id": case, "text": text })).unwrap();
        cases.push((case, text, least));
    }
    // A lone surrogate counts as one character and three bytes, like its replacement character.
    let named = serde_json::to_string(&posts[0].text).unwrap();
    writeln!(input, r#"{{"id":"halves","text":"\ud83d\ud83d {} \ude00"}}"#, &named[1..named.len() - 1])
        .unwrap();
    cases.push(("halves", format!("\u{FFFD}\u{FFFD} {} \u{FFFD}", posts[0].text), 1));

    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let finished = riveg(&["annotate", "-", "--set", &bundle], input.as_bytes());
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let answers: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(answers.len(), cases.len());
    // The context of a name may hide it from the tagger in one text, but not in all.
    let mut found: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for ((case, text, least), answer) in cases.iter().zip(&answers) {
        assert_eq!(answer["post_id"], *case, "{answer:.200}");
        found.entry(case).or_insert((0, *least)).0 += entities_cut_out_of(text, answer, case);
    }
    for (case, (found, least)) in found {
        assert!(found >= least, "{case}: {found} entities");
    }
}
