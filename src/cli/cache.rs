//! `riveg cache`: which answers are kept, and shall some be kept no longer?

use std::io::{IsTerminal, Write as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::ending::tell;
use super::{AskedWrongly, Failure, Settings, run_to_end};
use crate::config::Config;
use crate::llm::answers::{Archive, Choice, Kind, millis};
use crate::telemetry::Metrics;

mod export;
mod import;
mod line;
mod stats;

/// Look at answers that are kept on disk and in Redis, carry them elsewhere, let go of some.
///
/// The file (`answers.disk_path`) can be reached while no engine has it open; Redis can be reached at any time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg cache stats                                       how many answers there are, by kind and tier
  riveg cache export > answers.jsonl                      all of them, one JSON object a line
  riveg cache import answers.jsonl                        the same, elsewhere
  riveg cache purge --match 'taylor swift*' --dry-run     how many answers about a subject there are
  riveg cache purge --match 'taylor swift*'               let go of them
  riveg cache purge --kind expansion --older-than 30days  let go of old ones")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print how many answers each tier has, by kind, with their bytes and ages.
    Stats {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print every answer, one JSON object a line; one that both tiers have is printed once, as the younger one.
    Export {
        #[command(flatten)]
        settings: Settings,
    },
    /// Keep answers that were exported, on disk and in Redis. All lines are checked before the first is kept.
    Import {
        /// One JSON object a line, as `export` prints them.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Remove answers from disk and from Redis; all that is given must hold.
    ///
    /// Engines hear of it through Redis, and within answers.purge_poll let go of the same answers in memory and on their
    /// disks, as do engines that are started later: the last 100 purges are known. Without a Redis no engine hears of
    /// it: stop the engine, purge its file, and start it again.
    Purge {
        /// Whose subject is like this: with `*` or `?` a pattern of the whole subject, else words in it.
        #[arg(long = "match", value_name = "TEXT")]
        subject: Option<String>,
        /// Of this kind.
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
        kind: Option<String>,
        /// Made longer ago than this, such as 30days.
        #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,
        /// All of them.
        #[arg(long, conflicts_with_all = ["subject", "kind", "older_than"])]
        all: bool,
        /// Say how many would be removed, and remove none.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Nothing that was asked could be done.
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
        What::Stats { settings } => {
            with_archive(settings, false, async |archive, _| stats::run(archive).await)
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
                return Err(AskedWrongly(message).into());
            }
            let before = SystemTime::now().checked_sub(older_than.unwrap_or_default());
            let before =
                before.ok_or_else(|| AskedWrongly("--older-than is longer than clocks go".to_owned()))?;
            // Of one millisecond there may be answers on both sides: what was made in this one is meant too.
            let choice = Choice { subject: subject.clone(), kind: kind.clone(), before: millis(before) + 1 };
            with_archive(settings, false, async |archive, config| {
                purge(archive, config, &choice, *dry_run).await
            })
        }
    }
}

/// Opens what can be opened, says what cannot, and works with it.
fn with_archive(
    settings: &Settings,
    begin: bool,
    work: impl AsyncFnOnce(&Archive, &Config) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = settings.load()?.config;
    run_to_end(async {
        let archive = Archive::open(&config.answers, begin, Metrics::new().answers())?;
        if archive.tiers().is_empty() {
            let file = config.answers.disk_file().unwrap_or_else(|| "none".into());
            return Err(match archive.held() {
                Some(held) => NoAnswers::Held(held.to_string().into()).into(),
                None => Failure::from(NoAnswers::None(file.display().to_string())),
            });
        }
        if let Some(held) = archive.held() {
            tell(format_args!("{held}: only Redis is looked at"));
        }
        work(&archive, &config).await
    })
}

async fn purge(archive: &Archive, config: &Config, choice: &Choice, dry_run: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for tier in archive.tiers() {
        let bar = bar("answers looked at");
        if dry_run {
            let mut meant = std::collections::BTreeSet::new();
            archive
                .each(tier, |id, record, _| {
                    bar.inc(1);
                    if record.is_some_and(|record| choice.takes(&id, &record)) {
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
        // After what is in Redis is removed: no engine that hears of it can have it from there again.
        if archive.announce(choice).await? {
            writeln!(out, "engines hear of it within {within}")?;
        } else {
            writeln!(out, "no Redis is set (answers.redis): other engines keep what they have")?;
        }
    }
    Ok(())
}

/// How far it is, for a terminal.
fn bar(of_what: &'static str) -> ProgressBar {
    let shown = std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{spinner} {pos} {msg}, {per_sec}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, target).with_style(style).with_message(of_what)
}
