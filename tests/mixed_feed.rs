//! Mixed feed: photos, videos, broken pictures, previews, escapes and numeric ids, through the real binary, which reports
//! what each partial answer lacks.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use riveg::lab::world::{Sample, Split, World};
use serde_json::{Value, json};

use crate::support::{Finished, assert_same_answer, pocket_bundle, riveg};

/// A post of the pocket world that names and shows a person.
fn sample() -> Sample {
    let world = World::new(1, Split::Test);
    let fits = |sample: &Sample| sample.mentions.iter().any(|mention| !mention.objects.is_empty());
    (0..).map(|index| world.sample(index)).find(fits).unwrap()
}

fn annotate(root: &Path, sets: &[&str], lines: &[String]) -> Finished {
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let root = format!("fetch.file_root={}", root.display());
    // One post at a time, because the members of a batch may change the last digit of a score.
    let sets = [&bundle, &root, "engine.posts_in_flight=1"].into_iter().chain(sets.iter().copied());
    let arguments: Vec<&str> =
        ["annotate", "-"].into_iter().chain(sets.flat_map(|set| ["--set", set])).collect();
    riveg(&arguments, lines.join("\n").as_bytes())
}

fn answers(finished: &Finished) -> Vec<Value> {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_mixed_feed_is_answered_and_each_partial_answer_is_explained_in_one_line() {
    let sample = sample();
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("preview.jpg"), &sample.picture.jpeg).unwrap();
    let good = STANDARD.encode(&sample.picture.jpeg);
    let photo = |key: &str| json!({ "key": key, "type": "photo", "bytes": good });
    let cut = STANDARD.encode(&sample.picture.jpeg[..sample.picture.jpeg.len() / 2]);
    let broken = json!({ "key": "cut", "type": "photo", "bytes": cut });
    let video = json!({ "key": "video", "type": "video" });
    let preview = format!("file://{}/preview.jpg", root.path().display());
    let gif = json!({ "key": "gif", "type": "animated_gif", "preview_image_url": preview });
    let lines = format!("data:image/jpeg;base64,{}\r\n{}", &good[..76], &good[76..]);
    let feed = [
        (json!({ "id": 1_790_324_512_345_678_905_u64, "media": [photo("a")] }), vec![(0, "a")], vec![]),
        (
            json!({ "id": "video", "media": [video, photo("b")] }),
            vec![(1, "b")],
            vec!["media[0] is left out: unsupported-media: media `video` has neither"],
        ),
        (
            json!({ "id": "broken", "media": [photo("a"), broken, photo("c")] }),
            vec![(0, "a"), (2, "c")],
            vec!["media[1] is left out: malformed: media `cut` is a JPEG that was cut off"],
        ),
        (json!({ "id": "preview", "media": [gif] }), vec![(0, "gif")], vec![]),
        (
            json!({ "id": "no picture\n", "media": [broken, video] }),
            vec![],
            vec![
                "media[0] is left out: malformed: media `cut`",
                "media[1] is left out: unsupported-media: media `video`",
            ],
        ),
        (
            json!({ "id": "ways of base64", "media": [
                { "key": "lines", "bytes": lines },
                { "key": "url", "bytes": URL_SAFE_NO_PAD.encode(&sample.picture.jpeg) },
            ] }),
            vec![(0, "lines"), (1, "url")],
            vec![],
        ),
        (json!({ "id": -7, "created_at": 1.5, "author": { "id": 7 }, "lang": ["en"] }), vec![], vec![]),
    ];
    let lines: Vec<String> = feed
        .iter()
        .map(|(post, _, _)| {
            let mut post = post.clone();
            post["text"] = json!(sample.text);
            post.to_string()
        })
        .collect();
    let finished = annotate(root.path(), &[], &lines);
    let answers = answers(&finished);
    assert_eq!(answers.len(), feed.len());
    for ((post, media, missing), answer) in feed.iter().zip(&answers) {
        let id = match &post["id"] {
            Value::String(id) => id.clone(),
            number => number.to_string(),
        };
        assert_eq!(answer["post_id"], json!(id));
        assert!(!answer["entities"].as_array().unwrap().is_empty(), "{id}: names are found in any case");
        let listed = answer["media"].as_array().unwrap().iter();
        let listed: Vec<(u64, &str)> = listed
            .map(|medium| (medium["index"].as_u64().unwrap(), medium["key"].as_str().unwrap()))
            .collect();
        assert_eq!(&listed, media, "{id}");
        let reported: Vec<&str> = answer["provenance"]["degraded"]
            .as_array()
            .unwrap()
            .iter()
            .map(|reported| reported.as_str().unwrap())
            .collect();
        assert_eq!(reported.len(), missing.len(), "{id}: {reported:?}");
        assert!(
            reported.iter().zip(missing).all(|(reported, part)| reported.starts_with(part)),
            "{id}: {reported:?}"
        );
        let quoted = format!("post={} ", id.escape_debug());
        let explained: Vec<&str> = finished
            .stderr
            .lines()
            .filter(|line| line.contains("a post is answered in part") && line.contains(&quoted))
            .collect();
        assert_eq!(explained.len(), usize::from(!missing.is_empty()), "{id}: {}", finished.stderr);
        assert!(missing.iter().all(|part| explained[0].contains(part)), "{id}: {explained:?}");
    }
    let is_shown = |answer: &Value| {
        answer["entities"].as_array().unwrap().iter().any(|entity| entity["regions"] != json!([]))
    };
    assert_eq!(
        answers.iter().map(is_shown).collect::<Vec<_>>(),
        [true, true, true, true, false, true, false]
    );
    assert_eq!(
        (&answers[3]["media"][0]["preview"], answers[0]["media"][0].get("preview")),
        (&json!(true), None)
    );
}

#[test]
fn networks_get_unescaped_texts_and_spans_refer_to_the_original_text() {
    let sample = sample();
    let media = json!([{ "key": "a", "bytes": STANDARD.encode(&sample.picture.jpeg) }]);
    let plain = format!("\"{}\" & <3", sample.text);
    let escape = |text: &str| -> String {
        text.chars()
            .map(|letter| match letter {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '"' => "&quot;".to_owned(),
                'a' => "&#97;".to_owned(),
                'e' => "&#x65;".to_owned(),
                other => other.to_string(),
            })
            .collect()
    };
    let escaped = escape(&plain);
    let lines: Vec<String> = [&plain, &escaped]
        .iter()
        .map(|text| json!({ "id": "1", "text": text, "media": media }).to_string())
        .collect();
    let root = tempfile::tempdir().unwrap();
    let mut found = answers(&annotate(root.path(), &["publish.include=[\"text\"]"], &lines));
    let (read, plain_answer) = (found.pop().unwrap(), found.pop().unwrap());
    assert_eq!((&read["text"], &plain_answer["text"]), (&json!(escaped), &json!(plain)));
    let entities = |answer: &Value| answer["entities"].as_array().unwrap().clone();
    let (read, expected) = (entities(&read), entities(&plain_answer));
    assert!(!expected.is_empty() && read.len() == expected.len(), "{read:?}");
    let letters: Vec<char> = escaped.chars().collect();
    for (entity, expected) in read.iter().zip(&expected) {
        let place = |key: &str| entity["span"][key].as_u64().unwrap() as usize;
        assert_eq!(entity["text"], json!(escape(expected["text"].as_str().unwrap())));
        assert_eq!(entity["text"], json!(letters[place("start")..place("end")].iter().collect::<String>()));
        assert_eq!(entity["text"], json!(&escaped[place("byte_start")..place("byte_end")]));
        for reported in ["type", "score", "phrase", "expansion", "gate", "regions"] {
            assert_same_answer(&entity[reported], &expected[reported], reported);
        }
    }
    let as_typed = answers(&annotate(root.path(), &["decode.unescape=false"], &lines[1..]));
    assert!(entities(&as_typed[0]) != read, "nothing was undone");
}

#[test]
fn included_fields_are_repeated_unchanged() {
    let line = concat!(
        r#"{"id":12345678901234567890123,"text":"AT&amp;T \ud83d","author":{ "id" : 98765432109876543210987, "a":1.50,"#,
        r#""name":"\u00e9 \ud83d"},"created_at": 1.7e9 ,"lang":[ "en", null ]}"#
    );
    let include = r#"publish.include=["created_at", "lang", "author", "text"]"#;
    let finished = annotate(tempfile::tempdir().unwrap().path(), &[include], &[line.to_owned()]);
    assert_eq!(answers(&finished).len(), 1);
    let repeated = concat!(
        r#""post_id":"12345678901234567890123","created_at":1.7e9,"lang":["en",null],"#,
        r#""author":{"id":98765432109876543210987,"a":1.50,"name":"\u00e9 \ufffd"},"text":"AT&amp;T "#,
        "\u{fffd}\",\"entities\":"
    );
    assert!(finished.stdout.contains(repeated), "{}", finished.stdout);
}
