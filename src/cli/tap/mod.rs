//! `riveg tap`: answers, posts or dead letters of a running topic in the terminal.

use std::io::{self, Write as _};
use std::time::SystemTime;

use clap::ValueEnum;
use rdkafka::message::{BorrowedMessage, Message as _};

use super::dlq::DeadLetter;
use super::failure::StdoutError;
use super::output_format::LinesFormat;
use super::plain_records::PlainRecords;
use super::topic::{Ranges, TopicReader};
use super::{Failure, Settings, UsageError, moment};
use crate::config::Config;

mod answers;
mod filter;
mod posts;

use filter::Filter;

/// Watch answers, posts or dead letters of a running topic.
///
/// It reads without a consumer group and commits nothing: other readers do not notice it. Of answers it prints one line
/// for each entity. Records that cannot be read are told and passed over.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg tap                                     answers as they come
  riveg tap --type PER --depicted               persons that a picture shows
  riveg tap --from 1h --once --json | jq .text  the answers of the last hour, then end
  riveg tap posts --author ada                  posts of one author
  riveg tap dead-letters --contains timeout     dead letters with a word in the message")]
pub struct Arguments {
    /// What to watch.
    #[arg(value_enum, default_value = "answers", value_name = "WHAT")]
    what: What,
    /// The topic, in place of that of the settings: needed for posts where `ingest.topic` may be several.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Begin with the records since this time, such as 2026-01-31T08:00:00Z, or for this long, such as 2h [default: only
    /// new ones].
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    from: Option<SystemTime>,
    /// End at the current end of the topic instead of waiting for more; without --from it begins at the beginning.
    #[arg(long)]
    once: bool,
    /// End after this many lines.
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    format: LinesFormat,
    #[command(flatten)]
    settings: Settings,
}

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The topic `publish.topic`, in the format `riveg`, `avro` or `protobuf`.
    Answers,
    /// The topic `ingest.topic`, or the one that `--topic` names.
    Posts,
    /// The topic `publish.dead_letter_topic`.
    DeadLetters,
}

impl What {
    fn topic(self, config: &Config) -> Option<&str> {
        match self {
            Self::Answers => Some(&config.publish.topic),
            Self::Posts => config.ingest.topic.only(),
            Self::DeadLetters => Some(&config.publish.dead_letter_topic),
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.settings.load()?.config;
    let topic = arguments.topic.as_deref().or_else(|| arguments.what.topic(&config));
    let topic =
        topic.ok_or_else(|| UsageError(format!("name one of the {} by --topic", config.ingest.topic)))?;
    let reader = TopicReader::open(&config.kafka, topic, "riveg-tap")?;
    let ranges = reader.ranges(arguments.from, None)?;
    let plain = PlainRecords::new(&config)?;
    let mut left = arguments.limit.unwrap_or(usize::MAX);
    let mut print = |message: &BorrowedMessage<'_>| {
        for line in arguments.lines(message, &plain).into_iter().take(left) {
            left -= 1;
            let mut out = io::stdout().lock();
            writeln!(out, "{line}").and_then(|()| out.flush()).map_err(StdoutError)?;
        }
        Ok(left > 0)
    };
    if arguments.limit == Some(0) {
        return Ok(());
    }
    if arguments.once {
        return reader.read(&ranges, print);
    }
    let begin: Ranges = match arguments.from {
        Some(_) => ranges,
        None => ranges.into_iter().map(|(partition, (_, end))| (partition, (end, end))).collect(),
    };
    reader.follow(&begin, &mut print)
}

impl Arguments {
    /// The lines for a record that passes the filter.
    fn lines(&self, message: &BorrowedMessage<'_>, plain: &PlainRecords) -> Vec<String> {
        let is_json = self.format.is_json();
        match self.what {
            What::Answers => answers::lines(message, plain, (&self.filter, is_json)),
            What::Posts => posts::line(message, plain, (&self.filter, is_json)).into_iter().collect(),
            What::DeadLetters => {
                let letter = DeadLetter::read(message);
                let is_wanted = self.filter.has_words(&letter.message) && message.payload().is_some();
                let line =
                    |letter: &DeadLetter| if is_json { letter.live_json() } else { letter.live_summary() };
                is_wanted.then(|| line(&letter)).into_iter().collect()
            }
        }
    }
}
