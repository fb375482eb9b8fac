//! Formats of exports.

use clap::ValueEnum;

/// A format of exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The answers as they are, one a line.
    Jsonl,
    /// Tables with one row for each entity and picture that shows it.
    Parquet,
    /// RDF statements, one a line.
    Ntriples,
    /// RDF statements with the post as graph, one a line.
    Nquads,
    /// Web Annotations, one document a line.
    Jsonld,
    /// Events for Neo4j's Kafka connector (CUD), one a line.
    Neo4jCud,
    /// Tables for `neo4j-admin database import`.
    Neo4jCsv,
    /// Images, categories and annotations with run lengths.
    Coco,
    /// Tasks with predictions for Label Studio.
    Labelstudio,
    /// Masks as pictures.
    Png,
}

impl Format {
    /// Its name on the command line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Ntriples => "ntriples",
            Self::Nquads => "nquads",
            Self::Jsonld => "jsonld",
            Self::Neo4jCud => "neo4j-cud",
            Self::Neo4jCsv => "neo4j-csv",
            Self::Coco => "coco",
            Self::Labelstudio => "labelstudio",
            Self::Png => "png",
        }
    }

    /// Whether it can be appended to line by line, and so go to standard output.
    pub(super) fn is_of_lines(self) -> bool {
        matches!(self, Self::Jsonl | Self::Ntriples | Self::Nquads | Self::Jsonld | Self::Neo4jCud)
    }
}
