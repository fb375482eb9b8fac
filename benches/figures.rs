//! Figures of the scheduler bench: printed as they are measured, and written to a file as JSON at the end.

use std::fs;
use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};

/// The scheduler beside its baselines.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Write the figures to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    latencies: Vec<Value>,
    executors: Vec<Value>,
    lines: Vec<Value>,
}

impl Figures {
    /// A figure beside its target, which may be empty.
    pub(crate) fn line(&mut self, what: &str, measured: &str, target: &str) {
        println!("{what:58}{measured:>12}{target:>14}");
        let number: Option<f64> = measured.parse().ok();
        self.lines.push(json!({ "what": what, "measured": number, "target": target }));
    }

    /// Mean and 99th percentile of the latency in milliseconds by one rule at one load; none where the queue only grows.
    pub(crate) fn latency(&mut self, (network, load): (&str, f64), rule: &str, latency: Option<(f64, f64)>) {
        match latency {
            Some((mean, p99)) => print!("{mean:>9.1} /{p99:>7.1}"),
            None => print!("{:>18}", "diverges"),
        }
        let (mean, p99) = latency.unzip();
        let figures =
            json!({ "network": network, "load": load, "rule": rule, "mean_ms": mean, "p99_ms": p99 });
        self.latencies.push(figures);
    }

    /// Throughput beside that of one executor, and latency in milliseconds at 80 % load.
    pub(crate) fn executors(&mut self, network: &str, executors: usize, rate: f64, (mean, p99): (f64, f64)) {
        print!("  {executors}: {rate:.2} {mean:.0} / {p99:.0}");
        self.executors.push(json!({
            "network": network, "executors": executors, "times_one": rate, "mean_ms": mean, "p99_ms": p99,
        }));
    }

    pub(crate) fn write(&self, arguments: &Arguments) {
        let Some(path) = &arguments.json else { return };
        let Self { latencies, executors, lines } = self;
        let figures = json!({ "latencies": latencies, "executors": executors, "figures": lines });
        fs::write(path, format!("{figures:#}\n"))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
