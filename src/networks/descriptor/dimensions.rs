//! Dimensions: a preset of published sizes, explicit ones, or a preset with some replaced.

use toml::Table;
use toml::de::Error;

use super::architecture::{Architecture, config, table};
use crate::networks::blocks::preset::Preset;

/// The dimensions of a network as a manifest gives them.
///
/// `network = { preset = "ofa-large", patch_image_size = 512 }` is the preset with one number replaced; without a
/// `preset`, every dimension that has no default must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimensions {
    /// The preset that was named; the dimensions may differ from it.
    pub preset: Option<String>,
    /// All dimensions, by name.
    all: Table,
}

const PRESET: &str = "preset";

/// The largest dimension: twice the largest vocabulary there is (XLM-R's 250,002), and small enough that no count of
/// parameters, which multiplies three of them and some more, overflows.
const LARGEST: i64 = 1 << 19;

impl Dimensions {
    /// Explicit dimensions.
    #[must_use]
    pub fn of<C: Preset>(config: &C) -> Self {
        Self { preset: None, all: table(config) }
    }

    /// A preset as it was published.
    #[must_use]
    pub fn of_preset(architecture: &Architecture, name: &str) -> Option<Self> {
        (architecture.preset)(name).map(|all| Self { preset: Some(name.to_owned()), all })
    }

    /// The dimensions as the network's own type, which must be that of the architecture.
    #[must_use]
    pub fn config<C: Preset>(&self) -> C {
        config(&self.all)
    }

    /// Replaces one dimension.
    pub fn replace(&mut self, key: &str, value: i64) {
        self.all.insert(key.to_owned(), value.into());
    }

    /// Whether both are the same dimensions, whatever preset was named.
    #[must_use]
    pub fn equal(&self, other: &Self) -> bool {
        self.all == other.all
    }

    /// The dimensions that a manifest gives.
    pub(super) fn read(architecture: &Architecture, mut given: Table) -> Result<Self, String> {
        let immense = given.iter().find(|(_, value)| value.as_integer().is_some_and(|size| size > LARGEST));
        if let Some((key, value)) = immense {
            return Err(format!("`{key}` is {value}, expected at most {LARGEST}"));
        }
        let complete = |given| (architecture.complete)(given).map_err(|error: Error| error.to_string());
        let Some(preset) = given.remove(PRESET) else {
            return Ok(Self { preset: None, all: complete(given)? });
        };
        let known = preset.as_str().and_then(architecture.preset);
        let mut all = known.ok_or_else(|| {
            let names = architecture.presets.join("`, `");
            format!("unknown preset {preset}, expected one of `{names}`")
        })?;
        all.extend(given);
        Ok(Self { preset: preset.as_str().map(str::to_owned), all: complete(all)? })
    }

    /// The same dimensions under the name of a published size of the architecture, where they are one's.
    #[must_use]
    pub fn named(self, architecture: &Architecture) -> Self {
        let published = architecture.published.iter().filter_map(|name| Self::of_preset(architecture, name));
        published.into_iter().find(|preset| preset.equal(&self)).unwrap_or(self)
    }

    /// The keys of which another has another value, sorted.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<&str> {
        self.all
            .iter()
            .filter(|(key, value)| other.all.get(*key) != Some(value))
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// The dimensions as a manifest gives them: those that differ from the preset, and its name.
    pub(in crate::networks) fn written(&self, architecture: &Architecture) -> Table {
        let mut written = self.all.clone();
        if let Some((name, preset)) =
            self.preset.as_deref().and_then(|name| Some((name, (architecture.preset)(name)?)))
        {
            written.retain(|key, value| preset.get(key) != Some(value));
            written.insert(PRESET.to_owned(), name.into());
        }
        written
    }

    /// The number of parameters, or why there can be no network of these dimensions.
    pub(super) fn parameters(&self, architecture: &Architecture) -> Result<u64, String> {
        (architecture.parameters)(&self.all)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Size {
        width: i64,
        depth: i64,
    }

    impl Preset for Size {
        const NAMES: &'static [&'static str] = &["large"];

        fn preset(name: &str) -> Option<Self> {
            (name == "large").then_some(Self { width: 10, depth: 4 })
        }

        fn parameters(&self) -> u64 {
            0
        }

        fn fault(&self) -> Option<String> {
            None
        }
    }

    const SIZE: Architecture = Architecture::of::<Size>("size");

    fn read(text: &str) -> Result<Dimensions, String> {
        Dimensions::read(&SIZE, text.parse().unwrap())
    }

    fn written(size: &Dimensions) -> String {
        toml::to_string(&size.written(&SIZE)).unwrap()
    }

    #[test]
    fn a_preset_gives_what_is_not_said() {
        let size = read("preset = \"large\"\ndepth = 5").unwrap();
        assert_eq!(size.config::<Size>(), Size { width: 10, depth: 5 });
        assert_eq!(written(&size), "depth = 5\npreset = \"large\"\n");
        assert_eq!(read(&written(&size)).unwrap(), size);
    }

    #[test]
    fn dimensions_stand_without_a_preset() {
        let size = read("width = 1\ndepth = 2").unwrap();
        assert_eq!(size, Dimensions::of(&Size { width: 1, depth: 2 }));
        assert_eq!(read(&written(&size)).unwrap(), size);
    }

    #[test]
    fn what_is_unknown_or_missing_is_named() {
        for (text, expected) in [
            ("preset = \"huge\"", "unknown preset \"huge\", expected one of `large`"),
            ("preset = 3", "unknown preset 3"),
            ("preset = \"large\"\nheight = 1", "unknown field `height`"),
            ("width = 1", "missing field `depth`"),
            ("width = \"1\"\ndepth = 2", "invalid type: string \"1\", expected i64"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
