//! Output formats: from an annotated post to the records that readers get.
//!
//! This is the seam for new formats: a format is one file in this folder and one line in [`FORMATS`]. It decides on the
//! number of records, their values, their keys where the input's key does not fit, and headers such as `content-type`.
//! Everything else is common to all formats and added behind the seam: topic, partition order, timestamp, headers
//! copied from the input and headers that name the source. The input record is settled with the last record of its
//! answer. A record that is too large for the topic becomes a dead letter, whatever the other records of the answer.

mod format;
pub mod graph;
mod riveg;
mod time;

pub use format::{AnswerTimes, Deletion, EncodedRecord, Encoder, EncoderOptions, OutputFormat, OutputSchema};
pub use graph::Names;
pub use riveg::reader;
pub(super) use time::rfc3339;

/// All output formats.
pub const FORMATS: &[OutputFormat] = &[
    riveg::FORMAT,
    riveg::AVRO,
    riveg::PROTOBUF,
    graph::JSONLD,
    graph::NTRIPLES,
    graph::NQUADS,
    graph::NEO4J_CUD,
];

/// The format that is written unless another one is chosen.
pub const DEFAULT_FORMAT: OutputFormat = riveg::FORMAT;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_formats_are_unique_and_the_default_is_listed() {
        let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names.len(), FORMATS.len());
        assert!(names.contains(DEFAULT_FORMAT.name));
    }
}
