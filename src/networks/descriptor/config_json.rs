//! `config.json` of Hugging Face's folders: what a published network says of itself, read key by key.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::plain_file;
use crate::networks::weights::{BundleError, Fault};

/// The largest file that is read; one with a thousand labels has a hundredth of it.
const LARGEST: u64 = 16 << 20;

/// A `config.json`. Keys are names joined with dots, such as `vision_config.hidden_size`; a `null` counts as nothing.
#[derive(Debug, Clone)]
pub struct ConfigJson {
    file: PathBuf,
    root: Value,
}

impl ConfigJson {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no object of JSON.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        let unreadable = |source| BundleError::Read { file: file.to_owned(), source };
        let bytes = plain_file::open(file).and_then(|file| file.metadata()).map_err(unreadable)?.len();
        if bytes > LARGEST {
            let fault = Fault::new("its size", format!("at most {LARGEST} bytes"), format!("{bytes} bytes"));
            return Err(BundleError::Unfit { file: file.to_owned(), faults: vec![fault] });
        }
        Self::parse(file, &plain_file::read_text(file).map_err(unreadable)?)
    }

    /// Reads a text, as if it stood in a file.
    ///
    /// # Errors
    /// It is no object of JSON.
    pub fn parse(file: &Path, text: &str) -> Result<Self, BundleError> {
        let refused = |message: String| BundleError::Format {
            file: file.to_owned(),
            format: "a `config.json`",
            message: message.escape_debug().to_string(),
        };
        let root: Value = serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
        if !root.is_object() {
            return Err(refused("it is no object".to_owned()));
        }
        Ok(Self { file: file.to_owned(), root })
    }

    /// Where it was read.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The kind of network.
    #[must_use]
    pub fn model_type(&self) -> Option<&str> {
        self.get("model_type").and_then(Value::as_str)
    }

    /// The classes of the library that the weights are of, such as `BertForTokenClassification`.
    #[must_use]
    pub fn architectures(&self) -> Vec<&str> {
        let all = self.get("architectures").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What stands under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = key.split('.').try_fold(&self.root, |value, name| value.get(name))?;
        (!found.is_null()).then_some(found)
    }

    /// A whole number, which must be there.
    ///
    /// # Errors
    /// It is not there, or is something else.
    pub fn integer(&self, key: &str) -> Result<i64, Fault> {
        self.one(key, None, "a whole number", Value::as_i64)
    }

    /// A whole number, or that which the library takes where there is none.
    ///
    /// # Errors
    /// It is something else.
    pub fn integer_or(&self, key: &str, default: i64) -> Result<i64, Fault> {
        self.one(key, Some(default), "a whole number", Value::as_i64)
    }

    /// A number, or that which the library takes where there is none.
    ///
    /// # Errors
    /// It is something else.
    pub fn number_or(&self, key: &str, default: f64) -> Result<f64, Fault> {
        self.one(key, Some(default), "a number", Value::as_f64)
    }

    /// A truth value, or that which the library takes where there is none.
    ///
    /// # Errors
    /// It is something else.
    pub fn boolean_or(&self, key: &str, default: bool) -> Result<bool, Fault> {
        self.one(key, Some(default), "true or false", Value::as_bool)
    }

    /// A text, or that which the library takes where there is none.
    ///
    /// # Errors
    /// It is something else.
    pub fn text_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str, Fault> {
        self.one(key, Some(default), "a text", Value::as_str)
    }

    /// Whole numbers, or those which the library takes where there are none.
    ///
    /// # Errors
    /// It is something else.
    pub fn integers_or(&self, key: &str, default: &[i64]) -> Result<Vec<i64>, Fault> {
        let read = |value: &Value| value.as_array()?.iter().map(Value::as_i64).collect();
        self.one(key, Some(default.to_vec()), "whole numbers", read)
    }

    /// The side of a square, which is written as one number or as two equal ones.
    ///
    /// # Errors
    /// It is something else.
    pub fn side_or(&self, key: &str, default: i64) -> Result<i64, Fault> {
        let read = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([height, width]) if height == width => height.as_i64(),
            Some(_) => None,
            None => value.as_i64(),
        };
        self.one(key, Some(default), "the side of a square", read)
    }

    /// Checks a setting of which the network here has one form alone. Nothing stands for the library's `default`.
    ///
    /// # Errors
    /// It is another.
    pub fn needs(
        &self,
        key: &str,
        expected: impl Into<Value>,
        default: impl Into<Value>,
    ) -> Result<(), Fault> {
        let (expected, default) = (expected.into(), default.into());
        let found = self.get(key).unwrap_or(&default);
        let same = match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
            _ => *found == expected,
        };
        if same { Ok(()) } else { Err(Fault::new(key, expected, shown(found))) }
    }

    fn one<'a, T>(
        &'a self,
        key: &str,
        default: Option<T>,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T, Fault> {
        match (self.get(key), default) {
            (Some(found), _) => read(found).ok_or_else(|| Fault::new(key, expected, shown(found))),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(Fault::new(key, expected, "none")),
        }
    }
}

/// A value in a message: short, and without what would steer a terminal.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 80; // characters
    let text = value.to_string();
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if text.chars().count() > LONGEST { "..." } else { "" };
    format!("{}{more}", cut.escape_debug().to_string().replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> ConfigJson {
        ConfigJson::parse(Path::new("config.json"), text).unwrap()
    }

    #[test]
    fn keys_are_read_with_the_librarys_defaults_and_faults_name_them() {
        let config = of(
            r#"{"model_type": "sam", "architectures": ["SamModel"], "eps": 1e-5, "act": "gelu", "bias": true,
                "vision": {"hidden": 12, "side": [32, 32], "flat": [32, 16], "layers": [1, 2], "none": null}}"#,
        );
        assert_eq!((config.model_type(), config.architectures()), (Some("sam"), vec!["SamModel"]));
        assert_eq!(config.integer("vision.hidden"), Ok(12));
        assert_eq!(config.integer_or("vision.none", 3), Ok(3));
        assert_eq!(config.side_or("vision.side", 1), Ok(32));
        assert_eq!(config.side_or("vision.hidden", 1), Ok(12));
        assert_eq!(config.integers_or("vision.layers", &[]), Ok(vec![1, 2]));
        assert_eq!(config.number_or("eps", 0.0), Ok(1e-5));
        assert_eq!(config.boolean_or("bias", false), Ok(true));
        assert_eq!(config.text_or("act", "relu"), Ok("gelu"));
        assert_eq!(config.needs("act", "gelu", "relu"), Ok(()));
        assert_eq!(config.needs("missing", 2.0, 2), Ok(()));
        let fault = |fault: Result<(), Fault>| fault.unwrap_err().to_string();
        assert_eq!(fault(config.needs("act", "relu", "relu")), "`act`: expected \"relu\", found \"gelu\"");
        assert_eq!(
            fault(config.side_or("vision.flat", 1).map(drop)),
            "`vision.flat`: expected the side of a square, found [32,16]"
        );
        assert_eq!(
            fault(config.integer("vision.width").map(drop)),
            "`vision.width`: expected a whole number, found none"
        );
        assert_eq!(
            fault(config.integer_or("act", 1).map(drop)),
            "`act`: expected a whole number, found \"gelu\""
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "3", "{", "\u{1b}[31m"] {
            let error = ConfigJson::parse(Path::new("config.json"), text).unwrap_err().to_string();
            assert!(error.starts_with("`config.json` is not a `config.json`: "), "{error}");
        }
    }
}
