//! Answers of an evaluation: from a file of predictions, or from the engine, which runs on the posts.

use std::fs;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tracing::warn;

use crate::cli::lexicon as lexicon_in_use;
use crate::cli::open::open;
use crate::cli::{Exit, Failure, progress, run_async};
use crate::config::Config;
use crate::engine::runtime::{Endpoints, Expansions, Variant};
use crate::lab::dataset::{GoldPost, PredictedMention, Predictions};
use crate::lab::eval::{Rules, StageScores};
use crate::stages::pipeline::Gate;
use crate::telemetry::Metrics;

use super::arguments::Arguments;
use super::judge::{Judge, JudgedPost};
use super::posts::Posts;

/// The answers to posts in their order.
pub(super) struct Answers {
    pub(super) posts: Vec<(GoldPost, Vec<PredictedMention>)>,
    /// Posts without an annotation; they count as posts without entities.
    pub(super) missing: usize,
    /// None if the engine did not run.
    pub(super) stages: Option<StageScores>,
    /// The hash of the engine's bundle.
    pub(super) bundle: Option<String>,
}

/// The answers of a file, in the order of the posts.
pub(super) fn of_predictions(posts: &Posts, mut by_id: Predictions) -> Answers {
    let mut missing = 0;
    let mut answer = |index| {
        let gold: GoldPost = posts.gold(index);
        let predicted = by_id.remove(&gold.id).unwrap_or_else(|| {
            missing += 1;
            Vec::new()
        });
        (gold, predicted)
    };
    let posts = (0..posts.count()).map(&mut answer).collect();
    if !by_id.is_empty() {
        warn!(annotations = by_id.len(), "annotations of posts that have no gold are not scored");
    }
    Answers { posts, missing, stages: None, bundle: None }
}

/// Runs the engine's pipeline on all posts, and each network on their gold.
pub(super) fn of_engine(
    posts: &Posts,
    arguments: &Arguments,
    rules: Rules,
    exit: &Exit,
) -> Result<Answers, Failure> {
    let mut config = arguments.settings.load()?.config;
    arguments.lexicon.apply(&mut config)?;
    if let Some(folder) = posts.folder() {
        // The records of a data set name pictures in its folder.
        config.fetch.file_root = fs::canonicalize(folder)?;
    }
    let variant = Variant {
        gate: if arguments.no_gate { Gate::Open } else { Gate::Entailer },
        expansions: expansions(posts, arguments, &config)?,
        endpoints: Endpoints::default(),
    };
    let (judged, bundle) = run_async(async {
        let annotator = open(&config, variant, Arc::new(Metrics::new()), exit).await?;
        let pipeline = &annotator.runtime().pipeline;
        let names = pipeline.names.get();
        let expander = &names.expander;
        lexicon_in_use::log_in_use(expander, posts.folder().filter(|_| !arguments.no_expansion));
        let decoder = annotator.decoder().clone();
        let judge = Judge { pipeline: Arc::clone(pipeline), decoder, threshold: rules.threshold };
        let judged = judge_all(posts, &judge, config.engine.posts_in_flight).await?;
        lexicon_in_use::log_hits(expander);
        Ok((judged, annotator.bundle().hash().to_owned()))
    })?;
    let mut stages = StageScores::default();
    judged.iter().for_each(|one| stages += one.stages);
    let missing = judged.iter().filter(|one| one.fault.is_some()).count();
    let posts = judged.into_iter().map(|one| (one.gold, one.predicted)).collect();
    Ok(Answers { posts, missing, stages: Some(stages), bundle: Some(bundle) })
}

fn expansions(posts: &Posts, arguments: &Arguments, config: &Config) -> Result<Expansions, Failure> {
    if arguments.no_expansion {
        return Ok(Expansions::Disabled);
    }
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Expansions::Configured);
    }
    Ok(posts.lexicon(&arguments.split)?.map_or(Expansions::Configured, Expansions::Given))
}

async fn judge_all(posts: &Posts, judge: &Judge, at_once: usize) -> Result<Vec<JudgedPost>, Failure> {
    let count = posts.count();
    let bar = progress::bar(count as u64, "{wide_bar} {pos}/{len} posts, {eta} left");
    let mut all = stream::iter(0..count)
        .map(|index| async move {
            let example = posts.example(index).await?.ok_or("gold lines have no records for the engine")?;
            judge.judge(example).await
        })
        .buffered(at_once.max(1));
    let mut judged = Vec::with_capacity(count);
    while let Some(one) = all.next().await {
        let one = one?;
        if let Some(fault) = &one.fault {
            warn!(post = one.gold.id, fault, "not annotated");
        }
        judged.push(one);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(judged)
}
