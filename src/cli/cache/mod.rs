//! `riveg cache`: counts, exports, imports and purges cached answers of language models.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Subcommand;

use super::logging::print_message;
use super::output_format::FormatArgument;
use super::progress::counter;
use super::{Failure, Settings, UsageError, run_async};
use crate::config::Config;
use crate::llm::answers::{Archive, Kind, PurgeFilter, unix_millis};
use crate::telemetry::Metrics;

mod export;
mod import;
mod json_line;
mod stats;

/// Count, export, import and purge cached answers on disk and in Redis.
///
/// The file (`answers.disk_path`) is accessible only while no engine has it open; Redis is accessible at any time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg cache stats                                       count answers by kind and tier
  riveg cache export > answers.jsonl                      print all answers, one JSON object a line
  riveg cache import answers.jsonl                        store exported answers
  riveg cache purge --match 'taylor swift*' --dry-run     count the answers about a subject
  riveg cache purge --match 'taylor swift*'               remove them
  riveg cache purge --kind expansion --older-than 30days  remove old answers")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the number, bytes and ages of the answers of each tier, by kind.
    Stats {
        #[command(flatten)]
        format: FormatArgument,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print every answer, one JSON object a line. Of an answer in both tiers only the newer one is printed.
    Export {
        #[command(flatten)]
        settings: Settings,
    },
    /// Store exported answers on disk and in Redis. All lines are checked before the first is stored.
    Import {
        /// The file: one JSON object a line, as `export` prints them.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Remove answers from disk and from Redis. All given conditions must hold.
    ///
    /// Engines learn of a purge through Redis, and within answers.purge_poll remove the same answers from memory and disk.
    /// Engines that start later do the same: Redis lists the last 100 purges. Without Redis no engine learns of it: stop
    /// the engine, purge its file, and start it again.
    Purge {
        /// The subject: with `*` or `?` a pattern of the whole subject, otherwise words in it.
        #[arg(long = "match", value_name = "TEXT")]
        subject: Option<String>,
        /// The kind.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
        kind: Option<String>,
        /// The least age, such as 30days.
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
        /// All answers.
        #[arg(long, conflicts_with_all = ["subject", "kind", "older_than"])]
        all: bool,
        /// Print the number of matching answers, and remove none.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// No tier of answers is accessible.
#[derive(Debug, thiserror::Error)]
enum NoAnswers {
    #[error("no answers can be reached, and no Redis is set (answers.redis): stop the engine first")]
    Held(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(
        "there are no answers: no file at `{0}` (answers.disk_path), and no Redis is set (answers.redis)"
    )]
    None(String),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::Stats { format, settings } => {
            with_archive(settings, false, async |archive, _| stats::run(archive, *format).await)
        }
        What::Export { settings } => {
            with_archive(settings, false, async |archive, _| export::run(archive).await)
        }
        What::Import { file, settings } => {
            let count = import::check(file)?;
            with_archive(settings, true, async |archive, _| import::run(archive, file, count).await)
        }
        What::Purge { subject, kind, older_than, all, dry_run, settings } => {
            if !all && subject.is_none() && kind.is_none() && older_than.is_none() {
                let message = "which answers? Give --match, --kind or --older-than, or --all".to_owned();
                return Err(UsageError(message).into());
            }
            let before = SystemTime::now().checked_sub(older_than.unwrap_or_default());
            let before = before.ok_or_else(|| {
                UsageError("--older-than is before the earliest time of the clock".to_owned())
            })?;
            // Times have whole milliseconds: an answer of this millisecond matches too.
            let choice =
                PurgeFilter { subject: subject.clone(), kind: kind.clone(), before: unix_millis(before) + 1 };
            with_archive(settings, false, async |archive, config| {
                purge(archive, config, &choice, *dry_run).await
            })
        }
    }
}

/// Opens the accessible tiers, reports the others, and calls `work`.
fn with_archive(
    settings: &Settings,
    begin: bool,
    work: impl AsyncFnOnce(&Archive, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = settings.load()?.config;
    run_async(async {
        let archive = Archive::open(&config.answers, begin, Metrics::new().answers())?;
        if archive.tiers().is_empty() {
            let file = config.answers.disk_file().unwrap_or_else(|| "none".into());
            return Err(match archive.lock_error() {
                Some(held) => NoAnswers::Held(held.to_string().into()).into(),
                None => Failure::from(NoAnswers::None(file.display().to_string())),
            });
        }
        if let Some(held) = archive.lock_error() {
            print_message(format_args!("{held}: only Redis is looked at"));
        }
        work(&archive, &config).await
    })
}

async fn purge(
    archive: &Archive,
    config: &Config,
    choice: &PurgeFilter,
    dry_run: bool,
) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for tier in archive.tiers() {
        let bar = counter("answers read");
        if dry_run {
            let mut meant = std::collections::BTreeSet::new();
            archive
                .each(tier, |id, record, _| {
                    bar.inc(1);
                    if record.is_some_and(|record| choice.matches(&id, &record)) {
                        meant.insert(id);
                    }
                })
                .await?;
            bar.finish_and_clear();
            writeln!(out, "{}: {} would be removed", tier.as_str(), meant.len())?;
        } else {
            let removed = archive.purge(tier, choice, || bar.inc(1)).await?;
            bar.finish_and_clear();
            writeln!(out, "{}: {removed} removed", tier.as_str())?;
        }
    }
    if !dry_run {
        let within = humantime::format_duration(config.answers.purge_poll);
        // After the removal from Redis: an engine that learns of the purge cannot read the answers there again.
        if archive.publish_purge(choice).await? {
            writeln!(out, "engines hear of it within {within}")?;
        } else {
            writeln!(out, "no Redis is set (answers.redis): other engines keep what they have")?;
        }
    }
    Ok(())
}
