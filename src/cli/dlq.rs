//! `riveg dlq`: which posts were set aside, why, and shall they be tried again?

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write as _};

use clap::Subcommand;

use super::{AskedWrongly, Failure, Settings};

mod choice;
mod history;
mod letter;
mod replay;
mod shown;
mod topic;

use choice::Choice;
use history::State;
use topic::Topic;

/// Look at dead letters, and send their posts round again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dlq list --class fetch-failed --since 2h    what could not be fetched in the last two hours
  riveg dlq show 0:1742                             one dead letter, whole
  riveg dlq replay --class fetch-failed --dry-run   how many would go round again
  riveg dlq replay --class fetch-failed             send them round again
  riveg dlq replay --max-attempts 3 --until 10m     those tried three times at most, set aside ten minutes ago or longer")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print dead letters, one a line, and how many there are of each class.
    ///
    /// A record that was replayed and came back is one letter, its newest.
    List {
        #[command(flatten)]
        choice: Choice,
        /// Those too whose records were replayed since.
        #[arg(long)]
        all: bool,
        /// One JSON object a line, for other programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print one dead letter: headers, key, and the post as it came.
    Show {
        /// Its partition and offset in the topic of dead letters.
        #[arg(value_name = "PARTITION:OFFSET", value_parser = place)]
        place: (i32, i64),
        #[command(flatten)]
        settings: Settings,
    },
    /// Write the posts of dead letters to the topic that is read, as they came.
    ///
    /// What fails again becomes a further dead letter with one attempt more, which stands for the earlier ones from then
    /// on. A letter stays where it is; a marker behind it says that it was replayed, and later replays leave it out. Two
    /// replays of the same letters at the same time may both send them.
    Replay {
        #[command(flatten)]
        choice: Choice,
        /// Those too that were replayed before and have not come back.
        #[arg(long)]
        again: bool,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// There is no such dead letter.
#[derive(Debug, thiserror::Error)]
#[error("there is no dead letter at partition {}, offset {} of `{topic}`", place.0, place.1)]
struct NoLetter {
    topic: String,
    place: (i32, i64),
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.what {
        What::List { choice, all, json, settings } => list(choice, (*all, *json), settings),
        What::Show { place, settings } => show(*place, settings),
        What::Replay { choice, again, dry_run, settings } => replay(choice, (*again, *dry_run), settings),
    }
}

fn list(choice: &Choice, (all, json): (bool, bool), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let topic = Topic::open(&config)?;
    let history = topic.history()?;
    let mut out = std::io::stdout().lock();
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    let mut left_out = 0;
    topic.read(|letter| {
        let state = history.state(&letter);
        if choice.takes(&letter) {
            if state != State::Live && !all {
                left_out += 1;
                return Ok(true);
            }
            *classes.entry(letter.class.clone()).or_default() += 1;
            if json {
                writeln!(out, "{}", letter.to_json(state))?;
            } else {
                writeln!(out, "{}", letter.line(state))?;
            }
        }
        Ok(choice.wants_more(classes.values().sum()))
    })?;
    if !json {
        if left_out > 0 {
            writeln!(out, "{left_out} more were replayed since: --all lists them too")?;
        }
        let counts: Vec<String> = classes.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let all: usize = classes.values().sum();
        let topic = &config.publish.dead_letter_topic;
        writeln!(out, "{all} dead letters of `{topic}`: {}", counts.join(", "))?;
    }
    Ok(())
}

fn show(place: (i32, i64), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let letter = Topic::open(&config)?.at(place)?;
    let letter = letter.ok_or_else(|| NoLetter { topic: config.publish.dead_letter_topic.clone(), place })?;
    std::io::stdout().lock().write_all(letter.whole().as_bytes())?;
    Ok(())
}

fn replay(choice: &Choice, (again, dry_run): (bool, bool), settings: &Settings) -> Result<(), Failure> {
    let config = settings.load()?.config;
    let mut letters: Vec<(i32, i64)> = Vec::new();
    let (mut bare, mut left_out, mut classes) = (0, 0, BTreeMap::<String, usize>::new());
    let topic = Topic::open(&config)?;
    let history = topic.history()?;
    // Chosen first and read again after: so the end of the topic is the same for both, whatever comes meanwhile, and
    // records with pictures need not be held.
    topic.read(|letter| {
        if choice.takes(&letter) {
            match history.state(&letter) {
                State::CameBack => {}
                State::Replayed if !again => left_out += 1,
                State::Live | State::Replayed if letter.is_whole() => {
                    *classes.entry(letter.class.clone()).or_default() += 1;
                    letters.push(letter.place);
                }
                State::Live | State::Replayed => bare += 1,
            }
        }
        Ok(choice.wants_more(letters.len()))
    })?;
    let mut out = std::io::stdout().lock();
    for (class, count) in &classes {
        writeln!(out, "{count} {class}")?;
    }
    if bare > 0 {
        writeln!(
            out,
            "{bare} cannot go round again: parts of them were too large for the topic of dead letters"
        )?;
    }
    if left_out > 0 {
        writeln!(out, "{left_out} were replayed before and have not come back: --again takes them too")?;
    }
    if dry_run {
        writeln!(out, "{} would be written to `{}`", letters.len(), config.ingest.topic)?;
        return Ok(());
    }
    drop(out);
    let written = replay::replay(&config, &topic, &letters, std::io::stderr().is_terminal())?;
    writeln!(std::io::stdout(), "{written} were written to `{}`", config.ingest.topic)?;
    Ok(())
}

fn place(text: &str) -> Result<(i32, i64), AskedWrongly> {
    let parsed = text
        .split_once(':')
        .and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parsed.ok_or_else(|| AskedWrongly(format!("`{text}` is no partition and offset, such as 0:1742")))
}
