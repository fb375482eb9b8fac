//! Published taggers, imported from their folders through the real binary, find the mentions that their originals find.
//! `make_taggers.py` made the folders and the answers.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use riveg::domain::{Mention, Stage};
use riveg::networks::bundle::Bundle;
use riveg::scheduler::{Budget, Device, Flow};
use riveg::stages::recognise::{Recogniser, WordTokenizer};
use riveg::telemetry::Metrics;
use serde_json::{Value, json};

use super::import::import;
use crate::support::{Finished, riveg};

/// The folders, and what an import of each is given.
const TAGGERS: [(&str, &[&str]); 7] = [
    ("bert", &[]),
    ("distilbert", &["--set", "pooling=max"]),
    ("roberta", &["--set", "pooling=mean", "--type-map", "gmner"]),
    ("xlm-roberta", &[]),
    ("deberta", &[]),
    ("bertweet", &["--type-map", "gmner"]),
    ("raner", &[]),
];

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "checkpoints", "taggers", name].iter().collect()
}

fn answers(name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder(name).join("answers.json")).unwrap()).unwrap()
}

/// What the bundle's tagger finds in each text of the answers, and its words.
async fn found(bundle: &Path, answers: &Value) -> Vec<(Vec<Mention>, Vec<String>)> {
    let bundle = Bundle::open(bundle).unwrap();
    let part = bundle.recognise().unwrap();
    let file = bundle.path(part.tokenizer.as_ref().unwrap());
    let words = || {
        let tokenizer = WordTokenizer::load(&file, part.network.reads().longest).unwrap();
        tokenizer.with_style(part.text)
    };
    let labels = part.label_set(&bundle.manifest().entity_types).unwrap();
    let mut device = Device::new("test", Arc::new(Metrics::new()));
    let budget =
        Budget { max_requests: NonZeroUsize::MIN, max_tokens: 1_000, patience: Duration::from_millis(1) };
    let handle = device.lane(Stage::Recognise, bundle.tagger(tch::Device::Cpu).unwrap(), budget);
    let recogniser = Recogniser::new(handle, words(), labels);
    let _device = device.start().unwrap();
    let mut all = Vec::new();
    for answer in answers["answers"].as_array().unwrap() {
        let text = answer["text"].as_str().unwrap();
        let mentions = recogniser.mentions(Flow::default(), text, "").await.unwrap();
        let split = words().words(text).into_iter();
        all.push((mentions, split.map(|word| text[word.byte_start..word.byte_end].to_owned()).collect()));
    }
    all
}

/// The mentions of an answer, as the text of each and its type.
fn expected(answer: &Value, types: &Value) -> Vec<(String, String)> {
    let text = answer["text"].as_str().unwrap();
    let mut ends = Vec::new();
    let mut at = 0;
    for word in answer["words"].as_array().unwrap() {
        let word = word.as_str().unwrap();
        let start = at + text[at..].find(word).unwrap();
        at = start + word.len();
        ends.push((start, at));
    }
    let mention = |mention: &Value| {
        let index = |key: usize| usize::try_from(mention[key].as_u64().unwrap()).unwrap();
        let own = mention[2].as_str().unwrap();
        let name = types.get(own).and_then(Value::as_str).unwrap_or(own);
        (text[ends[index(0)].0..ends[index(1) - 1].1].to_owned(), name.to_owned())
    };
    answer["mentions"].as_array().unwrap().iter().map(mention).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_taggers_find_the_mentions_of_their_originals() {
    for (name, more) in TAGGERS {
        let out = tempfile::tempdir().unwrap();
        let done = import("recognise", &folder(name), "", out.path(), more);
        assert_eq!(done.code, Some(0), "{name}: {}", done.stderr);
        assert!(done.stdout.contains("labels: "), "{name}: {}", done.stdout);
        assert!(!done.stdout.contains("warning"), "{name}: {}", done.stdout);
        let answers = answers(name);
        let all = found(out.path(), &answers).await;
        assert_eq!(all.len(), 5);
        for ((mentions, words), answer) in all.iter().zip(answers["answers"].as_array().unwrap()) {
            assert_eq!(json!(words), answer["words"], "{name}");
            let found: Vec<(String, String)> = mentions
                .iter()
                .map(|mention| (mention.text.clone(), mention.entity_type.as_str().to_owned()))
                .collect();
            assert_eq!(found, expected(answer, &answers["types"]), "{name}: {}", answer["text"]);
        }
        let bundle = out.path().to_str().unwrap();
        let verified = riveg(&["bundle", "verify", bundle], b"");
        assert_eq!(verified.code, Some(0), "{name}: {}", verified.stderr);
    }
}

/// A folder of ModelScope with the softmax tagger `roberta`: its encoder is `encoder`, its head `head`, and `config.json` names
/// no labels. `write` puts them where they are read.
fn of_modelscope(write: impl Fn(&Path, &Value)) -> tempfile::TempDir {
    let changed = tempfile::tempdir().unwrap();
    for name in ["vocab.json", "merges.txt"] {
        fs::copy(folder("roberta").join(name), changed.path().join(name)).unwrap();
    }
    let rename = |name: &str| {
        let head = name.replace("classifier.", "head.classifier.");
        Some(head.replace("roberta.", "encoder."))
    };
    fs::write(changed.path().join("model.safetensors"), renamed("roberta", rename).unwrap()).unwrap();
    let file = fs::read(folder("roberta").join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&file).unwrap();
    let keys = config.as_object_mut().unwrap();
    let labels = keys.remove("label2id").unwrap();
    keys.remove("id2label").unwrap();
    fs::write(changed.path().join("config.json"), config.to_string()).unwrap();
    write(changed.path(), &labels);
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_softmax_tagger_of_modelscope_finds_its_labels_and_the_mentions_of_the_original() {
    let answers = answers("roberta");
    let more = ["--set", "pooling=mean", "--type-map", "gmner"];
    let write = |folder: &Path, name: &str, content: &Value| {
        fs::write(folder.join(name), content.to_string()).unwrap();
    };
    let mapping = of_modelscope(|folder, labels| {
        write(folder, "label_mapping.json", labels);
        // It comes first.
        write(folder, "configuration.json", &json!({ "model": { "label2id": { "O": 0 } } }));
    });
    let configuration = of_modelscope(|folder, labels| {
        let model = json!({ "type": "token-classification" });
        let preprocessor = json!({ "type": "token-cls-tokenizer", "label2id": labels });
        let content = json!({ "framework": "pytorch", "model": model, "preprocessor": preprocessor });
        write(folder, "configuration.json", &content);
    });
    for (changed, file) in [(&mapping, "label_mapping.json"), (&configuration, "configuration.json")] {
        let out = tempfile::tempdir().unwrap();
        let done = import("recognise", changed.path(), "", out.path(), &more);
        assert_eq!(done.code, Some(0), "{file}: {}", done.stderr);
        assert!(done.stdout.contains(&format!("{file}`, BIO, types")), "{file}: {}", done.stdout);
        let all = found(out.path(), &answers).await;
        for ((mentions, _), answer) in all.iter().zip(answers["answers"].as_array().unwrap()) {
            let found: Vec<(String, String)> = mentions
                .iter()
                .map(|mention| (mention.text.clone(), mention.entity_type.as_str().to_owned()))
                .collect();
            assert_eq!(found, expected(answer, &answers["types"]), "{file}: {}", answer["text"]);
        }
    }
    let without = of_modelscope(|_, _| ());
    let out = tempfile::tempdir().unwrap();
    let refused = import("recognise", without.path(), "", out.path(), &more);
    assert!(refused.stderr.contains("`head.classifier.weight` has 9 rows"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deberta_with_nothing_but_a_tokenizer_json_finds_the_mentions_of_its_original() {
    let changed = tempfile::tempdir().unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(folder("deberta").join(name), changed.path().join(name)).unwrap();
    }
    let words = [env!("CARGO_MANIFEST_DIR"), "tests/vocabularies/deberta/tokenizer.json"];
    fs::copy(words.iter().collect::<PathBuf>(), changed.path().join("tokenizer.json")).unwrap();
    let out = tempfile::tempdir().unwrap();
    let done = import("recognise", changed.path(), "", out.path(), &[]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("a `tokenizer.json`"), "{}", done.stdout);
    let answers = answers("deberta");
    let all = found(out.path(), &answers).await;
    for ((mentions, _), answer) in all.iter().zip(answers["answers"].as_array().unwrap()) {
        let found: Vec<(String, String)> = mentions
            .iter()
            .map(|mention| (mention.text.clone(), mention.entity_type.as_str().to_owned()))
            .collect();
        assert_eq!(found, expected(answer, &answers["types"]), "{}", answer["text"]);
    }
}

/// Imports a folder with some of its files replaced.
fn import_with(name: &str, files: &[(&str, Option<Vec<u8>>)], more: &[&str]) -> Finished {
    let (changed, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), changed.path().join(entry.file_name())).unwrap();
    }
    for (file, content) in files {
        match content {
            Some(content) => fs::write(changed.path().join(file), content).unwrap(),
            None => fs::remove_file(changed.path().join(file)).unwrap(),
        }
    }
    let out = out.path().join("bundle");
    let finished = import("recognise", changed.path(), "", &out, more);
    assert_eq!(finished.code == Some(0), out.exists(), "{}", finished.stderr);
    finished
}

/// A folder's `config.json` with one key changed.
fn config_with(name: &str, key: &str, value: Value) -> Option<Vec<u8>> {
    let mut config: Value =
        serde_json::from_slice(&fs::read(folder(name).join("config.json")).unwrap()).unwrap();
    config[key] = value;
    Some(serde_json::to_vec(&config).unwrap())
}

/// The weights of a folder under other names.
fn renamed(name: &str, rename: impl Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
    let tensors = tch::Tensor::read_safetensors(folder(name).join("model.safetensors")).unwrap();
    let tensors: Vec<_> =
        tensors.into_iter().filter_map(|(name, tensor)| Some((rename(&name)?, tensor))).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    tch::Tensor::write_safetensors(&tensors, file.path()).unwrap();
    Some(fs::read(file.path()).unwrap())
}

#[test]
fn what_is_no_tagger_is_refused_with_its_file_and_what_to_give() {
    let fewer = json!({ "0": "O", "1": "B-PER", "2": "I-PER" });
    let unnamed: Value = (0..9).map(|row| (row.to_string(), json!(format!("LABEL_{row}")))).collect();
    let headless = |name: &str| (!name.starts_with("classifier")).then(|| name.to_owned());
    let sequence = |name: &str| Some(name.replace("classifier.", "classifier.out_proj."));
    type Case<'case> = (&'case str, &'case str, Option<Vec<u8>>, &'case [&'case str], &'case [&'case str]);
    let cases: [Case<'_>; 9] = [
        (
            "roberta",
            "config.json",
            config_with("roberta", "id2label", fewer),
            &[],
            &["config.json` names 3 labels", "`classifier.weight` has 9 rows"],
        ),
        (
            "roberta",
            "config.json",
            config_with("roberta", "id2label", unnamed),
            &[],
            &["nothing says what they are", "`classifier.weight` has 9 rows", "`--labels`"],
        ),
        (
            "roberta",
            "config.json",
            config_with("roberta", "id2label", json!({ "0": "O", "5": "B-PER" })),
            &[],
            &["config.json", "2 labels and none for row 1"],
        ),
        (
            "bert",
            "config.json",
            config_with("bert", "architectures", json!(["BertForSequenceClassification"])),
            &[],
            &["config.json", "`architectures` is `BertForSequenceClassification`", "ForTokenClassification"],
        ),
        (
            "bert",
            "config.json",
            config_with("bert", "model_type", json!("t5")),
            &[],
            &["config.json", "`model_type`", "`t5`", "`roberta`"],
        ),
        (
            "roberta",
            "model.safetensors",
            renamed("roberta", headless),
            &[],
            &["`linear.weight`", "published as `classifier.weight`", "fine-tune it"],
        ),
        (
            "roberta",
            "model.safetensors",
            renamed("roberta", sequence),
            &[],
            &["`classifier.out_proj.weight`", "the head of sequence classification"],
        ),
        (
            "deberta",
            "config.json",
            config_with("deberta", "share_att_key", json!(false)),
            &[],
            &["config.json", "`share_att_key`: expected true, found false"],
        ),
        (
            "raner",
            "answers.json",
            None,
            &["--set", "pooling=mean"],
            &["`recognise.pooling`: expected the default for a tagger with a CRF, found mean"],
        ),
    ];
    for (name, file, content, more, parts) in cases {
        let refused = import_with(name, &[(file, content)], more);
        assert_eq!(refused.code, Some(1), "{name} {parts:?}: {}", refused.stdout);
        for part in parts {
            assert!(refused.stderr.contains(part), "{part} is not in: {}", refused.stderr);
        }
    }
}

#[test]
fn a_user_may_name_labels_and_types_and_a_sequence_may_be_made_valid() {
    let labels = "O,B-A,I-A,B-B,I-B,B-C,I-C,B-D,I-D";
    let given = ["--labels", labels, "--type-map", "B=PER,D=O", "--set", "decoding=valid"];
    let done = import_with("roberta", &[], &given);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in [
        "labels: 9 from `--labels`, BIO, types A C PER",
        "type B becomes PER",
        "type D becomes O",
        "types that the map does not know are kept: A C",
    ] {
        assert!(done.stdout.contains(part), "{part} is not in: {}", done.stdout);
    }
    let typed = import_with("bert", &[], &["--types", "PER,ORG,LOC,MISC"]);
    assert!(typed.stdout.contains("labels: BIO of the types PER ORG LOC MISC"), "{}", typed.stdout);
}
