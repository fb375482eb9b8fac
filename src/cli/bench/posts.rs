//! `riveg bench posts`: posts a second through the scheduler, beside the same requests to the same networks back to back.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::post_requests::{BenchPost, Mix, Workload};
use crate::config::Config;
use crate::domain::Stage;
use crate::engine::runtime;
use crate::networks::blocks::device::{Libtorch, find, tune, use_threads};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::Bundle;
use crate::scheduler::{
    Budget, CallError, Device, Flow, Flows, Handle, Model, Processor, ReplyOf, RequestOf,
};
use crate::stages::{entail, ground, recognise, segment};
use crate::telemetry::{Metrics, StageSummary};

use super::super::open::refuse_joint;
use super::super::{Exit, Failure, Settings, run_async, with_causes};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg bench posts --posts 500
  riveg bench posts --config config/gpu.toml --set bundle.path=bundles/large --posts 2000 --json posts.json
  riveg bench posts --config config/gpu.toml --no-segment")]
pub(super) struct Arguments {
    /// Posts.
    #[arg(long, default_value_t = 500)]
    posts: usize,
    /// The entities of a post, in the mean: each is looked for in the post's picture.
    #[arg(long, default_value_t = 1.678)]
    entities: f64,
    /// The entities of a post that its picture shows, in the mean: each is grounded and segmented.
    #[arg(long, default_value_t = 0.668)]
    depicted: f64,
    /// The share of posts whose picture shows an entity: these pictures are segmented.
    #[arg(long, default_value_t = 0.561)]
    pictures: f64,
    /// Leave the segmenter out.
    #[arg(long)]
    no_segment: bool,
    /// Do not run the networks alone: for runs in which batches do not fit the device's memory.
    #[arg(long)]
    no_raw: bool,
    /// Write the figures to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// Parts of a run whose rates are told one by one: a rate that falls, or that comes back, shows in them.
const PARTS: usize = 10;

/// What a run came to.
struct Outcome {
    /// Of the networks alone, a stage each.
    raw: Vec<(Stage, Duration)>,
    /// Of the posts through the scheduler.
    served: Duration,
    /// Posts a second in each tenth of the run.
    parts: Vec<f64>,
    stages: Vec<StageSummary>,
    out_of_memory: f64,
}

/// Networks on the device's lanes.
#[derive(Clone)]
struct Lanes {
    recognise: Handle<recognise::Request, recognise::Reply>,
    entail: Handle<entail::Request, entail::Reply>,
    ground: Handle<ground::Request, ground::Reply>,
    segment: Option<Handle<segment::Request, segment::Reply>>,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let config = arguments.settings.load()?.config;
    let bundle = runtime::open(&config)?;
    let instead = "measure its networks with `riveg bench models` and posts a second with `riveg demo`";
    refuse_joint(&bundle, instead)?;
    let mix = Mix {
        entities: arguments.entities,
        depicted: arguments.depicted,
        pictures: if arguments.no_segment { 0.0 } else { arguments.pictures },
    };
    let work = Workload::new(&bundle, mix, arguments.posts)?;
    let outcome = run_async(measure(&bundle, &config, (&work, !arguments.no_raw), exit))?;
    report(&outcome, arguments, &config, &bundle)
}

async fn measure(
    bundle: &Bundle,
    config: &Config,
    (work, runs_raw): (&Workload, bool),
    exit: &Exit,
) -> Result<Outcome, Failure> {
    let place = find(config.device.name.first())?;
    tune(place, bundle.reads_one_size());
    let threads = config.device.threads;
    use_threads(threads);
    let cache = usize::try_from(config.device.trunk_cache.as_u64()).unwrap_or(usize::MAX);
    let (remembered, budgets) = (Remembered::within(cache), &config.scheduler);
    let metrics = Arc::new(Metrics::new());
    let mut device = Device::new("riveg-device", Arc::clone(&metrics));
    device.begin_with(move || use_threads(threads));

    let mut raw = Vec::new();
    let most = if runs_raw { usize::MAX } else { 0 };
    let mut tagger = bundle.tagger(place)?;
    raw.push((Stage::Recognise, back_to_back(&mut tagger, budgets.recognise, work.recognise().take(most))?));
    let (mut entailer, mut grounder) = bundle.entailer_and_grounder(place, &remembered)?;
    raw.push((Stage::Entail, back_to_back(&mut entailer, budgets.entail, work.entail().take(most))?));
    raw.push((Stage::Ground, back_to_back(&mut grounder, budgets.ground, work.ground().take(most))?));
    let segment = if work.segments() {
        let mut segmenter = bundle.segmenter(place, remembered)?;
        raw.push((Stage::Segment, back_to_back(&mut segmenter, budgets.segment, work.segment().take(most))?));
        Some(device.lane(Stage::Segment, segmenter, budgets.segment))
    } else {
        None
    };
    let lanes = Lanes {
        recognise: device.lane(Stage::Recognise, tagger, budgets.recognise),
        entail: device.lane(Stage::Entail, entailer, budgets.entail),
        ground: device.lane(Stage::Ground, grounder, budgets.ground),
        segment,
    };
    let running = device.start()?;
    exit.add_device(running.stop());
    running.ready().await?;

    let (began, flows) = (Instant::now(), Flows::default());
    let answered = stream::iter(0..work.posts())
        .map(|number| answer(&lanes, work.post(number), flows.begin()))
        .buffer_unordered(config.engine.posts_in_flight)
        .map_ok(|()| began.elapsed());
    let times: Vec<Duration> = answered.try_collect().await?;
    let served = began.elapsed();
    drop(lanes);
    running.join()?;
    let out_of_memory = figure(&metrics.render(), "riveg_stage_out_of_memory_total");
    Ok(Outcome { raw, served, parts: rates(&times), stages: metrics.stage_summaries(), out_of_memory })
}

/// Asks everything about one post, as the pipeline does.
async fn answer(lanes: &Lanes, post: BenchPost, flow: Flow) -> Result<(), CallError> {
    lanes.recognise.call(flow, post.recognise).await?;
    let each = post.entail.into_iter().map(|request| lanes.entail.call(flow, request));
    futures_util::future::try_join_all(each).await?;
    let each = post.ground.into_iter().map(|request| lanes.ground.call(flow, request));
    futures_util::future::try_join_all(each).await?;
    if let (Some(lane), Some(request)) = (&lanes.segment, post.segment) {
        lane.call(flow, request).await?;
    }
    Ok(())
}

/// The time that a network's forward passes take on all requests, in full batches. Inputs are prepared and outputs finished
/// outside of it, as other threads do in the engine. The first batch is run once before.
fn back_to_back<M: Model>(
    model: &mut M,
    budget: Budget,
    requests: impl Iterator<Item = RequestOf<M>>,
) -> Result<Duration, Failure> {
    let processor = model.processor();
    let mut requests = requests.peekable();
    let (mut spent, mut is_warm) = (Duration::ZERO, false);
    while requests.peek().is_some() {
        let (mut batch, mut widest) = (Vec::new(), 0);
        while let Some(request) = requests.peek() {
            widest = widest.max(processor.cost(request).0);
            let fits = (batch.len() as u64 + 1) * u64::from(widest) <= u64::from(budget.max_tokens);
            if batch.len() == budget.max_requests.get() || !(fits || batch.is_empty()) {
                break;
            }
            batch.extend(requests.next());
        }
        if !std::mem::replace(&mut is_warm, true) {
            model.run(&batch).map_err(|error| with_causes(&error))?;
            model.free_memory();
        }
        spent += timed(model, &batch)?;
    }
    // The scheduler's run is to find nothing that was remembered here.
    model.free_memory();
    Ok(spent)
}

fn timed<M: Model>(model: &mut M, batch: &[RequestOf<M>]) -> Result<Duration, Failure> {
    let processor = model.processor();
    let told = |error| Failure::from(with_causes(&error));
    let input = processor.prepare(batch).map_err(told)?;
    let start = Instant::now();
    let output = model.forward(input).map_err(told)?;
    let spent = start.elapsed();
    let replies: Vec<ReplyOf<M>> = processor.finish(batch, output).map_err(told)?;
    debug_assert_eq!(replies.len(), batch.len());
    Ok(spent)
}

/// Posts a second in each part of a run, by the times at which posts were answered.
fn rates(times: &[Duration]) -> Vec<f64> {
    let mut before = Duration::ZERO;
    let of_part = |part: &[Duration]| {
        let until = part.iter().copied().max().unwrap_or(before);
        let took = until.saturating_sub(before).as_secs_f64().max(f64::MIN_POSITIVE);
        before = until;
        part.len() as f64 / took
    };
    times.chunks(times.len().div_ceil(PARTS).max(1)).map(of_part).collect()
}

/// The sum of a counter over its labels.
fn figure(metrics: &str, name: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn report(outcome: &Outcome, arguments: &Arguments, config: &Config, bundle: &Bundle) -> Result<(), Failure> {
    let posts = arguments.posts as f64;
    let of_networks: f64 = outcome.raw.iter().map(|(_, took)| took.as_secs_f64()).sum();
    let raw = Some(posts / of_networks).filter(|rate| rate.is_finite());
    let engine = posts / outcome.served.as_secs_f64();
    let precision = super::super::open::precisions(bundle);
    let mut out = std::io::stdout().lock();
    writeln!(out, "on `{}`, {}, {precision}", config.device.name.first(), Libtorch::here())?;
    writeln!(out, "{:<11}{:>10}{:>9}{:>8}{:>12}", "stage", "requests", "batches", "mean", "raw ms/post")?;
    for (stage, took) in &outcome.raw {
        let Some(of_stage) = outcome.stages.iter().find(|summary| summary.stage == *stage) else { continue };
        let StageSummary { requests, batches, mean_batch, .. } = of_stage;
        let each = took.as_secs_f64() * 1e3 / posts;
        writeln!(out, "{:<11}{requests:>10}{batches:>9}{mean_batch:>8.1}{each:>12.3}", stage.as_str())?;
    }
    writeln!(out, "engine {engine:.1} posts/s")?;
    if let Some(raw) = raw {
        writeln!(out, "raw {raw:.1} posts/s, engine/raw {:.3}", engine / raw)?;
    }
    writeln!(out, "batches that did not fit the device's memory: {}", outcome.out_of_memory)?;
    let Some(path) = &arguments.json else { return Ok(()) };
    let stages =
        outcome.raw.iter().map(|(stage, took)| (stage.as_str().to_owned(), json!(took.as_secs_f64())));
    let figures = json!({
        "posts": arguments.posts,
        "device": config.device.name.first(),
        "libtorch": Libtorch::here().to_string(),
        "precision": precision,
        "raw_seconds": stages.collect::<serde_json::Map<_, _>>(),
        "raw_posts_per_second": raw,
        "engine_posts_per_second": engine,
        "engine_to_raw": raw.map(|raw| engine / raw),
        "posts_per_second_by_tenth": outcome.parts,
        "batches": outcome.stages.iter().map(|summary| summary.batches).sum::<u64>(),
        "out_of_memory": outcome.out_of_memory,
    });
    Ok(fs::write(path, format!("{figures:#}\n"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_for_each_tenth_of_a_run() {
        let steady: Vec<Duration> = (1..=200).map(|number| Duration::from_millis(number * 10)).collect();
        assert!(rates(&steady).iter().all(|rate| (rate - 100.0).abs() < 1e-6));
        let mut stalled = steady.clone();
        stalled[100..].iter_mut().for_each(|time| *time += Duration::from_millis(800));
        let rates = rates(&stalled);
        assert_eq!(rates.len(), PARTS);
        assert!((rates[5] - 20.0).abs() < 1e-6 && (rates[6] - 100.0).abs() < 1e-6, "{rates:?}");
    }
}
