//! Chaos test of delivery (`make chaos`): engines are killed, paused and fenced, brokers crash; no post may be lost.
//!
//! Engines are processes of this executable that run the real engine with an echoing pipeline. The feed is seeded; some of
//! its posts kill the process that works on them, some are hostile. At the end every record is counted by its position in
//! the input.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

mod broker;
mod check;
mod supervisor;
mod feed;
mod faults;
mod hostile;
mod overhead;
mod plain_loop;
mod report;
mod rolling;
mod scale;
mod soak;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use broker::Broker;
use faults::Plan;
use report::{Report, Run};
use supervisor::Supervisor;
use tikv_jemallocator::Jemalloc;

/// The allocator of the engine's binary: speed and memory are those of an engine as it is shipped.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How engines write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    AtLeastOnce,
    ExactlyOnce,
    /// Offsets are committed before answers are written: this must fail, which proves that the check works.
    CommitFirst,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How engines write, one run after another.
    #[arg(long, value_enum, default_values = ["at-least-once", "exactly-once"])]
    mode: Vec<Mode>,
    /// Duration of fault injection in each run.
    #[arg(long, default_value_t = 280)]
    seconds: u64,
    /// Engines killed with SIGKILL, in each run.
    #[arg(long, default_value_t = 50)]
    kills: usize,
    /// Crashes of the broker, in each run.
    #[arg(long, default_value_t = 5)]
    restarts: usize,
    /// Engines stopped with SIGSTOP, every other one beyond the group's session timeout, in each run.
    #[arg(long, default_value_t = 10)]
    pauses: usize,
    /// Posts that kill the engine that works on them, in each run.
    #[arg(long, default_value_t = 5)]
    poison: usize,
    /// Posts per second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seed of feed and faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the report, the broker's data and the engines' logs.
    #[arg(long, default_value = "target/chaos")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One engine.
    Worker(worker::Arguments),
    /// Many posts through one engine, whose memory is measured.
    Soak(soak::Arguments),
    /// An engine whose networks answer at once, beside a plain loop.
    Overhead(overhead::Arguments),
    /// The shipped engine and bundle in several processes of one group.
    Scale(scale::Arguments),
    /// Engines of one group that are replaced one after another.
    Rolling(rolling::Arguments),
    /// A plain loop.
    PlainLoop(plain_loop::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Command::Worker(worker)) => return worker::run(worker),
        Some(Command::Soak(soak)) => return soak::run(soak),
        Some(Command::Overhead(overhead)) => return overhead::run(overhead),
        Some(Command::Scale(scale)) => return scale::run(scale),
        Some(Command::Rolling(rolling)) => return rolling::run(rolling),
        Some(Command::PlainLoop(plain)) => return plain_loop::run(plain),
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
    let feed = feed::start(&broker, arguments);
    let supervisor = Supervisor::start(mode, &broker, &folder);
    let injected = faults::inject(plan, &broker, &supervisor);
    let sent = feed.finish();
    println!(
        "{mode:?}: {} posts were sent; waiting until the group has committed the end of the input",
        sent.len()
    );
    // Longer than the transaction timeout: the broker then aborts a killed engine's open transaction.
    let settled = broker.wait_until_all_answered(Duration::from_secs(180));
    let deaths = supervisor.stop();
    let found = check::check(&sent, &broker.annotations(), &broker.dead_letters());
    broker.stop();
    Run { injected, deaths, settled, posts: sent.len(), found }
}
