//! Commands `riveg export` and `riveg tap`: through the real binary, over files and over a topic of a real Kafka.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use riveg::kafka::publish::formats::{EncoderOptions, FORMATS, reader};
use riveg::kafka::publish::{BoxUnit, MaskForm, Shape};

use crate::kafka::TestTopics;
use crate::support::{Finished, Process, Writer, binary, create_topic, riveg, until};

/// An answer of the format `riveg` with one entity that its picture shows, and one that it does not.
fn answer(number: usize) -> Value {
    let entity = |text: &str, kind: &str, start: usize, regions: Value| {
        let end = start + text.len();
        json!({
            "id": "x", "text": text, "type": kind, "score": 0.9, "expansion": null, "gate": null,
            "span": {"start": start, "end": end, "unit": "codepoint", "byte_start": start, "byte_end": end},
            "phrase": format!("{text} ({kind})"), "regions": regions,
        })
    };
    let region = json!([{
        "media_key": "m", "box": [0.5, 0.0, 2.25, 3.0], "box_score": 0.75, "mask_score": 1.0,
        "mask": {"size": [4, 3], "counts": "5220O"},
    }]);
    json!({
        "schema": "riveg.annotation", "version": 1, "post_id": format!("p{number}"), "author": {"name": "ada"},
        "text": "Ada, in \"Oslo\"",
        "entities": [entity("Ada", "PER", 0, region), entity("Oslo", "LOC", 9, json!([]))],
        "media": [{"key": "m", "index": 0, "width": 3, "height": 4, "blake3": format!("{number:064x}")}],
        "provenance": {"engine": "0.1.0", "bundle": "b", "degraded": []},
        "ingested_at": "2026-01-31T08:00:00.000Z", "published_at": "2026-01-31T08:00:01.000Z",
    })
}

fn export(file: &Path, format: &str, more: &[&str]) -> Finished {
    let file = file.to_str().unwrap();
    riveg(&[&["export", file, "--format", format], more].concat(), b"")
}

fn lines(text: &[u8]) -> usize {
    text.split(|&byte| byte == b'\n').count() - 1
}

#[test]
fn an_export_tells_faulty_lines_by_number_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("answers.jsonl"), folder.path().join("out.nt"));
    let out_argument = ["--out", out.to_str().unwrap(), "--resume"];
    fs::write(&input, format!("{}\n{{\"post_id\":1}}\nno JSON\n{}\n", answer(1), answer(2))).unwrap();
    let first = export(&input, "ntriples", &out_argument);
    assert_eq!(first.code, Some(3), "{}", first.stderr);
    for told in ["line 2 is skipped: ", "line 3 is skipped: ", "2 answers in", "2 of 4 lines were refused"] {
        assert!(first.stderr.contains(told), "{told}: {}", first.stderr);
    }
    let written = fs::read(&out).unwrap();
    // What an interrupted export wrote behind its state is cut off.
    fs::write(&out, [&written[..], b"<half a li"].concat()).unwrap();
    fs::write(&input, format!("{}{}\n", fs::read_to_string(&input).unwrap(), answer(3))).unwrap();
    let second = export(&input, "ntriples", &out_argument);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let all = fs::read(&out).unwrap();
    assert!(all.starts_with(&written) && all.len() > written.len());
    let anew = export(&input, "ntriples", &["--allow-rejected"]);
    assert_eq!((anew.code, anew.stdout.as_bytes() == all), (Some(0), true), "{}", anew.stderr);
    let other = export(&input, "nquads", &out_argument);
    assert!(other.code == Some(2) && other.stderr.contains("as ntriples"), "{}", other.stderr);
}

#[test]
fn each_format_has_what_its_readers_look_for() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("answers.jsonl");
    fs::write(&input, format!("{}\n{}\n", answer(1), answer(2))).unwrap();
    let to = |name: &str| folder.path().join(name);
    for format in ["parquet", "coco", "labelstudio", "png", "neo4j-csv", "jsonl", "jsonld"] {
        let finished = export(&input, format, &["--out", to(format).to_str().unwrap()]);
        assert_eq!(finished.code, Some(0), "{format}: {}", finished.stderr);
    }
    assert_eq!(fs::read(to("jsonl")).unwrap(), fs::read(&input).unwrap());
    assert_eq!(lines(&fs::read(to("jsonld")).unwrap()), 2);
    assert!(fs::read(to("parquet").join("part-00000.parquet")).unwrap().starts_with(b"PAR1"));
    let part = |format: &str| -> Value {
        serde_json::from_slice(&fs::read(to(format).join("part-00000.json")).unwrap()).unwrap()
    };
    let coco = part("coco");
    let count = |name: &str| coco[name].as_array().unwrap().len();
    assert_eq!((count("images"), count("annotations"), count("categories")), (2, 2, 1));
    let first = &coco["annotations"][0];
    assert_eq!((&first["bbox"], &first["area"]), (&json!([0.5, 0.0, 1.75, 3.0]), &json!(4)));
    let tasks = part("labelstudio");
    let results = tasks[0]["predictions"][0]["result"].as_array().unwrap();
    let kinds: Vec<&Value> = results.iter().map(|result| &result["type"]).collect();
    assert_eq!(kinds[..2], [&json!("rectanglelabels"), &json!("polygonlabels")]);
    let masks = fs::read_to_string(to("png").join("masks.jsonl")).unwrap();
    for line in masks.lines() {
        let file = serde_json::from_str::<Value>(line).unwrap()["file"].as_str().unwrap().to_owned();
        let picture = image::open(to("png").join(file)).unwrap().into_luma8();
        assert_eq!(
            (picture.dimensions(), picture.pixels().filter(|pixel| pixel.0 == [255]).count()),
            ((3, 4), 4)
        );
    }
    let table = |name: &str| fs::read_to_string(to("neo4j-csv").join(name)).unwrap();
    let rows = ["posts", "pictures", "entities", "has_picture", "mentions", "depicted_in"]
        .map(|name| table(&format!("{name}.csv")).lines().count() - 1);
    assert_eq!(rows, [2, 2, 2, 2, 4, 2], "two posts share two entities");
    let without = export(&input, "parquet", &[]);
    assert!(without.code == Some(2) && without.stderr.contains("needs --out"), "{}", without.stderr);
}

/// The records of an answer in another form, one a line.
fn in_form(shape: Shape, masks: MaskForm, boxes: BoxUnit) -> String {
    let read = reader::read(answer(1).to_string().as_bytes()).unwrap();
    let options = EncoderOptions { shape, masks, boxes, ..EncoderOptions::plain(read.provenance.clone()) };
    let encoder = (FORMATS[0].encoder)(&options);
    let records = encoder.encode(&read.annotated, read.times);
    records.iter().map(|record| format!("{}\n", String::from_utf8_lossy(&record.value))).collect()
}

#[test]
fn answers_of_other_forms_are_exported_or_say_which_setting_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("answers.jsonl");
    let cases = [
        (Shape::Post, MaskForm::Coco, BoxUnit::Relative, None),
        (Shape::Post, MaskForm::Png, BoxUnit::Pixels, Some("`masks = \"coco\"`")),
        (Shape::Post, MaskForm::Polygon, BoxUnit::Pixels, Some("`masks = \"coco\"`")),
        (Shape::Post, MaskForm::None, BoxUnit::Pixels, Some("`masks = \"coco\"`")),
        (Shape::Triple, MaskForm::Coco, BoxUnit::Pixels, Some("`shape = \"post\"`")),
    ];
    fs::write(&input, in_form(Shape::Post, MaskForm::Coco, BoxUnit::Pixels)).unwrap();
    let plain = export(&input, "ntriples", &[]).stdout;
    for (shape, masks, boxes, needed) in cases {
        fs::write(&input, in_form(shape, masks, boxes)).unwrap();
        let exported = export(&input, "ntriples", &[]);
        match needed {
            None => {
                assert_eq!((exported.code, exported.stdout.lines().count()), (Some(0), plain.lines().count()))
            }
            Some(needed) => {
                assert_eq!((exported.code, exported.stdout.as_str()), (Some(3), ""), "{}", exported.stderr);
                assert!(exported.stderr.contains(needed), "{masks:?}: {}", exported.stderr);
            }
        }
    }
}

/// Topics with three answers and a deletion, in two partitions.
fn topics() -> TestTopics {
    let names = TestTopics::new(crate::support::broker());
    for topic in [&names.input, &names.output, &names.dead] {
        create_topic(&names.bootstrap, topic, 2);
    }
    let writer = Writer::new(&names.bootstrap);
    for number in 0..3 {
        let value = answer(number).to_string();
        writer.send(&names.output, (number % 2) as i32, Some("k"), Some(value.as_bytes()));
    }
    writer.send(&names.output, 0, Some("k"), None);
    writer.send(&names.input, 0, Some("k"), Some(br#"{"id":"1","text":"\u001b[2JAda","author":"ada"}"#));
    writer.flush();
    names
}

fn on(names: &TestTopics, arguments: &[&str]) -> Finished {
    let sets = [
        format!("kafka.bootstrap={}", names.bootstrap),
        format!("ingest.topic={}", names.input),
        format!("publish.topic={}", names.output),
        format!("publish.dead_letter_topic={}", names.dead),
    ];
    let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    riveg(&[arguments, &sets].concat(), b"")
}

#[test]
fn a_topic_is_exported_up_to_its_end_and_resumed_where_it_was_left() {
    let names = topics();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.jsonl");
    let out = out.to_str().unwrap();
    let arguments = ["export", "--topic", &names.output, "--format", "jsonl", "--out", out, "--resume"];
    let first = on(&names, &arguments);
    assert!(first.code == Some(0) && first.stderr.contains("3 answers"), "{}", first.stderr);
    assert!(first.stderr.contains("1 deletions left out"), "{}", first.stderr);
    let writer = Writer::new(&names.bootstrap);
    writer.send(&names.output, 1, Some("k"), Some(answer(7).to_string().as_bytes()));
    writer.flush();
    let second = on(&names, &arguments);
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let written = fs::read_to_string(out).unwrap();
    let ids: Vec<String> = written
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["post_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((ids.len(), ids[3].as_str()), (4, "p7"), "each answer once");
    let future = on(&names, &["export", "--topic", &names.output, "--format", "jsonl", "--to", "1h"]);
    assert_eq!((future.code, future.stdout.as_str()), (Some(0), ""), "nothing was written an hour ago");
}

#[test]
fn a_tap_follows_answers_that_come_after_it_began_and_ends_at_its_limit() {
    let names = topics();
    let mut command = binary();
    command.args(["tap", "--json", "--type", "PER", "--limit", "2"]);
    command.args(["--set", &format!("kafka.bootstrap={}", names.bootstrap)]);
    command.args(["--set", &format!("publish.topic={}", names.output)]);
    let mut tap = Process(command.stdout(Stdio::piped()).spawn().unwrap());
    let writer = Writer::new(&names.bootstrap);
    let mut number = 100;
    // Nothing says when it has begun to follow: answers are written until it has seen enough.
    let status = until("the tap has seen two persons", || {
        writer.send(
            &names.output,
            number % 2,
            Some("k"),
            Some(answer(number as usize).to_string().as_bytes()),
        );
        writer.flush();
        number += 1;
        tap.0.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(0));
    let shown = std::io::read_to_string(tap.0.stdout.take().unwrap()).unwrap();
    let lines: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{shown}");
    for line in lines {
        let post: usize = line["post_id"].as_str().unwrap()[1..].parse().unwrap();
        assert!(post >= 100 && line["text"] == "Ada", "only what came after it began: {line}");
    }
}

#[test]
fn a_tap_shows_what_passes_its_filter_and_cannot_take_over_the_terminal() {
    let names = topics();
    let shown = on(&names, &["tap", "--once", "--depicted", "--type", "PER", "--author", "ada"]);
    assert_eq!((shown.code, shown.stdout.lines().count()), (Some(0), 3), "{}{}", shown.stdout, shown.stderr);
    assert!(shown.stdout.contains("m [0 0 2 3] 0.75"), "{}", shown.stdout);
    let places = on(&names, &["tap", "--once", "--contains", "OSLO", "--json", "--limit", "2"]);
    let objects: Vec<Value> = places.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(objects.len() == 2 && objects.iter().all(|object| object["type"] == "LOC"), "{objects:?}");
    let nobody = on(&names, &["tap", "--once", "--author", "bob"]);
    assert_eq!((nobody.code, nobody.stdout.as_str()), (Some(0), ""));
    let posts = on(&names, &["tap", "posts", "--once"]);
    assert!(posts.stdout.contains("Ada") && !posts.stdout.contains('\u{1b}'), "{}", posts.stdout);
    let letters = on(&names, &["tap", "dead-letters", "--once"]);
    assert_eq!((letters.code, letters.stdout.as_str()), (Some(0), ""), "{}", letters.stderr);
}
