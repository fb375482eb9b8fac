//! Manifest part of an imported stage: the network that its family is of, and what users did not give.

use std::path::Path;

use super::chosen::Chosen;
use super::request::{Import, TOKENIZER, WEIGHTS};
use crate::common::plain_file;
use crate::domain::Stage;
use crate::networks::bundle::manifest::{MANIFEST, Manifest};
use crate::networks::checkpoint::Checkpoint;
use crate::networks::descriptor::{Architecture, ConfigJson, ImportError};
use crate::networks::weights::BundleError;

impl Import {
    /// The stage's part of the manifest, without hashes, and what was decided for the user.
    ///
    /// What the user says of a dimension holds; then what the checkpoint says, then a `config.json` beside it.
    pub(super) fn part(
        &self,
        checkpoint: &Checkpoint,
        chosen: &Chosen,
        config: Option<&ConfigJson>,
    ) -> Result<(toml::Table, Vec<String>), ImportError> {
        let mut network = self.network.clone();
        network.extend([entry(("architecture", chosen.architecture.name))]);
        network.extend(self.preset.as_deref().map(|preset| entry(("preset", preset))));
        let described =
            config.map(|config| self.dimensions_of(config, (chosen.architecture, chosen.importing)));
        let (described, mut notes) = described.transpose()?.unwrap_or_default();
        let has_preset = self.preset.is_some() || !described.is_empty();
        notes.extend(chosen.importing.dimensions.and_then(|add| add(checkpoint, &mut network, has_preset)));
        for (key, value) in described {
            network.entry(key).or_insert(value);
        }

        let mut part = chosen.settings.clone();
        part.extend(self.settings.clone());
        let file =
            |name: String| toml::Table::from_iter([("file", name.as_str()), ("sha256", UNKNOWN)].map(entry));
        part.insert("weights".to_owned(), file(format!("{}{WEIGHTS}", self.stage)).into());
        if !self.tokenizer.is_empty() {
            part.insert("tokenizer".to_owned(), file(format!("{}{TOKENIZER}", self.stage)).into());
        }
        part.insert("network".to_owned(), network.into());
        Ok((part, notes))
    }
}

/// Where dimensions are missing, says which sizes would give them.
fn with_hint(message: &str, architecture: &Architecture) -> String {
    if message.starts_with("missing field") {
        let names = architecture.presets.join("`, `");
        return format!("{message}; one of the published sizes would give it: `{names}`");
    }
    message.to_owned()
}

/// Stands for a hash until the file is there.
const UNKNOWN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn entry((key, value): (&str, &str)) -> (String, toml::Value) {
    (key.to_owned(), value.into())
}

fn read_manifest(file: &Path) -> Result<Manifest, BundleError> {
    let text = plain_file::read_text(file);
    Manifest::parse(file, &text.map_err(|source| BundleError::Read { file: file.to_owned(), source })?)
}

/// The manifest of the bundle in a folder, or of one without stages.
pub(super) fn begun(out: &Path) -> Result<Manifest, BundleError> {
    let file = out.join(MANIFEST);
    if file.exists() {
        return read_manifest(&file);
    }
    let name =
        out.file_name().map_or_else(|| "imported".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Manifest::empty(name, "`riveg bundle import` of published checkpoints".to_owned()))
}

/// What a bundle says of all stages, with one stage alone, given as a table and read as if it had been written.
pub(super) fn with_part(
    bundle: &Manifest,
    (stage, architecture): (Stage, &Architecture),
    part: toml::Table,
    out: &Path,
) -> Result<Manifest, ImportError> {
    let none = Manifest {
        know: None,
        joint: None,
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
    use crate::networks::registry::family_of;

    /// The side of pictures, as OFA's dimensions name it.
    const SIDE: &str = "patch_image_size";

    #[test]
    fn pictures_have_the_side_at_which_the_stage_was_taught_unless_users_give_another() {
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
                recipe: None,
                network: given.parse().unwrap(),
                tokenizer: Vec::new(),
                stored: None,
                labels: super::super::request::GivenLabels::default(),
                settings: toml::Table::new(),
            };
            let chosen = import.chosen(family_of(&checkpoint).unwrap(), None).unwrap();
            let (part, notes) = import.part(&checkpoint, &chosen, None).unwrap();
            let side = part["network"].get(SIDE).and_then(toml::Value::as_integer);
            assert_eq!(
                (side, notes.len()),
                (expected, usize::from(expected == Some(512))),
                "{stage} {given}"
            );
        }
    }
}
