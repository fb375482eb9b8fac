//! Architecture: a network's name in manifests, its published sizes, and how its dimensions are read and checked.

use serde::de::Error;
use toml::Table;

use crate::networks::blocks::preset::Preset;

/// A kind of network, whose dimensions a manifest gives.
#[derive(Debug, Clone, Copy)]
pub struct Architecture {
    /// Its name in manifests.
    pub name: &'static str,
    /// Published sizes with which a bundle can begin.
    pub published: &'static [&'static str],
    /// All names that a manifest may give as `preset`.
    pub presets: &'static [&'static str],
    /// The dimensions of a preset.
    pub(super) preset: fn(&str) -> Option<Table>,
    /// Dimensions with what is not given filled in, or what is wrong with their form.
    pub(super) complete: fn(Table) -> Result<Table, toml::de::Error>,
    /// The number of parameters, or why there can be no network of these dimensions.
    pub(super) parameters: fn(&Table) -> Result<u64, String>,
}

impl Architecture {
    /// The architecture whose dimensions are of type `C`.
    #[must_use]
    pub const fn of<C: Preset>(name: &'static str) -> Self {
        Self {
            name,
            published: C::NAMES,
            presets: C::NAMES,
            preset: preset::<C>,
            complete: complete::<C>,
            parameters: parameters::<C>,
        }
    }

    /// The same, of whose presets only these are published for it.
    #[must_use]
    pub const fn publishing(self, published: &'static [&'static str]) -> Self {
        Self { published, ..self }
    }
}

fn preset<C: Preset>(name: &str) -> Option<Table> {
    C::preset(name).map(|config| table(&config))
}

fn complete<C: Preset>(given: Table) -> Result<Table, toml::de::Error> {
    let config: C = given.try_into()?;
    Table::try_from(&config).map_err(toml::de::Error::custom)
}

fn parameters<C: Preset>(dimensions: &Table) -> Result<u64, String> {
    let config: C = config(dimensions);
    // A formula over dimensions that make no network may overflow.
    config.fault().map_or_else(|| Ok(config.parameters()), Err)
}

/// Dimensions as a table.
pub(super) fn table<C: Preset>(config: &C) -> Table {
    match Table::try_from(config) {
        Ok(table) => table,
        Err(error) => unreachable!("dimensions are plain numbers: {error}"),
    }
}

/// Dimensions from a table that was made of such.
pub(super) fn config<C: Preset>(dimensions: &Table) -> C {
    match dimensions.clone().try_into() {
        Ok(config) => config,
        Err(error) => unreachable!("the dimensions were read once: {error}"),
    }
}
