//! Posts of the demonstration: drawn from the pocket world with their gold, or read from a file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::super::line_reader::{Line, LineReader};
use super::super::{Failure, progress};
use super::exchange::WINDOW_BYTES;
use super::progress_line::{print_line, seconds};
use crate::config::Config;
use crate::domain::Rejection;
use crate::input::formats::{Event, Feeds, InputRecord, PostDraft};
use crate::lab::dataset::{self, Example, GoldPost};
use crate::lab::world::{Split, World, write_dataset};

/// The lexicon of a folder of posts, as `riveg world generate` writes it.
const LEXICON: &str = "lexicon.jsonl";

/// The most that is read of a file: all posts are in memory until they are answered.
const LARGEST_FEED: u64 = 1 << 30;

/// Damaged lines that a message lists.
const LISTED_LINES: usize = 5;

/// The posts that are streamed.
pub(super) struct Posts {
    /// Records and gold; posts of a file have a gold without mentions.
    pub(super) examples: Vec<Example>,
    /// Whether the gold is known, so that answers can be scored.
    pub(super) have_gold: bool,
    /// What their names look like, if a file says so.
    pub(super) lexicon: Option<PathBuf>,
    /// Where they come from.
    pub(super) source: String,
}

/// A file of posts that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum FeedError {
    #[error("failed to read `{}`", .file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("`{}` has no post", .file.display())]
    Empty { file: PathBuf },
    #[error("`{}` has more than {} bytes of posts: --posts N takes the first", .file.display(), LARGEST_FEED)]
    Large { file: PathBuf },
    #[error("`{}` has {count} of its lines damaged, and nothing was sent:\n{}", .file.display(), .lines.join("\n"))]
    Damaged { file: PathBuf, count: usize, lines: Vec<String> },
}

impl Posts {
    /// Generates posts with names that training never saw, and reads them back with their gold.
    pub(super) fn of_world(seed: u64, posts: u64, folder: &Path) -> Result<Self, Failure> {
        let began = Instant::now();
        let bar = progress::bar(posts, "{bar:40} {pos} of {len} posts drawn");
        let world = World::new(seed, Split::Test);
        write_dataset(&world, posts, folder, || bar.inc(1))?;
        bar.finish_and_clear();
        let examples = dataset::read(folder, world.split().as_str())?;
        let (posts, megabytes) = (examples.len(), megabytes(&examples));
        let (took, place) = (seconds(began.elapsed()), folder.display());
        print_line(
            "world",
            &format!("{posts} posts with pictures, {megabytes:.1} MB, drawn in {took}; `{place}`"),
        )?;
        let source = "a pocket world".to_owned();
        Ok(Self { examples, have_gold: true, lexicon: Some(folder.join(LEXICON)), source })
    }

    /// Reads the first `most` posts of a file, one a line, in any format that the settings read. Lines without a post are left
    /// out and counted.
    pub(super) fn of_file(file: &Path, most: usize, config: &Config) -> Result<Self, Failure> {
        let lines = File::open(file).and_then(|opened| {
            let is_folder = opened.metadata()?.is_dir();
            if is_folder { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(BufReader::new(opened)) }
        });
        let fault = |source| FeedError::Read { file: file.to_owned(), source };
        let lines = LineReader::new(lines.map_err(fault)?, config.decode.max_record.as_u64());
        let (examples, without) = read(lines, most, config, file)?;
        let (posts, megabytes) = (examples.len(), megabytes(&examples));
        let without = match without {
            0 => String::new(),
            1 => "; a line without a post is left out".to_owned(),
            lines => format!("; {lines} lines without a post are left out"),
        };
        print_line("feed", &format!("{posts} posts of `{}`, {megabytes:.1} MB{without}", file.display()))?;
        let lexicon = Some(file.with_file_name(LEXICON)).filter(|lexicon| lexicon.is_file());
        let name = file.file_name().unwrap_or(file.as_os_str());
        Ok(Self { examples, have_gold: false, lexicon, source: name.to_string_lossy().into_owned() })
    }
}

/// The posts of lines, and the number of lines without one.
fn read(
    lines: impl Iterator<Item = io::Result<Line>>,
    most: usize,
    config: &Config,
    file: &Path,
) -> Result<(Vec<Example>, usize), FeedError> {
    let (mut examples, mut without, mut faults) = (Vec::new(), 0, Vec::new());
    let mut line_of: HashMap<String, u64> = HashMap::new();
    let feeds = Feeds::new(&config.feeds());
    for line in lines {
        if examples.len() + faults.len() >= most {
            break;
        }
        let line = line.map_err(|source| FeedError::Read { file: file.to_owned(), source })?;
        if line.end > LARGEST_FEED {
            return Err(FeedError::Large { file: file.to_owned() });
        }
        match post_of(&feeds, &line, config) {
            Ok(None) => without += 1,
            Ok(Some(draft)) => match line_of.entry(draft.id) {
                Entry::Occupied(known) => {
                    faults.push(format!("line {}: the post of line {} again", line.number, known.get()));
                }
                Entry::Vacant(new) => {
                    let gold = GoldPost {
                        id: new.key().clone(),
                        text: draft.text,
                        mentions: Vec::new(),
                        grounded: false,
                    };
                    new.insert(line.number);
                    examples.push(Example { record: line.record.to_vec(), gold, knowledge: None });
                }
            },
            Err(fault) => faults.push(format!("line {}: {fault}", line.number)),
        }
    }
    if !faults.is_empty() {
        let count = faults.len();
        faults.truncate(LISTED_LINES);
        if count > LISTED_LINES {
            faults.push(format!("and {} more", count - LISTED_LINES));
        }
        return Err(FeedError::Damaged { file: file.to_owned(), count, lines: faults });
    }
    if examples.is_empty() {
        return Err(FeedError::Empty { file: file.to_owned() });
    }
    Ok((examples, without))
}

/// The post of a line; none where the line says something else, such as a deletion. The engine reads it by the same settings.
fn post_of(feeds: &Feeds, line: &Line, config: &Config) -> Result<Option<PostDraft>, String> {
    let bytes = line.record.len();
    if bytes > WINDOW_BYTES {
        return Err(format!(
            "the record has more than the {WINDOW_BYTES} bytes that the demonstration's broker keeps; `riveg annotate` takes it"
        ));
    }
    let topic = config.ingest.topic.only().map(Arc::from);
    let record = InputRecord { payload: line.record.clone(), topic, ..InputRecord::default() };
    let told = |rejection: Rejection| rejection.message;
    let mut posts = Vec::new();
    for event in feeds.read(&record, &config.decode).map_err(told)?.events {
        match event {
            Event::Post(draft) => posts.push(*draft),
            Event::Faulty(rejection) => return Err(told(rejection)),
            Event::Unknown { .. } if feeds.skips_unknown() => {}
            Event::Unknown { what } => return Err(format!("{what} is not known")),
            Event::Deletion { .. } | Event::Ignored { .. } => {}
        }
    }
    match posts.len() {
        0 | 1 => Ok(posts.pop()),
        several => Err(format!("{several} posts in one record: write one a line")),
    }
}

fn megabytes(examples: &[Example]) -> f64 {
    examples.iter().map(|example| example.record.len()).sum::<usize>() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(text: &str, most: usize) -> Result<(Vec<String>, usize), String> {
        let config = Config::load(&crate::config::Sources::default()).unwrap().config;
        let lines = LineReader::new(text.as_bytes(), 10_000_000);
        read(lines, most, &config, Path::new("feed.jsonl"))
            .map(|(examples, without)| {
                (examples.into_iter().map(|example| example.gold.id).collect(), without)
            })
            .map_err(|error| error.to_string())
    }

    fn post(id: &str) -> String {
        format!("{{\"id\":\"{id}\",\"text\":\"Ada is in Oslo\",\"created_at\":\"2026-01-01T00:00:00Z\"}}\n")
    }

    #[test]
    fn posts_of_all_formats_are_read_and_lines_without_one_are_counted() {
        let event = r#"{"did":"did:plc:a","time_us":1,"kind":"commit","commit":{"rev":"3l1","operation":"OPERATION","collection":"app.bsky.feed.post","rkey":"b""#;
        let created = event.replace("OPERATION", "create")
            + r#","cid":"bafyrei","record":{"$type":"app.bsky.feed.post","text":"Ada","createdAt":"2026-01-01T00:00:00Z"}}}"#;
        let deleted = event.replace("OPERATION", "delete") + "}}";
        let text = format!("{}\n{created}\n{deleted}\n{}", post("1"), post("2"));
        let ids = ["1", "at://did:plc:a/app.bsky.feed.post/b", "2"].map(str::to_owned).to_vec();
        assert_eq!(read_lines(&text, 9), Ok((ids.clone(), 1)));
        assert_eq!(read_lines(&text, 2), Ok((ids[..2].to_vec(), 0)));
    }

    #[test]
    fn damaged_lines_are_named_by_their_numbers() {
        let large = format!("{{\"id\":\"9\",\"text\":\"{}\"}}", "x".repeat(WINDOW_BYTES));
        for (text, parts) in [
            (String::new(), vec!["`feed.jsonl` has no post"]),
            (
                format!("{}no JSON\n\n{}{{}}\n", post("1"), post("1")),
                vec!["3 of its lines", "\nline 2: ", "\nline 4: the post of line 1 again", "\nline 5: "],
            ),
            (large, vec!["line 1: the record has more than the 4194304 bytes", "riveg annotate"]),
            ("no\n".repeat(7), vec!["7 of its lines", "\nline 5: ", "\nand 2 more"]),
        ] {
            let message = read_lines(&text, 100).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{parts:?}: {message}");
            assert!(!message.contains("line 6"), "{message}");
        }
    }
}
