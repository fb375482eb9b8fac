//! Source of an export: a file of lines, or a range of a topic.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rdkafka::message::Message as _;

use super::state::Place;
use crate::cli::Failure;
use crate::cli::line_reader::LineReader;
use crate::cli::topic::{Ranges, TopicReader};

/// The longest line, in bytes: a record of Kafka with masks is seldom above a megabyte.
const MAX_LINE: u64 = 256 << 20;

/// Where answers come from.
pub(super) enum Source {
    /// A file, or standard input.
    File { lines: LineReader<Box<dyn BufRead>>, length: Option<u64> },
    /// A topic.
    Topic { reader: Box<TopicReader>, ranges: Ranges },
}

/// One answer as it was read.
pub(super) struct Item<'a> {
    /// Where it is, in words.
    pub(super) at: String,
    /// The JSON; none for a deletion.
    pub(super) json: Option<&'a [u8]>,
    /// Bytes or records that were read since the beginning.
    pub(super) progress: u64,
}

/// The input cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`", path.display())]
struct InputError {
    path: PathBuf,
    source: io::Error,
}

impl Source {
    /// A file from a place on; `-` is standard input.
    pub(super) fn file(path: &Path, place: &Place) -> Result<Self, Failure> {
        let failed = |source| InputError { path: path.to_owned(), source };
        let (begin, number) = match place {
            Place::File { byte, line } => (*byte, *line),
            Place::Beginning | Place::Topic { .. } => (0, 0),
        };
        let (reader, length): (Box<dyn BufRead>, Option<u64>) = if path == Path::new("-") {
            let mut input = BufReader::new(io::stdin());
            io::copy(&mut input.by_ref().take(begin), &mut io::sink()).map_err(failed)?;
            (Box::new(input), None)
        } else {
            let mut file = File::open(path).map_err(failed)?;
            let found = file.metadata().map_err(failed)?;
            if found.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()).into());
            }
            if begin > 0 {
                file.seek(SeekFrom::Start(begin)).map_err(failed)?;
            }
            (Box::new(BufReader::new(file)), Some(found.len()).filter(|_| found.is_file()))
        };
        Ok(Self::File { lines: LineReader::continued(reader, MAX_LINE, (number, begin)), length })
    }

    /// A topic from a place on, up to the ends of its partitions now.
    pub(super) fn topic(
        reader: TopicReader,
        times: (Option<SystemTime>, Option<SystemTime>),
        place: &Place,
    ) -> Result<Self, Failure> {
        let mut ranges = reader.ranges(times.0, times.1)?;
        if let Place::Topic { next } = place {
            for (partition, range) in &mut ranges {
                range.0 = next.get(partition).map_or(range.0, |next| (*next).max(range.0));
            }
        }
        Ok(Self::Topic { reader: Box::new(reader), ranges })
    }

    /// What is to be read, in bytes or records, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Self::File { length, .. } => *length,
            Self::Topic { ranges, .. } => {
                Some(ranges.values().map(|(begin, end)| records(end - begin)).sum())
            }
        }
    }

    /// Passes all answers to `take` with the place behind each, until it returns false.
    pub(super) fn each(
        &mut self,
        mut take: impl FnMut(Item<'_>, &dyn Fn() -> Place) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        match self {
            Self::File { lines, .. } => {
                for line in lines {
                    let line = line?;
                    let item = Item {
                        at: format!("line {}", line.number),
                        json: Some(&line.record),
                        progress: line.end,
                    };
                    if !take(item, &|| Place::File { byte: line.end, line: line.number })? {
                        return Ok(());
                    }
                }
                Ok(())
            }
            Self::Topic { reader, ranges } => {
                let mut next: BTreeMap<i32, i64> =
                    ranges.iter().map(|(&partition, &(begin, _))| (partition, begin)).collect();
                let begin: i64 = next.values().sum();
                reader.read(ranges, |message| {
                    let (partition, offset) = (message.partition(), message.offset());
                    next.insert(partition, offset + 1);
                    let at = format!("partition {partition}, offset {offset}");
                    let progress = records(next.values().sum::<i64>() - begin);
                    let item = Item { at, json: message.payload(), progress };
                    take(item, &|| Place::Topic { next: next.clone() })
                })
            }
        }
    }
}

fn records(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
