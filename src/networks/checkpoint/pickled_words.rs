//! Pickled words: a dictionary of words and ids, either way round, read without running anything.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use super::CheckpointError;
use super::input::Input;
use super::pickle::{self, Foreign, Value};
use crate::common::plain_file;

/// Reads a pickled dictionary of words to ids, or of ids to words; gives the words in the order of their ids, which count
/// from 0 without gaps.
///
/// # Errors
/// With the file, what was expected and what was found.
pub(in crate::networks) fn pickled_words(path: &Path) -> Result<Vec<String>, CheckpointError> {
    let unreadable = |error| CheckpointError::read(path, error);
    let file = plain_file::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut input = Input::new(path, BufReader::new(file), 0, length);
    let pickled = pickle::read(&mut input, Foreign::Refused)?;
    let unfit = |expected: &str, found: &str| CheckpointError::unfit(path, "its words", expected, found);
    let dictionary = "a dictionary of words and their ids";
    let Some(items) = pickled.dict(pickled.root) else {
        return Err(unfit(dictionary, &pickled.describe(pickled.root)));
    };
    let mut words = BTreeMap::new();
    for &(key, value) in items {
        let (id, word) = match (key, value, pickled.text(key), pickled.text(value)) {
            (_, Value::Int(id), Some(word), _) | (Value::Int(id), _, _, Some(word)) => (id, word),
            _ => return Err(unfit(dictionary, &pickled.describe(value))),
        };
        if words.insert(id, word.to_owned()).is_some() {
            return Err(unfit("one word for each id", &format!("two for {id}")));
        }
    }
    if let Some((expected, id)) = (0..).zip(words.keys()).find(|(expected, id)| expected != *id) {
        return Err(unfit("ids from 0 on without gaps", &format!("{id} instead of {expected}")));
    }
    Ok(words.into_values().collect())
}
