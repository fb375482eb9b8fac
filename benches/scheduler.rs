//! Benchmark of the scheduler's overhead and gain: ratios within one run, each with its target.
//!
//! `cargo bench --bench scheduler`, on a machine with two idle cores. Networks are formulas, run on the simulator's clock
//! or by busy threads. Their milliseconds for `n` requests are those of a large encoder on a GPU
//! (`max(10.3, 1.3 + 2.92 n)`), of a network that batches well (`5 + 0.25 n`) and of a CPU (`2 + 20 n`).

mod baselines;
mod figures;
mod spin;

use std::num::NonZeroUsize;
use std::time::Duration;

use baselines::{Rule, finished};
use clap::Parser;
use figures::{Arguments, Figures};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::scheduler::simulate::{Arrival, SimulatedLane, simulate_several};
use riveg::scheduler::{Budget, Cost, Queue};
use spin::{closed_loop, open_loop, raw};

/// A kind of network: its time for `n` requests, and the size of a full batch.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    max_batch: usize,
    service: fn(usize, u32) -> Duration,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "encoder", max_batch: 32, service: |n, _| millis(f64::max(10.3, 1.3 + 2.92 * n as f64)) },
    Shape { name: "batches well", max_batch: 64, service: |n, _| millis(5.0 + 0.25 * n as f64) },
    Shape { name: "processor", max_batch: 16, service: |n, _| millis(2.0 + 20.0 * n as f64) },
];

/// The network of the real runs under load: it shows the gain of batching and the cost of waiting.
const BATCHES_WELL: Shape = SHAPES[1];

impl Shape {
    fn service(self, members: usize) -> Duration {
        (self.service)(members, 1)
    }

    /// Requests per second in full batches back to back.
    fn raw(self) -> f64 {
        self.max_batch as f64 / self.service(self.max_batch).as_secs_f64()
    }

    /// The engine's queue after the warm-up of a device.
    fn queue(self) -> Queue<usize> {
        let mut queue = Queue::new(budget(self.max_batch));
        let mut size = 1;
        while size <= self.max_batch {
            queue.batch_was_clean(size as u64, self.service(size), false);
            size *= 2;
        }
        queue
    }
}

fn main() {
    let arguments = Arguments::parse();
    let mut figures = Figures::default();
    simulated_latencies(&mut figures);
    println!();
    several_executors(&mut figures);
    println!();
    println!("{:58}{:>12}{:>14}", "busy threads", "measured", "target");
    saturated(&mut figures);
    overhead(&mut figures);
    tweets(&mut figures);
    light_load(&mut figures);
    conformance(&mut figures);
    figures.write(&arguments);
}

fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1000.0)
}

fn budget(max_batch: usize) -> Budget {
    let max_requests = NonZeroUsize::new(max_batch).expect("a batch has members");
    Budget { max_requests, max_tokens: u32::MAX, patience: Duration::from_secs(10) }
}

fn simulated_latencies(figures: &mut Figures) {
    let rules = [
        ("early binding", Rule::EarlyBinding),
        ("10 ms delay", Rule::FixedDelay(millis(10.0))),
        ("one by one", Rule::BatchOfOne),
    ];
    println!("mean / p99 latency in ms by offered load (simulated, 100,000 Poisson arrivals, seed 1)");
    println!(
        "{:14}{:>5}{:>18}{:>18}{:>18}{:>18}",
        "network", "load", "riveg", "early binding", "10 ms delay", "one by one"
    );
    let mut ratios = Vec::new();
    for shape in SHAPES {
        for load in [0.05, 0.6, 0.8, 0.9] {
            let arrivals = poisson(load * shape.raw(), 100_000, 1);
            let ours = Latency::of(&since(&arrivals, &simulated(shape, &arrivals)));
            print!("{:14}{:>4.0}%", shape.name, load * 100.0);
            figures.latency((shape.name, load), "riveg", Some((ours.mean, ours.p99)));
            for (name, rule) in rules {
                let done = finished(rule, &arrivals, shape.max_batch, |members| shape.service(members));
                let theirs = Latency::of(&since(&arrivals, &done));
                let stays = theirs.mean <= 60_000.0;
                figures.latency((shape.name, load), name, stays.then_some((theirs.mean, theirs.p99)));
                if stays && load == 0.8 && shape.name == SHAPES[0].name {
                    ratios.push(ours.mean / theirs.mean);
                }
            }
            println!();
        }
    }
    println!();
    println!("{:58}{:>12}{:>14}", "from the table", "simulated", "target");
    figures.line("encoder at 80 %: mean latency / early binding's", &format!("{:.2}", ratios[0]), "<= 0.75");
    figures.line("encoder at 80 %: mean latency / 10 ms delay's", &format!("{:.2}", ratios[1]), "<= 0.50");
}

fn simulated(shape: Shape, arrivals: &[Duration]) -> Vec<Duration> {
    simulated_by(1, shape, arrivals)
}

fn simulated_by(executors: usize, shape: Shape, arrivals: &[Duration]) -> Vec<Duration> {
    let requests: Vec<Arrival> = arrivals.iter().map(|&at| Arrival { at, lane: 0, cost: Cost(1) }).collect();
    let service = Box::new(move |members, _| shape.service(members));
    let mut lanes = [SimulatedLane::new(shape.queue(), service)];
    simulate_several(executors, &requests, &mut lanes).iter().map(|served| served.finished).collect()
}

/// How throughput and latency grow with executors that draw from one lane.
fn several_executors(figures: &mut Figures) {
    println!(
        "executors of a device (simulated): posts of a backlog beside one executor, mean / p99 in ms at 80 % load"
    );
    for shape in SHAPES {
        print!("{:14}", shape.name);
        let backlog = vec![Duration::ZERO; 20_000];
        let rate = |executors| {
            let end = simulated_by(executors, shape, &backlog).into_iter().max().unwrap_or_default();
            backlog.len() as f64 / end.as_secs_f64()
        };
        let one = rate(1);
        for executors in [1, 2, 4, 8] {
            let arrivals = poisson(0.8 * executors as f64 * shape.raw(), 100_000, 1);
            let latency = Latency::of(&since(&arrivals, &simulated_by(executors, shape, &arrivals)));
            figures.executors(shape.name, executors, rate(executors) / one, (latency.mean, latency.p99));
        }
        println!();
    }
}

/// Throughput relative to full batches back to back, and fill of the batches. Best of three, because other programs on
/// the machine can only slow it down.
fn saturated(figures: &mut Figures) {
    for shape in SHAPES {
        let batches = (0.6 / shape.service(shape.max_batch).as_secs_f64()).ceil() as usize;
        for callers_per_slot in [2, 4] {
            let (mut share, mut fill) = (0.0, 0.0);
            for _ in 0..3 {
                let raw = raw(shape.service, &vec![1; shape.max_batch], batches);
                let calls =
                    vec![vec![1; batches.div_ceil(callers_per_slot)]; callers_per_slot * shape.max_batch];
                let run = closed_loop(shape.service, budget(shape.max_batch), &calls);
                share = f64::max(share, run.summary.requests as f64 / run.wall.as_secs_f64() / raw);
                fill = f64::max(fill, run.summary.mean_batch / shape.max_batch as f64);
            }
            let what = format!("{}: saturated / raw, {callers_per_slot}N callers (best of 3)", shape.name);
            figures.line(&what, &format!("{share:.3}"), ">= 0.98");
            let what = format!("{}: mean fill, {callers_per_slot}N callers", shape.name);
            figures.line(&what, &format!("{fill:.3}"), ">= 0.98");
        }
    }
    let alone = closed_loop(BATCHES_WELL.service, budget(1), &vec![vec![1; 2]; 128]);
    let rate = alone.summary.requests as f64 / alone.wall.as_secs_f64();
    figures.line(
        "batches well: one by one / raw (baseline)",
        &format!("{:.3}", rate / BATCHES_WELL.raw()),
        "",
    );
}

/// CPU time of the device's thread with a network that takes no time.
fn overhead(figures: &mut Figures) {
    for (max_batch, target) in [(1, "<= 5"), (16, "<= 1"), (32, "<= 1")] {
        let mut micros: Vec<f64> = (0..5)
            .map(|_| {
                let run = closed_loop(
                    |_, _| Duration::ZERO,
                    budget(max_batch),
                    &vec![vec![1; 80_000 / (4 * max_batch)]; 4 * max_batch],
                );
                run.thread_time.as_secs_f64() * 1e6 / run.summary.requests as f64
            })
            .collect();
        micros.sort_by(f64::total_cmp);
        let what = format!("overhead in us a request, batches of {max_batch} (median of 5)");
        figures.line(&what, &format!("{:.2}", micros[2]), target);
    }
}

/// Padding on texts with the lengths of tweets: a median of 28 pieces, at most 128.
fn tweets(figures: &mut Figures) {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut length = || {
        // The sum of twelve uniform numbers is approximately normal.
        let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        (28.0 * (0.6 * normal).exp()).clamp(4.0, 128.0) as u32
    };
    let costs: Vec<Vec<u32>> = (0..128).map(|_| (0..40).map(|_| length()).collect()).collect();
    let in_order: Vec<u32> = (0..40).flat_map(|index| costs.iter().map(move |costs| costs[index])).collect();
    let computed: u32 = in_order.chunks(32).map(|batch| 32 * batch.iter().max().unwrap_or(&0)).sum();
    let fifo = f64::from(computed) / f64::from(in_order.iter().sum::<u32>());
    let run = closed_loop(|_, _| Duration::from_micros(500), budget(32), &costs);
    figures.line(
        "tweets, batches of 32: padded / real",
        &format!("{:.2}", run.summary.mean_padding),
        "<= 1.25",
    );
    figures.line("tweets, batches of 32: padded / real in order (baseline)", &format!("{fifo:.2}"), "");
    figures.line(
        "tweets, batches of 32: mean fill, 64 waiting",
        &format!("{:.2}", run.summary.mean_batch / 32.0),
        "",
    );
}

/// The wait of a lone request in addition to the network's time.
fn light_load(figures: &mut Figures) {
    let shape = SHAPES[0];
    let arrivals = poisson(0.05 * shape.raw(), 150, 3);
    let (latencies, lag) = open_loop(shape.service, budget(shape.max_batch), &arrivals);
    let added = Latency::of(&latencies).p50 - shape.service(1).as_secs_f64() * 1000.0;
    figures.line("encoder at 5 %: wait added in ms, p50", &format!("{added:.3}"), "<= 0.2");
    report_lag(lag);
    let done = finished(Rule::FixedDelay(millis(10.0)), &arrivals, shape.max_batch, |members| {
        shape.service(members)
    });
    let delayed = Latency::of(&since(&arrivals, &done)).p50 - shape.service(1).as_secs_f64() * 1000.0;
    figures.line("encoder at 5 %: the same with a 10 ms delay (simulated)", &format!("{delayed:.3}"), "");
}

/// Whether the simulator agrees with real threads.
fn conformance(figures: &mut Figures) {
    for load in [0.6, 0.8] {
        let arrivals = poisson(load * BATCHES_WELL.raw(), 6000, 4);
        let (latencies, lag) = open_loop(BATCHES_WELL.service, budget(BATCHES_WELL.max_batch), &arrivals);
        let real = Latency::of(&latencies);
        let expected = Latency::of(&since(&arrivals, &simulated(BATCHES_WELL, &arrivals)));
        let percent = load * 100.0;
        for (name, ratio) in [("p50", real.p50 / expected.p50), ("p99", real.p99 / expected.p99)] {
            let what = format!("batches well at {percent:.0} %: {name} real / simulated");
            figures.line(&what, &format!("{ratio:.3}"), "<= 1.15");
        }
        report_lag(lag);
    }
}

/// Latency counts from the scheduled time, so requests sent late make the figure above too large by about this lag.
fn report_lag(lag: Duration) {
    if lag > millis(1.0) {
        println!(
            "  invalid: 1 request in 100 was sent over {:.1} ms late; this machine is busy",
            lag.as_secs_f64() * 1000.0
        );
    }
}

fn poisson(rate: f64, count: usize, seed: u64) -> Vec<Duration> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut now = 0.0;
    (0..count)
        .map(|_| {
            now -= (1.0 - random.random::<f64>()).ln() / rate;
            Duration::from_secs_f64(now)
        })
        .collect()
}

fn since(arrivals: &[Duration], finished: &[Duration]) -> Vec<Duration> {
    arrivals.iter().zip(finished).map(|(&at, &done)| done.saturating_sub(at)).collect()
}

/// Latency in milliseconds.
struct Latency {
    mean: f64,
    p50: f64,
    p99: f64,
}

impl Latency {
    fn of(latencies: &[Duration]) -> Self {
        let mut millis: Vec<f64> = latencies.iter().map(|latency| latency.as_secs_f64() * 1000.0).collect();
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
        Self { mean: millis.iter().sum::<f64>() / millis.len() as f64, p50: at(0.5), p99: at(0.99) }
    }
}
