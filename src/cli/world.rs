//! `riveg world`: generates posts with pictures, and their gold, from a seed.

use std::io::Write;
use std::path::PathBuf;

use super::new_folder::must_be_empty;
use super::{Failure, progress};
use crate::lab::world::{Split, World, write_dataset};

/// Generate data of the pocket world.
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
    /// Write posts, pictures and gold: the layout of Twitter-GMNER, masks, and feed, gold, lexicon and knowledge as JSON lines.
    Generate(Generate),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg world generate --posts 300 --out feed
  riveg world generate --seed 7 --posts 1000 --split test --out pocket-test

The same seed, split and number give the same bytes. Train, dev and test share no names.")]
struct Generate {
    /// The seed of the world.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The number of posts.
    #[arg(long)]
    posts: u64,
    /// The split: train, dev, test, or hard, whose posts are harder.
    #[arg(long, default_value = "test")]
    split: Split,
    /// The output folder, which must be empty or not exist.
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
    must_be_empty(out)?;
    let bar = progress::bar(*posts, "{wide_bar} {pos}/{len} posts, {eta} left");
    write_dataset(&World::new(*seed, *split), *posts, out, || bar.inc(1))?;
    bar.finish_and_clear();
    writeln!(
        std::io::stdout().lock(),
        "{posts} posts of the {} split in `{}`",
        split.as_str(),
        out.display()
    )?;
    Ok(())
}
