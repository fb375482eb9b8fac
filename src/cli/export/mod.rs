//! `riveg export`: answers of a file or a topic in the formats of other programs.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use indicatif::ProgressBar;

use super::failure::{LinesRejected, StdoutError};
use super::logging::print_message;
use super::plain_records::PlainRecords;
use super::topic::TopicReader;
use super::{Failure, Settings, UsageError, moment, progress};
use crate::config::Config;
use crate::kafka::publish::formats::Names;
use crate::kafka::publish::formats::reader;

mod coco;
mod format;
mod growing_file;
mod label_studio;
mod lines;
mod neo4j_csv;
mod open;
mod parquet;
mod parts;
mod png;
mod rows;
mod source;
mod state;
mod writer;

use format::Format;
use source::{Item, Source};
use state::{Place, State};
use writer::Writer;

/// Write answers of a file or of a topic in another format.
///
/// Answers are those of the format `riveg`: the output of `riveg annotate`, or the records of an output topic. A topic is
/// read up to the ends that it has at the start. Memory is bounded whatever the size of the input. An answer that cannot
/// be read is skipped and told on standard error; the exit code is then 3.
///
/// Formats of lines (jsonl, ntriples, nquads, jsonld, neo4j-cud) go to a file or to standard output, the others to a folder: parquet,
/// coco and labelstudio in numbered parts, png as one file for each mask, neo4j-csv as one table for each kind of node and
/// relationship.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg export answers.jsonl --format ntriples | wc -l
  riveg export answers.jsonl --format parquet --out parquet
  riveg export --topic riveg.annotations --from 2h --format nquads --out answers.nq
  riveg export --topic riveg.annotations --format coco --out coco --resume
  riveg annotate posts.jsonl | riveg export - --format labelstudio --out tasks")]
pub struct Arguments {
    /// The file, one answer a line; `-` is standard input.
    #[arg(value_name = "FILE|-", required_unless_present = "topic", conflicts_with = "topic")]
    input: Option<PathBuf>,
    /// The topic to read instead of a file.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Records of the topic written since this time, such as 2026-01-31T08:00:00Z, or for this long, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = moment::parse, requires = "topic")]
    from: Option<SystemTime>,
    /// Records of the topic written before this time or age.
    #[arg(long, value_name = "TIME", value_parser = moment::parse, requires = "topic")]
    to: Option<SystemTime>,
    /// The format.
    #[arg(long, value_enum)]
    format: Format,
    /// The file or folder to write. Beside it is a small file of state, from which an export can be resumed.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Go on where an earlier export to the same output stopped or ended.
    #[arg(long, requires = "out")]
    resume: bool,
    /// Exit with code 0 although answers were skipped, if at least one was written.
    #[arg(long)]
    allow_rejected: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write `{to}`")]
struct OutputError {
    to: String,
    source: std::io::Error,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let out = arguments.out.as_deref();
    if out.is_none() && !arguments.format.is_of_lines() {
        let message = format!("--format {} needs --out with a folder", arguments.format.as_str());
        return Err(UsageError(message).into());
    }
    let config = arguments.settings.load()?.config;
    let state_file = out.map(state::file_of);
    let mut state = arguments.state(state_file.as_deref())?;
    let source = arguments.source(&config, &state.place)?;
    let names = Names::new(&config.graph);
    let to = out.map_or("standard output".to_owned(), |out| out.display().to_string());
    let failed = |source| match out {
        Some(_) => Failure::from(OutputError { to: to.clone(), source }),
        None => StdoutError(source).into(),
    };
    let writer = open::open(arguments.format, out, names, state.mark.clone()).map_err(failed)?;
    let plain = PlainRecords::new(&config)?;
    let bar = bar(&source, arguments);
    let mut export = Export {
        writer,
        state: &mut state,
        state_file: state_file.as_deref(),
        plain,
        skipped: 0,
        deletions: 0,
    };
    export.all(source, &bar, failed)?;
    let Export { skipped, deletions, .. } = export;
    bar.finish_and_clear();
    let deletions = if deletions > 0 { format!(", {deletions} deletions left out") } else { String::new() };
    if out.is_some() {
        print_message(format_args!("{} answers in `{to}`, {skipped} skipped{deletions}", state.answers));
    }
    if skipped == 0 || (arguments.allow_rejected && state.answers > 0) {
        return Ok(());
    }
    let details_in = "standard error says why".to_owned();
    Err(LinesRejected { refused: skipped, all: skipped + state.answers, details_in }.into())
}

/// A bar, hidden if the output goes to the terminal too.
fn bar(source: &Source, arguments: &Arguments) -> ProgressBar {
    if arguments.out.is_none() && std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = match source {
        Source::File { .. } => "{bar:40} {bytes} of {total_bytes}, {elapsed} gone, {eta} to go",
        Source::Topic { .. } => "{bar:40} {pos} of {len} records, {elapsed} gone, {eta} to go",
    };
    source.length().map_or_else(|| progress::counter("bytes read"), |length| progress::bar(length, template))
}

impl Arguments {
    fn input(&self) -> String {
        match (&self.topic, &self.input) {
            (Some(topic), _) => format!("topic {topic}"),
            (None, Some(file)) => format!("file {}", file.display()),
            (None, None) => String::new(),
        }
    }

    /// The state to begin with: that of an earlier export only if it is to be resumed.
    fn state(&self, file: Option<&Path>) -> Result<State, Failure> {
        let new = State { format: self.format.as_str().to_owned(), input: self.input(), ..State::default() };
        let Some(file) = file.filter(|_| self.resume) else { return Ok(new) };
        let failed = |source| OutputError { to: file.display().to_string(), source };
        let Some(found) = State::read(file).map_err(failed)? else { return Ok(new) };
        if (&found.format, &found.input) != (&new.format, &new.input) {
            let message = format!(
                "`{}` is of an export of {} as {}; --resume needs the same input and format",
                file.display(),
                found.input,
                found.format
            );
            return Err(UsageError(message).into());
        }
        Ok(found)
    }

    fn source(&self, config: &Config, place: &Place) -> Result<Source, Failure> {
        match (&self.topic, &self.input) {
            (Some(topic), _) => {
                let reader = TopicReader::open(&config.kafka, topic, "riveg-export")?;
                Source::topic(reader, (self.from, self.to), place)
            }
            (None, Some(file)) => Source::file(file, place),
            (None, None) => Err(UsageError("neither a file nor --topic is given".to_owned()).into()),
        }
    }
}

/// An export at work.
struct Export<'a> {
    writer: Box<dyn Writer>,
    state: &'a mut State,
    state_file: Option<&'a Path>,
    plain: PlainRecords,
    skipped: u64,
    deletions: u64,
}

impl Export<'_> {
    fn all(
        &mut self,
        mut source: Source,
        bar: &ProgressBar,
        failed: impl Fn(std::io::Error) -> Failure,
    ) -> Result<(), Failure> {
        let mut place = self.state.place.clone();
        source.each(|item, behind| {
            bar.set_position(item.progress);
            self.add(&item).map_err(&failed)?;
            if self.writer.is_full() {
                self.commit(behind()).map_err(&failed)?;
            }
            place = behind();
            Ok(true)
        })?;
        self.commit(place).map_err(&failed)
    }

    fn add(&mut self, item: &Item<'_>) -> std::io::Result<()> {
        let Some(json) = item.json else {
            self.deletions += 1;
            return Ok(());
        };
        let read = self.plain.json(json).and_then(|json| Ok((reader::read(&json)?, json)));
        match read {
            Ok((answer, json)) => {
                self.writer.write(&answer, &json)?;
                self.state.answers += 1;
            }
            Err(fault) => {
                self.skipped += 1;
                print_message(format_args!("{} is skipped: {fault}", item.at));
            }
        }
        Ok(())
    }

    /// Writes what is buffered, and how far input and output are.
    fn commit(&mut self, place: Place) -> std::io::Result<()> {
        self.state.mark = self.writer.commit()?;
        self.state.place = place;
        self.state_file.map_or(Ok(()), |file| self.state.write(file))
    }
}
