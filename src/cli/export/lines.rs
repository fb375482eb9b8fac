//! Formats of lines: `jsonl` as it was read, and `ntriples`, `nquads`, `jsonld` and `neo4j-cud` as Kafka's readers get them.

use std::io::{self, Write as _};
use std::path::Path;

use super::format::Format;
use super::growing_file::GrowingFile;
use super::state::Mark;
use super::writer::{COMMIT_EVERY, Writer};
use crate::kafka::publish::Provenance;
use crate::kafka::publish::formats::reader::ReadAnswer;
use crate::kafka::publish::formats::{Encoder, EncoderOptions, FORMATS, Names};

/// A file of lines, or standard output.
pub(super) struct Lines {
    file: GrowingFile,
    /// The name of the file in marks.
    name: String,
    format: Format,
    names: Names,
    /// The encoder of the last answer's engine: answers of one engine follow each other.
    encoder: Option<(Provenance, Encoder)>,
    uncommitted: u64,
}

impl Lines {
    pub(super) fn open(format: Format, out: Option<&Path>, names: Names, mark: &Mark) -> io::Result<Self> {
        let name = out
            .and_then(Path::file_name)
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let file = match out {
            Some(path) => GrowingFile::open(path, mark.files.get(&name).copied().unwrap_or(0))?,
            None => GrowingFile::stdout(),
        };
        Ok(Self { file, name, format, names, encoder: None, uncommitted: 0 })
    }

    fn encoder(&mut self, provenance: &Provenance) -> io::Result<Encoder> {
        if let Some((_, encoder)) = self.encoder.as_ref().filter(|(known, _)| known == provenance) {
            return Ok(encoder.clone());
        }
        let format = FORMATS.iter().find(|format| format.name == self.format.as_str());
        let format = format.ok_or_else(|| io::Error::other("the format is no format of lines"))?;
        let options =
            EncoderOptions { names: self.names.clone(), ..EncoderOptions::plain(provenance.clone()) };
        let encoder = (format.encoder)(&options);
        self.encoder = Some((provenance.clone(), encoder.clone()));
        Ok(encoder)
    }
}

impl Writer for Lines {
    fn write(&mut self, answer: &ReadAnswer, json: &[u8]) -> io::Result<()> {
        self.uncommitted += 1;
        if self.format == Format::Jsonl {
            self.file.write_all(json)?;
            return self.file.write_all(b"\n");
        }
        for record in self.encoder(&answer.provenance)?.encode(&answer.annotated, answer.times) {
            self.file.write_all(&record.value)?;
            if !record.value.ends_with(b"\n") {
                self.file.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.uncommitted >= COMMIT_EVERY
    }

    fn commit(&mut self) -> io::Result<Mark> {
        self.uncommitted = 0;
        let length = self.file.commit()?;
        Ok(Mark { files: [(self.name.clone(), length)].into(), ..Mark::default() })
    }
}
