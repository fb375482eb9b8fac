//! Published repositories: those that the shipped recipes name, with the tiny files that `tests/fetch/make.py` made in the
//! published layouts.

use std::fs;
use std::path::Path;

use super::{LocalHub, Repository};

/// The settings of the vocabulary are left out where they may be missing.
const BERT: [&str; 3] = ["config.json", "model.safetensors", "vocab.txt"];
const DINO: [&str; 4] = ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"];
const SAM2: [&str; 2] = ["config.json", "model.safetensors"];

/// A file of the folder `tests`.
///
/// # Panics
/// It cannot be read.
pub(crate) fn file(path: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A repository with these files of `tests`, with the names that they have there.
pub(crate) fn repository<'a>(paths: impl IntoIterator<Item = &'a str>) -> Repository {
    Repository::of(paths.into_iter().map(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        (name.to_owned(), file(path))
    }))
}

/// A repository with these files of a folder of `tests/fetch/files`.
fn made(folder: &str, names: &[&str]) -> Repository {
    let paths: Vec<String> = names.iter().map(|name| format!("fetch/files/{folder}/{name}")).collect();
    repository(paths.iter().map(String::as_str))
}

impl LocalHub {
    /// Puts all repositories of the recipes `tweets-light`, `tweets-large` and `endpoint` into the hub, under their
    /// published names.
    pub(crate) fn put_published(&self) {
        self.put("dslim/bert-base-NER", made("bert", &BERT));
        let xlm_roberta = repository([
            "fetch/files/xlm-roberta/config.json",
            "fetch/files/xlm-roberta/model.safetensors",
            "vocabularies/files/xlm-roberta/sentencepiece.bpe.model",
        ]);
        self.put("FacebookAI/xlm-roberta-large-finetuned-conll03-english", xlm_roberta);
        let (dino, sam2) = (made("grounding-dino", &DINO), made("sam2", &SAM2));
        for size in ["tiny", "base"] {
            self.put(&format!("IDEA-Research/grounding-dino-{size}"), dino.clone());
        }
        for size in ["tiny", "small", "large"] {
            self.put(&format!("facebook/sam2.1-hiera-{size}"), sam2.clone());
        }
    }
}
