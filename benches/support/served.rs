//! The engine on a feed: a fresh pipeline, so many posts in flight, each followed by the next.

use std::sync::Arc;

use bytes::Bytes;
use riveg::config::Config;
use riveg::domain::{Annotation, Post};
use riveg::engine::runtime::{Runtime, Variant};
use riveg::input::decode::Decoder;
use riveg::input::fetch::Fetcher;
use riveg::networks::bundle::Bundle;
use riveg::stages::pipeline::Pipeline;
use riveg::telemetry::{Metrics, StageSummary};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::clock::{Spent, Stopwatch};

/// What came of a feed.
pub(crate) struct Served {
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) spent: Spent,
    pub(crate) stages: Vec<StageSummary>,
    /// Share of the time in which a network ran.
    pub(crate) running: f64,
    /// Share of the time in which nothing was queued.
    pub(crate) idle: f64,
}

/// What is fed.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Posts that are decoded already.
    Posts(&'a [Arc<Post>]),
    /// Records as they come from the topic.
    Records(&'a [Bytes]),
}

enum Item {
    Post(Arc<Post>),
    Record(Bytes),
}

/// Feeds a pipeline that remembers nothing yet and is warm.
pub(crate) async fn serve(bundle: &Bundle, config: &Config, input: Input<'_>, in_flight: usize) -> Served {
    let metrics = Arc::new(Metrics::new());
    let Runtime { pipeline, device, .. } =
        Runtime::start(bundle, config, Variant::default(), Arc::clone(&metrics))
            .unwrap_or_else(|error| panic!("{error}"));
    device.ready().await.expect("the networks can be run");
    let decoder = decoder(config, &metrics);
    let idle_before = figure(&metrics, "riveg_device_idle_seconds_total");
    let watch = Stopwatch::device_thread();

    let room = Arc::new(Semaphore::new(in_flight));
    let mut tasks = JoinSet::new();
    for (index, item) in items(input).enumerate() {
        let permit = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
        let (pipeline, decoder) = (Arc::clone(&pipeline), decoder.clone());
        tasks.spawn(async move {
            let annotation = annotate(&pipeline, &decoder, item).await;
            drop(permit);
            (index, annotation)
        });
    }
    let mut annotations = tasks.join_all().await;
    let spent = watch.spent();

    annotations.sort_by_key(|&(index, _)| index);
    let wall = spent.wall.as_secs_f64();
    let served = Served {
        annotations: annotations.into_iter().map(|(_, annotation)| annotation).collect(),
        spent,
        stages: metrics.stage_summaries(),
        running: figure(&metrics, "riveg_stage_compute_seconds_sum") / wall,
        idle: (figure(&metrics, "riveg_device_idle_seconds_total") - idle_before) / wall,
    };
    drop(pipeline);
    device.ended().await.expect("no network was lost");
    served
}

fn decoder(config: &Config, metrics: &Metrics) -> Decoder {
    let fetcher = Fetcher::new(&config.fetch, config.decode.max_picture.as_u64(), metrics.fetches());
    Decoder::new(config.decode.clone(), fetcher.unwrap_or_else(|error| panic!("{error}")))
}

/// How long records take to be decoded, with nothing else to do.
pub(crate) async fn decode(config: &Config, records: &[Bytes]) -> Spent {
    let decoder = decoder(config, &Metrics::new());
    let watch = Stopwatch::this_thread();
    let mut tasks: JoinSet<_> = records
        .iter()
        .map(|record| {
            let (decoder, record) = (decoder.clone(), record.clone());
            async move { decoder.decode(record).await.map(drop) }
        })
        .collect();
    while let Some(decoded) = tasks.join_next().await {
        decoded.expect("decoding does not panic").expect("the world's records can be decoded");
    }
    watch.spent()
}

fn items(input: Input<'_>) -> Box<dyn Iterator<Item = Item> + '_> {
    match input {
        Input::Posts(posts) => Box::new(posts.iter().cloned().map(Item::Post)),
        Input::Records(records) => Box::new(records.iter().cloned().map(Item::Record)),
    }
}

async fn annotate(pipeline: &Pipeline, decoder: &Decoder, item: Item) -> Annotation {
    let annotated = match item {
        Item::Post(post) => pipeline.annotate(&post).await,
        Item::Record(record) => {
            let post = decoder.decode(record).await.expect("the world's records can be decoded");
            pipeline.annotate(&post).await
        }
    };
    annotated.unwrap_or_else(|error| panic!("{error}"))
}

/// The sum of a metric over its labels.
fn figure(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.render();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
