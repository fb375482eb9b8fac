//! Tests of `eval` from arguments to scores, with randomly initialised networks.

use clap::Parser;
use serde_json::Value;

use super::*;
use crate::lab::dataset::{self, Example};
use crate::lab::world::{Split, World, write_dataset};
use crate::networks::bundle::tiny::write_bundle;

/// Runs `riveg eval` with these arguments and returns the JSON that it writes.
fn figures(folder: &Path, arguments: &[&str]) -> Value {
    let json = folder.join("scores.json");
    let json = json.to_str().unwrap();
    let line = ["riveg", "eval", "--json", json].into_iter().chain(arguments.iter().copied());
    let parsed = crate::cli::Arguments::try_parse_from(line).unwrap();
    let log = crate::cli::LogFilter::new(true, |_| Ok(()));
    crate::cli::dispatch(parsed.command, &crate::cli::Exit::default(), &log).unwrap();
    serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap()
}

/// The output of an engine that is always right.
fn perfect(examples: &[Example]) -> String {
    let region = |region: &crate::lab::dataset::GoldRegion| {
        let (bbox, mask) = (region.bbox, region.mask.as_ref().unwrap());
        json!({
            "media_key": region.media_key,
            "box": [bbox.x0, bbox.y0, bbox.x1, bbox.y1],
            "mask": { "size": [mask.height, mask.width], "counts": mask.to_coco_counts() },
        })
    };
    let line = |gold: &GoldPost| {
        let entities = gold.mentions.iter().map(|mention| {
            json!({
                "text": mention.text,
                "type": mention.entity_type.as_str(),
                "span": { "start": mention.span.unwrap().0, "end": mention.span.unwrap().1 },
                "regions": mention.regions.iter().take(1).map(region).collect::<Vec<_>>(),
            })
        });
        json!({ "post_id": gold.id, "entities": entities.collect::<Vec<_>>() }).to_string()
    };
    examples.iter().map(|example| line(&example.gold)).collect::<Vec<_>>().join("\n")
}

#[test]
fn perfect_predictions_score_one_everywhere_and_missing_ones_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    write_dataset(&World::new(5, Split::Test), 8, &data, || ()).unwrap();
    let all = perfect(&dataset::read(&data, "test").unwrap());
    let file = folder.path().join("said.jsonl");
    let arguments = ["--data", data.to_str().unwrap(), "--predictions", file.to_str().unwrap()];

    fs::write(&file, &all).unwrap();
    let right = figures(folder.path(), &arguments);
    for score in ["mner", "gmner", "eeg", "smner", "ees"] {
        assert_eq!(right["scores"][score]["f1"], 1.0, "{score}: {right}");
    }
    assert_eq!((&right["posts"], &right["missing"], &right["stages"]), (&json!(8), &json!(0), &Value::Null));

    fs::write(&file, all.lines().skip(1).collect::<Vec<_>>().join("\n")).unwrap();
    let short = figures(folder.path(), &arguments);
    assert_eq!((&short["posts"], &short["missing"]), (&json!(8), &json!(1)));
    assert_eq!(short["scores"]["mner"]["gold"], right["scores"]["mner"]["gold"]);
}

#[test]
fn the_engine_is_scored_on_a_folder_as_on_the_world_that_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let (bundle, data) = (folder.path().join("bundle"), folder.path().join("data"));
    write_bundle(&bundle, 1).unwrap();
    write_dataset(&World::new(5, Split::Test), 6, &data, || ()).unwrap();
    let bundle = format!("bundle.path={}", toml::Value::from(bundle.to_str().unwrap()));
    let on_folder =
        figures(folder.path(), &["--set", &bundle, "--data", data.to_str().unwrap(), "--no-gate"]);
    let on_world = figures(folder.path(), &["--set", &bundle, "--seed", "5", "--posts", "6", "--no-gate"]);
    for figure in ["posts", "missing", "scores", "stages", "bundle", "gate", "expansion"] {
        assert_eq!(on_folder[figure], on_world[figure], "{figure}");
    }
    assert_eq!((&on_world["missing"], &on_world["gate"]), (&json!(0), &json!(false)));
    for stage in ["entail_accuracy", "ground_precision", "segment_iou"] {
        assert!(on_world["stages"][stage]["asked"].as_u64() > Some(1), "{on_world}");
    }
}
