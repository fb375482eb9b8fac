//! `riveg dataset`: checks, counts, converts and divides data sets.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::new_folder::must_be_empty;
use super::{Failure, UsageError, with_causes};
use crate::lab::dataset::{self, Example, Form, Layout, PairSources, PairTask, Statistics};

mod pairs;
#[cfg(test)]
mod tests;

/// The splits that are looked for if none is named.
const SPLITS: [&str; 3] = ["train", "dev", "test"];

/// Check, count, convert and divide data sets: Twitter-GMNER, Twitter-SMNER, Twitter-2015, COCO, and feed.jsonl with
/// gold.jsonl.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg dataset check --data twitter-gmner
  riveg dataset stats --data twitter-gmner --json statistics.json
  riveg dataset convert --data corrected --to riveg --out labelled
  riveg dataset convert --data twitter-gmner --split train --to ve-tsv --expressions gpt.txt --out gate")]
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
  riveg dataset check --data gate/ve-train.tsv

The exit code is 1 if a line is damaged.")]
struct Named {
    /// The folder of the data set, or a file of pairs for gate or grounder (.tsv).
    #[arg(long, value_name = "PATH")]
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
  riveg dataset convert --data twitter-gmner --split train --to ve-tsv --expressions gpt.txt --expressions llama.txt \
      --captions BLIP2_15.txt --captions BLIP2_17.txt --out gate

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
    #[command(flatten)]
    told: pairs::Told,
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
    /// ve-SPLIT.tsv: pairs of picture and entity on which OFA is fine-tuned as gate.
    VeTsv,
    /// vg-SPLIT.tsv: the same for the grounder, with the largest box.
    VgTsv,
}

/// How a split is written.
enum Output {
    Layout(Form),
    Pairs(PairTask, PairSources),
}

impl Convert {
    fn output(&self) -> Result<Output, Failure> {
        let layout = match self.to {
            To::Riveg => Form::Riveg,
            To::TwitterGmner => Form::TwitterGmner,
            To::Coco => Form::Coco,
            To::Knowledge => Form::Knowledge,
            To::VeTsv => return Ok(Output::Pairs(PairTask::Entailment, self.told.read()?)),
            To::VgTsv => return Ok(Output::Pairs(PairTask::Grounding, self.told.read()?)),
        };
        self.told.must_be_empty()?;
        Ok(Output::Layout(layout))
    }
}

impl Output {
    fn write(&self, examples: &[Example], split: &str, folder: &Path) -> Result<(), Failure> {
        match self {
            Self::Layout(form) => Ok(dataset::write(examples, *form, split, folder)?),
            Self::Pairs(task, sources) => pairs::write(examples, (*task, sources), split, folder),
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
    if named.data.is_file() {
        let damaged = pairs::count(&named.data)?.damaged;
        return no_damage(damaged, &named.data);
    }
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
    no_damage(damaged, &named.data)
}

fn no_damage(damaged: usize, data: &Path) -> Result<(), Failure> {
    if damaged > 0 {
        return Err(format!("{damaged} places of `{}` are damaged", data.display()).into());
    }
    Ok(())
}

fn shown(lines: Vec<String>, out: &mut impl Write) -> std::io::Result<()> {
    let more = lines.len().saturating_sub(pairs::SHOWN);
    for line in lines.into_iter().take(pairs::SHOWN) {
        writeln!(out, "  {line}")?;
    }
    if more > 0 {
        writeln!(out, "  and {more} more")?;
    }
    Ok(())
}

fn stats(arguments: &Stats) -> Result<(), Failure> {
    let Stats { named, json } = arguments;
    let mut all = Map::new();
    if named.data.is_file() {
        let counted = pairs::count(&named.data)?;
        no_damage(counted.damaged, &named.data)?;
        all.insert("pairs".to_owned(), counted.json());
    } else {
        let mut out = std::io::stdout().lock();
        for split in named.splits()? {
            let examples = dataset::read_all(&named.data, split)?.whole()?;
            let counted = Statistics::of(&examples);
            writeln!(out, "{split}\n{counted}")?;
            all.insert(split.to_owned(), serde_json::to_value(&counted)?);
        }
    }
    if let Some(file) = json {
        fs::write(file, format!("{:#}\n", Value::Object(all)))
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
    }
    Ok(())
}

fn convert(arguments: &Convert) -> Result<(), Failure> {
    let Convert { data, split, out, .. } = arguments;
    let output = arguments.output()?;
    must_be_empty(out)?;
    let examples = dataset::read_all(data, split)?.whole()?;
    output.write(&examples, split, out)?;
    writeln!(std::io::stdout().lock(), "{} posts of {split} in `{}`", examples.len(), out.display())?;
    Ok(())
}

fn divide(arguments: &Divide) -> Result<(), Failure> {
    let Divide { from, parts, seed } = arguments;
    let Convert { data, split, to, out, .. } = from;
    let (parts, output) = (shares(parts)?, from.output()?);
    must_be_empty(out)?;
    let mut examples = dataset::read_all(data, split)?.whole()?;
    examples.shuffle(&mut ChaCha8Rng::seed_from_u64(*seed));
    let count = examples.len();
    let (mut begin, mut until) = (0, 0.0);
    for (number, (name, share)) in parts.iter().enumerate() {
        until += share;
        let is_last = number + 1 == parts.len();
        let end = if is_last { count } else { ((until * count as f64).round() as usize).clamp(begin, count) };
        // Splits of words share a folder of pictures, and files of pairs have the split's name; other layouts are folders.
        let is_shared = matches!(to, To::TwitterGmner | To::VeTsv | To::VgTsv);
        let folder = if is_shared { out.clone() } else { out.join(name) };
        output.write(&examples[begin..end], name, &folder)?;
        writeln!(std::io::stdout().lock(), "{name:<8}  {:>6} posts", end - begin)?;
        begin = end;
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
