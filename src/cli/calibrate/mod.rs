//! `riveg calibrate`: thresholds of gate and grounder for posts whose truth is known.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::Stage;
use crate::engine::runtime::{self, Endpoints, Expansions, Variant};
use crate::lab::calibrate::Goal;
use crate::lab::calibrate::plot::{Panel, svg};
use crate::lab::dataset;
use crate::networks::bundle::{Bundle, Thresholds, set_thresholds};
use crate::telemetry::Metrics;

use super::eval::folder_lexicon;
use super::lexicon::{self, LexiconArgument};
use super::open::{open, refuse_joint};
use super::{Exit, Failure, Settings, UsageError, run_async};

mod choice;
mod observe;

use choice::{Choice, Chosen, NoChoice};
use observe::{Observations, Observer};

/// Set the thresholds of gate and grounder by labelled posts, and write them into the bundle.
///
/// Reads what `riveg eval --data` reads. The gate is asked about every pair of a labelled entity and a picture of its post,
/// the grounder too. The gate's threshold is chosen first (the manifest's entail.threshold), then, among the boxes that it
/// lets pass, the least score of a box that counts (ground.threshold; 0: every box counts). Boxes are right from an IoU of
/// 0.5 on. The manifest is replaced atomically, and with it the bundle's hash changes; without this command the
/// thresholds of the manifest hold.
///
/// The figures after are those of the posts by which the thresholds were chosen: measure with `riveg eval` on others.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg calibrate --data labelled --set bundle.path=mine
  riveg calibrate --data labelled --precision 0.9 --dry-run
  riveg calibrate --data twitter-gmner --split dev --gate-only --plot gate.svg")]
pub struct Arguments {
    /// The folder with posts and gold.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The split of the data.
    #[arg(long, default_value = "dev")]
    split: String,
    /// The number of posts from the first on [default: all].
    #[arg(long, value_name = "N")]
    posts: Option<usize>,
    /// Choose the highest recall with at least this precision, from 0 to 1 [default: the highest F1].
    #[arg(long, value_name = "P")]
    precision: Option<Goal>,
    /// Leave the grounder's threshold as it is, and do not ask the grounder.
    #[arg(long)]
    gate_only: bool,
    /// Print only, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// The file of the plot (SVG) [default: calibration.svg beside the gate's manifest].
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    lexicon: LexiconArgument,
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    let mut config = arguments.settings.load()?.config;
    arguments.lexicon.apply(&mut config)?;
    let vision = &config.vision;
    let models =
        [(&vision.post, "vision.post"), (&vision.entail, "vision.entail"), (&vision.ground, "vision.ground")];
    for (model, key) in models {
        if !model.is_empty() && (key != "vision.ground" || !arguments.gate_only) {
            return Err(UsageError(format!(
                "`{key}` lets a vision model answer, whose answers no threshold of a bundle concerns; leave it empty"
            ))
            .into());
        }
    }
    let mut examples = dataset::read(&arguments.data, &arguments.split)?;
    examples.truncate(arguments.posts.unwrap_or(usize::MAX));
    // The records of a data set name pictures in its folder.
    config.fetch.file_root = fs::canonicalize(&arguments.data)?;
    let bundle = runtime::open(&config)?;
    let instead = "its threshold is `joint.threshold` in `bundle.toml`: set it there and compare scores with `riveg eval`";
    refuse_joint(&bundle, instead)?;
    let thresholds = [bundle.entail()?.threshold, bundle.ground()?.threshold];
    let homes = [Stage::Entail, Stage::Ground].map(|stage| bundle.home(stage).folder().to_owned());
    if !arguments.dry_run {
        for folder in &homes {
            writable(folder)?;
        }
    }
    let expansions = match folder_lexicon(&arguments.data, &arguments.split)? {
        Some(lexicon) if config.expand.lexicon.as_os_str().is_empty() => Expansions::Given(lexicon),
        _ => Expansions::Configured,
    };
    let variant = Variant { expansions, endpoints: Endpoints::default(), ..Variant::default() };
    let observed: Observations = run_async(async {
        let annotator = open(&config, variant, Arc::new(Metrics::new()), exit).await?;
        let pipeline = Arc::clone(&annotator.runtime().pipeline);
        lexicon::log_in_use(&pipeline.names.get().expander, Some(&arguments.data));
        let observer =
            Observer { pipeline, decoder: annotator.decoder().clone(), boxes: !arguments.gate_only };
        let observed = observer.all(examples, config.engine.posts_in_flight).await?;
        lexicon::log_hits(&observer.pipeline.names.get().expander);
        Ok(observed)
    })?;
    let goal = arguments.precision.unwrap_or_default();
    let choice =
        Choice::of(&observed, thresholds, goal, !arguments.gate_only).map_err(|fault| refused(&fault))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{observed}\n\n{choice}")?;
    if arguments.dry_run {
        writeln!(out, "nothing was written")?;
        return Ok(());
    }
    let plot = arguments.plot.clone().unwrap_or_else(|| homes[0].join("calibration.svg"));
    fs::write(&plot, drawn(&choice))
        .map_err(|error| format!("failed to write the plot `{}`: {error}", plot.display()))?;
    write(&homes, &choice)?;
    let now = runtime::open(&config)?;
    writeln!(out, "{}", written(&bundle, &now, &homes))?;
    writeln!(out, "plot: {}", plot.display())?;
    Ok(())
}

/// A precision that is out of reach is a wrong argument; posts of one kind are not.
fn refused(fault: &NoChoice) -> Failure {
    match fault {
        NoChoice::Unreachable { .. } => UsageError(fault.to_string()).into(),
        NoChoice::OneKind { .. } => fault.to_string().into(),
    }
}

/// Fails before the networks are asked for hours, and not after.
fn writable(folder: &Path) -> Result<(), Failure> {
    match tempfile::Builder::new().prefix(".calibrate").tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "the thresholds cannot be written into the bundle `{}`: {error}. Use a copy of the bundle that can be \
             written, or --dry-run to print the thresholds only",
            folder.display()
        )
        .into()),
    }
}

/// Writes the chosen thresholds into the manifests of the bundles from which the stages come.
fn write([entail, ground]: &[PathBuf; 2], choice: &Choice) -> Result<(), Failure> {
    let gate = Thresholds { entail: Some(choice.gate.after.threshold), ground: None };
    let boxes =
        Thresholds { entail: None, ground: choice.boxes.as_ref().map(|chosen| chosen.after.threshold) };
    if entail == ground {
        set_thresholds(entail, Thresholds { entail: gate.entail, ground: boxes.ground })?;
        return Ok(());
    }
    set_thresholds(entail, gate)?;
    if boxes.ground.is_some() {
        set_thresholds(ground, boxes)?;
    }
    Ok(())
}

fn written(before: &Bundle, now: &Bundle, homes: &[PathBuf; 2]) -> String {
    let folders = if homes[0] == homes[1] {
        format!("`{}`", homes[0].display())
    } else {
        format!("`{}` and `{}`", homes[0].display(), homes[1].display())
    };
    format!("written to {folders}; the hash was {} and is {}", before.hash(), now.hash())
}

fn drawn(choice: &Choice) -> String {
    let gate = ("gate: pairs that are shown", Some(&choice.gate));
    let boxes = ("gate and grounder: boxes that are right", choice.boxes.as_ref());
    let panels = [gate, boxes].into_iter().filter_map(|(title, chosen)| {
        let Chosen { curve, before, after, .. } = chosen?;
        Some(Panel { title, curve, thresholds: [before.threshold, after.threshold] })
    });
    svg(&panels.collect::<Vec<_>>())
}
