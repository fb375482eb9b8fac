//! Training settings in a checkpoint: only those that distinguish networks whose
//! tensors have one shape: what it was trained for, and on pictures of which size.
//!
//! fairseq writes its settings as `args`, an object of argparse, and later as `cfg`, dictionaries or containers of
//! omegaconf with such an object inside. They are read as the data that they are; no object is made.

use super::pickle::{Pickled, Value};

/// What was written, where any of it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What it was trained for, such as `snli_ve`.
    pub task: Option<Noted<String>>,
    /// The side of its pictures in pixels.
    pub patch_image_size: Option<Noted<i64>>,
    /// Whether its questions held the pictures' captions.
    pub add_caption: Option<Noted<bool>>,
}

/// A setting, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted<T> {
    /// The names that lead to it, joined with dots.
    pub key: String,
    /// What it is.
    pub value: T,
}

const TASK: [&[&str]; 4] =
    [&["cfg", "task", "_name"], &["cfg", "task", "task"], &["cfg", "model", "task"], &["args", "task"]];
const SIDE: [&[&str]; 3] = [
    &["cfg", "task", "patch_image_size"],
    &["cfg", "model", "patch_image_size"],
    &["args", "patch_image_size"],
];

const CAPTION: [&[&str]; 3] =
    [&["cfg", "task", "add_caption"], &["cfg", "model", "add_caption"], &["args", "add_caption"]];

impl Settings {
    pub(super) fn of(pickled: &Pickled) -> Self {
        let text = |value| pickled.text(value).map(str::to_owned);
        let number = |value| match value {
            Value::Int(number) => Some(number),
            _ => None,
        };
        let truth = |value| match value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        };
        Self {
            task: first(pickled, &TASK, text),
            patch_image_size: first(pickled, &SIDE, number),
            add_caption: first(pickled, &CAPTION, truth),
        }
    }
}

/// The first of several places that has something of the right kind.
fn first<T>(pickled: &Pickled, places: &[&[&str]], read: impl Fn(Value) -> Option<T>) -> Option<Noted<T>> {
    places.iter().find_map(|place| {
        let found = place.iter().try_fold(pickled.root, |of, key| pickled.attribute(of, key))?;
        Some(Noted { key: place.join("."), value: read(pickled.unwrapped(found))? })
    })
}
