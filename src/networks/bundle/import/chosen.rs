//! Network of an import: which descriptor of the stage takes the checkpoint's family, and whether the checkpoint was
//! trained for the stage.

use super::config::is_of;
use super::recipe::Recipe;
use super::request::Import;
use crate::domain::Stage;
use crate::networks::checkpoint::{Checkpoint, Family, Renamed};
use crate::networks::descriptor::{
    Architecture, ConfigJson, Descriptor, EntailDescriptor, GroundDescriptor, ImportError, Importing,
    RecogniseDescriptor, RetrieveDescriptor, SegmentDescriptor,
};
use crate::stages::expand::PhraseTemplate;

/// What the descriptor of an imported network says.
pub(super) struct Chosen {
    pub(super) architecture: &'static Architecture,
    pub(super) importing: &'static Importing,
    /// The stage's settings that users need not give.
    pub(super) settings: toml::Table,
    /// How phrases read by the recipe; none: as those of the bundle.
    pub(super) phrase: Option<PhraseTemplate>,
    /// Why the question is what it is, for people.
    pub(super) why: Option<String>,
}

impl Import {
    /// The network that is made of a family's checkpoints, of several the one that a `config.json` describes.
    pub(super) fn chosen(
        &self,
        family: &'static Family,
        config: Option<&ConfigJson>,
    ) -> Result<Chosen, ImportError> {
        let of = |architecture, importing, settings: &[(&str, toml::Value)]| {
            let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            Chosen { architecture, importing, settings, phrase: None, why: None }
        };
        Ok(match self.stage {
            Stage::Retrieve => {
                let known = self.descriptor::<RetrieveDescriptor>(family, config)?;
                of(&known.architecture, &known.importing, &[])
            }
            Stage::Recognise => {
                let known = self.descriptor::<RecogniseDescriptor>(family, config)?;
                of(&known.architecture, &known.importing, &[])
            }
            Stage::Entail => {
                let known = self.descriptor::<EntailDescriptor>(family, config)?;
                let settings =
                    [("prompt", known.prompt.into()), ("threshold", f64::from(known.threshold).into())];
                of(&known.architecture, &known.importing, &settings)
            }
            Stage::Ground => {
                let known = self.descriptor::<GroundDescriptor>(family, config)?;
                let settings = [("prompt", known.prompt.into()), ("beam", (known.beam as i64).into())];
                of(&known.architecture, &known.importing, &settings)
            }
            Stage::Segment => {
                let known = self.descriptor::<SegmentDescriptor>(family, config)?;
                of(&known.architecture, &known.importing, &[])
            }
        })
    }

    /// The network with the question and the phrases of its recipe: the one that is named, or else the one that the
    /// checkpoint's kind decides, of which the question alone counts.
    pub(super) fn with_recipe(&self, checkpoint: &Checkpoint, chosen: Chosen) -> Result<Chosen, ImportError> {
        let mut chosen = chosen;
        let of = (self.stage, chosen.architecture);
        let question = if let Some(name) = &self.recipe {
            let recipe = Recipe::named(name)?;
            chosen.why = Some(format!("recipe `{name}`: {}", recipe.about));
            let question = recipe.question(name, of)?.map(str::to_owned);
            chosen.phrase = recipe.phrase;
            question
        } else if let Some((name, why)) = chosen.importing.recipe.map(|decide| decide(checkpoint)) {
            chosen.why = Some(format!("recipe `{name}`: {why}"));
            Recipe::named(name)?.question(name, of)?.map(str::to_owned)
        } else {
            None
        };
        chosen.settings.extend(question.map(|question| ("prompt".to_owned(), question.into())));
        Ok(chosen)
    }

    /// Of the stage's networks that are made of a family's checkpoints the one of the preset, or that of the
    /// `config.json`, or else the first.
    fn descriptor<D: Descriptor>(
        &self,
        family: &'static Family,
        config: Option<&ConfigJson>,
    ) -> Result<&'static D, ImportError> {
        let taking = || D::ALL.iter().copied().filter(|known| known.importing().families.contains(&family));
        let preset = self.preset.as_deref().unwrap_or_default();
        let of_preset = taking().find(|known| known.architecture().published.contains(&preset));
        let described = |known: &&'static D| {
            let published = known.importing().config.as_ref();
            published
                .is_some_and(|published| config.is_some_and(|config| is_of(config, published.model_types)))
        };
        let chosen = of_preset.or_else(|| taking().find(described)).or_else(|| taking().next());
        chosen.ok_or_else(|| ImportError::OtherNetwork {
            file: self.from.clone(),
            family,
            stage: self.stage,
            expected: expected::<D>(family),
        })
    }

    /// Refuses a checkpoint without the head that the stage needs, which strict loading would find missing without
    /// knowing why.
    pub(super) fn check_trained(
        &self,
        checkpoint: &Checkpoint,
        family: &'static Family,
    ) -> Result<(), ImportError> {
        let Some((key, expected)) = family.head else { return Ok(()) };
        if checkpoint.names().any(|name| family.rename(name) == Renamed::Keep(key.to_owned())) {
            return Ok(());
        }
        Err(ImportError::NotTaught { file: self.from.clone(), family, stage: self.stage, key, expected })
    }

    /// Refuses a checkpoint that says that it was trained for another task.
    pub(super) fn check_task(
        &self,
        checkpoint: &Checkpoint,
        importing: &Importing,
    ) -> Result<(), ImportError> {
        let other = importing.other_tasks.iter().find(|(name, _)| checkpoint.shape(name).is_some());
        if let Some((name, task)) = other {
            let (key, found) = ((*name).to_owned(), (*task).to_owned());
            return Err(ImportError::OtherHead { file: self.from.clone(), stage: self.stage, key, found });
        }
        let (Some(expected), Some(task)) = (importing.task, &checkpoint.settings().task) else {
            return Ok(());
        };
        if task.value == expected {
            return Ok(());
        }
        Err(ImportError::OtherTask {
            file: self.from.clone(),
            stage: self.stage,
            key: task.key.clone(),
            expected,
            found: task.value.escape_debug().to_string(),
        })
    }
}

/// The networks that would serve the stage, and what a checkpoint of this family lacks.
fn expected<D: Descriptor>(family: &'static Family) -> String {
    let importing = || D::ALL.iter().copied().map(D::importing);
    let mut nouns: Vec<&str> =
        importing().filter(|one| !one.families.is_empty()).map(|one| one.noun).collect();
    nouns.dedup();
    if nouns.is_empty() {
        let all: Vec<&str> = importing().map(|one| one.noun).collect();
        return format!("{}, of which no checkpoint is published", all.join(" or "));
    }
    let nouns = nouns.join(" or ");
    let untrained = importing().flat_map(|one| one.untrained).find(|(known, _)| *known == family);
    untrained.map_or_else(|| nouns.clone(), |(_, why)| format!("{nouns}; {why}"))
}
