//! Tests of faults: every wrong value of every key is reported by its place, in words without types of Rust.

use super::defaults::all_keys;
use super::*;

/// Values of every type of TOML, in the order of the kinds of settings that take none of them.
const VALUES: &[&str] = &[
    "-1",
    "9223372036854775807",
    "0.5",
    "nan",
    "true",
    "\"!nonsense, expected x\"",
    "\"\"",
    "[]",
    "[-1]",
    "[\"a\", true]",
    "[[1]]",
    "{ a = 1 }",
    "1979-05-27T07:32:00Z",
];

/// No setting is a table or a list of lists. A date may be a text.
const NEVER: &[&str] = &["{ a = 1 }", "[[1]]"];

/// What no message may contain: words of the deserialiser, and types of Rust.
const JARGON: &[&str] = &[
    "invalid ",
    "expected a",
    "expected o",
    "expected u",
    "usize",
    "u64",
    "u32",
    "u16",
    "u8",
    "i64",
    "f64",
    "nonzero",
    "variant",
    "struct",
    "enum",
    "newtype",
    "sequence",
    " map",
    "parsable",
    "boolean",
    "integer",
    "Option",
    "untagged",
    "Some(",
    "None",
];

fn faults_of(sources: &Sources) -> Vec<Fault> {
    Config::load(sources).map_or_else(|Faults(faults)| faults, |_| Vec::new())
}

fn assert_plain(fault: &Fault, said_of: &str) {
    for word in JARGON {
        assert!(!fault.message.contains(word), "{said_of}: `{word}` in: {}", fault.message);
    }
    let says_what_must_be = ["must", "is empty", "is no ", "names ", "there is no", "has "];
    let does = says_what_must_be.iter().any(|words| fault.message.contains(words));
    assert!(does, "{said_of}: what must it be? {}", fault.message);
}

#[test]
fn every_wrong_value_of_every_setting_is_told_by_its_line_and_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    let keys = all_keys(&DEFAULTS.parse().unwrap());
    assert!(keys.len() > 100, "{keys:?}");
    let mut refused = 0;
    for key in &keys {
        for value in VALUES {
            std::fs::write(&path, format!("# One.\n# Two.\n{key} = {value}\n")).unwrap();
            let case = format!("{key} = {value}");
            let faults = faults_of(&Sources { files: vec![path.clone()], ..Sources::default() });
            let ours = faults.iter().filter(|fault| fault.layer == format!("{}:3", path.display()));
            let ours: Vec<&Fault> = ours.collect();
            assert!(ours.iter().all(|fault| fault.key == *key), "{case}: {faults:?}");
            // What does not go with a default is told by both keys.
            let leaf = key.rsplit('.').next().unwrap();
            let is_told = faults.iter().any(|fault| fault.message.contains(leaf));
            if NEVER.contains(value) || !faults.is_empty() {
                assert!(!ours.is_empty() || is_told, "{case}: {faults:?}");
            }
            ours.iter().for_each(|fault| assert_plain(fault, &case));
            refused += ours.len();
        }
    }
    assert!(refused > 6 * keys.len(), "only {refused} values were refused");
}

#[test]
fn a_fault_of_a_variable_or_a_flag_is_told_by_it() {
    for key in all_keys(&DEFAULTS.parse().unwrap()) {
        let variable = format!("RIVEG_{}", key.to_uppercase().replace('.', "__"));
        let raw = "[[1]]".to_owned();
        let by_variable =
            Sources { environment: vec![(variable.clone(), raw.clone())], ..Sources::default() };
        let by_flag = Sources { sets: vec![format!("{key}={raw}")], ..Sources::default() };
        let ways = [(by_variable, format!("environment variable {variable}")), (by_flag, "--set".to_owned())];
        for (sources, layer) in ways {
            // What is a text by default needs no quotes there, and is one.
            for fault in faults_of(&sources) {
                assert_eq!((&fault.layer, &fault.key), (&layer, &key), "{fault:?}");
                assert_plain(&fault, &key);
            }
        }
    }
}

#[test]
fn what_is_no_setting_is_told_by_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    let cases = [
        ("[ingest]\n\ntopik = 1\n", 3, "ingest.topik", "there is no such key; did you mean ingest.topic?"),
        ("\n[engin.e]\nposts = 1\n", 3, "engin.e.posts", "there is no such key"),
        ("engine = 1\n", 1, "engine", "must be a table, `[engine]`"),
        ("[kafka]\nproperties = []\n", 2, "kafka.properties", "must be a table, `[kafka.properties]`"),
        ("[kafka.properties]\nlinger.ms = 5\n\n\"acks\" = 1\n", 4, "kafka.properties.acks", "must be"),
        ("[engine]\nposts_in_flight = 3\n[engine\n", 3, "column 8", "this is not TOML: "),
        ("[engine]\nstate = \"\nposts_in_flight = 1\n", 2, "column ", "this is not TOML: "),
        ("[engine]\nstate = \"\"\nstate = \"\"\n", 3, "column 1", "this is not TOML: duplicate key"),
        (
            "[llm.local]\nurl = \"http://a/v1\"\nmodel = \"m\"\nmax_tokens = -1\n",
            4,
            "llm.local.max_tokens",
            "is -1",
        ),
    ];
    for (text, line, key, message) in cases {
        std::fs::write(&path, text).unwrap();
        let faults = faults_of(&Sources { files: vec![path.clone()], ..Sources::default() });
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        let Fault { key: told, layer, message: said } = &faults[0];
        assert_eq!(layer, &format!("{}:{line}", path.display()), "{text}: {faults:?}");
        assert!(told.starts_with(key) && said.contains(message), "{text}: {faults:?}");
        let whole = Faults(faults.clone()).to_string();
        assert!(whole.contains(&format!("settings.toml:{line}: {key}")), "{whole}");
    }
}
