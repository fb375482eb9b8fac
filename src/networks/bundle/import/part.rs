//! What does the manifest say of an imported stage? The network that its family is of, and what users did not say.

use std::path::Path;

use super::{Import, ImportError, TOKENIZER, WEIGHTS, read_manifest};
use crate::domain::Stage;
use crate::networks::albef::AlbefConfig;
use crate::networks::blocks::preset::Preset;
use crate::networks::bundle::blank::{BEAM, ENTAIL_PROMPT, GROUND_PROMPT, GROUND_SIDE, empty};
use crate::networks::bundle::open::MANIFEST;
use crate::networks::bundle::{BundleError, Manifest};
use crate::networks::checkpoint::{Checkpoint, Family, Renamed};
use crate::networks::ofa::OfaConfig;
use crate::networks::sam::SamConfig;
use crate::networks::tagger::TaggerConfig;

/// The side of pictures, as an OFA's dimensions call it.
const SIDE: &str = "patch_image_size";

impl Import {
    /// The network that a family's checkpoints are of, as a manifest calls it.
    pub(super) fn architecture(&self, family: Family) -> Result<&'static str, ImportError> {
        let bert = self.preset.as_deref().is_some_and(|preset| preset.starts_with("bert"));
        let (architecture, expected) = match (self.stage, family) {
            (Stage::Retrieve, _) => (None, "a UMT, of which no checkpoint is published"),
            (Stage::Recognise, Family::AdaSeq) => {
                (Some(if bert { "bert-crf" } else { "xlm-roberta-crf" }), "")
            }
            (Stage::Recognise, Family::TextEncoder) => (
                None,
                "a tagger with its CRF, as AdaSeq saves it; this is the encoder alone, without `linear` and `crf`, which \
                 say what entities are: it must be fine-tuned on tagged posts first",
            ),
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

    /// Refuses a checkpoint without the head that the stage needs, which strict loading would find missing without
    /// knowing why.
    pub(super) fn check_taught(&self, checkpoint: &Checkpoint, family: Family) -> Result<(), ImportError> {
        let (key, expected) = match family {
            Family::Albef => ("cls_head.0.weight", "the head that says whether a picture entails a text"),
            Family::AdaSeq => ("crf.transitions", "the field that says which tags follow each other"),
            _ => return Ok(()),
        };
        if checkpoint.names().any(|name| family.rename(name) == Renamed::Keep(key.to_owned())) {
            return Ok(());
        }
        Err(ImportError::NotTaught { file: self.from.clone(), family, stage: self.stage, key, expected })
    }

    /// The stage's part of the manifest, without hashes, and what was decided for the user.
    pub(super) fn part(&self, checkpoint: &Checkpoint, architecture: &str) -> (toml::Table, Vec<String>) {
        let mut network = self.network.clone();
        network.extend([entry(("architecture", architecture))]);
        network.extend(self.preset.as_deref().map(|preset| entry(("preset", preset))));
        let note = if architecture == "ofa" { self.side(checkpoint, &mut network) } else { None };

        let mut part = toml::Table::new();
        match (self.stage, architecture) {
            (Stage::Entail, "albef") => part.extend([entry(("prompt", "{phrase}"))]),
            (Stage::Entail, _) => part.extend([entry(("prompt", ENTAIL_PROMPT))]),
            (Stage::Ground, _) => part.extend([entry(("prompt", GROUND_PROMPT))]),
            (Stage::Retrieve | Stage::Recognise | Stage::Segment, _) => {}
        }
        if self.stage == Stage::Entail {
            part.insert("threshold".to_owned(), 0.5.into());
        }
        if self.stage == Stage::Ground {
            part.insert("beam".to_owned(), (BEAM as i64).into());
        }
        part.extend(self.settings.clone());
        let file =
            |name: String| toml::Table::from_iter([("file", name.as_str()), ("sha256", UNKNOWN)].map(entry));
        part.insert("weights".to_owned(), file(format!("{}{WEIGHTS}", self.stage)).into());
        if !self.tokenizer.is_empty() {
            part.insert("tokenizer".to_owned(), file(format!("{}{TOKENIZER}", self.stage)).into());
        }
        part.insert("network".to_owned(), network.into());
        (part, note.into_iter().collect())
    }

    /// The side of an OFA's pictures: what the user says, or else what the checkpoint says, or else that at which the
    /// stage was taught. At another side it answers as surely, and wrongly.
    fn side(&self, checkpoint: &Checkpoint, network: &mut toml::Table) -> Option<String> {
        let noted = checkpoint.settings().patch_image_size.as_ref();
        match (network.get(SIDE).and_then(toml::Value::as_integer), noted) {
            (Some(given), Some(noted)) if given != noted.value => Some(format!(
                "warning: `{SIDE}` is {given}, where the checkpoint says `{}` = {}",
                noted.key, noted.value
            )),
            (Some(_), _) => None,
            (None, Some(noted)) => {
                network.insert(SIDE.to_owned(), noted.value.into());
                Some(format!("`{SIDE}` is {}, as the checkpoint's `{}` says", noted.value, noted.key))
            }
            (None, None) if self.stage == Stage::Ground && self.preset.is_some() => {
                network.insert(SIDE.to_owned(), GROUND_SIDE.into());
                Some(format!(
                    "`{SIDE}` is {GROUND_SIDE}, at which grounding was taught: the checkpoint says nothing of it"
                ))
            }
            (None, None) => None,
        }
    }
}

/// Where dimensions are missing, says which sizes would give them.
fn with_hint(message: &str, architecture: &str) -> String {
    if message.starts_with("missing field") {
        let names = presets(architecture).join("`, `");
        return format!("{message}; one of the published sizes would give it: `{names}`");
    }
    message.to_owned()
}

/// The published sizes of a network.
fn presets(architecture: &str) -> &'static [&'static str] {
    match architecture {
        "ofa" => OfaConfig::NAMES,
        "albef" => AlbefConfig::NAMES,
        "sam" => SamConfig::NAMES,
        _ => TaggerConfig::NAMES,
    }
}

/// Stands for a hash until the file is there.
const UNKNOWN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn entry((key, value): (&str, &str)) -> (String, toml::Value) {
    (key.to_owned(), value.into())
}

/// The manifest of the bundle in a folder, or of one without stages.
pub(super) fn begun(out: &Path) -> Result<Manifest, BundleError> {
    let file = out.join(MANIFEST);
    if file.exists() {
        return read_manifest(&file);
    }
    let name =
        out.file_name().map_or_else(|| "imported".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(empty(name, "`riveg bundle import` of published checkpoints".to_owned()))
}

/// What a bundle says of all stages, with one stage alone, given as a table and read as if it had been written.
pub(super) fn with_part(
    bundle: &Manifest,
    (stage, architecture): (Stage, &str),
    part: toml::Table,
    out: &Path,
) -> Result<Manifest, ImportError> {
    let none = Manifest {
        know: None,
        recognise: None,
        entail: None,
        ground: None,
        segment: None,
        lexicon: None,
        examples: None,
        ..bundle.clone()
    };
    let refused = |message: String| ImportError::Description { stage, message };
    let mut table = toml::Table::try_from(none).map_err(|error| refused(error.to_string()))?;
    table.insert(stage.as_str().to_owned(), part.into());
    // Without the text that would be quoted: nobody wrote it.
    let read = table.clone().try_into::<Manifest>();
    read.map_err(|error| refused(with_hint(error.message().trim_end(), architecture)))?;
    match Manifest::parse(&out.join(MANIFEST), &table.to_string()) {
        Err(BundleError::Unfit { faults, .. }) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Err(refused(faults.join("; ")))
        }
        parsed => Ok(parsed?),
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn pictures_have_the_side_at_which_the_stage_was_taught_unless_somebody_says_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("ofa.safetensors");
        let one = (
            "encoder.layers.0.self_attn_mid_layer_norm.weight",
            Tensor::ones([2], (Kind::Float, Device::Cpu)),
        );
        Tensor::write_safetensors(&[one], &from).unwrap();
        let checkpoint = Checkpoint::open(&from).unwrap();
        for (stage, given, expected) in [
            (Stage::Ground, "", Some(512)),
            (Stage::Ground, "patch_image_size = 384", Some(384)),
            // The preset's own.
            (Stage::Entail, "", None),
        ] {
            let import = Import {
                stage,
                from: from.clone(),
                preset: Some("ofa-large".to_owned()),
                network: given.parse().unwrap(),
                tokenizer: Vec::new(),
                stored: None,
                settings: toml::Table::new(),
            };
            let (part, notes) = import.part(&checkpoint, "ofa");
            let side = part["network"].get(SIDE).and_then(toml::Value::as_integer);
            assert_eq!(
                (side, notes.len()),
                (expected, usize::from(expected == Some(512))),
                "{stage} {given}"
            );
        }
    }
}
