//! Annotator on a feed: a fresh one, with a fixed number of posts in flight.

use std::sync::Arc;

use bytes::Bytes;
use riveg::config::Config;
use riveg::domain::{Annotation, Post};
use riveg::engine::runtime::Variant;
use riveg::engine::{self, Annotator};
use riveg::networks::blocks::device::cores;
use riveg::networks::bundle::Bundle;
use riveg::telemetry::{Metrics, StageSummary};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::clock::{Spent, Stopwatch};

/// The results of a feed.
pub(crate) struct Served {
    pub(crate) annotations: Vec<Annotation>,
    pub(crate) spent: Spent,
    pub(crate) stages: Vec<StageSummary>,
    /// The share of the executors' time in which a network ran.
    pub(crate) running: f64,
    /// The share of the executors' time in which no request was queued.
    pub(crate) idle: f64,
}

/// The input of a run.
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

/// Feeds an annotator that remembers nothing yet and is warm.
pub(crate) async fn serve(bundle: &Bundle, config: &Config, input: Input<'_>, in_flight: usize) -> Served {
    let metrics = Arc::new(Metrics::new());
    let warming = Annotator::load(bundle.clone(), config, Variant::default(), Arc::clone(&metrics)).await;
    let warming = warming.unwrap_or_else(|error| panic!("{error}"));
    let annotator = warming.ready(config).await.unwrap_or_else(|error| panic!("{error}"));
    let annotator = Arc::new(annotator);
    let idle_before = figure(&metrics, "riveg_device_idle_seconds_total");
    let watch = Stopwatch::device_threads();

    let room = Arc::new(Semaphore::new(in_flight));
    let mut tasks = JoinSet::new();
    for (index, item) in items(input).enumerate() {
        let permit = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
        let annotator = Arc::clone(&annotator);
        tasks.spawn(async move {
            let annotation = annotate(&annotator, item).await;
            drop(permit);
            (index, annotation)
        });
    }
    let mut annotations = tasks.join_all().await;
    let spent = watch.spent();

    annotations.sort_by_key(|&(index, _)| index);
    let wall = spent.wall.as_secs_f64();
    let executors = config.device.layout(cores()).executors as f64;
    let served = Served {
        annotations: annotations.into_iter().map(|(_, annotation)| annotation).collect(),
        spent,
        stages: metrics.stage_summaries(),
        running: figure(&metrics, "riveg_stage_compute_seconds_sum") / wall / executors,
        idle: (figure(&metrics, "riveg_device_idle_seconds_total") - idle_before) / wall,
    };
    let annotator = Arc::into_inner(annotator).expect("all tasks have ended");
    annotator.close().await.expect("no network was lost");
    served
}

/// Decodes records without annotating them.
pub(crate) async fn decode(config: &Config, records: &[Bytes]) -> Spent {
    let decoder = engine::decoder(config, &Metrics::new()).unwrap_or_else(|error| panic!("{error}"));
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

async fn annotate(annotator: &Annotator, item: Item) -> Annotation {
    let answer = match item {
        Item::Post(post) => annotator.annotate_post(&post).await,
        Item::Record(record) => {
            annotator.annotate(record).await.map(|answer| answer.map(|annotated| annotated.annotation))
        }
    };
    answer.expect("no network was lost").unwrap_or_else(|rejection| panic!("{rejection}"))
}

/// The sum of a metric over its labels.
fn figure(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.render();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
