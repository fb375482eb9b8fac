//! Writers of an export: one for each format, all with the same three steps.

use std::io;
use std::path::Path;

use super::state::Mark;
use super::{Format, coco, label_studio, lines, neo4j_csv, png, rows};
use crate::kafka::publish::formats::Names;
use crate::kafka::publish::formats::reader::ReadAnswer;

/// Writes answers in one format.
pub(super) trait Writer {
    /// Adds an answer. `json`: as it was read.
    ///
    /// # Errors
    /// The output cannot be written.
    fn write(&mut self, answer: &ReadAnswer, json: &[u8]) -> io::Result<()>;

    /// Whether so much is buffered that it should be committed.
    fn is_full(&self) -> bool;

    /// Writes what is buffered. An export can be resumed from the mark.
    ///
    /// # Errors
    /// The output cannot be written.
    fn commit(&mut self) -> io::Result<Mark>;
}

/// Answers between two commits of a format that buffers none.
pub(super) const COMMIT_EVERY: u64 = 1_000;

/// The most answers of a part, and the most bytes that it buffers: what an export takes in memory.
pub(super) const MAX_PART_ANSWERS: u64 = 10_000;
pub(super) const MAX_PART_BYTES: usize = 64 << 20;

/// The writer of a format. `out`: a file or a folder; none is standard output. `mark`: where an earlier export stopped.
pub(super) fn open(
    format: Format,
    out: Option<&Path>,
    names: Names,
    mark: Mark,
) -> io::Result<Box<dyn Writer>> {
    let folder = || out.ok_or_else(|| io::Error::other("this format needs a folder"));
    Ok(match format {
        Format::Jsonl | Format::Ntriples | Format::Nquads | Format::Jsonld => {
            Box::new(lines::Lines::open(format, out, names, mark)?)
        }
        Format::Neo4jCsv => Box::new(neo4j_csv::Tables::open(folder()?, names, &mark)?),
        Format::Parquet => Box::new(rows::Rows::open(folder()?, mark)?),
        Format::Coco => Box::new(coco::Coco::open(folder()?, mark)?),
        Format::Labelstudio => Box::new(label_studio::Tasks::open(folder()?, mark)?),
        Format::Png => Box::new(png::Masks::open(folder()?, &mark)?),
    })
}
