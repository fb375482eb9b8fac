//! `riveg world`: posts with pictures, and the truth about them, from nothing but a seed.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};

use super::{AskedWrongly, Failure};
use crate::lab::world::{Split, World, write_dataset};

/// Makes pieces of the pocket world.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg world generate --seed 1 --posts 1000 --split test --out pocket-test")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Writes posts, pictures and gold: Twitter-GMNER's layout, masks, a feed, gold and a lexicon as JSON lines.
    Generate(Generate),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg world generate --posts 300 --out feed
  riveg world generate --seed 7 --posts 1000 --split test --out pocket-test

The same seed, split and number give the same bytes. Train, dev and test share no names.")]
struct Generate {
    /// Which world.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many posts.
    #[arg(long)]
    posts: u64,
    /// Whose names: train, dev or test.
    #[arg(long, default_value = "test")]
    split: Split,
    /// The folder to fill; must be empty or not be there yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Generate(generate) => self::generate(generate),
    }
}

fn generate(arguments: &Generate) -> Result<(), Failure> {
    let Generate { seed, posts, split, out } = arguments;
    // Files of an earlier, longer feed would mix with the new ones.
    if fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(AskedWrongly(format!("`{}` is not empty; name a new folder", out.display())).into());
    }
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new(*posts) } else { ProgressBar::hidden() };
    progress.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} posts, {eta} left")?);
    write_dataset(&World::new(*seed, *split), *posts, out, || progress.inc(1))?;
    progress.finish_and_clear();
    writeln!(
        std::io::stdout().lock(),
        "{posts} posts of the {} split in `{}`",
        split.as_str(),
        out.display()
    )?;
    Ok(())
}
