//! Labels of an imported tagger: their order and types, from the files beside the checkpoint or from the user, and never
//! assumed.

use std::path::PathBuf;

use serde_json::Value;

use super::published_labels::{
    ConfigFault, check_task_of_config, labels_of_config, labels_of_configuration, labels_of_mapping,
};
use super::request::{GivenLabels, Import};
use super::type_map::TypeMap;
use crate::common::plain_file;
use crate::domain::Stage;
use crate::networks::checkpoint::{Checkpoint, Family, Renamed};
use crate::networks::descriptor::ImportError;
use crate::stages::recognise::{LabelSet, TagScheme};

/// What was decided.
#[derive(Debug)]
pub(super) struct DecidedLabels {
    /// The bundle's entity types.
    pub(super) entity_types: Vec<String>,
    /// The settings of the stage that say so.
    pub(super) settings: toml::Table,
    /// For people.
    pub(super) notes: Vec<String>,
}

/// The tensor with one row for each label, by its name here.
const HEAD: &str = "linear.weight";
/// A tensor that only a CRF has, by its name here.
const FIELD: &str = "crf.transitions";
const CONFIG: &str = "config.json";
const SCHEME: &str = "scheme";

impl Import {
    /// The labels of an imported tagger; none for other stages.
    pub(super) fn labels(
        &self,
        checkpoint: &Checkpoint,
        family: &'static Family,
    ) -> Result<Option<DecidedLabels>, ImportError> {
        if self.stage != Stage::Recognise {
            let given = &self.labels;
            if given.types.is_empty() && given.labels.is_empty() && given.map == TypeMap::default() {
                return Ok(None);
            }
            let message = "it has no labels, and takes no entity types".to_owned();
            return Err(ImportError::Description { stage: self.stage, message });
        }
        let head = checkpoint.names().find(|name| family.rename(name) == Renamed::kept(HEAD));
        let rows = head.and_then(|name| Some((name, *checkpoint.shape(name)?.first()?)));
        let has_crf = checkpoint.names().any(|name| family.rename(name) == Renamed::kept(FIELD));
        let published = self.published_labels(has_crf)?;
        let GivenLabels { types, labels, map } = &self.labels;
        let (table, origin) = match (labels.is_empty(), types.is_empty(), published) {
            (false, _, _) => (labels.clone(), "`--labels`".to_owned()),
            (true, false, _) => return self.of_types(types, rows).map(Some),
            (true, true, Some((labels, file))) => (labels, format!("`{}`", file.display())),
            (true, true, None) => return Err(self.unsaid(rows)),
        };
        if let Some((name, rows)) = rows.filter(|(_, rows)| *rows != table.len()) {
            let count = table.len();
            return Err(self.refused(format!(
                "{origin} names {count} labels, but `{name}` has {rows} rows, one for each label"
            )));
        }
        let own = LabelSet::of_table(&table, &std::collections::BTreeMap::new());
        let own = own.map_err(|fault| self.refused(format!("{fault} (from {origin})")))?;
        let mapped = map.of(&own.types().iter().map(|name| name.as_str().to_owned()).collect());
        let set = LabelSet::of_table(&table, &mapped.changed);
        let set = set.map_err(|fault| self.refused(format!("{fault} after `--type-map`")))?;
        let entity_types: Vec<String> = set.types().iter().map(|name| name.as_str().to_owned()).collect();

        let scheme = format!("{:?}", set.scheme()).to_uppercase();
        let mut notes = vec![format!(
            "labels: {} from {origin}, {scheme}, types {}",
            table.len(),
            entity_types.join(" ")
        )];
        notes.extend(mapped.changed.iter().map(|(from, to)| format!("type {from} becomes {to}")));
        if !mapped.unknown.is_empty() {
            notes.push(format!("types that the map does not know are kept: {}", mapped.unknown.join(" ")));
        }
        let mut settings = toml::Table::new();
        settings.insert("labels".to_owned(), table.into());
        if !mapped.changed.is_empty() {
            let types: toml::Table = mapped.changed.into_iter().map(|(from, to)| (from, to.into())).collect();
            settings.insert("types".to_owned(), types.into());
        }
        Ok(Some(DecidedLabels { entity_types, settings, notes }))
    }

    /// The labels that the files beside the checkpoint give, and the file, in the order in which ModelScope reads them;
    /// Transformers has the last one alone. Beside a CRF it may be that of the encoder, and does not tell the task.
    fn published_labels(&self, has_crf: bool) -> Result<Option<(Vec<String>, PathBuf)>, ImportError> {
        type Read = fn(&Value) -> Result<Option<Vec<String>>, ConfigFault>;
        const FILES: [(&str, Read); 3] = [
            ("label_mapping.json", labels_of_mapping),
            ("configuration.json", labels_of_configuration),
            (CONFIG, labels_of_config),
        ];
        let Some(folder) = self.from.parent() else { return Ok(None) };
        let mut found = None;
        for (name, labels) in FILES {
            let file = folder.join(name);
            if !file.is_file() {
                continue;
            }
            let wrong = |message: String| ImportError::Labels { file: file.clone(), message };
            let text =
                plain_file::read_text(&file).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
            let content =
                serde_json::from_str(&text).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
            if name == CONFIG && !has_crf {
                check_task_of_config(&content).map_err(|fault| wrong(fault.to_string()))?;
            }
            if found.is_none() {
                let labels = labels(&content).map_err(|fault| wrong(fault.to_string()))?;
                found = labels.map(|labels| (labels, file.clone()));
            }
        }
        Ok(found)
    }

    /// Labels that are derived from types. AdaSeq sorts types; in another order the labels are written as a table.
    fn of_types(&self, types: &[String], rows: Option<(&str, usize)>) -> Result<DecidedLabels, ImportError> {
        let count = types.len();
        let mut entity_types = types.to_vec();
        entity_types.sort();
        entity_types.dedup();
        if entity_types.len() != count || types.iter().any(String::is_empty) {
            return Err(
                self.refused(format!("`--types {}` has a type twice, or an empty one", types.join(",")))
            );
        }
        let schemes = [TagScheme::Bioes, TagScheme::Bio];
        let given = self.settings.get(SCHEME).and_then(toml::Value::as_str);
        let name = |scheme: TagScheme| if scheme == TagScheme::Bioes { "bioes" } else { "bio" };
        let scheme = schemes.into_iter().find(|&scheme| {
            given.map_or_else(
                || rows.is_none_or(|(_, rows)| rows == scheme.labels(count)),
                |given| given == name(scheme),
            )
        });
        let fits = |scheme: &TagScheme| rows.is_none_or(|(_, rows)| rows == scheme.labels(count));
        let Some(scheme) = scheme.filter(fits) else {
            let (name, rows) = rows.unwrap_or((HEAD, 0));
            let [bioes, bio] = schemes.map(|scheme| scheme.labels(count));
            return Err(self.refused(format!(
                "`{name}` has {rows} rows, and {count} types make {bioes} labels in BIOES and {bio} in BIO; give all \
                 labels by row with `--labels`"
            )));
        };
        let mut settings = toml::Table::new();
        if entity_types == types {
            settings.insert(SCHEME.to_owned(), name(scheme).into());
        } else {
            settings.insert("labels".to_owned(), scheme.table(types).into());
        }
        let scheme = name(scheme).to_uppercase();
        let notes = vec![format!("labels: {scheme} of the types {} from `--types`", types.join(" "))];
        Ok(DecidedLabels { entity_types, settings, notes })
    }

    fn unsaid(&self, rows: Option<(&str, usize)>) -> ImportError {
        let rows = rows.map_or_else(String::new, |(name, rows)| format!(" (`{name}` has {rows} rows)"));
        self.refused(format!(
            "nothing says what they are{rows}: no `config.json` beside it has an `id2label` with names; give the entity \
             types in the order of its labels with `--types` (LOC,ORG,OTHER,PER for taggers of RiVEG and PGIM), or all \
             labels by row with `--labels`"
        ))
    }

    fn refused(&self, message: String) -> ImportError {
        ImportError::Labels { file: self.from.clone(), message }
    }
}
