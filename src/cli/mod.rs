//! Command line: the subcommands of `riveg`, one file or folder each.
//!
//! A subcommand is a struct of arguments and a function `run`. `run` takes the process's [`Exit`] if it starts a device.
//! It may fail with any error: [`Exit`] prints the error with its causes and chooses the exit code.

use clap::{CommandFactory, Parser, Subcommand};

mod annotate;
mod bench;
mod brokers;
mod bundle;
mod bundle_tables;
mod cache;
mod calibrate;
mod check;
mod completions;
mod config;
mod dataset;
mod demo;
mod dlq;
mod eval;
mod exit;
mod export;
mod failure;
mod fetch;
mod ingest;
mod knowledge;
mod lexicon;
mod line_reader;
mod log_filter;
mod logging;
mod manual;
mod moment;
mod new_folder;
mod open;
mod output_format;
mod plain_records;
mod process;
mod progress;
mod quoted;
mod reload;
mod run;
mod schema;
mod serve;
mod settings;
mod tap;
mod terminal;
mod top;
mod topic;
mod train;
mod view;
mod world;

pub use exit::Exit;
use failure::with_causes;
pub use failure::{EXIT_LINES_REJECTED, EXIT_USAGE, Failure, UsageError, exit_code, stdout_is_closed};
pub use log_filter::{LogFilter, parse as parse_log_filter};
pub use logging::{FAILURE_TARGET, LogFormat, log_panics};
pub use process::{run_async, stop_and_hang_up_signals, stop_signal};
pub use settings::Settings;
pub use terminal::is_coloured;
use topic::TopicReader;

/// Reads a live feed of posts and says which named entities their pictures show, where, and which pixels.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = OVERVIEW)]
pub struct Arguments {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
    /// The format of log lines on standard error.
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// The log filter: a level, or levels by module such as `warn,riveg::kafka::ingest=debug` [default: info; of demo: warn;
    /// of run and serve: the setting telemetry.log].
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
}

impl Arguments {
    /// The log filter, or its default: `demo` prints its own progress.
    #[must_use]
    pub fn log_filter(&self) -> &str {
        let default = if matches!(self.command, Command::Demo(_)) { "warn" } else { "info" };
        self.log.as_deref().unwrap_or(default)
    }
}

const OVERVIEW: &str = "\
Examples:
  riveg demo                                       try it, with a broker inside the process
  riveg check --config config/local.toml           check settings, bundle and Kafka
  riveg run --config config/local.toml             posts from Kafka, answers to Kafka
  riveg serve --http 127.0.0.1:8080                posts and answers over HTTP, without Kafka
  riveg annotate posts.jsonl > annotations.jsonl   the same without Kafka
  riveg view --config config/local.toml            a page with the live feed

Settings: `riveg config explain KEY` describes a key; `riveg config show` prints the effective settings.
Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 done except for refused lines (annotate), 130 ended by a
second signal.";

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the help of the arguments by its first paragraph"
)]
pub enum Command {
    Run(run::Arguments),
    Serve(serve::Arguments),
    Annotate(annotate::Arguments),
    Check(check::Arguments),
    Config(config::Arguments),
    Top(top::Arguments),
    Ingest(ingest::Arguments),
    Dlq(dlq::Arguments),
    Export(export::Arguments),
    Schema(schema::Arguments),
    Tap(tap::Arguments),
    View(view::Arguments),
    Cache(cache::Arguments),
    Demo(demo::Arguments),
    Eval(eval::Arguments),
    Dataset(dataset::Arguments),
    Calibrate(calibrate::Arguments),
    Knowledge(knowledge::Arguments),
    Bundle(bundle::Arguments),
    Bench(bench::Arguments),
    Train(train::Arguments),
    World(world::Arguments),
    Completions(completions::Arguments),
    Man(manual::Arguments),
}

/// Runs a subcommand.
///
/// # Errors
/// Why it failed.
pub fn dispatch(command: Command, exit: &Exit, log: &LogFilter) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(&arguments, exit, log),
        Command::Serve(arguments) => serve::run(&arguments, exit, log),
        Command::Annotate(arguments) => annotate::run(&arguments, exit),
        Command::Check(arguments) => check::run(&arguments, exit),
        Command::Config(arguments) => config::run(&arguments),
        Command::Top(arguments) => top::run(&arguments, exit),
        Command::Ingest(arguments) => ingest::run(&arguments, exit),
        Command::Dlq(arguments) => dlq::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Tap(arguments) => tap::run(&arguments),
        Command::View(arguments) => view::run(&arguments, exit),
        Command::Cache(arguments) => cache::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments, exit),
        Command::Eval(arguments) => eval::run(&arguments, exit),
        Command::Dataset(arguments) => dataset::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments, exit),
        Command::Knowledge(arguments) => knowledge::run(&arguments, exit),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments, exit),
        Command::Train(arguments) => train::run(arguments),
        Command::World(arguments) => world::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, Arguments::command()),
        Command::Man(arguments) => manual::run(&arguments, Arguments::command()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

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

    /// Adds the paragraphs of the comments above all structs of arguments in a folder.
    fn add_paragraphs(folder: &Path, paragraphs: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add_paragraphs(&path, paragraphs);
            }
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let Some((above, _)) = text.split_once("struct Arguments {") else { continue };
            let (above, _) = above.rsplit_once("\n#[derive(").unwrap();
            let comment = above.lines().rev().map_while(|line| line.strip_prefix("///"));
            let comment: Vec<&str> = comment.collect::<Vec<_>>().into_iter().rev().map(str::trim).collect();
            paragraphs.extend(comment.split(|line| line.is_empty()).map(|lines| lines.join(" ")));
        }
    }

    fn add_long_help(command: &mut clap::Command, help: &mut String) {
        let shown = command.render_long_help().to_string();
        help.extend(shown.split_whitespace().flat_map(|word| [word, " "]));
        command.get_subcommands_mut().for_each(|subcommand| add_long_help(subcommand, help));
    }

    #[test]
    fn the_long_help_of_every_command_has_every_paragraph_of_its_comment() {
        let (mut paragraphs, mut help) = (Vec::new(), String::new());
        add_paragraphs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut paragraphs);
        add_long_help(&mut Arguments::command(), &mut help);
        assert!(paragraphs.len() > 40, "{paragraphs:#?}");
        for paragraph in paragraphs {
            // A single paragraph is shown without its last stop.
            assert!(help.contains(paragraph.trim_end_matches('.')), "`{paragraph}` is in no help");
        }
    }

    #[test]
    fn the_overview_names_every_exit_code() {
        for (code, meaning) in failure::EXIT_CODES {
            let words = meaning.split(';').next().unwrap();
            let overview = OVERVIEW.replace('\n', " ");
            assert!(overview.contains(&format!("{code} {words}")), "{code} {words}");
        }
    }
}
