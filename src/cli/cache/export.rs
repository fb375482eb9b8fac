//! Export: all cached answers, one a line.

use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write as _};

use super::json_line;
use crate::cli::Failure;
use crate::cli::logging::print_message;
use crate::cli::progress::counter;
use crate::llm::answers::Archive;
use crate::telemetry::AnswerTier;

pub(super) async fn run(archive: &Archive) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut written, mut unreadable) = (0_u64, 0_u64);
    let mut failed = Ok(());
    let bar = counter("answers read");
    // Creation times of the answers in Redis: an older answer on disk is skipped.
    let mut shared = HashMap::new();
    if archive.tiers().len() > 1 {
        archive
            .each(AnswerTier::Redis, |id, record, _| {
                shared.extend(record.map(|record| (id, record.made_at)));
            })
            .await?;
    }
    let mut done = HashSet::new();
    for tier in archive.tiers() {
        archive
            .each(tier, |id, record, _| {
                bar.inc(1);
                let Some(record) = record else {
                    unreadable += 1;
                    return;
                };
                let is_older = tier == AnswerTier::Disk
                    && shared.get(&id).is_some_and(|&made_at| made_at > record.made_at);
                // A scan of Redis may return a key twice.
                if !is_older && failed.is_ok() && done.insert(id) {
                    written += 1;
                    failed = writeln!(out, "{}", json_line::write(&id, &record));
                }
            })
            .await?;
    }
    bar.finish_and_clear();
    failed?;
    out.flush()?;
    let rest = if unreadable > 0 { format!(", {unreadable} could not be read") } else { String::new() };
    print_message(format_args!("{written} answers{rest}"));
    Ok(())
}
