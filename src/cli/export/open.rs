//! Writers by the name of their format.

use std::io;
use std::path::Path;

use super::format::Format;
use super::state::Mark;
use super::writer::Writer;
use super::{coco, label_studio, lines, neo4j_csv, png, rows};
use crate::kafka::publish::formats::Names;

/// The writer of a format. `out`: a file or a folder; none is standard output. `mark`: where an earlier export stopped.
pub(super) fn open(
    format: Format,
    out: Option<&Path>,
    names: Names,
    mark: Mark,
) -> io::Result<Box<dyn Writer>> {
    let folder = || out.ok_or_else(|| io::Error::other("this format needs a folder"));
    Ok(match format {
        Format::Jsonl | Format::Ntriples | Format::Nquads | Format::Jsonld | Format::Neo4jCud => {
            Box::new(lines::Lines::open(format, out, names, &mark)?)
        }
        Format::Neo4jCsv => Box::new(neo4j_csv::Tables::open(folder()?, names, &mark)?),
        Format::Parquet => Box::new(rows::Rows::open(folder()?, mark)?),
        Format::Coco => Box::new(coco::Coco::open(folder()?, mark)?),
        Format::Labelstudio => Box::new(label_studio::Tasks::open(folder()?, mark)?),
        Format::Png => Box::new(png::Masks::open(folder()?, &mark)?),
    })
}
