//! Is anything lost or doubled when engines are killed, paused and shut out, and brokers crash? `make chaos` says.
//!
//! Engines are processes of this same executable that run the real engine with a pipeline that echoes. The feed is seeded,
//! some of its posts kill the process that works on them, some are made to harm, and in the end every record is counted by
//! its place in the input.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

mod broker;
mod check;
mod crew;
mod feed;
mod havoc;
mod hostile;
mod report;
mod soak;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use broker::Broker;
use crew::Crew;
use havoc::Plan;
use report::{Report, Run};

/// How engines write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    AtLeastOnce,
    ExactlyOnce,
    /// Offsets are committed before anything is written: the proof that the proof can fail.
    CommitFirst,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// How engines write, one run after another.
    #[arg(long, value_enum, default_values = ["at-least-once", "exactly-once"])]
    mode: Vec<Mode>,
    /// How long havoc is wreaked in each run.
    #[arg(long, default_value_t = 280)]
    seconds: u64,
    /// Engines killed with SIGKILL, in each run.
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// Crashes of the broker, in each run.
    #[arg(long, default_value_t = 5)]
    restarts: usize,
    /// Engines stopped with SIGSTOP, every other one until the group has given it up, in each run.
    #[arg(long, default_value_t = 10)]
    pauses: usize,
    /// Posts that kill whoever works on them, in each run.
    #[arg(long, default_value_t = 5)]
    poison: usize,
    /// Posts a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Of feed and havoc.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the report, the broker's data and the engines' logs go.
    #[arg(long, default_value = "target/chaos")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One engine.
    Worker(worker::Arguments),
    /// Many posts through one engine, whose memory is watched.
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.what {
        Some(What::Worker(worker)) => return worker::run(worker),
        Some(What::Soak(soak)) => return soak::run(soak),
        None => {}
    }
    let report = Report::new(arguments.mode.iter().map(|&mode| (mode, run(&arguments, mode))));
    report.print();
    report.write(&arguments.out.join("report.json"));
    if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(arguments: &Arguments, mode: Mode) -> Run {
    let folder = arguments.out.join(format!("{mode:?}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let broker = Broker::start(&folder);
    broker.create_topics();
    let plan = Plan::new(arguments);
    println!("{mode:?}: {plan}");
    let feed = feed::begin(&broker, arguments);
    let crew = Crew::hire(mode, &broker, &folder);
    let wreaked = havoc::wreak(plan, &broker, &crew);
    let fed = feed.end();
    println!("{mode:?}: {} posts were fed; waiting until the group stands at the end", fed.len());
    // Longer than the broker keeps a transaction open that somebody died in.
    let settled = broker.group_is_at_the_end(Duration::from_secs(180));
    let deaths = crew.dismiss();
    let found = check::check(&fed, &broker.annotations(), &broker.dead_letters());
    broker.stop();
    Run { wreaked, deaths, settled, posts: fed.len(), found }
}
