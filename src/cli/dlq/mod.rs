//! `riveg dlq`: lists dead letters and replays their posts.

use std::collections::BTreeMap;
use std::io::Write as _;

use clap::Subcommand;

use super::output_format::LinesFormat;
use super::{Failure, Settings, UsageError};
use crate::config::Config;

mod dead_letter;
mod display;
mod filter;
mod replay;
mod replay_history;
mod topic_reader;

pub(super) use dead_letter::DeadLetter;
pub(super) use display::safe_char;
use filter::Filter;
use replay_history::State;
use topic_reader::DeadLetterTopic;

/// List dead letters, and replay their posts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dlq list --class fetch-failed --since 2h    failed fetches of the last two hours
  riveg dlq show 0:1742                             all of one dead letter
  riveg dlq replay --class fetch-failed --dry-run   count the posts to replay
  riveg dlq replay --class fetch-failed             replay them
  riveg dlq replay --max-attempts 3 --until 10m     with up to three attempts, written ten minutes ago or earlier")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print dead letters, one a line, and the number of each class.
    ///
    /// Of a record that was replayed and failed again only the newest letter is listed.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Include letters whose records were replayed since.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: LinesFormat,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print one dead letter: headers, key, and the unchanged post.
    Show {
        /// The partition and offset of the letter in the dead-letter topic.
        #[arg(value_name = "PARTITION:OFFSET", value_parser = position)]
        position: (i32, i64),
        #[command(flatten)]
        settings: Settings,
    },
    /// Write the unchanged posts of dead letters to the topics that they came from.
    ///
    /// A post that fails again becomes a new dead letter with one more attempt, which replaces the earlier ones in lists and
    /// replays. A letter stays in its topic; a marker behind it records the replay, and later replays skip the letter. Two
    /// replays of the same letters at the same time may both send them.
    Replay {
        #[command(flatten)]
        filter: Filter,
        /// Include letters that were replayed before and have not failed again.
        #[arg(long)]
        again: bool,
        /// Print what would be replayed, and replay nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// The position holds no dead letter.
#[derive(Debug, thiserror::Error)]
#[error("there is no dead letter at partition {}, offset {} of `{topic}`", position.0, position.1)]
struct NoLetter {
    topic: String,
    position: (i32, i64),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::List { filter, all, format, settings } => list(filter, (*all, format.is_json()), settings),
        What::Show { position, settings } => show(*position, settings),
        What::Replay { filter, again, dry_run, settings } => replay(filter, (*again, *dry_run), settings),
    }
}

fn list(filter: &Filter, (all, json): (bool, bool), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let topic = DeadLetterTopic::open(&config)?;
    let history = topic.history()?;
    let mut out = std::io::stdout().lock();
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    let mut skipped = 0;
    topic.read(|letter| {
        let state = history.state(&letter);
        if filter.matches(&letter) {
            if state != State::Live && !all {
                skipped += 1;
                return Ok(true);
            }
            *classes.entry(letter.class.clone()).or_default() += 1;
            if json {
                writeln!(out, "{}", letter.to_json(state))?;
            } else {
                writeln!(out, "{}", letter.summary(state))?;
            }
        }
        Ok(filter.wants_more(classes.values().sum()))
    })?;
    if !json {
        if skipped > 0 {
            writeln!(out, "{skipped} more were replayed since: --all lists them too")?;
        }
        let counts: Vec<String> = classes.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let all: usize = classes.values().sum();
        let topic = &config.publish.dead_letter_topic;
        writeln!(out, "{all} dead letters of `{topic}`: {}", counts.join(", "))?;
    }
    Ok(())
}

fn show(position: (i32, i64), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let letter = DeadLetterTopic::open(&config)?.letter_at(position)?;
    let letter =
        letter.ok_or_else(|| NoLetter { topic: config.publish.dead_letter_topic.clone(), position })?;
    std::io::stdout().lock().write_all(letter.details().as_bytes())?;
    Ok(())
}

fn replay(filter: &Filter, (again, dry_run): (bool, bool), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let mut letters: Vec<(i32, i64)> = Vec::new();
    let (mut incomplete, mut skipped, mut classes) = (0, 0, BTreeMap::<String, usize>::new());
    let (mut targets, mut unread) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    let topic = DeadLetterTopic::open(&config)?;
    let history = topic.history()?;
    // Two passes: the first selects positions, the second reads the records. New letters do not change the selection, and
    // records with pictures are not held in memory.
    topic.read(|letter| {
        if filter.matches(&letter) {
            match history.state(&letter) {
                State::CameBack => {}
                State::Replayed if !again => skipped += 1,
                State::Live | State::Replayed if letter.is_complete() => {
                    let Some(target) = letter.target(&config.ingest.topic) else {
                        *unread.entry(letter.source[0].clone()).or_default() += 1;
                        return Ok(true);
                    };
                    *targets.entry(target.to_owned()).or_default() += 1;
                    *classes.entry(letter.class.clone()).or_default() += 1;
                    letters.push(letter.position);
                }
                State::Live | State::Replayed => incomplete += 1,
            }
        }
        Ok(filter.wants_more(letters.len()))
    })?;
    let mut out = std::io::stdout().lock();
    for (class, count) in &classes {
        writeln!(out, "{count} {class}")?;
    }
    if incomplete > 0 {
        writeln!(
            out,
            "{incomplete} cannot go round again: parts of them were too large for the topic of dead letters"
        )?;
    }
    if skipped > 0 {
        writeln!(out, "{skipped} were replayed before and have not come back: --again takes them too")?;
    }
    for (topic, count) in &unread {
        let topic: String = topic.chars().map(safe_char).collect();
        writeln!(out, "{count} are of `{topic}`, which ingest.topic does not read: they stay")?;
    }
    if dry_run {
        for (topic, count) in &targets {
            writeln!(out, "{count} would be written to `{topic}`")?;
        }
        if targets.is_empty() {
            writeln!(out, "0 would be written to {}", all_targets(&config))?;
        }
        return Ok(());
    }
    drop(out);
    let written = replay::replay(&config, &topic, &letters)?;
    let topics: Vec<String> = targets.keys().map(|topic| format!("`{topic}`")).collect();
    let to = if topics.is_empty() { all_targets(&config) } else { topics.join(", ") };
    writeln!(std::io::stdout(), "{written} were written to {to}")?;
    Ok(())
}

/// Writes the post of one dead letter again, if it has not been since. Returns the topic.
///
/// # Errors
/// There is no such letter, it cannot go round again, or Kafka failed.
pub(super) fn replay_one(config: &Config, position: (i32, i64)) -> Result<String, Failure> {
    let topic = DeadLetterTopic::open(config)?;
    let no_letter = || NoLetter { topic: config.publish.dead_letter_topic.clone(), position };
    let letter = topic.letter_at(position)?.ok_or_else(no_letter)?;
    if topic.history()?.state(&letter) != State::Live {
        return Err("it was replayed before".into());
    }
    if !letter.is_complete() {
        return Err("parts of it were too large for the topic of dead letters".into());
    }
    let Some(target) = letter.target(&config.ingest.topic) else {
        return Err(format!("it is of `{}`, which ingest.topic does not read", letter.source[0]).into());
    };
    match replay::replay(config, &topic, &[position])? {
        0 => Err(no_letter().into()),
        _ => Ok(target.to_owned()),
    }
}

/// The topics to which posts may be written again.
fn all_targets(config: &Config) -> String {
    let topics = &config.ingest.topic;
    topics.only().map_or_else(|| topics.to_string(), |only| format!("`{only}`"))
}

fn position(text: &str) -> Result<(i32, i64), UsageError> {
    let parsed = text
        .split_once(':')
        .and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parsed.ok_or_else(|| UsageError(format!("`{text}` is not a partition and offset such as 0:1742")))
}
