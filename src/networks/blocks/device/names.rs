//! Device names: the setting `device.name`, a device or several of one kind.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::common::text_or_list;

/// The names of the devices that compute together. Each has networks of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceNames(Vec<String>);

impl DeviceNames {
    /// All names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The first name.
    #[must_use]
    pub fn first(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// How many devices there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether the networks run on this machine's processor.
    #[must_use]
    pub fn on_cpu(&self) -> bool {
        self.iter().all(|name| name == "cpu")
    }

    /// Why these devices cannot be used.
    pub(super) fn fault(&self) -> Option<String> {
        const KINDS: &str = "`cpu`, `cuda` or `cuda:` and an index";
        if self.0.is_empty() {
            return Some(format!("is empty; it must name a device: {KINDS}"));
        }
        if let Some(name) = self.iter().find(|name| !is_device(name)) {
            let of = if self.0.len() > 1 {
                format!("names `{}`; a device ", name.escape_debug())
            } else {
                String::new()
            };
            return Some(format!("{of}must be {KINDS}"));
        }
        if self.0.len() > 1 && self.iter().any(|name| name == "cpu") {
            return Some("names `cpu` beside other devices; a list is for GPUs alone".to_owned());
        }
        let index = |name: &str| name.strip_prefix("cuda:").map_or(Some(0), |index| index.parse::<u8>().ok());
        let twice = self
            .iter()
            .enumerate()
            .find(|(place, name)| self.iter().take(*place).any(|other| index(other) == index(name)));
        twice.map(|(_, name)| format!("names the device `{name}` twice"))
    }
}

impl From<&str> for DeviceNames {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl FromIterator<String> for DeviceNames {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

impl fmt::Display for DeviceNames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(", "))
    }
}

impl Serialize for DeviceNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text_or_list::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for DeviceNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a device in quotes, or a list such as [\"cuda:0\", \"cuda:1\"]";
        text_or_list::deserialize(deserializer, expecting).map(Self)
    }
}

fn is_device(name: &str) -> bool {
    matches!(name, "cpu" | "cuda")
        || name.strip_prefix("cuda:").is_some_and(|index| index.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(json: &str) -> DeviceNames {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_text_is_one_device_and_a_list_has_several_of_one_kind() {
        let cases = [
            (r#""cpu""#, None),
            (r#""cuda:1""#, None),
            (r#"["cuda:0", "cuda:1"]"#, None),
            ("[]", Some("is empty")),
            (r#""gpu""#, Some("must be `cpu`, `cuda`")),
            (r#"["cuda:0", "cuda:x"]"#, Some("names `cuda:x`; a device must be")),
            (r#"["cuda:0", "cpu"]"#, Some("names `cpu` beside other devices")),
            (r#"["cpu", "cpu"]"#, Some("names `cpu` beside other devices")),
            (r#"["cuda", "cuda:0"]"#, Some("names the device `cuda:0` twice")),
        ];
        for (json, expected) in cases {
            let fault = names(json).fault();
            let is_expected = match (&fault, expected) {
                (Some(fault), Some(expected)) => fault.contains(expected),
                (fault, expected) => fault.is_none() && expected.is_none(),
            };
            assert!(is_expected, "{json}: {fault:?}");
        }
        let several = names(r#"["cuda:0", "cuda:1"]"#);
        assert_eq!(
            (several.to_string().as_str(), several.first(), several.count()),
            ("cuda:0, cuda:1", "cuda:0", 2)
        );
        assert_eq!(serde_json::to_string(&several).unwrap(), r#"["cuda:0","cuda:1"]"#);
        assert_eq!(
            (names(r#"["cpu"]"#), serde_json::to_string(&names(r#"["cpu"]"#)).unwrap()),
            ("cpu".into(), r#""cpu""#.to_owned())
        );
        assert_eq!([several, "cpu".into()].map(|names| names.on_cpu()), [false, true]);
    }
}
