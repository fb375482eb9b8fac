//! Scale bench: posts a second of one, two and more processes of the shipped engine in one group, one core each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use rdkafka::message::Message;
use serde_json::json;

use super::broker::{Broker, PARTITIONS};
use super::soak::{binary, samples, spawned, write};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Posts of the pocket world for each process.
    #[arg(long, default_value_t = 1500)]
    posts: usize,
    /// The most processes, at most one for each core that this machine has and each partition of the input.
    #[arg(long, default_value_t = 3)]
    processes: usize,
    /// Folder of the report, the broker's data and the logs.
    #[arg(long, default_value = "target/scale")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let out = std::path::absolute(&arguments.out).unwrap();
    let _ = fs::remove_dir_all(&out);
    fs::create_dir_all(&out).unwrap();
    let cores = available_parallelism().map_or(1, usize::from);
    let most = arguments.processes.min(cores).min(PARTITIONS as usize).max(1);
    let samples = samples(arguments.posts);
    println!("{:<11}{:>9}{:>11}{:>9}{:>7}{:>9}", "processes", "posts", "posts/s", "/ one", "lost", "doubled");
    let (mut one, mut holds) = (None, true);
    let mut report = Vec::new();
    for processes in 1..=most {
        let posts = processes * arguments.posts;
        let broker = Broker::start(&out);
        broker.create_topics();
        write(&broker, posts, &|number| samples[number % samples.len()].post(number));
        let rate = rate(&broker, (processes, posts), &out);
        let answers = broker.annotations();
        let keys: BTreeSet<&[u8]> = answers.iter().filter_map(Message::key).collect();
        let (lost, doubled) = (posts - keys.len(), answers.len() - keys.len());
        broker.stop();
        let one = *one.get_or_insert(rate);
        println!("{processes:<11}{posts:>9}{rate:>11.1}{:>9.2}{lost:>7}{doubled:>9}", rate / one);
        holds &= lost == 0 && doubled == 0;
        report.push(json!({
            "processes": processes, "posts": posts, "posts_per_second": rate, "lost": lost, "doubled": doubled,
        }));
    }
    if most < arguments.processes {
        println!("more processes are not measured: this machine has {cores} cores, which the broker shares");
    }
    fs::write(out.join("report.json"), format!("{:#}\n", json!(report))).unwrap();
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Posts a second while all processes answer: from their first tenth of the posts to the last.
fn rate(broker: &Broker, (processes, posts): (usize, usize), out: &Path) -> f64 {
    let mut engines: Vec<Child> = (0..processes).map(|core| engine(broker, core, out)).collect();
    let mut first: Option<(Instant, i64)> = None;
    let rate = loop {
        let done = broker.answered();
        if done * 10 >= posts as i64 {
            first.get_or_insert_with(|| (Instant::now(), done));
        }
        if let Some((since, before)) = first.filter(|_| done >= posts as i64) {
            break (done - before) as f64 / since.elapsed().as_secs_f64();
        }
        let ended = engines.iter_mut().find_map(|engine| engine.try_wait().unwrap());
        assert!(ended.is_none(), "an engine ended: {ended:?}; see {}", out.display());
        sleep(Duration::from_millis(100));
    };
    for engine in &mut engines {
        let _ = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
        assert!(engine.wait().unwrap().success());
    }
    rate
}

/// The shipped engine with the shipped bundle, on one core.
fn engine(broker: &Broker, core: usize, out: &Path) -> Child {
    let mut command = Command::new("taskset");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("-c").arg(core.to_string()).arg(binary()).arg("run");
    let mut settings = broker.settings(&out.join(format!("state-{core}")));
    settings.extend(["telemetry.address=".to_owned(), "ingest.commit_interval=200ms".to_owned()]);
    command.args(settings.iter().flat_map(|set| ["--set", set]));
    spawned(command, &out.join(format!("engine-{core}.log")))
}
