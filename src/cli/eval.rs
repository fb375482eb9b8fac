//! `riveg eval`: how right are the answers?

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tracing::warn;

use crate::config::Config;
use crate::engine::runtime::{Endpoints, Expansions, Variant};
use crate::lab::eval::dataset::{self, Example};
use crate::lab::eval::{
    GoldPost, MatchKey, PredictedMention, Rules, Scores, StageScores, Threshold, predictions,
};
use crate::lab::world::{Split, World, lexicon};
use crate::stages::expand::Lexicon;
use crate::stages::pipeline::Gate;
use crate::telemetry::Metrics;

use super::open::open;
use super::{AskedWrongly, Ending, Failure, Settings, lexicon as in_use, run_to_end};

mod judge;
#[cfg(test)]
mod tests;

use judge::{Judge, Judged};

/// Score the engine's answers: five scores of whole posts, and one of each network on gold input.
///
/// Without --data the posts are those of the pocket world's split, made on the fly, with the world's own lexicon. A
/// folder given by --data holds `feed.jsonl` and `gold.jsonl`, or has the layout of Twitter-GMNER; its `lexicon.jsonl`
/// is used where it has one. A lexicon in the settings or of --lexicon goes before both.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg eval                                     1,000 posts with names that training never saw
  riveg eval --no-expansion                      what the lexicon is worth
  riveg eval --no-gate                           what the entailer is worth
  riveg eval --data twitter-gmner --split test --json scores.json
  riveg eval --data pocket-test --predictions annotations.jsonl")]
pub struct Arguments {
    /// The folder with posts and gold.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which part of it, or of the pocket world.
    #[arg(long, default_value = "test")]
    split: String,
    /// How many posts, from the first on; all of a folder, or 1,000 of the world, unless told otherwise.
    #[arg(long, value_name = "N")]
    posts: Option<usize>,
    /// Which pocket world, without --data.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Ask for names and types alone.
    #[arg(long)]
    no_expansion: bool,
    /// Ground every entity in every picture, whatever the entailer would say.
    #[arg(long)]
    no_gate: bool,
    /// Count two regions as the same only above an IoU of 0.5, as papers say, not from 0.5 on, as evaluators do.
    #[arg(long)]
    strict: bool,
    /// Match mentions by their place in the text, not by their words.
    #[arg(long)]
    by_span: bool,
    /// Score these annotations, an engine's output, instead of running the engine.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_expansion", "no_gate", "lexicon"])]
    predictions: Option<PathBuf>,
    /// Write the figures there as JSON as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    lexicon: in_use::Given,
    #[command(flatten)]
    settings: Settings,
}

/// What was found out.
struct Report {
    posts: usize,
    /// Posts that got no annotation; they count as posts in which nothing was found.
    missing: usize,
    scores: Scores,
    /// None where the engine did not run.
    stages: Option<StageScores>,
}

pub(super) fn run(arguments: &Arguments, ending: &Ending) -> Result<(), Failure> {
    let rules = Rules {
        threshold: if arguments.strict { Threshold::Above(0.5) } else { Threshold::AtLeast(0.5) },
        key: if arguments.by_span { MatchKey::Span } else { MatchKey::Text },
    };
    let posts = Posts::of(arguments)?;
    let began = Instant::now();
    let (report, bundle) = match &arguments.predictions {
        Some(file) => (of_predictions(&posts, file, rules)?, None),
        None => {
            let (report, bundle) = of_pipeline(&posts, arguments, rules, ending)?;
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

/// Where posts and gold come from.
enum Posts {
    Folder { folder: PathBuf, examples: Vec<Example> },
    World { world: World, count: usize },
}

/// Posts of the world when nobody says how many: a score of 0.9 is then known to a percent or so.
const WORLD_POSTS: usize = 1_000;

impl Posts {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let Some(folder) = &arguments.data else {
            let split: Split = arguments.split.parse().map_err(AskedWrongly)?;
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

    /// What is known of the names of these posts, where they bring it along.
    fn lexicon(&self, split: &str) -> Result<Option<Lexicon>, Failure> {
        match self {
            Self::Folder { folder, .. } => {
                let files = [folder.join(split).join("lexicon.jsonl"), folder.join("lexicon.jsonl")];
                let file = files.into_iter().find(|file| file.is_file());
                Ok(file.map(|file| Lexicon::load(&file)).transpose()?)
            }
            Self::World { world, count } => {
                let entries = lexicon(world, *count as u64);
                let lines: Vec<String> =
                    entries.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                Ok(Some(Lexicon::read(lines.join("\n").as_bytes(), Path::new("the pocket world"))?))
            }
        }
    }
}

fn of_predictions(posts: &Posts, file: &Path, rules: Rules) -> Result<Report, Failure> {
    let mut said = predictions::read(file)?;
    let mut missing = 0;
    let judged: Vec<(GoldPost, Vec<PredictedMention>)> = (0..posts.count())
        .map(|index| {
            let gold = posts.gold(index);
            let predicted = said.remove(&gold.id).unwrap_or_else(|| {
                missing += 1;
                Vec::new()
            });
            (gold, predicted)
        })
        .collect();
    if !said.is_empty() {
        warn!(annotations = said.len(), "annotations of posts that have no gold are not scored");
    }
    let scores = Scores::count(judged.iter().map(|(gold, predicted)| (gold, predicted.as_slice())), rules);
    Ok(Report { posts: judged.len(), missing, scores, stages: None })
}

/// Runs the engine's pipeline on all posts, and each network on their gold.
fn of_pipeline(
    posts: &Posts,
    arguments: &Arguments,
    rules: Rules,
    ending: &Ending,
) -> Result<(Report, String), Failure> {
    let mut config = arguments.settings.load()?.config;
    arguments.lexicon.apply(&mut config)?;
    if let Posts::Folder { folder, .. } = posts {
        // Records of a data set name its own pictures.
        config.fetch.file_root = fs::canonicalize(folder)?;
    }
    let variant = Variant {
        gate: if arguments.no_gate { Gate::Open } else { Gate::Entailer },
        expansions: expansions(posts, arguments, &config)?,
        endpoints: Endpoints::default(),
    };
    let (judged, bundle) = run_to_end(async {
        let annotator = open(&config, variant, Arc::new(Metrics::new()), ending).await?;
        let pipeline = &annotator.runtime().pipeline;
        let expander = &pipeline.expander;
        in_use::say_in_use(expander, posts.folder().filter(|_| !arguments.no_expansion));
        let decoder = annotator.decoder().clone();
        let judge = Judge { pipeline: Arc::clone(pipeline), decoder, threshold: rules.threshold };
        let judged = judge_all(posts, &judge, config.engine.posts_in_flight).await?;
        in_use::say_known(expander);
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
        return Ok(Expansions::Nobody);
    }
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Expansions::Configured);
    }
    Ok(posts.lexicon(&arguments.split)?.map_or(Expansions::Configured, Expansions::Given))
}

async fn judge_all(posts: &Posts, judge: &Judge, at_once: usize) -> Result<Vec<Judged>, Failure> {
    let count = posts.count();
    let progress =
        if std::io::stderr().is_terminal() { ProgressBar::new(count as u64) } else { ProgressBar::hidden() };
    progress.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} posts, {eta} left")?);
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
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(judged)
}
