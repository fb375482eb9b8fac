//! State dict of a pickle: tensors by names joined with dots.

use std::collections::BTreeMap;
use std::path::Path;

use super::CheckpointError;
use super::error::first_few;
use super::pickle::{Object, Pickled, Value, View};

/// Where training programs put the state dict beside their own state; the first that has one is taken. Averages of all
/// steps of training (`ema_state_dict`) are what was measured where there are any.
pub(super) const PLACES: [&str; 5] = ["model", AVERAGES, "state_dict", "model_state_dict", "module"];
/// The place of averages, which lie beside the state dict of the last step.
pub(in crate::networks) const AVERAGES: &str = "ema_state_dict";

/// A state dict nests only where a module keeps a dictionary of its own.
const DEEPEST: usize = 8;
/// Far above the tensors of any published network, which have at most a few thousand.
const MOST_NAMES: usize = 1 << 16;
/// In bytes; the longest published ones have about 100.
const LONGEST_NAME: usize = 512;

/// The tensors of a network, found in a pickle.
#[derive(Debug)]
pub(super) struct StateDict<'pickle> {
    /// The key under which it was, none where it is the whole.
    pub(super) place: Option<&'static str>,
    pub(super) tensors: BTreeMap<String, &'pickle View>,
    /// What stands among the tensors but is none: its name and what it is.
    pub(super) others: Vec<(String, String)>,
}

/// Finds the state dict. Nothing beside it is looked at.
pub(super) fn find<'pickle>(
    file: &Path,
    pickled: &'pickle Pickled,
) -> Result<StateDict<'pickle>, CheckpointError> {
    let place = PLACES.into_iter().find_map(|place| {
        let value = pickled.get(pickled.root, place)?;
        holds_tensors(pickled, value, 1).then_some((place, value))
    });
    let (place, root) = match place {
        Some((place, value)) => (Some(place), value),
        None if holds_tensors(pickled, pickled.root, 0) => (None, pickled.root),
        None => return Err(none(file, pickled)),
    };
    let mut walk = Walk { file, pickled, tensors: BTreeMap::new(), others: Vec::new(), names: 0 };
    walk.dict(root, "", 0)?;
    let Walk { tensors, others, .. } = walk;
    Ok(StateDict { place, tensors: without_wrapper(tensors), others })
}

/// Whether a dictionary has tensors, in it or in dictionaries so many levels below.
fn holds_tensors(pickled: &Pickled, value: Value, levels: usize) -> bool {
    pickled.dict(value).is_some_and(|items| {
        items.iter().any(|(_, value)| match pickled.object(*value) {
            Some(Object::Tensor(_)) => true,
            Some(Object::Dict(_)) => levels > 0 && holds_tensors(pickled, *value, levels - 1),
            _ => false,
        })
    })
}

fn none(file: &Path, pickled: &Pickled) -> CheckpointError {
    let found = match pickled.dict(pickled.root) {
        Some(items) => {
            let keys: Vec<&str> = items.iter().filter_map(|(key, _)| pickled.text(*key)).collect();
            format!("a dictionary of {}", first_few(keys.into_iter()))
        }
        None => pickled.describe(pickled.root),
    };
    let places = first_few(PLACES.into_iter());
    CheckpointError::NoStateDict { file: file.to_owned(), places, found }
}

/// Training on several devices wraps a network in another whose only part is called `module`.
fn without_wrapper<T>(tensors: BTreeMap<String, T>) -> BTreeMap<String, T> {
    const WRAPPER: &str = "module.";
    if tensors.keys().all(|name| name.starts_with(WRAPPER)) {
        return tensors.into_iter().map(|(name, view)| (name[WRAPPER.len()..].to_owned(), view)).collect();
    }
    tensors
}

struct Walk<'walk, 'pickle> {
    file: &'walk Path,
    pickled: &'pickle Pickled,
    tensors: BTreeMap<String, &'pickle View>,
    others: Vec<(String, String)>,
    names: usize,
}

impl Walk<'_, '_> {
    fn dict(&mut self, dict: Value, prefix: &str, depth: usize) -> Result<(), CheckpointError> {
        let pickled = self.pickled;
        for (key, value) in pickled.dict(dict).unwrap_or_default() {
            self.names += 1;
            if self.names > MOST_NAMES {
                return Err(self.unfit(prefix, &format!("at most {MOST_NAMES} names"), "more"));
            }
            let Some(key) = pickled.text(*key) else {
                return Err(self.unfit(prefix, "names that are text", &pickled.describe(*key)));
            };
            if prefix.len() + key.len() > LONGEST_NAME || key.chars().any(char::is_control) {
                return Err(self.unfit(prefix, "printable names of ordinary length", "another"));
            }
            let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
            match pickled.object(*value) {
                Some(Object::Dict(_)) if depth == DEEPEST => {
                    return Err(self.unfit(&name, &format!("at most {DEEPEST} levels"), "a dictionary"));
                }
                Some(Object::Dict(_)) => self.dict(*value, &name, depth + 1)?,
                Some(Object::Tensor(view)) => {
                    if self.tensors.insert(name.clone(), view).is_some() {
                        return Err(self.unfit(&name, "one tensor of that name", "two"));
                    }
                }
                Some(Object::Opaque { .. } | Object::Global(_)) => {
                    return Err(self.unfit(&name, "a tensor", &pickled.describe(*value)));
                }
                _ => self.others.push((name, pickled.describe(*value))),
            }
        }
        Ok(())
    }

    fn unfit(&self, key: &str, expected: &str, found: &str) -> CheckpointError {
        let key = if key.is_empty() { "the state dict" } else { key };
        CheckpointError::unfit(self.file, key, expected, found)
    }
}
