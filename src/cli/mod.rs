//! The subcommands, one file each: what they are asked, and who answers.
//!
//! A subcommand is a struct of arguments and a function `run` that takes it, with the process's ending where it starts a
//! device. It may fail with any error: the ending prints it with its causes and chooses the exit code.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, Effective, Faults, Sources};
use crate::telemetry::Causes;

mod annotate;
mod bench;
mod brokers;
mod bundle;
mod cache;
mod check;
mod degraded;
mod demo;
mod dlq;
mod ending;
mod eval;
mod knowledge;
mod lexicon;
mod limits;
mod lines;
mod refused;
mod open;
mod panics;
mod process;
mod run;
mod train;
mod world;

pub use ending::Ending;
pub use panics::log_panics;
pub use process::{run_to_end, stop_signal};

/// Why a subcommand failed; the error names the operation and keeps its causes.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The exit code for arguments and settings that cannot be meant.
pub const ASKED_WRONGLY: u8 = 2;

/// The exit code for work that is done, but for lines that were refused.
pub const LINES_REFUSED: u8 = 3;

/// What the log calls the origin of a command's failure. It is logged whatever else is: an exit code alone explains nothing.
pub const FAILURE: &str = "riveg::failure";

/// Reads a live feed of posts and says which named entities their pictures show, where, and which pixels.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = OVERVIEW)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look on standard error.
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: a level, or levels by module such as `warn,riveg::kafka::ingest=debug` [default: info; of demo: warn].
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

impl Arguments {
    /// What is logged, where nothing was said too: a demonstration says itself how it goes.
    #[must_use]
    pub fn log_filter(&self) -> &str {
        let usual = if matches!(self.command, Command::Demo(_)) { "warn" } else { "info" };
        self.log.as_deref().unwrap_or(usual)
    }
}

const OVERVIEW: &str = "\
Examples:
  riveg demo                                       see it work, with a broker of its own
  riveg check --config config/local.toml           look before running
  riveg run --config config/local.toml             posts from Kafka, answers to Kafka
  riveg annotate posts.jsonl > annotations.jsonl   the same without Kafka

Settings: every key with its reason is in config/default.toml; `riveg check` prints those that hold.
Exit codes: 0 done, 1 failed, 2 asked for wrongly, 3 done but for refused lines (annotate), 130 cut short by a second
signal.";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The subcommands, in the order in which one meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read posts from Kafka, annotate them and write the annotations back, until told to stop.
    Run(run::Arguments),
    /// Annotate posts from a file, one JSON object a line, without Kafka.
    Annotate(annotate::Arguments),
    /// Look at settings, bundle, brokers and topics, and say what is wrong, without running.
    Check(check::Arguments),
    /// Look at dead letters, and send their posts round again.
    Dlq(dlq::Arguments),
    /// Look at answers that are kept on disk and in Redis, carry them elsewhere, let go of some.
    Cache(cache::Arguments),
    /// See it work: posts of the pocket world through Kafka and back, with a broker of its own.
    Demo(demo::Arguments),
    /// Score the engine's answers against gold.
    Eval(eval::Arguments),
    /// Make sets of annotated examples, and say what each example is about.
    Knowledge(knowledge::Arguments),
    /// Look into bundles, check them, begin new ones.
    Bundle(bundle::Arguments),
    /// Measure networks by themselves.
    Bench(bench::Arguments),
    /// Train the networks of a bundle.
    Train(train::Arguments),
    /// Make pieces of the pocket world: posts with pictures, and the truth about them.
    World(world::Arguments),
}

/// Runs a subcommand to its end.
///
/// # Errors
/// Whatever made it fail.
pub fn dispatch(command: Command, ending: &Ending) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(&arguments, ending),
        Command::Annotate(arguments) => annotate::run(&arguments, ending),
        Command::Check(arguments) => check::run(&arguments, ending),
        Command::Dlq(arguments) => dlq::run(&arguments),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments, ending),
        Command::Eval(arguments) => eval::run(&arguments, ending),
        Command::Knowledge(arguments) => knowledge::run(&arguments, ending),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Train(arguments) => train::run(arguments),
        Command::World(arguments) => world::run(&arguments),
    }
}

/// The exit code that a failure stands for.
#[must_use]
pub fn exit_code(failure: &(dyn std::error::Error + Send + Sync + 'static)) -> u8 {
    if failure.is::<Faults>() || failure.is::<AskedWrongly>() {
        ASKED_WRONGLY
    } else if failure.is::<annotate::LinesRefused>() {
        LINES_REFUSED
    } else {
        1
    }
}

/// Whether the failure is that nobody reads our standard output any more.
#[must_use]
pub fn reader_has_gone(failure: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let unwritten = failure.downcast_ref::<Unwritten>().map(|Unwritten(error)| error);
    unwritten
        .or_else(|| failure.downcast_ref::<std::io::Error>())
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// An error and what caused it, in one line, for where it becomes data.
fn with_causes(error: &dyn std::error::Error) -> String {
    Causes(error).to_string()
}

/// What a command produces could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output")]
struct Unwritten(#[source] std::io::Error);

/// Arguments that cannot be meant, where the parser cannot know it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AskedWrongly(pub String);

/// The arguments of every subcommand that has settings.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// A TOML file with settings; may be given several times, later ones win.
    #[arg(long, value_name = "FILE")]
    pub config: Vec<PathBuf>,
    /// One setting, such as `engine.posts_in_flight=32`; may be given several times, wins over files and environment.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl Settings {
    /// Defaults, files, environment and single settings, checked.
    ///
    /// # Errors
    /// All that is wrong with them, at once.
    pub fn load(&self) -> Result<Effective, Faults> {
        // A variable that is not Unicode cannot be one of ours.
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(unicode).collect();
        Config::load(&Sources { files: self.config.clone(), environment, sets: self.set.clone() })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent_and_every_subcommand_has_examples() {
        let mut command = Arguments::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands_mut().filter(|subcommand| subcommand.get_name() != "help") {
            let help = subcommand.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{help}");
        }
    }
}
