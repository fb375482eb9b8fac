//! Import of OFA: only for its tasks, only with its own vocabulary. Through the real binary.

use std::path::{Path, PathBuf};

use riveg::networks::checkpoint::convert;
use riveg::networks::ofa;
use tch::{Kind, Tensor};

use super::import::{OFA, import, names};
use super::{file, open};
use crate::support::riveg;

/// Pieces before `<bin_0>`: those of the small dictionary, `<mask>` and five codes.
const FIRST_BIN: i64 = 414;
const BINS: i64 = 20;

fn vocabulary(name: &str) -> String {
    let parts = [env!("CARGO_MANIFEST_DIR"), "tests", "vocabularies", "files", name];
    parts.iter().collect::<PathBuf>().to_str().unwrap().to_owned()
}

fn dimensions(answers: [i64; 3]) -> String {
    let size = format!("vocabulary={} first_bin={FIRST_BIN}", FIRST_BIN + BINS);
    let answers = format!("answers={answers:?}").replace(' ', "");
    OFA.replace("vocabulary=40", &size).replace(" first_bin=20", "").replace("answers=[7,8,9]", &answers)
}

/// The ids of ` no`, ` yes` and ` maybe` in the small dictionary.
fn answers() -> [i64; 3] {
    let path = Path::new(&vocabulary("hugging-face")).join("vocab.json");
    let ids: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    ["Ġno", "Ġyes", "Ġmaybe"].map(|piece| ids[piece].as_i64().unwrap())
}

/// An OFA with rows for the small dictionary that says one of `tokens` whatever it is asked.
fn saying(tokens: &[i64], folder: &Path) -> PathBuf {
    let [renamed, whole] = ["renamed", "whole.safetensors"].map(|name| folder.join(name));
    convert(&open("ofa.bin"), &ofa::OFA, &renamed, None).unwrap();
    let rows = FIRST_BIN + BINS;
    let mut logits = vec![0.0_f32; rows as usize];
    tokens.iter().for_each(|&token| logits[token as usize] = 12.0);
    let row = Tensor::from_slice(&logits).view([rows, 1]) / 16.0;
    let changed = |(name, tensor): (String, Tensor)| {
        let tensor = match name.as_str() {
            "encoder.embed_tokens.weight" => row.expand([rows, 16], false).contiguous(),
            "decoder.layer_norm.weight" => tensor.zeros_like(),
            "decoder.layer_norm.bias" => tensor.ones_like(),
            _ => tensor,
        };
        (name, tensor.to_kind(Kind::Float))
    };
    let tensors: Vec<_> = Tensor::read_safetensors(&renamed).unwrap().into_iter().map(changed).collect();
    Tensor::write_safetensors(&tensors, &whole).unwrap();
    whole
}

/// The same OFA, which reads texts of so many pieces.
fn with_positions(count: i64, file: &Path) -> PathBuf {
    let long = file.with_file_name("long.safetensors");
    let tensors = Tensor::read_safetensors(file).unwrap().into_iter().map(|(name, tensor)| {
        let is_table = name.ends_with(".embed_positions.weight");
        let tensor = if is_table { tensor.repeat([count, 1]).narrow(0, 0, count + 2) } else { tensor };
        (name, tensor.contiguous())
    });
    Tensor::write_safetensors(&tensors.collect::<Vec<_>>(), &long).unwrap();
    long
}

#[test]
fn a_checkpoint_that_says_what_it_was_trained_for_serves_no_other_stage() {
    let network = OFA.replace("patch_image_size=48", "");
    for (from, stage, key) in [
        ("ofa-task-args.pt", "ground", "args"),
        ("ofa-task-cfg.pt", "entail", "cfg.task"),
        ("ofa-task-omegaconf.pt", "entail", "cfg.task"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let done = import(stage, &file(from), &network, folder.path(), &[]);
        assert_eq!(done.code, Some(0), "{from}: {}", done.stderr);
        let note = format!("`patch_image_size` is 48, as the checkpoint's `{key}.patch_image_size` says");
        assert!(done.stdout.contains(&note), "{}", done.stdout);
        let files = names(folder.path());

        let (other, found, expected) = if stage == "ground" {
            ("entail", "refcoco", "snli_ve")
        } else {
            ("ground", "snli_ve", "refcoco")
        };
        let refused = import(other, &file(from), &network, folder.path(), &[]);
        assert_eq!((refused.code, names(folder.path())), (Some(1), files), "{}", refused.stderr);
        for part in [from, key, &format!("expected `{expected}`, found `{found}`")] {
            assert!(refused.stderr.contains(part), "{part} is not in: {}", refused.stderr);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let smaller = OFA.replace("patch_image_size=48", "patch_image_size=32");
    let warned = import("ground", &file("ofa-task-args.pt"), &smaller, folder.path(), &[]);
    let warning = "warning: `patch_image_size` is 32, where the checkpoint says `args.patch_image_size` = 48";
    assert!(warned.stdout.contains(warning), "{}", warned.stdout);
}

#[test]
fn an_ofa_is_asked_in_the_pieces_of_a_published_vocabulary_and_found_out_if_it_answers_something_else() {
    let bins: Vec<i64> = (FIRST_BIN..FIRST_BIN + BINS).collect();
    let cases = [
        ("entail", answers().to_vec(), "fairseq", None),
        ("entail", bins.clone(), "hugging-face", Some("no, yes and maybe together 0.0 % of its probability")),
        ("ground", bins, "hugging-face", None),
        (
            "ground",
            answers().to_vec(),
            "fairseq",
            Some("the location bins together 0.0 % of its probability"),
        ),
    ];
    for (stage, says, layout, warning) in cases {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("bundle");
        let from = saying(&says, folder.path());
        let layout = vocabulary(layout);
        let more = ["--tokenizer", &layout, "--set", "prompt= {phrase}"];
        let done = import(stage, &from, &dimensions(answers()), &out, &more);
        assert_eq!(done.code, Some(0), "{stage}: {}", done.stderr);
        assert!(done.stdout.contains("tokenizer: 434 pieces from "), "{}", done.stdout);
        let found = done.stdout.lines().find(|line| line.starts_with("warning: "));
        assert_eq!(found.is_some(), warning.is_some(), "{stage}: {}", done.stdout);
        assert!(found.unwrap_or_default().contains(warning.unwrap_or_default()), "{}", done.stdout);
        let files = names(&out);
        assert!(files.len() == 3 && files[2].ends_with(".tokenizer.json"), "{files:?}");
    }
}

#[test]
fn a_recipe_sets_the_question_and_the_phrases_and_the_self_test_asks_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let from = with_positions(256, &saying(&answers(), folder.path()));
    let tokenizer = vocabulary("hugging-face");
    let long = dimensions(answers()).replace("max_positions=16", "max_positions=256");
    let run =
        |recipe: &str| import("entail", &from, &long, &out, &["--tokenizer", &tokenizer, "--recipe", recipe]);
    let done = run("riveg");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for line in [
        "prompt: ` can image and text1 \" {phrase} \" imply text2 \" {caption} \"?` (recipe `riveg`: ",
        "phrases: `{entity}({type})-{expansion}`, without an expansion `{entity}({type})`",
        "example: ` can image and text1 \" garfield park(loc) a conservatory filled with plants. \" imply text2 \" a green \
         house with tall plants \"?`",
    ] {
        assert!(done.stdout.contains(line), "{line} is not in\n{}", done.stdout);
    }
    let verified = riveg(&["bundle", "verify", out.to_str().unwrap()], b"");
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    let manifest = out.join("bundle.toml");
    let written = std::fs::read_to_string(&manifest).unwrap();
    assert!(written.contains("phrase = \"Garfield Park(LOC)-A conservatory"), "{written}");

    let done = run("ofa-snli-ve");
    assert!(
        done.stdout.contains("prompt: ` can image and text1 \" {caption} \" imply text2"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("phrases: `{expansion}`, without an expansion `{noun}`"), "{}", done.stdout);
    let published = import("entail", &from, &long, &out, &["--tokenizer", &tokenizer]);
    assert!(published.stdout.contains("(recipe `ofa-snli-ve`: published networks"), "{}", published.stdout);

    let refused = run("rivag");
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("no recipe is called `rivag`; there are `albef-snli-ve`"),
        "{}",
        refused.stderr
    );
    let refused = run("ofa-refcoco");
    let expected = "the recipe `ofa-refcoco` has no question for the stage `entail` of the network `ofa`";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}

#[test]
fn a_tokenizer_of_ones_own_may_have_other_words_for_the_answers_but_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let from = saying(&answers(), folder.path());
    let tokenizer = vocabulary("fairseq");
    let more = ["--tokenizer", &tokenizer, "--set", "prompt= {phrase}"];
    assert_eq!(import("entail", &from, &dimensions(answers()), &first, &more).code, Some(0));
    let ready = names(&first).pop().unwrap();
    let ready = first.join(ready);
    let [no, yes, maybe] = answers();
    let more = ["--tokenizer", ready.to_str().unwrap(), "--set", "prompt= {phrase}"];
    let done = import("entail", &from, &dimensions([yes, no, maybe]), &second, &more);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let warnings = done.stdout.lines().filter(|line| line.starts_with("warning: ")).count();
    assert!(warnings == 2 && done.stdout.contains("`\" yes\"`: expected the one id"), "{}", done.stdout);
}

#[test]
fn a_vocabulary_of_another_network_is_refused_with_all_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let from = saying(&answers(), folder.path());
    let [no, yes, maybe] = answers();
    let (fairseq, bert, model) =
        (vocabulary("fairseq"), vocabulary("bert-cased"), vocabulary("xlm-roberta/sentencepiece.bpe.model"));
    let ready = folder.path().join("tokenizer.json");
    std::fs::write(&ready, "{}").unwrap();
    let ready = ready.to_str().unwrap().to_owned();
    let cases: [(&str, &PathBuf, String, &str, &[&str]); 6] = [
        (
            "entail",
            &from,
            dimensions([yes, no, maybe]),
            &fairseq,
            &["dict.txt", "\" no\"", "\" yes\"", "the network's `answers`"],
        ),
        (
            "ground",
            &from,
            dimensions([no, yes, maybe]).replace("first_bin=414", "first_bin=100"),
            &fairseq,
            &["dict.txt", "at most 100 words before `<bin_0>`"],
        ),
        (
            "entail",
            &from,
            dimensions(answers()),
            &bert,
            &["is no tokenizer", "fairseq's `dict.txt`", "`vocab.txt`"],
        ),
        ("entail", &from, dimensions(answers()), &ready, &["tokenizer.json` makes no tokenizer"]),
        (
            "recognise",
            &file("adaseq.bin"),
            super::import::TAGGER.to_owned(),
            &model,
            &["sentencepiece.bpe.model` does not fit", "ids below 40", "found ids up to 85"],
        ),
        (
            "recognise",
            &file("adaseq.bin"),
            super::import::TAGGER.to_owned(),
            &fairseq,
            &["BERT's `vocab.txt`"],
        ),
    ];
    for (stage, from, network, tokenizer, parts) in cases {
        let mut more = vec!["--tokenizer", tokenizer];
        if stage == "recognise" {
            more.extend(super::import::TYPES);
        } else {
            more.extend(["--set", "prompt= {phrase}"]);
        }
        let refused = import(stage, from, &network, &out, &more);
        assert_eq!((refused.code, out.exists()), (Some(1), false), "{}", refused.stderr);
        for part in parts {
            assert!(refused.stderr.contains(part), "{part} is not in: {}", refused.stderr);
        }
    }
}
