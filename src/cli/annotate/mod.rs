//! `riveg annotate`: annotations of a file of posts, without Kafka.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::Config;
use crate::domain::Rejection;
use crate::engine::EventAnswer;
use crate::engine::runtime::Variant;
use crate::input::formats::InputRecord;
use crate::telemetry::Metrics;

use super::exit::Exit;
use super::failure::{Failure, LinesRejected, StdoutError};
use super::line_reader::{Line, LineReader};
use super::open::open;
use super::settings::Settings;
use super::{lexicon, progress, run_async, stop_signal};

mod partial;
mod rejected_lines;
#[cfg(test)]
mod tests;

use partial::warn_if_partial;
use rejected_lines::{FileError, RejectedLines};

/// Annotate posts from a file, one JSON object a line, and print the annotations, one a line, in the same order.
///
/// The lines are the same JSON as the records of the input and the output topic. A line that cannot be annotated is
/// refused and does not affect the others: standard error or a file gets its number, the class of the fault and the
/// message as a JSON object, and the exit code is 3. Standard output holds annotations only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg annotate posts.jsonl > annotations.jsonl
  riveg annotate posts.jsonl --rejected refused.jsonl > annotations.jsonl
  riveg annotate posts.jsonl --allow-rejected > annotations.jsonl
  riveg annotate feed/feed.jsonl --lexicon feed/lexicon.jsonl > annotations.jsonl
  zcat posts.jsonl.gz | riveg annotate - --set fetch.file_root=pictures
  echo '{\"id\":\"1\",\"text\":\"Ada is in Oslo\",\"created_at\":\"2026-01-01T00:00:00Z\"}' | riveg annotate -")]
pub struct Arguments {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE|-")]
    input: PathBuf,
    /// The file for refused lines, instead of standard error.
    #[arg(long, value_name = "FILE", alias = "errors")]
    rejected: Option<PathBuf>,
    /// Exit with code 0 although lines were refused, if at least one was annotated.
    #[arg(long)]
    allow_rejected: bool,
    #[command(flatten)]
    lexicon: lexicon::LexiconArgument,
    #[command(flatten)]
    settings: Settings,
}

/// The answers to a line: for each of its posts an annotation as JSON, or why there is none.
type Answers = Vec<Result<Vec<u8>, Rejection>>;

/// Counts of annotated and refused posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    annotated: u64,
    refused: u64,
}

impl Tally {
    /// The outcome of the command. No annotated line at all is always a failure: the input probably holds no posts.
    fn outcome(self, arguments: &Arguments) -> Result<(), LinesRejected> {
        let Self { annotated, refused } = self;
        if refused == 0 || (arguments.allow_rejected && annotated > 0) {
            return Ok(());
        }
        let details_in = match &arguments.rejected {
            Some(path) => format!("`{}` says why", path.display()),
            None => "standard error says why".to_owned(),
        };
        Err(LinesRejected { refused, all: annotated + refused, details_in })
    }
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let mut config = arguments.settings.load()?.config;
    arguments.lexicon.apply(&mut config)?;
    run_async(annotate(arguments, &config, exit))
}

async fn annotate(arguments: &Arguments, config: &Config, exit: &Exit) -> Result<(), Failure> {
    let (input, length) = open_input(&arguments.input)?;
    let mut rejected = RejectedLines::to(arguments.rejected.as_deref())?;
    let stop = stop_signal(exit)?;
    let annotator = tokio::select! {
        annotator = open(config, Variant::default(), Arc::new(Metrics::new()), exit) => annotator?,
        () = stop.cancelled() => return Ok(()),
    };
    let names = annotator.runtime().pipeline.names.get();
    let expander = &names.expander;
    lexicon::log_in_use(expander, arguments.input.parent().filter(|_| arguments.input != Path::new("-")));
    let bar = progress_bar(length);

    let concurrency = config.engine.posts_in_flight;
    let lines = read_lines(input, config.decode.max_record.as_u64(), concurrency)?;
    let answer = async |line: Line| {
        let ingested = SystemTime::now();
        let record = InputRecord { payload: line.record, ..InputRecord::default() };
        let answers = annotator.answer(record).await?.into_iter().filter_map(|answer| match answer {
            EventAnswer::Annotated(annotated) => {
                warn_if_partial(&annotated);
                let records = annotator.encode(&annotated, ingested);
                Some(Ok(records.iter().map(|record| &*record.value).collect::<Vec<_>>().join(&b'\n')))
            }
            EventAnswer::Rejected(rejection) => Some(Err(rejection)),
            EventAnswer::Deleted { id } => {
                info!(line = line.number, post = %id.escape_debug(), "the line deletes a post");
                None
            }
            EventAnswer::Skipped => {
                info!(line = line.number, "the line says nothing that needs an answer");
                None
            }
        });
        Ok(answers.collect())
    };
    let tally = answer_all(lines, concurrency, stop, answer, |line, answers| {
        bar.set_position(line.end);
        for answer in answers {
            match answer {
                Ok(json) => print_line(&json)?,
                Err(refusal) => rejected.write(line.number, &refusal)?,
            }
        }
        Ok(())
    })
    .await?;
    bar.finish_and_clear();
    lexicon::log_hits(expander);
    let Tally { annotated, refused } = tally;
    info!(annotated, refused, "all lines are answered");
    for (endpoint, model, usage) in annotator.endpoints().usage() {
        info!(endpoint, model, asked = %usage.per_post(annotated), "a language model was asked");
    }
    Ok(tally.outcome(arguments)?)
}

/// The input, and its length if known.
fn open_input(path: &Path) -> Result<(Box<dyn BufRead + Send>, Option<u64>), FileError> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let fault = |source| FileError { doing: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(fault)?;
    let found = file.metadata().map_err(fault)?;
    if found.is_dir() {
        return Err(fault(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    // A pipe has a path too, but no length.
    let length = Some(found.len()).filter(|_| found.is_file());
    Ok((Box::new(BufReader::new(file)), length))
}

/// Hidden if the output goes to the terminal too.
fn progress_bar(length: Option<u64>) -> ProgressBar {
    let Some(length) = length.filter(|_| !io::stdout().is_terminal()) else { return ProgressBar::hidden() };
    progress::bar(length, "{bar:40} {bytes} of {total_bytes}, {elapsed} gone, {eta} to go")
}

fn print_line(line: &[u8]) -> Result<(), StdoutError> {
    let mut out = io::stdout().lock();
    out.write_all(line).and_then(|()| out.write_all(b"\n")).map_err(StdoutError)
}

/// Reads lines on a separate thread, because a terminal or a pipe may block. The thread ends with the input, at a read
/// error, or when the receiver is dropped.
fn read_lines(
    input: impl BufRead + Send + 'static,
    longest: u64,
    ahead: usize,
) -> io::Result<mpsc::Receiver<io::Result<Line>>> {
    let (sender, receiver) = mpsc::channel(ahead);
    std::thread::Builder::new().name("riveg-lines".to_owned()).spawn(move || {
        for line in LineReader::new(input, longest) {
            let fault = line.is_err();
            if sender.blocking_send(line).is_err() || fault {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// Annotates lines concurrently and hands on the answers in the order of the lines.
async fn answer_all(
    mut lines: mpsc::Receiver<io::Result<Line>>,
    concurrency: usize,
    stop: CancellationToken,
    answer: impl AsyncFn(Line) -> Result<Answers, Failure>,
    mut hand_on: impl FnMut(&Line, Answers) -> Result<(), Failure>,
) -> Result<Tally, Failure> {
    let answered = stream::poll_fn(move |context| lines.poll_recv(context))
        .take_until(stop.cancelled_owned())
        .map(|line| async {
            let line = line?;
            let answers = answer(line.clone()).await?;
            Ok::<_, Failure>((line, answers))
        })
        .buffered(concurrency);
    let mut answered = std::pin::pin!(answered);
    let mut tally = Tally::default();
    while let Some(found) = answered.next().await {
        let (line, answers) = found?;
        let annotated = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        tally.annotated += annotated;
        tally.refused += answers.len() as u64 - annotated;
        hand_on(&line, answers)?;
    }
    Ok(tally)
}
