//! Index of a JSON text: where the values in it begin and end, found in one pass.
//!
//! A format looks for some twenty fields in several lists of a record. Without an index each search scans its list again,
//! with all lists within it.

use super::scan::{is_separator, value_end};

/// The most values of an index, names counted; those behind them are found by scanning. A post with all its metadata has
/// some hundreds; an index of so many takes 192 KiB.
const MAX_VALUES: usize = 16_384;

/// The places of the first values of a text, in their order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct JsonIndex(Vec<IndexedValue>);

/// The place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexedValue {
    /// Bytes from the begin of the list that it is in.
    begin: u32,
    length: u32,
    /// How many of the values that follow in the index are within it.
    inner: u32,
}

impl JsonIndex {
    /// The index of the valid text of one value, without white space around it.
    pub(crate) fn of(json: &str) -> Self {
        let bytes = json.as_bytes();
        let mut values: Vec<IndexedValue> = Vec::new();
        if !json.starts_with(['{', '[']) || u32::try_from(bytes.len()).is_err() {
            return Self(values);
        }
        // The places of open lists in the index and in the text, the text's own list apart; and open lists without a place
        // in the index.
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut unindexed = 0_usize;
        let mut at = 1;
        while let Some(&byte) = bytes.get(at) {
            if is_separator(byte) {
                at += 1;
                continue;
            }
            let begin = at;
            let is_list = matches!(byte, b'[' | b'{');
            let end = if is_list { Some(begin + 1) } else { value_end(bytes, begin) };
            at = end.unwrap_or(begin + 1);
            if end.is_none() {
                if unindexed > 0 {
                    unindexed -= 1;
                } else if let Some((place, begin)) = open.pop() {
                    let inner = values.len() - place - 1;
                    values[place].length = (at - begin) as u32;
                    values[place].inner = inner as u32;
                }
            } else if values.len() < MAX_VALUES {
                let list = open.last().map_or(0, |(_, begin)| *begin);
                values.push(IndexedValue {
                    begin: (begin - list) as u32,
                    length: (at - begin) as u32,
                    inner: 0,
                });
                if is_list {
                    open.push((values.len() - 1, begin));
                }
            } else {
                unindexed += usize::from(is_list);
            }
        }
        Self(values)
    }

    pub(super) fn values(&self) -> &[IndexedValue] {
        &self.0
    }
}

impl IndexedValue {
    /// Where it begins and ends in its list.
    pub(super) fn place(self) -> (usize, usize) {
        (self.begin as usize, self.begin as usize + self.length as usize)
    }

    /// How many values of the index are within it.
    pub(super) fn inner(self) -> usize {
        self.inner as usize
    }
}
