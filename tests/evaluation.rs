//! `riveg eval` and `riveg dataset`, through the real binary: figures that others computed, comparisons, and the page of a run.

use std::fs;
use std::path::{Path, PathBuf};

use riveg::lab::world::{Split, World, write_dataset};
use serde_json::{Value, json};

use crate::support::{Finished, riveg};

/// A file of gold, predictions or boxes in the formats of RiVEG's authors, made by hand.
fn fixture(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evaluation").join(name);
    file.to_str().unwrap().to_owned()
}

/// Runs `riveg eval` on the fixture; returns its output and its JSON.
fn evaluated(folder: &Path, arguments: &[&str]) -> (Finished, Value) {
    let json = folder.join("scores.json");
    let (gold, said) = (fixture("gold.txt"), fixture("predictions.txt"));
    let named = ["eval", "--data", &gold, "--predictions", &said, "--json", json.to_str().unwrap()];
    let finished = riveg(&[&named[..], arguments].concat(), b"");
    let read = fs::read_to_string(&json).ok().and_then(|text| serde_json::from_str(&text).ok());
    (finished, read.unwrap_or_default())
}

/// The expected figures are those that the authors' script prints for these files.
#[test]
fn lines_of_rivegs_authors_score_as_their_script_scores_them() {
    let folder = tempfile::tempdir().unwrap();
    let boxes = fixture("boxes.json");
    let (run, figures) = evaluated(folder.path(), &["--boxes", &boxes, "--stages", "--types", "--sweep"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let scores = &figures["scores"];
    assert_eq!((&scores["gmner"]["gold"], &scores["gmner"]["predicted"]), (&json!(11), &json!(13)));
    assert_eq!(scores["gmner"]["right"], 6);
    assert_eq!(scores["gmner"]["f1"], 0.5, "6 of 11 and of 13, one of which is in a post without gold");
    assert_eq!(scores["eeg"]["right"], 7);
    assert!((scores["eeg"]["f1"].as_f64().unwrap() - 7.0 / 12.0).abs() < 1e-12);
    // By hand: nine names and types are right.
    assert_eq!(scores["mner"]["right"], 9);
    assert_eq!((&scores["mner_span"], &scores["smner"]), (&Value::Null, &Value::Null));
    let entailment = &figures["matched"]["entailment"];
    let counts =
        ["true_negative", "true_positive", "false_positive", "false_negative"].map(|key| &entailment[key]);
    assert_eq!(counts, [&json!(0), &json!(4), &json!(3), &json!(2)]);
    for expected in ["SMNER         not scored", "loses most", "F1 at IoU", "PER           GMNER"] {
        assert!(run.stdout.contains(expected), "{expected}\n{}", run.stdout);
    }
    let lost = &figures["lost"];
    let parts =
        lost["parts"].as_array().unwrap().iter().map(|part| part["f1"].as_f64().unwrap()).sum::<f64>();
    assert!((parts + lost["f1"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{lost}");

    let (_, paper) = evaluated(folder.path(), &["--boxes", &boxes, "--rules", "paper"]);
    assert_eq!(paper["scores"]["gmner"]["right"], 5, "one box has an IoU of exactly one half");
}

/// The expected figures are those that the authors' script prints with the largest gold box of the name as each box.
#[test]
fn answers_without_boxes_are_scored_under_a_grounder_that_is_always_right() {
    let folder = tempfile::tempdir().unwrap();
    let (run, figures) = evaluated(folder.path(), &["--gold-boxes"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!((&figures["scores"]["gmner"]["right"], &figures["gold_boxes"]), (&json!(7), &json!(true)));
    assert_eq!(figures["scores"]["eeg"]["right"], 8);
}

#[test]
fn answers_with_boxes_of_their_own_file_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (boxes, said) = (fixture("boxes.json"), fixture("predictions.txt"));
    let both = ["--boxes", &boxes, "--against", &said, "--against-boxes", &boxes];
    let (run, figures) = evaluated(folder.path(), &both);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let against = figures["against"].as_array().unwrap();
    let gmner = against.iter().find(|one| one["score"] == "GMNER").unwrap();
    assert_eq!(
        (&gmner["f1"], &gmner["other"], &gmner["probability"]),
        (&json!(0.5), &json!(0.5), &json!(1.0))
    );
    // Without its boxes the other run has no GMNER score to compare.
    let (_, figures) = evaluated(folder.path(), &both[..4]);
    assert!(figures["against"].as_array().unwrap().iter().all(|one| one["score"] != "GMNER"), "{figures}");
}

#[test]
fn output_of_h_index_is_scored_by_its_candidates_and_against_other_gold_by_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // Right, wrong candidate, not shown as said, uncovered by any candidate, wrong type.
    let output = "Mira Oldfield rows at Vell\n\
        Pred: ( Mira Old , [3] , <<person>> ) ( Vell , [16] , <<location>> ) \n\
        \u{20}GT : ( Mira Old , [0, 3] , <<person>> ) ( Vell , [17] , <<location>> ) \n\n\
        Tarn beats Kestrel\nPred: ( Tarn , [2] , <<organization>> ) ( Kest , [16] , <<organization>> ) \n\
        \u{20}GT : ( Tarn , [1] , <<organization>> ) ( Kest , [16] , <<others>> ) \n\n{'f': 25.0}";
    fs::write(at("pred.txt"), output).unwrap();
    let json = at("scores.json");
    let scores = |data: &str, more: &[&str]| {
        let line = ["eval", "--data", data, "--predictions", &at("pred.txt"), "--json", &json];
        let run = riveg(&[&line[..], more].concat(), b"");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        serde_json::from_str::<Value>(&fs::read_to_string(&json).unwrap()).unwrap()["scores"].clone()
    };
    for rules in ["riveg", "span"] {
        let figures = scores(&at("pred.txt"), &["--rules", rules]);
        let right = ["mner", "gmner", "eeg"].map(|score| figures[score]["right"].as_u64());
        assert_eq!(right, [Some(3), Some(1), Some(2)], "{rules}: {figures}");
    }
    fs::create_dir(folder.path().join("txt")).unwrap();
    let words = "IMGID:8\nTarn\tB-ORG\nbeats\tO\nKestrel\tB-OTHER\n\nIMGID:7\nMira\tB-PER\nOldfield\tI-PER\nrows\tO\nat\tO\nVell\tB-LOC\n";
    fs::write(at("txt/test.txt"), words).unwrap();
    fs::create_dir(folder.path().join("xml")).unwrap();
    let data = folder.path().to_str().unwrap();
    let figures = scores(data, &[]);
    assert_eq!((&figures["mner"]["right"], &figures["gmner"]), (&json!(3), &Value::Null));
    fs::write(at("txt/test.txt"), words.replace("beats", "beat")).unwrap();
    let run = riveg(&["eval", "--data", data, "--predictions", &at("pred.txt")], b"");
    assert!(run.stderr.contains("1 posts have words that no post of the data has"), "{}", run.stderr);
}

#[test]
fn what_files_lack_is_said_and_not_scored() {
    let folder = tempfile::tempdir().unwrap();
    let (run, figures) = evaluated(folder.path(), &[]);
    assert_eq!(figures["scores"]["gmner"], Value::Null, "without boxes");
    assert!(
        run.stdout.contains("GMNER         not scored: gold or predictions have no boxes"),
        "{}",
        run.stdout
    );
    let (run, _) = evaluated(folder.path(), &["--rules", "span"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("names alone"), "{}", run.stderr);
    let gold = fixture("gold.txt");
    let run = riveg(&["eval", "--data", &gold], b"");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("add --predictions"), "{}", run.stderr);
}

/// A folder of posts, and answers in which the first `wrong` boxes are elsewhere.
fn world(folder: &Path, posts: u64) -> PathBuf {
    let data = folder.join("data");
    write_dataset(&World::new(5, Split::Test), posts, &data, || ()).unwrap();
    data
}

fn answers(data: &Path, wrong: usize) -> String {
    let mut left = wrong;
    let gold = fs::read_to_string(data.join("gold.jsonl")).unwrap();
    let line = |line: &str| {
        let post: Value = serde_json::from_str(line).unwrap();
        let mentions = post["mentions"].as_array().unwrap();
        let entities: Vec<Value> = mentions.iter().map(|mention| {
            let region = mention["boxes"].get(0).map(|bbox| {
                let bbox = if left > 0 { json!([0, 0, 1, 1]) } else { bbox.clone() };
                left = left.saturating_sub(1);
                json!({ "media_key": post["media_key"], "box": bbox, "mask": mention["masks"][0], "mask_score": 0.25 })
            });
            json!({
                "text": mention["text"], "type": mention["type"],
                "span": { "start": mention["start"], "end": mention["end"] },
                "regions": region.into_iter().collect::<Vec<_>>(),
            })
        }).collect();
        json!({ "post_id": post["id"], "entities": entities }).to_string()
    };
    gold.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn two_runs_are_compared_and_doubtful_masks_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = world(folder.path(), 40);
    let (good, bad) = (folder.path().join("good.jsonl"), folder.path().join("bad.jsonl"));
    fs::write(&good, answers(&data, 0)).unwrap();
    fs::write(&bad, answers(&data, 12)).unwrap();
    let json = folder.path().join("scores.json");
    let named = |more: &[&str]| {
        let paths = [&data, &good, &bad, &json].map(|path| path.to_str().unwrap().to_owned());
        let line =
            ["eval", "--data", &paths[0], "--predictions", &paths[1], "--json", &paths[3], "--draws", "200"];
        let run = riveg(&[&line[..], &["--against", &paths[2]], more].concat(), b"");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        serde_json::from_str::<Value>(&fs::read_to_string(&json).unwrap()).unwrap()
    };
    let figures = named(&[]);
    assert_eq!(figures["scores"]["smner"]["f1"], 1.0);
    let of = |figures: &Value, score: &str| {
        let all = figures["against"].as_array().unwrap().clone();
        all.into_iter().find(|difference| difference["score"] == score).unwrap()
    };
    assert!(of(&figures, "GMNER")["probability"].as_f64().unwrap() < 0.05, "{figures}");
    assert_eq!(of(&figures, "MNER")["probability"], 1.0);
    assert_eq!(named(&[])["against"], figures["against"], "the same seed draws the same posts");
    let gated = named(&["--mask-score", "0.5"]);
    assert!(gated["scores"]["gmner"]["f1"].as_f64() < Some(1.0), "every mask has a score of 0.25");
    assert_eq!(gated["scores"]["mner"]["f1"], 1.0);
}

#[test]
fn the_page_of_a_run_has_its_errors_and_pictures_and_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = world(folder.path(), 12);
    let (said, report) = (folder.path().join("said.jsonl"), folder.path().join("report"));
    fs::write(&said, answers(&data, 3)).unwrap();
    let paths = [&data, &said, &report].map(|path| path.to_str().unwrap().to_owned());
    let line =
        ["eval", "--data", &paths[0], "--predictions", &paths[1], "--report", &paths[2], "--rules", "span"];
    let run = riveg(&[&line[..], &["--report-posts", "10"]].concat(), b"");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    assert_eq!(page.matches("<article").count(), 10);
    assert!(page.contains("posts shown of 12 that were scored"), "the page says what it leaves out");
    let pictures: Vec<&str> =
        page.split("<image href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(pictures.len() >= 10, "{pictures:?}");
    for picture in pictures {
        assert!(fs::read(report.join(picture)).unwrap().starts_with(&[0xff, 0xd8]), "{picture} is a JPEG");
    }
    let again = riveg(&line, b"");
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
}

#[test]
fn a_converted_data_set_scores_as_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let data = world(folder.path(), 12);
    let said = folder.path().join("said.jsonl");
    fs::write(&said, answers(&data, 3)).unwrap();
    let score = |data: &Path| {
        let json = folder.path().join("scores.json");
        let paths = [data, &said, &json].map(|path| path.to_str().unwrap().to_owned());
        let line =
            ["eval", "--data", &paths[0], "--predictions", &paths[1], "--json", &paths[2], "--draws", "0"];
        let run = riveg(&line, b"");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        serde_json::from_str::<Value>(&fs::read_to_string(&json).unwrap()).unwrap()["scores"].clone()
    };
    let original = score(&data);
    for layout in ["riveg", "coco"] {
        let out = folder.path().join(layout);
        let paths = [&data, &out].map(|path| path.to_str().unwrap().to_owned());
        let run =
            riveg(&["dataset", "convert", "--data", &paths[0], "--to", layout, "--out", &paths[1]], b"");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(score(&out), original, "{layout}");
        let check = riveg(&["dataset", "check", "--data", &paths[1]], b"");
        assert_eq!(check.code, Some(0), "{}", check.stdout);
        assert!(check.stdout.contains("12 posts, 0 damaged places, 0 missing pictures"), "{}", check.stdout);
    }
}
