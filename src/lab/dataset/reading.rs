//! Readings of data sets: the posts that could be read, and every fault with its file and line.

use super::files::DatasetError;
use super::mentions::GoldPost;

/// A post to evaluate: the engine's input and the gold answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The input record.
    pub record: Vec<u8>,
    /// The gold answer.
    pub gold: GoldPost,
    /// What a language model wrote about the post, where the data set has it.
    pub knowledge: Option<String>,
}

/// What a reader found. Faults do not end it, so that one call reports all of them.
#[derive(Debug, Default)]
pub struct Reading {
    /// The posts without faults, in the order of the files.
    pub examples: Vec<Example>,
    /// The damaged places.
    pub faults: Vec<DatasetError>,
    /// Pictures that are named and not there. Scores of predictions do not need them; the engine does.
    pub missing_pictures: Vec<DatasetError>,
    /// What is readable but loses something, such as boxes whose name no entity has.
    pub remarks: Vec<String>,
}

impl Reading {
    /// Adds what `read` returns: a value, or nothing and a fault.
    pub(super) fn note<T>(&mut self, read: Result<T, DatasetError>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }

    /// The posts.
    ///
    /// # Errors
    /// The first fault.
    pub fn whole(self) -> Result<Vec<Example>, DatasetError> {
        match self.faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(self.examples),
        }
    }
}
