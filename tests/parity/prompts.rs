//! Prompts: 200 phrases become the ids of the authors' own code, for each network that is asked phrases. `prompts.py` made
//! the goldens.

use std::fs;
use std::path::{Path, PathBuf};

use riveg::domain::Stage;
use riveg::networks::bundle::Recipe;
use riveg::networks::descriptor::{Descriptor, EntailDescriptor, GroundDescriptor};
use riveg::stages::prompt::{CaptionStyle, PhraseEncoder, PromptEncoder, WordList};
use riveg::stages::vocabulary::{Locations, read};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::parity_compared::Original;

const ORIGINAL: Original =
    Original { network: "prompts", size: "tiny", reference: "transformers 4.30.2, readers in Python" };
/// What OFA reads, and BERT.
const LONGEST: (usize, usize) = (1024, 512);

fn goldens() -> Value {
    serde_json::from_str(include_str!("prompts.json")).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The vocabulary of word pieces in the layout in which BERT's is published.
fn word_pieces(goldens: &Value) -> Tokenizer {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vocab.txt"), texts(&goldens["pieces"]).join("\n") + "\n").unwrap();
    read(&[folder.path().to_owned()], None).unwrap().tokenizer
}

fn byte_pairs() -> Tokenizer {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vocabularies/files/hugging-face");
    read(&[folder], Some(Locations { first: 414, count: 20 })).unwrap().tokenizer
}

/// The question of a recipe for OFA.
fn question(recipe: &str, stage: Stage) -> PhraseEncoder {
    let gate =
        EntailDescriptor::ALL.iter().map(|known| &known.architecture).find(|known| known.name == "ofa");
    let found = Recipe::named(recipe).unwrap();
    let template = found.question(recipe, (stage, gate.unwrap())).unwrap().unwrap().to_owned();
    PromptEncoder::new(byte_pairs(), &template, LONGEST.0).unwrap().into()
}

/// The encoder of each column.
fn encoders(goldens: &Value) -> Vec<(&'static str, PhraseEncoder)> {
    let albef = PromptEncoder::new(word_pieces(goldens), "{phrase}", LONGEST.1).unwrap();
    let words = |most| PhraseEncoder::from(WordList::new(texts(&goldens["words"]), most).unwrap());
    vec![
        ("riveg", question("riveg", Stage::Entail)),
        ("ofa-snli-ve", question("ofa-snli-ve", Stage::Entail)),
        ("ofa-refcoco", question("ofa-refcoco", Stage::Ground)),
        ("albef", albef.with_style(CaptionStyle::Albef).into()),
        ("seqtr 15", words(15)),
        ("seqtr 30", words(30)),
    ]
}

/// Ids of three hexadecimal digits each.
fn ids(text: &str) -> Vec<u32> {
    (0..text.len())
        .step_by(3)
        .map(|start| u32::from_str_radix(&text[start..start + 3], 16).unwrap())
        .collect()
}

#[test]
fn phrases_have_the_ids_of_the_authors_code() {
    let goldens = goldens();
    let cases = goldens["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 200);
    let template = Recipe::named("riveg").unwrap().phrase.unwrap();
    let mut faults = Vec::new();
    for (column, encoder) in encoders(&goldens) {
        let mut compared = 0;
        for case in cases {
            let text = |key: &str| case[key].as_str().unwrap();
            let phrase = template.fill(text("entity"), text("type"), Some(text("expansion")));
            assert_eq!(phrase, text("phrase"));
            let (ours, theirs) = (encoder.encode(&phrase, text("caption")), ids(text(column)));
            assert!(!theirs.is_empty());
            if ours != theirs {
                faults.push(format!(
                    "{column}: {phrase:?} about {:?}: {ours:?}, not {theirs:?}",
                    text("caption")
                ));
            }
            compared += theirs.len();
        }
        ORIGINAL.note("decisions", compared as f64);
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), 6 * cases.len(), faults.join("\n"));
}

#[test]
fn the_questions_of_grounding_are_those_of_recipes_too() {
    let grounder = GroundDescriptor::ALL.iter().find(|known| known.architecture.name == "ofa").unwrap();
    for recipe in ["riveg", "ofa-refcoco"] {
        let found = Recipe::named(recipe).unwrap();
        let template = found.question(recipe, (Stage::Ground, &grounder.architecture)).unwrap();
        assert_eq!(template, Some(grounder.prompt), "{recipe}");
    }
}
