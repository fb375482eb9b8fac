//! What does a bundle's manifest say? `bundle.toml`: for each stage its network, its files and how it is asked.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::expand::PhraseTemplate;
use crate::models::ofa::OfaConfig;
use crate::models::sam::SamConfig;
use crate::models::tagger::TaggerConfig;
use crate::prompt::PHRASE;

use super::error::{BundleError, Fault};

/// The manifest. Its hash names the bundle, since it holds the hashes of all other files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What the bundle is called.
    pub name: String,
    /// Which edition of it.
    pub version: String,
    /// How it was made: the command, its seed, its data, its scores; for people.
    pub made: String,
    /// The entity types that its tagger knows; its labels are those of the types in alphabetical order.
    pub entity_types: Vec<String>,
    /// What is known of names: JSONL of surface, type, expansion.
    pub lexicon: Option<FileEntry>,
    /// How an entity reads with its expansion, and without.
    #[serde(default)]
    pub phrase: PhraseTemplate,
    /// Which entities does the text name?
    pub recognise: Recognise,
    /// Does the picture show it?
    pub entail: Entail,
    /// Where?
    pub ground: Ground,
    /// Which pixels?
    pub segment: Segment,
}

/// A file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name, in the bundle's folder.
    pub file: String,
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    /// A file whose hash is not known yet: [`write_manifest`](super::write_manifest) fills it in.
    #[must_use]
    pub fn named(file: &str) -> Self {
        Self { file: file.to_owned(), sha256: String::new() }
    }
}

/// The tagger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// What kind of network.
    pub architecture: TaggerArchitecture,
    /// Its weights, safetensors.
    pub weights: FileEntry,
    /// Its vocabulary, `tokenizer.json`.
    pub tokenizer: FileEntry,
    /// Its dimensions.
    pub network: TaggerConfig,
}

/// The gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entail {
    /// What kind of network.
    pub architecture: OfaArchitecture,
    /// Its weights, safetensors.
    pub weights: FileEntry,
    /// Its vocabulary, `tokenizer.json`.
    pub tokenizer: FileEntry,
    /// What it is asked; `{phrase}` stands for the phrase.
    pub prompt: String,
    /// The probability of `yes` and `maybe` together from which a picture is taken to show the entity.
    pub threshold: f32,
    /// Its dimensions.
    pub network: OfaConfig,
}

/// The grounder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// What kind of network.
    pub architecture: OfaArchitecture,
    /// Its weights, safetensors.
    pub weights: FileEntry,
    /// Its vocabulary, `tokenizer.json`.
    pub tokenizer: FileEntry,
    /// What it is asked; `{phrase}` stands for the phrase.
    pub prompt: String,
    /// Boxes that are followed at a time while one is decoded.
    pub beam: usize,
    /// Its dimensions.
    pub network: OfaConfig,
}

/// The segmenter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// What kind of network.
    pub architecture: SamArchitecture,
    /// Its weights, safetensors.
    pub weights: FileEntry,
    /// Its dimensions.
    pub network: SamConfig,
}

/// The networks that tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaggerArchitecture {
    /// XLM-R with a linear-chain CRF.
    #[serde(rename = "xlm-roberta-crf")]
    XlmRobertaCrf,
}

/// The networks that answer about a phrase and a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OfaArchitecture {
    /// One for all: a ResNet trunk with an encoder and a decoder.
    #[serde(rename = "ofa")]
    Ofa,
}

/// The networks that segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SamArchitecture {
    /// Segment Anything with box prompts.
    #[serde(rename = "sam")]
    Sam,
}

impl Manifest {
    /// Parses and checks a manifest; `file` is for errors.
    ///
    /// # Errors
    /// The first fault of form with its line, or all faults of content together.
    pub fn parse(file: &Path, text: &str) -> Result<Self, BundleError> {
        let manifest: Self = toml::from_str(text).map_err(|error| BundleError::Format {
            file: file.to_owned(),
            format: "a bundle's manifest",
            message: error.to_string().trim_end().to_owned(),
        })?;
        let faults = manifest.faults();
        if faults.is_empty() {
            Ok(manifest)
        } else {
            Err(BundleError::Unfit { file: file.to_owned(), faults })
        }
    }

    /// All files that it names, with the keys under which it does.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &FileEntry)> {
        let stages = [
            ("recognise.weights", &self.recognise.weights),
            ("recognise.tokenizer", &self.recognise.tokenizer),
            ("entail.weights", &self.entail.weights),
            ("entail.tokenizer", &self.entail.tokenizer),
            ("ground.weights", &self.ground.weights),
            ("ground.tokenizer", &self.ground.tokenizer),
            ("segment.weights", &self.segment.weights),
        ];
        stages.into_iter().chain(self.lexicon.as_ref().map(|lexicon| ("lexicon", lexicon)))
    }

    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut FileEntry> {
        let stages = [
            &mut self.recognise.weights,
            &mut self.recognise.tokenizer,
            &mut self.entail.weights,
            &mut self.entail.tokenizer,
            &mut self.ground.weights,
            &mut self.ground.tokenizer,
            &mut self.segment.weights,
        ];
        stages.into_iter().chain(self.lexicon.as_mut())
    }

    /// All that no engine could run.
    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut expect = |right: bool, key: &str, expected: &str, found: String| {
            if !right {
                faults.push(Fault::new(key, expected, found));
            }
        };
        for (key, text) in [("name", &self.name), ("version", &self.version), ("made", &self.made)] {
            expect(!text.trim().is_empty(), key, "some text", "none".to_owned());
        }
        for (key, entry) in self.files() {
            // One folder, and nothing outside it.
            let plain =
                !entry.file.is_empty() && !entry.file.starts_with('.') && !entry.file.contains(['/', '\\']);
            expect(
                plain,
                &format!("{key}.file"),
                "the name of a file in the bundle",
                format!("`{}`", entry.file),
            );
            let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            let hash = entry.sha256.len() == 64 && entry.sha256.bytes().all(hex);
            let found = format!("`{}`", entry.sha256);
            expect(hash, &format!("{key}.sha256"), "64 lower-case hexadecimal digits", found);
        }
        for (index, name) in self.entity_types.iter().enumerate() {
            let new = !name.is_empty() && !self.entity_types[..index].contains(name);
            expect(new, "entity_types", "different names", format!("{:?}", self.entity_types));
        }
        let labels = 4 * self.entity_types.len() as i64 + 1;
        let expected = format!("{labels}, which is 1 and 4 for each entity type");
        let found = self.recognise.network.labels;
        expect(found == labels, "recognise.network.labels", &expected, found.to_string());
        for (key, prompt) in [("entail.prompt", &self.entail.prompt), ("ground.prompt", &self.ground.prompt)]
        {
            let once = prompt.matches(PHRASE).count() == 1;
            expect(once, key, "a text with one `{phrase}`", format!("`{prompt}`"));
        }
        let threshold = self.entail.threshold;
        expect((0.0..=1.0).contains(&threshold), "entail.threshold", "a probability", threshold.to_string());
        let beam = self.ground.beam;
        let most = self.ground.network.bins as usize;
        expect((1..=most).contains(&beam), "ground.beam", &format!("1 to {most}"), beam.to_string());

        let networks = [
            ("recognise.network", self.recognise.network.check().map_err(|error| error.to_string())),
            ("entail.network", self.entail.network.check().map_err(|error| error.to_string())),
            ("ground.network", self.ground.network.check().map_err(|error| error.to_string())),
            ("segment.network", self.segment.network.validate().map_err(|error| error.to_string())),
        ];
        for (key, checked) in networks {
            expect(checked.is_ok(), key, "dimensions of a network", checked.err().unwrap_or_default());
        }
        faults
    }
}
