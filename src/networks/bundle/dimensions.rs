//! How large is a stage's network? A preset of published dimensions, explicit ones, or a preset with some replaced.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::networks::blocks::preset::Preset;

/// The dimensions of a network as a manifest gives them.
///
/// `network = { preset = "ofa-large", patch_image_size = 512 }` is the preset with one number replaced; without a
/// `preset`, every dimension that has no default must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimensions<C> {
    /// The preset that was named, which `config` may differ from.
    pub preset: Option<String>,
    /// All dimensions.
    pub config: C,
}

impl<C> From<C> for Dimensions<C> {
    fn from(config: C) -> Self {
        Self { preset: None, config }
    }
}

impl<C: Preset> Dimensions<C> {
    /// A preset as it was published.
    #[must_use]
    pub fn of_preset(name: &str) -> Option<Self> {
        C::preset(name).map(|config| Self { preset: Some(name.to_owned()), config })
    }
}

const PRESET: &str = "preset";

/// The largest dimension: twice the largest vocabulary there is (XLM-R's 250,002), and so little that no count of
/// parameters, which multiplies three of them and some more, overflows.
const LARGEST: i64 = 1 << 19;

impl<'de, C: Preset + Serialize + DeserializeOwned> Deserialize<'de> for Dimensions<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut given = toml::Table::deserialize(deserializer)?;
        let immense = given.iter().find(|(_, value)| value.as_integer().is_some_and(|size| size > LARGEST));
        if let Some((key, value)) = immense {
            return Err(D::Error::custom(format!("`{key}` is {value}, expected at most {LARGEST}")));
        }
        let Some(preset) = given.remove(PRESET) else {
            let config = C::deserialize(given).map_err(D::Error::custom)?;
            return Ok(Self { preset: None, config });
        };
        let known = preset.as_str().and_then(C::preset).ok_or_else(|| {
            let names = C::NAMES.join("`, `");
            D::Error::custom(format!("unknown preset {preset}, expected one of `{names}`"))
        })?;
        let mut table = toml::Table::try_from(known).map_err(D::Error::custom)?;
        table.extend(given);
        let config = C::deserialize(table).map_err(D::Error::custom)?;
        Ok(Self { preset: preset.as_str().map(str::to_owned), config })
    }
}

impl<C: Preset + Serialize> Serialize for Dimensions<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        let mut table = toml::Table::try_from(&self.config).map_err(S::Error::custom)?;
        if let Some((name, preset)) = self.preset.as_deref().and_then(|name| Some((name, C::preset(name)?))) {
            let preset = toml::Table::try_from(&preset).map_err(S::Error::custom)?;
            table.retain(|key, value| preset.get(key) != Some(value));
            table.insert(PRESET.to_owned(), name.into());
        }
        table.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
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
    }

    fn read(text: &str) -> Result<Dimensions<Size>, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_preset_gives_what_is_not_said() {
        let size = read("preset = \"large\"\ndepth = 5").unwrap();
        assert_eq!(size.config, Size { width: 10, depth: 5 });
        assert_eq!(toml::to_string(&size).unwrap(), "depth = 5\npreset = \"large\"\n");
        assert_eq!(read(&toml::to_string(&size).unwrap()).unwrap(), size);
    }

    #[test]
    fn dimensions_stand_without_a_preset() {
        let size = read("width = 1\ndepth = 2").unwrap();
        assert_eq!(size, Dimensions { preset: None, config: Size { width: 1, depth: 2 } });
        assert_eq!(read(&toml::to_string(&size).unwrap()).unwrap(), size);
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
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
