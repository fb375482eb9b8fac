//! Import of SeqTR's own checkpoints: the averages are taken, with their words, and the answers equal the original's.

use std::fs;
use std::path::Path;

use riveg::networks::bundle::Bundle;
use riveg::networks::seqtr::{Cells, SeqTr, SeqTrConfig};
use riveg::networks::weights::WeightSource;
use riveg::stages::prompt::WordList;
use tch::{Device, Tensor};

use super::file;
use super::import::import;
use crate::support::{Finished, riveg};

/// Without what the file gives: the words, the bins and that its answers are boxes.
const SEQTR: &str = "word_width=4 max_words=6 image_size=64 darknet_width=1 darknet_blocks=[1,1,1,1,1] d_model=8 ffn=12 \
                     heads=2 groups=2 encoder_layers=1 decoder_layers=1";
/// The phrase of the fixture.
const PHRASE: &str = "Garfield Park(LOC)-a conservatory in Chicago's west/end";

fn imported(out: &Path, words: &Path) -> Finished {
    import("ground", &file("seqtr.pth"), SEQTR, out, &["--tokenizer", words.to_str().unwrap()])
}

fn answer(name: &str) -> Tensor {
    let answers = Tensor::read_safetensors(file("seqtr-answers.safetensors")).unwrap();
    answers.into_iter().find(|(answer, _)| answer == name).unwrap().1
}

#[test]
fn a_seqtr_of_its_authors_training_reads_and_says_what_it_did_there() {
    let folder = tempfile::tempdir().unwrap();
    let done = imported(folder.path(), &file("token_to_ix.pkl"));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for part in ["the averages of training (`ema_state_dict`)", "words: 11 from ", "is counted, not learnt"] {
        assert!(done.stdout.contains(part), "{part}: {}", done.stdout);
    }
    let bundle = Bundle::open(folder.path()).unwrap();
    let part = bundle.ground().unwrap();
    assert_eq!((part.prompt.as_str(), part.beam), ("{phrase}", 1));

    let entry = part.tokenizer.as_ref().unwrap();
    let words = WordList::from_bytes(&bundle.path(entry), &bundle.read(entry).unwrap(), 6).unwrap();
    let expected: Vec<i64> = Vec::try_from(answer("words").flatten(0, -1)).unwrap();
    let read: Vec<i64> = words.encode(PHRASE).into_iter().map(i64::from).collect();
    assert_eq!(read, expected);

    let config = SeqTrConfig {
        vocabulary: 11,
        word_width: 4,
        max_words: 6,
        image_size: 64,
        darknet_width: 1,
        darknet_blocks: [1; 5],
        d_model: 8,
        ffn: 12,
        heads: 2,
        groups: 2,
        encoder_layers: 1,
        decoder_layers: 1,
        bins: 20,
        contour_points: None,
    };
    let source = WeightSource {
        folder: bundle.folder(),
        weights: &part.weights,
        precision: part.precision,
        device: Device::Cpu,
        shared: None,
    };
    let _no_grad = tch::no_grad_guard();
    let seqtr = source.load(|root| SeqTr::new(root, &config)).unwrap();
    let shown = seqtr.picture(&seqtr.maps(&answer("pixels")));
    let fused = seqtr.fuse(&shown, &seqtr.phrase(&answer("words")));
    let encoded = seqtr.encode(&fused, &[Cells { rows: 2, columns: 2 }]);
    let tokens = answer("tokens");
    let logits = seqtr.logits(&encoded, &tokens.narrow(1, 0, 3));
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let error = largest(&(&logits - answer("logits"))) / largest(&answer("logits"));
    assert!(error < 1e-4, "relative error {error:e}");
    let bins = &seqtr.answer(&encoded).unwrap()[0].bins;
    assert_eq!(bins, &Vec::<i64>::try_from(tokens.flatten(0, -1)).unwrap());

    // Whole: hashes, vocabulary and self-test.
    let verified = riveg(&["bundle", "verify", folder.path().to_str().unwrap()], b"");
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
}

#[test]
fn words_are_read_in_every_published_form_and_the_bundle_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let annotations = folder.path().join("annotations");
    fs::create_dir(&annotations).unwrap();
    for name in ["token_to_ix.pkl", "ix_to_token.pkl"] {
        fs::copy(file(name), annotations.join(name)).unwrap();
    }
    let list = folder.path().join("list.txt");
    fs::write(&list, "PAD\nUNK\nCLS\npark\nloc\na\nconservatory\nin\nchicago\ncafé\ntshirt\n").unwrap();
    let mut manifests = Vec::new();
    for words in [annotations, file("ix_to_token.pkl"), list] {
        let out = folder.path().join(format!("bundle{}", manifests.len()));
        let done = imported(&out, &words);
        assert_eq!(done.code, Some(0), "{}: {}", words.display(), done.stderr);
        let manifest: toml::Table = fs::read_to_string(out.join("bundle.toml")).unwrap().parse().unwrap();
        manifests.push(manifest["ground"].clone());
    }
    assert!(manifests.windows(2).all(|pair| pair[0] == pair[1]), "{manifests:?}");
}

#[test]
fn missing_wrong_and_too_few_words_are_refused_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let without = import("ground", &file("seqtr.pth"), SEQTR, &out, &[]);
    assert_eq!(without.code, Some(1), "{}", without.stdout);
    for part in ["holds SeqTR, which reads whole words", "the 11 words", "--tokenizer", "token_to_ix.pkl"] {
        assert!(without.stderr.contains(part), "{part}: {}", without.stderr);
    }
    let list = folder.path().join("list.txt");
    for (text, part) in [
        ("PAD\nUNK\nCLS\npark\n", "expected 11, as many as the network's table has rows, found 4"),
        ("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", "word 0 must be `PAD`"),
        ("PAD\nUNK\nCLS\nd\ne\nf\ng\nh\ni\nj\nd\n", "`d` is both word 3 and word 10"),
    ] {
        fs::write(&list, text).unwrap();
        let done = imported(&out, &list);
        assert!(done.code == Some(1) && done.stderr.contains(part), "{part}: {}", done.stderr);
    }
    // No dictionary of words: the checkpoint of another network, and a pickle that calls.
    let calls = folder.path().join("calls.pkl");
    fs::write(&calls, b"\x80\x02cposix\nsystem\n.").unwrap();
    let done = imported(&out, &calls);
    assert!(done.code == Some(1) && done.stderr.contains("calls.pkl"), "{}", done.stderr);
    assert!(!out.exists(), "a bundle was begun");
}
