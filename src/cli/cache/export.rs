//! Which answers are there? All of them, one a line.

use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write as _};

use super::{bar, line};
use crate::cli::Failure;
use crate::cli::ending::tell;
use crate::llm::answers::Archive;
use crate::telemetry::AnswerTier;

pub(super) async fn run(archive: &Archive) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let (mut written, mut unreadable) = (0_u64, 0_u64);
    let mut failed = Ok(());
    let bar = bar("answers looked at");
    // When Redis has made what it holds: where it has the younger one, that on disk is left out.
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
                // Redis may show one twice.
                if !is_older && failed.is_ok() && done.insert(id) {
                    written += 1;
                    failed = writeln!(out, "{}", line::write(&id, &record));
                }
            })
            .await?;
    }
    bar.finish_and_clear();
    failed?;
    out.flush()?;
    let rest = if unreadable > 0 { format!(", {unreadable} could not be read") } else { String::new() };
    tell(format_args!("{written} answers{rest}"));
    Ok(())
}
