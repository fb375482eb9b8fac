//! `config.json` of an import: whether it is of a network that serves the stage, and the dimensions that it gives.

use toml::Table;

use super::request::Import;
use crate::domain::Stage;
use crate::networks::descriptor::{
    Architecture, ConfigJson, Descriptor, Dimensions, EntailDescriptor, GroundDescriptor, ImportError,
    Importing, RecogniseDescriptor, RetrieveDescriptor, SegmentDescriptor,
};
use crate::networks::weights::{BundleError, Fault};

impl Import {
    /// Refuses a folder whose `config.json` is of networks that do not serve the stage.
    pub(super) fn check_config(&self, config: &ConfigJson) -> Result<(), ImportError> {
        let fault = match self.stage {
            Stage::Retrieve => fault::<RetrieveDescriptor>(config),
            Stage::Recognise => fault::<RecogniseDescriptor>(config),
            Stage::Entail => fault::<EntailDescriptor>(config),
            Stage::Ground => fault::<GroundDescriptor>(config),
            Stage::Segment => fault::<SegmentDescriptor>(config),
        };
        let Some(fault) = fault else { return Ok(()) };
        let fault =
            Fault { expected: format!("{}, for the stage `{}`", fault.expected, self.stage), ..fault };
        Err(BundleError::Unfit { file: config.file().to_owned(), faults: vec![fault] }.into())
    }

    /// The network's dimensions by its `config.json`, without those that the user gives, and what was decided.
    pub(super) fn dimensions_of(
        &self,
        config: &ConfigJson,
        (architecture, importing): (&Architecture, &Importing),
    ) -> Result<(Table, Vec<String>), ImportError> {
        let published = importing.config.as_ref().filter(|published| is_of(config, published.model_types));
        let Some(published) = published else { return Ok((Table::new(), Vec::new())) };
        let unfit = |fault| BundleError::Unfit { file: config.file().to_owned(), faults: vec![fault] };
        let dimensions = (published.dimensions)(config).map_err(unfit)?.named(architecture);
        let file = config.file().display();
        let Some(preset) = &self.preset else {
            let named = dimensions.preset.as_ref().map(|name| format!(": those of `{name}`"));
            let note = format!("`{file}` gives the dimensions{}", named.unwrap_or_default());
            return Ok((dimensions.written(architecture), vec![note]));
        };
        // An unknown preset is reported where the manifest is read.
        let asked = Dimensions::of_preset(architecture, preset);
        let other =
            asked.map(|asked| asked.differing(&dimensions).join("`, `")).filter(|other| !other.is_empty());
        let warning = other.map(|other| {
            format!(
                "warning: `{file}` gives another `{other}` than `{preset}`, which was asked for and holds"
            )
        });
        Ok((Table::new(), warning.into_iter().collect()))
    }
}

/// Whether a `config.json` is of one of these kinds of network.
pub(super) fn is_of(config: &ConfigJson, model_types: &[&str]) -> bool {
    config.model_type().is_some_and(|found| model_types.contains(&found))
}

/// Why no network of the stage is made of what a `config.json` describes; nothing where one is. Weights that say nothing
/// of their kind are known by their tensors alone.
fn fault<D: Descriptor>(config: &ConfigJson) -> Option<Fault> {
    let found = config.model_type()?;
    let known = || D::ALL.iter().filter_map(|known| known.importing().config.as_ref());
    let of_type = || known().filter(|known| is_of(config, known.model_types));
    if of_type().next().is_none() {
        let expected = listed(known().flat_map(|known| known.model_types));
        return Some(Fault::new("model_type", expected, format!("`{}`", found.escape_debug())));
    }
    let classes = config.architectures();
    let serves = |allowed: &[&str]| {
        allowed.is_empty() || classes.is_empty() || classes.iter().any(|class| allowed.contains(class))
    };
    if of_type().any(|known| serves(known.architectures)) {
        return None;
    }
    let expected = listed(of_type().flat_map(|known| known.architectures));
    let classes = classes.join("`, `");
    Some(Fault::new("architectures", expected, format!("`{}`", classes.escape_debug())))
}

/// Names, each once.
fn listed<'name>(names: impl Iterator<Item = &'name &'static str>) -> String {
    let mut each: Vec<&str> = Vec::new();
    for name in names {
        if !each.contains(name) {
            each.push(name);
        }
    }
    match each.as_slice() {
        [] => "a network whose `config.json` can be read (there is none here: give the weights' file and `--preset`)".to_owned(),
        each => format!("`{}`", each.join("` or `")),
    }
}
