//! Described network: an architecture of a stage with its dimensions, as a manifest gives it.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::architecture::Architecture;
use super::dimensions::Dimensions;
use super::import::Importing;
use crate::networks::blocks::preset::Preset;

/// What all descriptors have in common.
pub trait Descriptor: fmt::Debug + Sized + 'static {
    /// All networks of the stage, in the order in which they are shown.
    const ALL: &'static [&'static Self];

    /// The name and the sizes.
    fn architecture(&self) -> &Architecture;

    /// How published checkpoints become a network of a bundle.
    fn importing(&self) -> &Importing;

    /// The descriptor of a published size.
    fn publishing(preset: &str) -> Option<&'static Self> {
        Self::ALL.iter().copied().find(|known| known.architecture().published.contains(&preset))
    }
}

/// A network of a manifest.
pub struct Network<D: 'static> {
    descriptor: &'static D,
    dimensions: Dimensions,
}

/// What a table says of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The architecture.
    pub architecture: &'static str,
    /// The published size that it is or was made from.
    pub preset: Option<String>,
    /// The number of parameters; 0 where there can be no such network.
    pub parameters: u64,
    /// Why there can be no such network.
    pub fault: Option<String>,
}

impl<D: Descriptor> Network<D> {
    /// A network of these dimensions, which are of the descriptor's type.
    #[must_use]
    pub fn of<C: Preset>(descriptor: &'static D, config: &C) -> Self {
        Self { descriptor, dimensions: Dimensions::of(config) }
    }

    /// A network of these dimensions, which are of the descriptor's architecture.
    #[must_use]
    pub fn new(descriptor: &'static D, dimensions: Dimensions) -> Self {
        Self { descriptor, dimensions }
    }

    /// The network of a published size.
    #[must_use]
    pub fn published(preset: &str) -> Option<Self> {
        let descriptor = D::publishing(preset)?;
        Some(Self { descriptor, dimensions: Dimensions::of_preset(descriptor.architecture(), preset)? })
    }

    /// Its descriptor.
    #[must_use]
    pub fn descriptor(&self) -> &'static D {
        self.descriptor
    }

    /// Its dimensions.
    #[must_use]
    pub fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Its dimensions, which may be changed to others of the same architecture.
    pub fn dimensions_mut(&mut self) -> &mut Dimensions {
        &mut self.dimensions
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let architecture = self.descriptor.architecture();
        let parameters = self.dimensions.parameters(architecture);
        Summary {
            architecture: architecture.name,
            preset: self.dimensions.preset.clone(),
            parameters: *parameters.as_ref().unwrap_or(&0),
            fault: parameters.err(),
        }
    }
}

const ARCHITECTURE: &str = "architecture";

impl<'de, D: Descriptor> Deserialize<'de> for Network<D> {
    fn deserialize<T: Deserializer<'de>>(deserializer: T) -> Result<Self, T::Error> {
        let mut given = toml::Table::deserialize(deserializer)?;
        let name = given.remove(ARCHITECTURE).ok_or_else(|| T::Error::missing_field(ARCHITECTURE))?;
        let known = name.as_str().and_then(|name| {
            D::ALL.iter().copied().find(|descriptor| descriptor.architecture().name == name)
        });
        let Some(descriptor) = known else {
            let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            let names: Vec<String> =
                D::ALL.iter().map(|known| format!("`{}`", known.architecture().name)).collect();
            let names = names.join(if names.len() > 2 { ", " } else { " or " });
            let one_of = if D::ALL.len() > 2 { "one of " } else { "" };
            return Err(T::Error::custom(format!("unknown variant `{name}`, expected {one_of}{names}")));
        };
        let dimensions = Dimensions::read(descriptor.architecture(), given).map_err(T::Error::custom)?;
        Ok(Self { descriptor, dimensions })
    }
}

impl<D: Descriptor> Serialize for Network<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let architecture = self.descriptor.architecture();
        let mut table = toml::Table::new();
        table.insert(ARCHITECTURE.to_owned(), architecture.name.into());
        table.extend(self.dimensions.written(architecture));
        table.serialize(serializer)
    }
}

impl<D> Clone for Network<D> {
    fn clone(&self) -> Self {
        Self { descriptor: self.descriptor, dimensions: self.dimensions.clone() }
    }
}

impl<D: Descriptor> PartialEq for Network<D> {
    fn eq(&self, other: &Self) -> bool {
        self.descriptor.architecture().name == other.descriptor.architecture().name
            && self.dimensions == other.dimensions
    }
}

impl<D: Descriptor> fmt::Debug for Network<D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.descriptor.architecture().name, self.dimensions)
    }
}
