//! Published vocabularies: tokenisation equals that of the authors' own code. `make.py` made the files and the answers.

use std::fs;
use std::path::PathBuf;

use riveg::stages::vocabulary::{Layout, Locations, PublishedVocabulary, VocabularyError, read};
use serde_json::Value;
use tokenizers::Tokenizer;

const BINS: u32 = 20;
const CODES: u32 = 5;

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vocabularies", "files", name].iter().collect()
}

fn answers() -> Value {
    serde_json::from_slice(&fs::read(folder("answers.json")).unwrap()).unwrap()
}

/// Ids of OFA's location tokens with this vocabulary: after its words, `<mask>` and some codes.
fn locations() -> Locations {
    Locations { first: answers()["words"].as_u64().unwrap() as u32 + 1 + CODES, count: BINS }
}

/// Tokenises like the engine: special tokens in a text are plain text.
fn assert_cut(mut published: PublishedVocabulary, texts: &str, name: &str) {
    published.tokenizer.set_encode_special_tokens(true);
    // The bundle has exactly these files.
    let json = published.tokenizer.to_string(false).unwrap();
    let mut again = Tokenizer::from_bytes(json).unwrap();
    again.set_encode_special_tokens(true);
    let answers = answers();
    let texts = answers[texts].as_array().unwrap();
    let expected = answers[name].as_array().unwrap();
    assert!(texts.len() > 20 && texts.len() == expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        let text = text.as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(expected.clone()).unwrap();
        for tokenizer in [&published.tokenizer, &again] {
            assert_eq!(tokenizer.encode_fast(text, false).unwrap().get_ids(), expected, "{name}: {text:?}");
        }
    }
}

#[test]
fn ofas_texts_are_cut_as_fairseq_cuts_them_from_either_layout() {
    let files = ["dict.txt", "encoder.json", "vocab.bpe"].map(|file| folder("fairseq").join(file));
    let cases = [
        (vec![folder("fairseq")], Layout::Fairseq),
        (files.to_vec(), Layout::Fairseq),
        (vec![folder("hugging-face")], Layout::BytePairs),
    ];
    for (given, layout) in cases {
        let published = read(&given, Some(locations())).unwrap();
        assert_eq!(published.layout, layout);
        let id = |piece: &str| published.tokenizer.token_to_id(piece);
        let first = locations().first;
        let expected = [
            ("<s>", 0),
            ("<pad>", 1),
            ("</s>", 2),
            ("<unk>", 3),
            ("<mask>", first - CODES - 1),
            ("<code_0>", first - CODES),
            ("<code_4>", first - 1),
            ("<bin_0>", first),
            ("<bin_19>", first + BINS - 1),
        ];
        for (piece, expected) in expected {
            assert_eq!(id(piece), Some(expected), "{piece}");
        }
        assert_eq!(published.tokenizer.get_vocab_size(true) as u32, first + BINS);
        assert_cut(published, "texts", "fairseq");
    }
}

#[test]
fn tokens_that_are_no_text_stay_where_a_vocabulary_has_them_already() {
    let changed = tempfile::tempdir().unwrap();
    fs::copy(folder("hugging-face").join("merges.txt"), changed.path().join("merges.txt")).unwrap();
    let bytes = fs::read(folder("hugging-face").join("vocab.json")).unwrap();
    let mut ids: serde_json::Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
    let codes = (0..CODES).map(|code| format!("<code_{code}>"));
    for piece in codes.chain((0..BINS).map(|bin| format!("<bin_{bin}>"))) {
        ids.insert(piece, ids.len().into());
    }
    fs::write(changed.path().join("vocab.json"), serde_json::to_vec(&ids).unwrap()).unwrap();
    let published = read(&[changed.path().to_owned()], Some(locations())).unwrap();
    assert_eq!(published.tokenizer.token_to_id("<bin_19>"), Some(locations().first + 19));
    assert_eq!(published.tokenizer.get_vocab_size(true), ids.len());
    assert_cut(published, "texts", "fairseq");
}

#[test]
fn berts_texts_are_cut_as_bert_cuts_them_and_its_pieces_tell_whether_case_matters() {
    for (name, lower_case) in [("bert-uncased", true), ("bert-cased", false)] {
        let published = read(&[folder(name)], None).unwrap();
        assert_eq!(published.layout, Layout::WordPieces { lower_case });
        assert_cut(published, "texts", name);
    }
    let beside = tempfile::tempdir().unwrap();
    let settings = beside.path().join("tokenizer_config.json");
    fs::write(&settings, r#"{"do_lower_case": true, "model_max_length": 512}"#).unwrap();
    let published = read(&[folder("bert-cased"), settings], None).unwrap();
    assert_eq!(
        published.layout,
        Layout::WordPieces { lower_case: true },
        "what the settings say counts for more"
    );
}

#[test]
fn xlm_robertas_words_are_cut_as_sentencepiece_cuts_them() {
    let published = read(&[folder("xlm-roberta")], None).unwrap();
    assert_eq!(published.layout, Layout::SentencePieces);
    assert_eq!(published.tokenizer.get_vocab_size(true) as u64, answers()["pieces"].as_u64().unwrap());
    assert_cut(published, "of words", "xlm-roberta");
}

#[test]
fn a_ready_tokenizer_comes_before_all_others() {
    let mixed = tempfile::tempdir().unwrap();
    let published = read(&[folder("bert-cased")], None).unwrap();
    published.tokenizer.save(mixed.path().join("tokenizer.json"), false).unwrap();
    fs::write(mixed.path().join("vocab.txt"), "not read").unwrap();
    let ready = read(&[mixed.path().to_owned()], None).unwrap();
    assert_eq!(ready.layout, Layout::TokenizerJson);
    assert_eq!(ready.tokenizer.get_vocab(true), published.tokenizer.get_vocab(true));
}

/// The error of a folder with these files changed.
fn error_with(name: &str, file: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) -> VocabularyError {
    let changed = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), changed.path().join(entry.file_name())).unwrap();
    }
    let file = changed.path().join(file);
    match change(fs::read(&file).unwrap()) {
        Some(bytes) => fs::write(&file, bytes).unwrap(),
        None => fs::remove_file(&file).unwrap(),
    }
    let ofa = matches!(name, "fairseq" | "hugging-face");
    read(&[changed.path().to_owned()], ofa.then(locations)).unwrap_err()
}

fn line(number: usize, with: &'static str) -> impl FnOnce(Vec<u8>) -> Option<Vec<u8>> {
    move |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[number - 1] = with;
        Some((lines.join("\n") + "\n").into_bytes())
    }
}

#[test]
fn what_is_no_vocabulary_is_named_with_its_file_and_place() {
    let gone = |_| None;
    let cut = |bytes: Vec<u8>| Some(bytes[..bytes.len() / 2].to_vec());
    let cases = [
        (
            error_with("fairseq", "dict.txt", gone),
            vec!["encoder.json`", "`<s>`", "found none", "`dict.txt` beside it"],
        ),
        (
            error_with("fairseq", "vocab.bpe", gone),
            vec!["`vocab.bpe`", "found only `dict.txt`, `encoder.json`"],
        ),
        (
            error_with("fairseq", "dict.txt", line(3, "270")),
            vec!["dict.txt`", "line 3", "a word and its count", "`270`"],
        ),
        (error_with("fairseq", "dict.txt", line(3, "9999 4")), vec!["line 3", "found 9999"]),
        (error_with("fairseq", "dict.txt", line(3, "269 4")), vec!["line 3", "each word once", "`269`"]),
        (
            error_with("fairseq", "dict.txt", line(4, "madeupword0009 0")),
            vec!["dict.txt`", "a piece for every byte"],
        ),
        (error_with("fairseq", "encoder.json", cut), vec!["encoder.json`", "pieces and their ids in JSON"]),
        (
            error_with("fairseq", "vocab.bpe", line(2, "a b c")),
            vec!["vocab.bpe`", "line 2", "two pieces", "`a b c`"],
        ),
        (error_with("hugging-face", "merges.txt", line(2, "z z")), vec!["merges.txt` makes no tokenizer"]),
        (
            error_with("bert-cased", "vocab.txt", line(4, "[unused1]")),
            vec!["vocab.txt`", "`[CLS]`", "a line of its own"],
        ),
        (
            error_with("bert-cased", "vocab.txt", line(2, "[CLS]")),
            vec!["line 4", "each piece once", "`[CLS]` again"],
        ),
        (error_with("bert-cased", "vocab.txt", gone), vec!["BERT's `vocab.txt`", "found nothing of them"]),
        (
            error_with("xlm-roberta", "sentencepiece.bpe.model", cut),
            vec!["sentencepiece.bpe.model`", "byte "],
        ),
    ];
    for (error, parts) in cases {
        for part in parts {
            assert!(error.to_string().contains(part), "{part} is not in: {error}");
        }
    }
    let error = read(&[folder("nowhere")], None).unwrap_err().to_string();
    assert!(error.contains("cannot read") && error.contains("nowhere"), "{error}");
    let few = Locations { first: 30, count: BINS };
    let error = read(&[folder("fairseq")], Some(few)).unwrap_err().to_string();
    assert!(error.contains("at most 30 words before `<bin_0>`, the network's `first_bin`"), "{error}");
    let error = read(&[folder("fairseq")], None).unwrap_err().to_string();
    assert!(error.contains("BERT's `vocab.txt`") && error.contains("only `dict.txt`"), "{error}");
}
