//! From a published checkpoint to a stage of a bundle: renamed, checked strictly, asked its self-test, then put in place.

use std::fs;
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use crate::checkpoint::{Checkpoint, CheckpointError, Family, Float, Report, convert};
use crate::domain::Stage;
use crate::expand::PhraseTemplate;

use super::blank::{ENTAIL_PROMPT, GROUND_PROMPT};
use super::error::Fault;
use super::open::MANIFEST;
use super::{BundleError, Manifest, SelfTestError, write_manifest, write_unfilled};

/// What is imported.
#[derive(Debug, Clone)]
pub struct Import {
    /// For which stage.
    pub stage: Stage,
    /// The published file.
    pub from: PathBuf,
    /// The published size, such as `ofa-large`; none where `network` has all dimensions.
    pub preset: Option<String>,
    /// Dimensions that differ from the preset's, or all.
    pub network: toml::Table,
    /// The network's `tokenizer.json`; not for the segmenter.
    pub tokenizer: Option<PathBuf>,
    /// In what the weights are stored; as published if not given.
    pub stored: Option<Float>,
    /// Anything else of the stage, such as `prompt`, `threshold`, `beam`, `precision`.
    pub settings: toml::Table,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its weights do not fit the network, or the bundle cannot be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The network does not answer.
    #[error(transparent)]
    SelfTest(#[from] SelfTestError),
    /// The checkpoint is of a network that does something else.
    #[error("`{}` holds {family}, which cannot serve the stage `{stage}`: expected {expected}", file.display())]
    OtherNetwork {
        /// The published file.
        file: PathBuf,
        /// What it holds.
        family: Family,
        /// The stage asked for.
        stage: Stage,
        /// What would serve it.
        expected: &'static str,
    },
    /// The tokenizer cannot be read.
    #[error("cannot read the tokenizer `{}`", file.display())]
    Tokenizer {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: tokenizers::Error,
    },
}

impl Import {
    /// Imports into the bundle in `out`, which is begun where there is none. The stage appears whole or not at all.
    ///
    /// # Errors
    /// [`ImportError`]; then the bundle is as it was.
    pub fn run(&self, out: &Path) -> Result<Report, ImportError> {
        let checkpoint = Checkpoint::open(&self.from)?;
        let family = Family::of(&checkpoint)?;
        let architecture = self.architecture(family)?;
        let unwritable = |source| BundleError::Write { file: out.to_owned(), source };
        fs::create_dir_all(out).map_err(unwritable)?;
        let mut bundle = begun(out)?;

        // Everything is tried in a folder of its own first, which goes when it is dropped.
        let trial = tempfile::Builder::new().prefix(".import").tempdir_in(out).map_err(unwritable)?;
        let weights = format!("{}.safetensors", self.stage);
        let tokenizer = self.tokenizer.as_ref().map(|_| format!("{}.tokenizer.json", self.stage));
        let report = convert(&checkpoint, family, &trial.path().join(&weights), self.stored)?;
        if let (Some(from), Some(to)) = (&self.tokenizer, &tokenizer) {
            let copied = fs::copy(from, trial.path().join(to));
            copied.map_err(|source| BundleError::Read { file: from.clone(), source })?;
        }
        let alone = Manifest { recognise: None, entail: None, ground: None, segment: None, ..bundle.clone() };
        let alone = Manifest { lexicon: None, ..alone };
        let part = self.part(architecture, &weights, tokenizer.as_deref());
        let alone = with_part(alone, self.stage, part, out)?;
        self.check_tokenizer(&alone)?;
        write_manifest(trial.path(), alone)?;

        let tried = read_manifest(&trial.path().join(MANIFEST))?;
        for file in [Some(&weights), tokenizer.as_ref()].into_iter().flatten() {
            fs::rename(trial.path().join(file), out.join(file)).map_err(unwritable)?;
        }
        match self.stage {
            Stage::Recognise => bundle.recognise = tried.recognise,
            Stage::Entail => bundle.entail = tried.entail,
            Stage::Ground => bundle.ground = tried.ground,
            Stage::Segment => bundle.segment = tried.segment,
        }
        write_unfilled(out, &bundle)?;
        Ok(report)
    }

    /// The network that a family's checkpoints are of, as a manifest calls it.
    fn architecture(&self, family: Family) -> Result<&'static str, ImportError> {
        let bert = self.preset.as_deref().is_some_and(|preset| preset.starts_with("bert"));
        let (architecture, expected) = match (self.stage, family) {
            (Stage::Recognise, Family::AdaSeq) => {
                (Some(if bert { "bert-crf" } else { "xlm-roberta-crf" }), "")
            }
            (Stage::Recognise, _) => (None, "a tagger with its CRF, as AdaSeq saves it"),
            (Stage::Entail | Stage::Ground, Family::Ofa | Family::OfaFairseq) => (Some("ofa"), ""),
            (Stage::Entail, Family::Albef) => (Some("albef"), ""),
            (Stage::Entail, _) => (None, "an OFA or an ALBEF"),
            (Stage::Ground, _) => (None, "an OFA"),
            (Stage::Segment, Family::Sam | Family::SamOriginal) => (Some("sam"), ""),
            (Stage::Segment, _) => (None, "a SAM"),
        };
        architecture.ok_or_else(|| ImportError::OtherNetwork {
            file: self.from.clone(),
            family,
            stage: self.stage,
            expected,
        })
    }

    /// The stage's part of the manifest, without hashes.
    fn part(&self, architecture: &str, weights: &str, tokenizer: Option<&str>) -> toml::Table {
        let file = |name: &str| toml::Table::from_iter([("file", name), ("sha256", UNKNOWN)].map(entry));
        let mut network = self.network.clone();
        network.extend([entry(("architecture", architecture))]);
        network.extend(self.preset.as_deref().map(|preset| entry(("preset", preset))));
        let mut part = toml::Table::new();
        match (self.stage, architecture) {
            (Stage::Entail, "albef") => part.extend([entry(("prompt", "{phrase}"))]),
            (Stage::Entail, _) => part.extend([entry(("prompt", ENTAIL_PROMPT))]),
            (Stage::Ground, _) => part.extend([entry(("prompt", GROUND_PROMPT))]),
            (Stage::Recognise | Stage::Segment, _) => {}
        }
        if self.stage == Stage::Entail {
            part.insert("threshold".to_owned(), 0.5.into());
        }
        if self.stage == Stage::Ground {
            part.insert("beam".to_owned(), 5.into());
        }
        part.extend(self.settings.clone());
        part.insert("weights".to_owned(), file(weights).into());
        part.extend(tokenizer.map(|name| ("tokenizer".to_owned(), file(name).into())));
        part.insert("network".to_owned(), network.into());
        part
    }

    /// A tokenizer may not know more pieces than its network has rows.
    fn check_tokenizer(&self, manifest: &Manifest) -> Result<(), ImportError> {
        let Some(file) = &self.tokenizer else { return Ok(()) };
        let tokenizer = Tokenizer::from_file(file);
        let tokenizer = tokenizer.map_err(|source| ImportError::Tokenizer { file: file.clone(), source })?;
        let rows = match self.stage {
            Stage::Recognise => manifest.recognise.as_ref().map(|part| part.network.config().vocabulary),
            Stage::Entail => manifest.entail.as_ref().map(|part| part.network.reads().0),
            Stage::Ground => manifest.ground.as_ref().map(|part| part.network.reads().0),
            Stage::Segment => None,
        };
        let pieces = tokenizer.get_vocab_size(true);
        match rows {
            Some(rows) if pieces as i64 > rows => {
                let fault = Fault::new("vocabulary", format!("at most the network's {rows} rows"), pieces);
                Err(BundleError::Unfit { file: file.clone(), faults: vec![fault] }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Stands for a hash until the file is there.
const UNKNOWN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn entry((key, value): (&str, &str)) -> (String, toml::Value) {
    (key.to_owned(), value.into())
}

/// The manifest of the bundle in a folder, or of one without stages.
fn begun(out: &Path) -> Result<Manifest, BundleError> {
    let file = out.join(MANIFEST);
    if file.exists() {
        return read_manifest(&file);
    }
    let name =
        out.file_name().map_or_else(|| "imported".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Manifest {
        name,
        version: "1".to_owned(),
        made: "`riveg bundle import` of published checkpoints".to_owned(),
        entity_types: ["LOC", "ORG", "OTHER", "PER"].map(str::to_owned).to_vec(),
        lexicon: None,
        phrase: PhraseTemplate::default(),
        recognise: None,
        entail: None,
        ground: None,
        segment: None,
    })
}

fn read_manifest(file: &Path) -> Result<Manifest, BundleError> {
    let text = fs::read_to_string(file);
    Manifest::parse(file, &text.map_err(|source| BundleError::Read { file: file.to_owned(), source })?)
}

/// A manifest with a part given as a table, read as if it had been written.
fn with_part(
    manifest: Manifest,
    stage: Stage,
    part: toml::Table,
    out: &Path,
) -> Result<Manifest, BundleError> {
    let file = out.join(MANIFEST);
    let format = |message: String| BundleError::Format {
        file: file.clone(),
        format: "the manifest of a bundle with this stage",
        message,
    };
    let mut table = toml::Table::try_from(manifest).map_err(|error| format(error.to_string()))?;
    table.insert(stage.as_str().to_owned(), part.into());
    Manifest::parse(&file, &table.to_string())
}
