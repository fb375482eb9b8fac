//! Shall answers be kept that were made elsewhere? Checked line by line, then kept on disk and in Redis.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{bar, line};
use crate::cli::Failure;
use crate::cli::lines::Lines;
use crate::llm::answers::{Archive, Id, Record};

/// The longest line, in bytes: far above any answer with its subject.
const LONGEST: u64 = 1 << 20;
/// Answers that are kept at one time.
const TOGETHER: usize = 500;

/// The file holds something else than answers.
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
struct NotRead {
    file: PathBuf,
    source: std::io::Error,
}

/// Reads all of a file, so that nothing of it is kept if a line is wrong; how many answers it holds.
pub(super) fn check(file: &Path) -> Result<u64, Failure> {
    answers(file)?.try_fold(0, |count, answer| answer.map(|_| count + 1))
}

/// Keeps the answers of a file that was checked.
pub(super) async fn run(archive: &Archive, file: &Path, count: u64) -> Result<(), Failure> {
    let bar = bar("answers kept");
    bar.set_length(count);
    let (mut kept, mut together) = (0, Vec::new());
    let mut left = answers(file)?.peekable();
    while let Some(answer) = left.next() {
        together.push(answer?);
        if together.len() == TOGETHER || left.peek().is_none() {
            kept += archive.keep(&together).await? as u64;
            bar.inc(together.len() as u64);
            together.clear();
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
fn answers(file: &Path) -> Result<impl Iterator<Item = Result<(Id, Record), Failure>>, Failure> {
    let failed = |source| NotRead { file: file.to_owned(), source };
    let now = SystemTime::now();
    let lines = Lines::new(BufReader::new(File::open(file).map_err(failed)?), LONGEST);
    Ok(lines.map(move |found| {
        let found = found.map_err(failed)?;
        let wrong = |message| WrongLine { file: file.to_owned(), line: found.number, message };
        if found.record.len() as u64 > LONGEST {
            return Err(wrong(format!("is longer than {LONGEST} bytes")).into());
        }
        Ok(line::read(&found.record, now).map_err(wrong)?)
    }))
}
