//! `riveg dataset`: checks, counts, converts and divides data sets.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::new_folder::must_be_empty;
use super::{Failure, UsageError, with_causes};
use crate::lab::dataset::{self, Form, Layout, Statistics};

/// The splits that are looked for if none is named.
const SPLITS: [&str; 3] = ["train", "dev", "test"];

/// Faults and remarks of each kind that are printed; a damaged file may have one in every line.
const SHOWN: usize = 50;

/// Check, count, convert and divide data sets: Twitter-GMNER, Twitter-SMNER, Twitter-2015, COCO, and feed.jsonl with
/// gold.jsonl.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset check --data twitter-gmner
  riveg dataset stats --data twitter-gmner --json statistics.json
  riveg dataset convert --data corrected --to riveg --out labelled")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Report every damaged line, pictures that are missing, and regions that belong to no entity.
    Check(Named),
    /// Count posts, mentions, types and regions.
    Stats(Stats),
    /// Write a split in another layout.
    Convert(Convert),
    /// Divide a split at random.
    Split(Divide),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset check --data twitter-gmner
  riveg dataset check --data labelled --split test

The exit code is 1 if a line is damaged.")]
struct Named {
    /// The folder of the data set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The split; may be repeated [default: those of train, dev and test that are there].
    #[arg(long, value_name = "SPLIT")]
    split: Vec<String>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset stats --data twitter-gmner
  riveg dataset stats --data labelled --split test --json statistics.json")]
struct Stats {
    #[command(flatten)]
    named: Named,
    /// Write the figures to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset convert --data twitter-gmner --split dev --to riveg --out dev
  riveg dataset convert --data labelled --to coco --out for-annotators

Pictures are copied into `images`; those that are not there are left out.")]
struct Convert {
    /// The folder of the data set.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The split.
    #[arg(long, default_value = "test")]
    split: String,
    /// The layout to write.
    #[arg(long, value_enum, value_name = "LAYOUT")]
    to: To,
    /// The output folder, which must be empty or not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset split --data labelled --split all --parts train=0.8,dev=0.1,test=0.1 --out divided

The same posts, parts and seed give the same division.")]
struct Divide {
    #[command(flatten)]
    from: Convert,
    /// The parts and their shares, which add up to 1.
    #[arg(long, value_name = "NAME=SHARE,...", default_value = "train=0.8,dev=0.1,test=0.1")]
    parts: String,
    /// The seed of the order in which posts are dealt.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// feed.jsonl and gold.jsonl.
    Riveg,
    /// Words and boxes, without masks.
    TwitterGmner,
    /// annotations.json.
    Coco,
    /// knowledge.jsonl: what a language model wrote about each post, for the setting knowledge.file.
    Knowledge,
}

impl To {
    fn form(self) -> Form {
        match self {
            Self::Riveg => Form::Riveg,
            Self::TwitterGmner => Form::TwitterGmner,
            Self::Coco => Form::Coco,
            Self::Knowledge => Form::Knowledge,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Check(named) => check(named),
        Command::Stats(stats) => self::stats(stats),
        Command::Convert(convert) => self::convert(convert),
        Command::Split(divide) => self::divide(divide),
    }
}

impl Named {
    /// The named splits, or those that are there.
    fn splits(&self) -> Result<Vec<&str>, Failure> {
        if !self.split.is_empty() {
            return Ok(self.split.iter().map(String::as_str).collect());
        }
        let splits: Vec<&str> =
            SPLITS.into_iter().filter(|split| Layout::of(&self.data, split).is_ok()).collect();
        // A folder without subfolders of splits is the same for all names.
        let is_one = matches!(
            Layout::of(&self.data, SPLITS[0]),
            Ok(Layout::Riveg { folder } | Layout::Coco { folder } | Layout::LabelStudio { folder }) if folder == self.data
        );
        if is_one {
            return Ok(vec![SPLITS[2]]);
        }
        match splits.is_empty() {
            // The error of a reader says what was looked for.
            true => Ok(vec![SPLITS[2]]),
            false => Ok(splits),
        }
    }
}

fn check(named: &Named) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut damaged = 0;
    for split in named.splits()? {
        let layout = Layout::of(&named.data, split)?;
        let reading = dataset::read_all(&named.data, split)?;
        writeln!(
            out,
            "{split}: {}; {} posts, {} damaged places, {} missing pictures, {} remarks",
            layout.as_str(),
            reading.examples.len(),
            reading.faults.len(),
            reading.missing_pictures.len(),
            reading.remarks.len()
        )?;
        let faults = reading.faults.iter().map(|fault| format!("damaged: {}", with_causes(fault)));
        let missing = reading.missing_pictures.iter().map(|fault| format!("missing: {}", with_causes(fault)));
        let remarks = reading.remarks.iter().map(|remark| format!("remark: {remark}"));
        shown(faults.collect(), &mut out)?;
        shown(missing.collect(), &mut out)?;
        shown(remarks.collect(), &mut out)?;
        damaged += reading.faults.len();
    }
    if damaged > 0 {
        return Err(format!("{damaged} places of `{}` are damaged", named.data.display()).into());
    }
    Ok(())
}

fn shown(lines: Vec<String>, out: &mut impl Write) -> std::io::Result<()> {
    let more = lines.len().saturating_sub(SHOWN);
    for line in lines.into_iter().take(SHOWN) {
        writeln!(out, "  {line}")?;
    }
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn stats(arguments: &Stats) -> Result<(), Failure> {
    let Stats { named, json } = arguments;
    let mut out = std::io::stdout().lock();
    let mut all = Map::new();
    for split in named.splits()? {
        let examples = dataset::read_all(&named.data, split)?.whole()?;
        let counted = Statistics::of(&examples);
        writeln!(out, "{split}\n{counted}")?;
        all.insert(split.to_owned(), serde_json::to_value(&counted)?);
    }
    if let Some(file) = json {
        fs::write(file, format!("{:#}\n", Value::Object(all)))
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
    }
    Ok(())
}

fn convert(arguments: &Convert) -> Result<(), Failure> {
    let Convert { data, split, to, out } = arguments;
    must_be_empty(out)?;
    let examples = dataset::read_all(data, split)?.whole()?;
    dataset::write(&examples, to.form(), split, out)?;
    writeln!(std::io::stdout().lock(), "{} posts of {split} in `{}`", examples.len(), out.display())?;
    Ok(())
}

fn divide(arguments: &Divide) -> Result<(), Failure> {
    let Divide { from: Convert { data, split, to, out }, parts, seed } = arguments;
    let parts = shares(parts)?;
    must_be_empty(out)?;
    let mut examples = dataset::read_all(data, split)?.whole()?;
    examples.shuffle(&mut ChaCha8Rng::seed_from_u64(*seed));
    let count = examples.len();
    let (mut from, mut until) = (0, 0.0);
    for (number, (name, share)) in parts.iter().enumerate() {
        until += share;
        let is_last = number + 1 == parts.len();
        let end = if is_last { count } else { ((until * count as f64).round() as usize).clamp(from, count) };
        // Splits of words share a folder of pictures; those of other layouts are folders.
        let folder = if matches!(to, To::TwitterGmner) { out.clone() } else { out.join(name) };
        dataset::write(&examples[from..end], to.form(), name, &folder)?;
        writeln!(std::io::stdout().lock(), "{name:<8}  {:>6} posts", end - from)?;
        from = end;
    }
    Ok(())
}

/// The parts of `NAME=SHARE,...`.
fn shares(written: &str) -> Result<Vec<(String, f64)>, UsageError> {
    let wrong = || {
        UsageError(format!(
            "--parts: expected `NAME=SHARE,...` with shares that add up to 1, found `{written}`"
        ))
    };
    let part = |part: &str| {
        let (name, share) = part.split_once('=')?;
        let share: f64 = share.trim().parse().ok().filter(|share| (0.0..=1.0).contains(share))?;
        let is_name =
            !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter));
        is_name.then(|| (name.to_owned(), share))
    };
    let parts: Vec<(String, f64)> =
        written.split(',').map(|written| part(written.trim())).collect::<Option<_>>().ok_or_else(wrong)?;
    let sum: f64 = parts.iter().map(|(_, share)| share).sum();
    // Shares such as 1/3 are rounded by those who write them.
    if (sum - 1.0).abs() > 0.01 { Err(wrong()) } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    fn riveg(arguments: &[&str]) -> Result<(), Failure> {
        let line = ["riveg", "dataset"].into_iter().chain(arguments.iter().copied());
        let parsed = crate::cli::Arguments::try_parse_from(line).unwrap();
        let log = crate::cli::LogFilter::new(true, |_| Ok(()));
        crate::cli::dispatch(parsed.command, &crate::cli::Exit::default(), &log)
    }

    fn words(folder: &Path, posts: usize) {
        let post = |number| format!("IMGID:{number}\nAnn\tB-PER\nsings\tO\n\n");
        fs::create_dir_all(folder.join("txt")).unwrap();
        fs::create_dir_all(folder.join("xml")).unwrap();
        fs::write(folder.join("txt/test.txt"), (0..posts).map(post).collect::<String>()).unwrap();
    }

    #[test]
    fn a_split_is_divided_without_loss_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        words(folder.path(), 21);
        let data = folder.path().to_str().unwrap();
        for out in ["one", "two"] {
            let parts = ["--parts", "train=0.67,test=0.33", "--to", "riveg", "--out", &path(out)];
            riveg(&[&["split", "--data", data], &parts[..]].concat()).unwrap();
        }
        let ids = |out: &str, part: &str| -> Vec<String> {
            let read = dataset::read_all(&folder.path().join(out), part).unwrap().whole().unwrap();
            read.into_iter().map(|example| example.gold.id).collect()
        };
        let (train, test) = (ids("one", "train"), ids("one", "test"));
        assert_eq!((train.len(), test.len()), (14, 7));
        assert_eq!((ids("two", "train"), ids("two", "test")), (train.clone(), test.clone()));
        let mut all: Vec<String> = [train, test].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 21);
        let again = riveg(&["convert", "--data", data, "--to", "coco", "--out", &path("one")]);
        assert!(again.unwrap_err().to_string().contains("is not empty"));
    }

    #[test]
    fn a_damaged_data_set_fails_its_check_and_has_no_statistics() {
        let folder = tempfile::tempdir().unwrap();
        words(folder.path(), 2);
        let data = folder.path().to_str().unwrap();
        riveg(&["check", "--data", data]).unwrap();
        let json = folder.path().join("figures.json");
        riveg(&["stats", "--data", data, "--json", json.to_str().unwrap()]).unwrap();
        let figures: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
        assert_eq!((&figures["test"]["posts"], &figures["test"]["mentions"]), (&2.into(), &2.into()));
        fs::write(folder.path().join("txt/test.txt"), "IMGID:1\nAnn\n").unwrap();
        let error = riveg(&["check", "--data", data]).unwrap_err().to_string();
        assert!(error.contains("1 places of"), "{error}");
        let error = riveg(&["stats", "--data", data]).unwrap_err().to_string();
        assert!(error.contains("test.txt`, line 2"), "{error}");
    }

    #[test]
    fn shares_must_be_named_and_add_up() {
        assert_eq!(shares("a=0.5, b=0.5").unwrap().len(), 2);
        for wrong in ["a", "a=0.5", "a=2,b=-1", "../a=1", "a=x,b=1", ""] {
            assert!(shares(wrong).is_err(), "{wrong}");
        }
    }
}
