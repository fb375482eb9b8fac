//! `riveg eval`: scores annotations against gold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use serde_json::json;
use tracing::warn;

use crate::config::Config;
use crate::engine::runtime::{Endpoints, Expansions, Variant};
use crate::lab::eval::dataset::{self, Example};
use crate::lab::eval::{
    GoldPost, MatchKey, PredictedMention, Rules, Scores, StageScores, Threshold, predictions,
};
use crate::lab::world::{Split, World, lexicon};
use crate::stages::lexicon::Lexicon;
use crate::stages::pipeline::Gate;
use crate::telemetry::Metrics;

use super::open::open;
use super::{Exit, Failure, Settings, UsageError, lexicon as lexicon_in_use, progress, run_async};

mod judge;
#[cfg(test)]
mod tests;

use judge::{Judge, JudgedPost};

pub(super) use judge::as_mention;

/// Score the engine: five scores of whole posts, and one of each network on gold input.
///
/// Without --data the posts are those of a split of the pocket world, generated on the fly, with the lexicon of that world.
/// A folder given by --data holds `feed.jsonl` and `gold.jsonl`, or has the layout of Twitter-GMNER; its `lexicon.jsonl`
/// is used if present. A lexicon in the settings or of --lexicon takes precedence over both.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg eval                                     1,000 posts with names that training never saw
  riveg eval --no-expansion                      the same without the lexicon
  riveg eval --no-gate                           the same without the entailer
  riveg eval --data twitter-gmner --split test --json scores.json
  riveg eval --data pocket-test --predictions annotations.jsonl")]
pub struct Arguments {
    /// The folder with posts and gold.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The split of the data or of the pocket world.
    #[arg(long, default_value = "test")]
    split: String,
    /// The number of posts from the first on [default: all of a folder, 1000 of the world].
    #[arg(long, value_name = "N")]
    posts: Option<usize>,
    /// The seed of the pocket world, without --data.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Use names and types as phrases, without expansions.
    #[arg(long)]
    no_expansion: bool,
    /// Ground every entity in every picture, without the entailer.
    #[arg(long)]
    no_gate: bool,
    /// Count two regions as the same only above an IoU of 0.5, as in papers, not from 0.5 on, as evaluators do.
    #[arg(long)]
    strict: bool,
    /// Match mentions by their span, not by their words.
    #[arg(long)]
    by_span: bool,
    /// Score the annotations of this file instead of running the engine.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_expansion", "no_gate", "lexicon"])]
    predictions: Option<PathBuf>,
    /// Write the scores to this file as JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    lexicon: lexicon_in_use::LexiconArgument,
    #[command(flatten)]
    settings: Settings,
}

/// The scores.
struct Report {
    posts: usize,
    /// Posts without an annotation; they count as posts without entities.
    missing: usize,
    scores: Scores,
    /// None if the engine did not run.
    stages: Option<StageScores>,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let rules = Rules {
        threshold: if arguments.strict { Threshold::Above(0.5) } else { Threshold::AtLeast(0.5) },
        key: if arguments.by_span { MatchKey::Span } else { MatchKey::Text },
    };
    let posts = Posts::of(arguments)?;
    let began = Instant::now();
    let (report, bundle) = match &arguments.predictions {
        Some(file) => (score_predictions(&posts, file, rules)?, None),
        None => {
            let (report, bundle) = score_engine(&posts, arguments, rules, exit)?;
            (report, Some(bundle))
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} posts, {} of them without an annotation, in {seconds:.1} s\n",
        report.posts, report.missing
    )?;
    writeln!(out, "{}", report.scores)?;
    if let Some(stages) = &report.stages {
        write!(out, "{stages}")?;
    }
    if let Some(file) = &arguments.json {
        let figures = json!({
            "posts": report.posts,
            "missing": report.missing,
            "seconds": seconds,
            "bundle": bundle,
            "expansion": !arguments.no_expansion,
            "gate": !arguments.no_gate,
            "scores": report.scores,
            "stages": report.stages,
        });
        fs::write(file, format!("{figures:#}\n"))
            .map_err(|error| format!("failed to write `{}`: {error}", file.display()))?;
    }
    Ok(())
}

/// The source of posts and gold.
enum Posts {
    Folder { folder: PathBuf, examples: Vec<Example> },
    World { world: World, count: usize },
}

/// The default number of posts of the world: a score of 0.9 then has an error of about a percent.
const WORLD_POSTS: usize = 1_000;

impl Posts {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let Some(folder) = &arguments.data else {
            let split: Split = arguments.split.parse().map_err(UsageError)?;
            let count = arguments.posts.unwrap_or(WORLD_POSTS);
            return Ok(Self::World { world: World::new(arguments.seed, split), count });
        };
        let mut examples = dataset::read(folder, &arguments.split)?;
        examples.truncate(arguments.posts.unwrap_or(usize::MAX));
        Ok(Self::Folder { folder: folder.clone(), examples })
    }

    fn count(&self) -> usize {
        match self {
            Self::Folder { examples, .. } => examples.len(),
            Self::World { count, .. } => *count,
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder { folder, .. } => Some(folder),
            Self::World { .. } => None,
        }
    }

    fn gold(&self, index: usize) -> GoldPost {
        match self {
            Self::Folder { examples, .. } => examples[index].gold.clone(),
            Self::World { world, .. } => judge::example(world, index as u64).gold,
        }
    }

    async fn example(&self, index: usize) -> Result<Example, Failure> {
        match self {
            Self::Folder { examples, .. } => Ok(examples[index].clone()),
            Self::World { world, .. } => {
                let world = world.clone();
                // Painting a picture takes milliseconds.
                Ok(tokio::task::spawn_blocking(move || judge::example(&world, index as u64)).await?)
            }
        }
    }

    /// The lexicon of these posts, if they have one.
    fn lexicon(&self, split: &str) -> Result<Option<Lexicon>, Failure> {
        match self {
            Self::Folder { folder, .. } => folder_lexicon(folder, split),
            Self::World { world, count } => {
                let entries = lexicon(world, *count as u64);
                let lines: Vec<String> =
                    entries.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                Ok(Some(Lexicon::read(lines.join("\n").as_bytes(), Path::new("the pocket world"))?))
            }
        }
    }
}

/// The lexicon in a folder of posts, if there is one.
pub(super) fn folder_lexicon(folder: &Path, split: &str) -> Result<Option<Lexicon>, Failure> {
    let files = [folder.join(split).join("lexicon.jsonl"), folder.join("lexicon.jsonl")];
    let file = files.into_iter().find(|file| file.is_file());
    Ok(file.map(|file| Lexicon::load(&file)).transpose()?)
}

fn score_predictions(posts: &Posts, file: &Path, rules: Rules) -> Result<Report, Failure> {
    let mut predictions_by_id = predictions::read(file)?;
    let mut missing = 0;
    let judged: Vec<(GoldPost, Vec<PredictedMention>)> = (0..posts.count())
        .map(|index| {
            let gold = posts.gold(index);
            let predicted = predictions_by_id.remove(&gold.id).unwrap_or_else(|| {
                missing += 1;
                Vec::new()
            });
            (gold, predicted)
        })
        .collect();
    if !predictions_by_id.is_empty() {
        warn!(annotations = predictions_by_id.len(), "annotations of posts that have no gold are not scored");
    }
    let scores = Scores::count(judged.iter().map(|(gold, predicted)| (gold, predicted.as_slice())), rules);
    Ok(Report { posts: judged.len(), missing, scores, stages: None })
}

/// Runs the engine's pipeline on all posts, and each network on their gold.
fn score_engine(
    posts: &Posts,
    arguments: &Arguments,
    rules: Rules,
    exit: &Exit,
) -> Result<(Report, String), Failure> {
    let mut config = arguments.settings.load()?.config;
    arguments.lexicon.apply(&mut config)?;
    if let Posts::Folder { folder, .. } = posts {
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
    let scores = Scores::count(judged.iter().map(|one| (&one.gold, one.predicted.as_slice())), rules);
    let mut stages = StageScores::default();
    judged.iter().for_each(|one| stages += one.stages);
    let missing = judged.iter().filter(|one| one.fault.is_some()).count();
    Ok((Report { posts: judged.len(), missing, scores, stages: Some(stages) }, bundle))
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
        .map(|index| async move { judge.judge(posts.example(index).await?).await })
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
