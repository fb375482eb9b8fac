//! `riveg calibrate`: thresholds by labelled posts, written into bundles. Through the real binary.

use std::fs;
use std::path::Path;

use riveg::lab::world::{Split, World, write_dataset};
use tempfile::TempDir;

use crate::support::{Finished, riveg, write_bundle};

/// A bundle of random networks and a folder of labelled posts.
struct Given {
    bundle: TempDir,
    data: TempDir,
}

fn given(posts: u64) -> Given {
    let given = Given { bundle: tempfile::tempdir().unwrap(), data: tempfile::tempdir().unwrap() };
    write_bundle(given.bundle.path(), 1).unwrap();
    write_dataset(&World::new(5, Split::Test), posts, given.data.path(), || ()).unwrap();
    given
}

fn calibrate(bundle: &Path, data: &Path, arguments: &[&str]) -> Finished {
    let (path, data) = (format!("bundle.path={}", bundle.display()), data.display().to_string());
    let line = [&["calibrate", "--data", &data, "--set", &path], arguments].concat();
    riveg(&line, b"")
}

impl Given {
    fn calibrate(&self, arguments: &[&str]) -> Finished {
        calibrate(self.bundle.path(), self.data.path(), arguments)
    }

    fn manifest(&self) -> toml::Table {
        fs::read_to_string(self.bundle.path().join("bundle.toml")).unwrap().parse().unwrap()
    }
}

/// The rows of a table, by name: numbers of threshold, precision, recall, F1, accepted.
fn rows<'a>(finished: &'a Finished, name: &str) -> Vec<Vec<&'a str>> {
    let lines = finished.stdout.lines().map(str::trim).filter_map(|line| line.strip_prefix(name));
    lines.map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn thresholds_are_chosen_printed_and_written_and_nothing_else_changes() {
    let given = given(12);
    let before = given.manifest();
    let dry = given.calibrate(&["--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert_eq!(given.manifest(), before, "a dry run writes nothing");
    assert!(!given.bundle.path().join("calibration.svg").exists());
    assert!(dry.stdout.contains("12 posts, 0 of them without an answer; "), "{}", dry.stdout);
    assert_eq!(dry.stdout.matches("bins of equal width").count(), 2, "{}", dry.stdout);

    let plot = given.data.path().join("curves.svg");
    let run = given.calibrate(&["--plot", plot.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(fs::read_to_string(&plot).unwrap().starts_with("<svg"), "the plot");
    let chosen = rows(&run, "chosen");
    assert_eq!((&chosen, chosen.len()), (&rows(&dry, "chosen"), 2));
    let mut after = given.manifest();
    for (stage, row) in ["entail", "ground"].into_iter().zip(&chosen) {
        let threshold: f64 = row[0].parse().unwrap();
        let part = after[stage].as_table_mut().unwrap();
        let written = part.remove("threshold").map_or(0.0, |value| value.as_float().unwrap());
        assert_eq!(written, threshold, "{stage}");
        let f1 = |row: &[&str]| row[3].parse::<f64>().unwrap();
        assert!(f1(row) >= f1(&rows(&run, "before")[usize::from(stage == "ground")]), "{}", run.stdout);
    }
    let mut expected = before;
    expected["entail"].as_table_mut().unwrap().remove("threshold");
    assert_eq!(after, expected);

    // What was chosen is in use: it is what the next run finds, and it is as good.
    let again = given.calibrate(&["--dry-run"]);
    assert_eq!(rows(&again, "before"), chosen, "{}", again.stdout);
    assert_eq!(rows(&again, "chosen"), chosen);
    let hash = |finished: &Finished| {
        finished.stdout.lines().find(|line| line.contains("the hash was")).map(str::to_owned)
    };
    let hash = hash(&run).unwrap();
    let (was, is) = hash.split_once(" and is ").unwrap();
    assert!(is.len() == 64 && !was.ends_with(is), "{hash}");
}

#[test]
fn posts_that_cannot_calibrate_a_missing_bundle_and_one_that_cannot_be_written_are_told_in_one_paragraph() {
    let given = given(8);
    let gold = given.data.path().join("gold.jsonl");
    let labelled = fs::read_to_string(&gold).unwrap();
    let hidden: Vec<String> = labelled
        .lines()
        .map(|line| {
            let mut post: serde_json::Value = serde_json::from_str(line).unwrap();
            for mention in post["mentions"].as_array_mut().unwrap() {
                (mention["boxes"], mention["masks"]) = (serde_json::json!([]), serde_json::json!([]));
            }
            post.to_string()
        })
        .collect();
    fs::write(&gold, hidden.join("\n")).unwrap();
    let alike = given.calibrate(&["--gate-only"]);
    assert!(
        alike.code == Some(1) && alike.stderr.contains("cannot be calibrated on these posts"),
        "{}",
        alike.stderr
    );
    assert!(alike.stderr.contains("0 are shown"), "{}", alike.stderr);
    fs::write(&gold, labelled).unwrap();

    let before = given.manifest();
    fs::create_dir(given.bundle.path().join("bundle.toml.partial")).unwrap();
    let unwritten = given.calibrate(&["--gate-only"]);
    assert!(unwritten.code == Some(1) && unwritten.stderr.contains("bundle.toml"), "{}", unwritten.stderr);
    assert_eq!(given.manifest(), before);

    let nowhere = calibrate(Path::new("/no/bundle"), given.data.path(), &[]);
    assert!(nowhere.code == Some(1) && nowhere.stderr.contains("/no/bundle"), "{}", nowhere.stderr);
    let no_data = calibrate(given.bundle.path(), Path::new("/no/posts"), &[]);
    assert!(no_data.code == Some(1) && no_data.stderr.contains("holds no data set"), "{}", no_data.stderr);
    let wrong = given.calibrate(&["--precision", "1.5"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("above 0 and up to 1"), "{}", wrong.stderr);
}

/// The longest name of a file in a bundle at [`longest_path`].
const SHORT: usize = "bundle.toml".len();

/// Calls the files of a bundle by names that are no longer than the manifest's.
fn shorten(bundle: &Path) {
    let file = bundle.join("bundle.toml");
    let mut manifest = fs::read_to_string(&file).unwrap();
    let names = fs::read_dir(bundle).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for (number, name) in names.filter(|name| name.len() > SHORT).enumerate() {
        let ending = name.rsplit('.').next().unwrap();
        let short = format!("{number}.{}", &ending[..ending.len().min(SHORT - 3)]);
        fs::rename(bundle.join(&name), bundle.join(&short)).unwrap();
        manifest = manifest.replace(&format!("\"{name}\""), &format!("\"{short}\""));
    }
    fs::write(file, manifest).unwrap();
}

/// A path of a folder in which files with short names can be opened and none with a longer one can be made, whoever asks: root
/// may write into every folder.
fn longest_path(folder: &Path) -> String {
    const LONGEST: usize = 4095;
    let mut path = folder.to_str().unwrap().to_owned();
    let room = LONGEST - "/".len() - SHORT;
    while path.len() + "/.".len() <= room {
        path.push_str("/.");
    }
    if path.len() < room {
        path.push('/');
    }
    path
}

#[test]
fn a_bundle_that_cannot_be_written_is_refused_before_the_networks_are_asked() {
    let given = given(2);
    shorten(given.bundle.path());
    let path = longest_path(given.bundle.path());
    let before = given.manifest();
    let refused = calibrate(Path::new(&path), given.data.path(), &["--gate-only"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for part in ["the thresholds cannot be written into the bundle", "Use a copy of the bundle", "--dry-run"]
    {
        assert!(refused.stderr.contains(part), "{part} is not in: {}", refused.stderr);
    }
    assert!(refused.stdout.is_empty() && !refused.stderr.contains("networks are warm"), "{}", refused.stderr);
    assert_eq!(given.manifest(), before);
    // The bundle can be read there: to print is allowed, or would be if these posts had pictures of both kinds.
    let dry = calibrate(Path::new(&path), given.data.path(), &["--gate-only", "--dry-run"]);
    assert!(dry.stderr.contains("networks are warm"), "{}", dry.stderr);
}

#[test]
fn the_bundle_that_ships_is_calibrated_and_keeps_its_threshold_where_nothing_is_written() {
    let data = tempfile::tempdir().unwrap();
    write_dataset(&World::new(7, Split::Test), 10, data.path(), || ()).unwrap();
    let pocket = Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/pocket");
    let run = calibrate(&pocket, data.path(), &["--dry-run", "--precision", "0.5", "--posts", "8"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.starts_with("8 posts, 0 of them"), "{}", run.stdout);
    let (before, chosen) = (rows(&run, "before"), rows(&run, "chosen"));
    // Its manifest says 0.5, and nothing of boxes.
    assert_eq!((before[0][0], before[1][0]), ("0.5", "0"), "{}", run.stdout);
    // It was taught this world.
    let share = |row: &[&str], column: usize| row[column].parse::<f64>().unwrap();
    assert!(share(&before[0], 3) > 0.7 && share(&before[1], 3) > 0.4, "{}", run.stdout);
    assert!(share(&chosen[0], 1) >= 0.5 && share(&chosen[0], 2) >= share(&before[0], 2), "{}", run.stdout);
}
