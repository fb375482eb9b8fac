//! Import: exported answers, checked line by line, then stored on disk and in Redis.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::json_line;
use crate::cli::Failure;
use crate::cli::line_reader::LineReader;
use crate::cli::progress::counter;
use crate::llm::answers::{AnswerId, Archive, Record};

/// The longest line, in bytes: far longer than any answer with its subject.
const MAX_LINE: u64 = 1 << 20;
/// Answers stored in one call.
const BATCH: usize = 500;

/// A line of the file is not an answer.
#[derive(Debug, thiserror::Error)]
#[error("`{}`, line {line}: {message}", file.display())]
struct WrongLine {
    file: PathBuf,
    line: u64,
    message: String,
}

/// A file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", file.display())]
struct ReadError {
    file: PathBuf,
    source: std::io::Error,
}

/// Reads the whole file, so that no answer is stored if a line is wrong. Returns the number of answers.
pub(super) fn check(file: &Path) -> Result<u64, Failure> {
    answers(file)?.try_fold(0, |count, answer| answer.map(|_| count + 1))
}

/// Stores the answers of a checked file.
pub(super) async fn run(archive: &Archive, file: &Path, count: u64) -> Result<(), Failure> {
    let bar = counter("answers stored");
    bar.set_length(count);
    let (mut kept, mut batch) = (0, Vec::new());
    let mut left = answers(file)?.peekable();
    while let Some(answer) = left.next() {
        batch.push(answer?);
        if batch.len() == BATCH || left.peek().is_none() {
            kept += archive.keep(&batch).await? as u64;
            bar.inc(batch.len() as u64);
            batch.clear();
        }
    }
    bar.finish_and_clear();
    let tiers: Vec<&str> = archive.tiers().iter().map(|tier| tier.as_str()).collect();
    let mut out = std::io::stdout();
    writeln!(out, "{kept} answers are kept: {}", tiers.join(", "))?;
    if kept < count {
        writeln!(out, "{} were too old (answers.ttl, answers.stale_for)", count - kept)?;
    }
    Ok(())
}

/// The answers of a file, line by line.
fn answers(file: &Path) -> Result<impl Iterator<Item = Result<(AnswerId, Record), Failure>>, Failure> {
    let failed = |source| ReadError { file: file.to_owned(), source };
    let now = SystemTime::now();
    let lines = LineReader::new(BufReader::new(File::open(file).map_err(failed)?), MAX_LINE);
    Ok(lines.map(move |found| {
        let found = found.map_err(failed)?;
        let wrong = |message| WrongLine { file: file.to_owned(), line: found.number, message };
        if found.record.len() as u64 > MAX_LINE {
            return Err(wrong(format!("is longer than {MAX_LINE} bytes")).into());
        }
        Ok(json_line::read(&found.record, now).map_err(wrong)?)
    }))
}
