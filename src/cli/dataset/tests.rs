//! Tests of `riveg dataset` from arguments to files.

use clap::Parser;

use super::*;

fn riveg(arguments: &[&str]) -> Result<(), Failure> {
    let line = ["riveg", "dataset"].into_iter().chain(arguments.iter().copied());
    let parsed = crate::cli::Arguments::try_parse_from(line).unwrap();
    let log = crate::cli::LogFilter::new(true, |_| Ok(()));
    crate::cli::dispatch(parsed.command, &crate::cli::Exit::default(), &log)
}

fn words(folder: &Path, posts: usize) {
    let post = |number| format!("IMGID:{number}\nAnn\tB-PER\nsings\tO\n\n");
    fs::create_dir_all(folder.join("txt")).unwrap();
    fs::create_dir_all(folder.join("xml")).unwrap();
    fs::write(folder.join("txt/test.txt"), (0..posts).map(post).collect::<String>()).unwrap();
}

#[test]
fn a_split_is_divided_without_loss_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    words(folder.path(), 21);
    let data = folder.path().to_str().unwrap();
    for out in ["one", "two"] {
        let parts = ["--parts", "train=0.67,test=0.33", "--to", "riveg", "--out", &path(out)];
        riveg(&[&["split", "--data", data], &parts[..]].concat()).unwrap();
    }
    let ids = |out: &str, part: &str| -> Vec<String> {
        let read = dataset::read_all(&folder.path().join(out), part).unwrap().whole().unwrap();
        read.into_iter().map(|example| example.gold.id).collect()
    };
    let (train, test) = (ids("one", "train"), ids("one", "test"));
    assert_eq!((train.len(), test.len()), (14, 7));
    assert_eq!((ids("two", "train"), ids("two", "test")), (train.clone(), test.clone()));
    let mut all: Vec<String> = [train, test].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 21);
    let again = riveg(&["convert", "--data", data, "--to", "coco", "--out", &path("one")]);
    assert!(again.unwrap_err().to_string().contains("is not empty"));
}

#[test]
fn a_damaged_data_set_fails_its_check_and_has_no_statistics() {
    let folder = tempfile::tempdir().unwrap();
    words(folder.path(), 2);
    let data = folder.path().to_str().unwrap();
    riveg(&["check", "--data", data]).unwrap();
    let json = folder.path().join("figures.json");
    riveg(&["stats", "--data", data, "--json", json.to_str().unwrap()]).unwrap();
    let figures: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!((&figures["test"]["posts"], &figures["test"]["mentions"]), (&2.into(), &2.into()));
    fs::write(folder.path().join("txt/test.txt"), "IMGID:1\nAnn\n").unwrap();
    let error = riveg(&["check", "--data", data]).unwrap_err().to_string();
    assert!(error.contains("1 places of"), "{error}");
    let error = riveg(&["stats", "--data", data]).unwrap_err().to_string();
    assert!(error.contains("test.txt`, line 2"), "{error}");
}

#[test]
fn pairs_for_gate_and_grounder_are_written_checked_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    words(folder.path(), 3);
    fs::create_dir(folder.path().join("images")).unwrap();
    for number in 0..3 {
        fs::write(folder.path().join(format!("images/{number}.jpg")), b"\xff\xd8\xff\xe0").unwrap();
    }
    let bbox = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>";
    let shown = format!("<annotation><object><name>Ann</name>{bbox}</object></annotation>");
    fs::write(folder.path().join("xml/1.xml"), shown).unwrap();
    fs::write(at("told.txt"), "Imageid:0.jpg###Ann(PER)###a singer\nImageid:1.jpg###Ann(PER)###a rower\n")
        .unwrap();
    let data = folder.path().to_str().unwrap();
    let made = |to: &str, out: &str| {
        riveg(&["convert", "--data", data, "--to", to, "--expressions", &at("told.txt"), "--out", &at(out)])
    };
    made("ve-tsv", "gate").unwrap();
    made("vg-tsv", "grounder").unwrap();
    let json = folder.path().join("figures.json");
    for (file, expected) in [
        ("gate/ve-test.tsv", serde_json::json!({ "pairs": 2, "depicted": 1, "without_box": 0 })),
        ("grounder/vg-test.tsv", serde_json::json!({ "pairs": 1, "depicted": 1, "without_box": 0 })),
    ] {
        riveg(&["stats", "--data", &at(file), "--json", json.to_str().unwrap()]).unwrap();
        let figures: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
        assert_eq!(figures["pairs"], expected, "{file}");
    }
    let gate = fs::read_to_string(at("gate/ve-test.tsv")).unwrap();
    fs::write(at("gate/ve-test.tsv"), gate.replace("contradiction", "neutral")).unwrap();
    let error = riveg(&["check", "--data", &at("gate/ve-test.tsv")]).unwrap_err().to_string();
    assert!(error.contains("1 places of"), "{error}");
    assert!(made("coco", "pictures").unwrap_err().to_string().contains("belong to `--to ve-tsv`"));
}

#[test]
fn shares_must_be_named_and_add_up() {
    assert_eq!(shares("a=0.5, b=0.5").unwrap().len(), 2);
    for wrong in ["a", "a=0.5", "a=2,b=-1", "../a=1", "a=x,b=1", ""] {
        assert!(shares(wrong).is_err(), "{wrong}");
    }
}
