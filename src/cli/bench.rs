//! `riveg bench`: measures the speed of single networks, and of posts that ask all of them.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Subcommand;

use crate::domain::{BBox, Stage};
use crate::networks::blocks::device::{Libtorch, find, tune, use_threads};
use crate::networks::bundle::{Bundle, Part, Precision};
use crate::networks::descriptor::Reads;
use crate::scheduler::{Model, RequestOf};
use crate::stages::entail;
use crate::stages::ground;
use crate::stages::knowledge;
use crate::stages::recognise::joint::{self, Candidate};
use crate::stages::segment;

use requests::{PROMPT, frame, tokens, words};

use super::{Exit, Failure, with_causes};

mod post_requests;
mod posts;
mod requests;

/// Measure the speed of single networks, and of posts that ask all of them, without Kafka.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg bench models --bundle bundles/pocket
  riveg bench models --bundle bundles/large --device cuda:0 --batch 1 --batch 16
  riveg bench posts --config config/gpu.toml --posts 2000")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print parameters and milliseconds per batch for each stage of a bundle. No picture comes twice.
    ///
    /// Each line is printed as soon as it is measured, and one network is in memory at a time. `loaded s` are the seconds
    /// that loading took.
    Models(Models),
    /// Print posts a second through the scheduler, beside the same requests to the same networks back to back.
    ///
    /// Posts have the numbers of entities that the paper's data have in the mean. Their answers are not used, so the weights
    /// may be random. Kafka, records and pictures to decode are left out.
    Posts(posts::Arguments),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  riveg bench models --bundle bundles/pocket --batch 1 --batch 8")]
struct Models {
    /// The bundle's folder.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// The device: `cpu`, `cuda:0`.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// What all networks compute in, instead of what the manifest says.
    #[arg(long, value_enum)]
    precision: Option<Precision>,
    /// Threads of one operator on the CPU; 0: all cores.
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Requests in a batch; may be given several times.
    #[arg(long, default_values_t = [1, 4])]
    batch: Vec<usize>,
    /// Measure only this stage; may be given several times.
    #[arg(long)]
    stage: Vec<String>,
    /// The time for batches of each size, after one warm-up batch. If the warm-up batch takes longer than that, it is the
    /// measurement, and marked `cold`.
    #[arg(long, default_value = "10s")]
    spend: humantime_serde::re::humantime::Duration,
    /// The longest batch. A batch that would take longer, by extrapolation, is not run, and its line says so.
    #[arg(long, default_value = "1m")]
    longest: humantime_serde::re::humantime::Duration,
}

pub(super) fn run(arguments: &Arguments, exit: &Exit) -> Result<(), Failure> {
    match &arguments.what {
        What::Models(arguments) => models(arguments),
        What::Posts(arguments) => posts::run(arguments, exit),
    }
}

fn models(arguments: &Models) -> Result<(), Failure> {
    let Models { bundle, device, precision, threads, batch, stage, spend, longest } = arguments;
    let place = find(device)?;
    use_threads(*threads);
    let bundle = precision.iter().fold(Bundle::open(bundle)?, |bundle, &all| bundle.all_in_precision(all));
    tune(place, bundle.reads_one_size());
    let mut out = std::io::stdout().lock();
    writeln!(out, "on `{device}`, {}", Libtorch::here())?;
    writeln!(
        out,
        "{:<11}{:<19}{:<11}{:>12}{:>10}{:>7}{:>9}{:>14}{:>16}",
        "stage",
        "network",
        "precision",
        "parameters",
        "loaded s",
        "batch",
        "batches",
        "ms a batch",
        "requests/s"
    )?;
    out.flush()?;
    let timer = Timer { spend: **spend, longest: **longest };
    let mut sizes: Vec<usize> = batch.iter().map(|&size| size.max(1)).collect();
    sizes.sort_unstable();
    for part in bundle.manifest().parts() {
        if !stage.is_empty() && !stage.iter().any(|name| name == part.stage.as_str()) {
            continue;
        }
        let mut table = Table { out: &mut out, part: &part, began: Instant::now() };
        match part.stage {
            Stage::Retrieve => {
                let network = &bundle.retrieve()?.network;
                let (view, Reads { rows, longest, .. }) = (network.view(), network.reads());
                timer.all(bundle.encoder(place, 0)?, &sizes, &mut table, |number| knowledge::Request {
                    picture: view.of(&frame(number, view.side)),
                    pieces: tokens(PROMPT.min(longest), rows),
                })?;
            }
            Stage::Recognise if bundle.joint().is_some() => {
                let Some(part) = bundle.joint() else { continue };
                let (view, Reads { rows, longest, .. }) = (part.network.view(), part.network.reads());
                let candidates: Arc<[Candidate]> = part.candidates.boxes().into();
                timer.all(bundle.joint_network(place, 0)?, &sizes, &mut table, |number| joint::Request {
                    text: words(rows, longest),
                    picture: Some(view.of(&frame(number, view.side))),
                    candidates: Arc::clone(&candidates),
                })?;
            }
            Stage::Recognise => {
                let Reads { rows, longest, .. } = bundle.recognise()?.network.reads();
                timer.all(bundle.tagger(place)?, &sizes, &mut table, |_| words(rows, longest))?;
            }
            Stage::Entail => {
                let network = &bundle.entail()?.network;
                let (view, Reads { rows, longest, .. }) = (network.view(), network.reads());
                timer.all(bundle.entailer(place, 0)?, &sizes, &mut table, |number| entail::Request {
                    picture: view.of(&frame(number, view.side)),
                    prompt: tokens(PROMPT.min(longest), rows),
                })?;
            }
            Stage::Ground => {
                let network = &bundle.ground()?.network;
                let (view, Reads { rows, longest, .. }) = (network.view(), network.reads());
                timer.all(bundle.grounder(place, 0)?, &sizes, &mut table, |number| ground::Request {
                    picture: view.of(&frame(number, view.side)),
                    prompt: tokens(PROMPT.min(longest), rows),
                })?;
            }
            Stage::Segment => {
                let view = bundle.segment()?.network.view();
                let side = view.side;
                let bbox = BBox { x0: 0.0, y0: 0.0, x1: side as f32 / 2.0, y1: side as f32 / 2.0 };
                timer.all(bundle.segmenter(place, 0)?, &sizes, &mut table, |number| segment::Request {
                    picture: view.of(&frame(number, side)),
                    boxes: vec![bbox],
                })?;
            }
        }
    }
    Ok(())
}

/// The lines of one stage.
struct Table<'a, W> {
    out: &'a mut W,
    part: &'a Part<'a>,
    /// When its network began to be loaded.
    began: Instant,
}

impl<W: Write> Table<'_, W> {
    fn line(&mut self, loaded: Duration, size: usize, timing: &Timing) -> Result<(), Failure> {
        let Part { stage, network, precision, .. } = self.part;
        write!(
            self.out,
            "{:<11}{:<19}{:<11}{:>12}{:>10.1}{size:>7}",
            stage.as_str(),
            network.architecture,
            format!("{precision:?}").to_lowercase(),
            network.parameters,
            loaded.as_secs_f64(),
        )?;
        match timing {
            Timing::Measured { batches, each, cold } => writeln!(
                self.out,
                "{batches:>9}{:>14.1}{:>16.2}{}",
                each.as_secs_f64() * 1e3,
                size as f64 / each.as_secs_f64(),
                if *cold { "  cold" } else { "" }
            )?,
            Timing::Skipped { expected } => {
                writeln!(self.out, "        -  not run: would take {:.0} s", expected.as_secs_f64())?;
            }
        }
        Ok(self.out.flush()?)
    }
}

/// The time of one batch.
enum Timing {
    Measured {
        batches: u32,
        each: Duration,
        /// The first batch of its shape was the only one.
        cold: bool,
    },
    Skipped {
        expected: Duration,
    },
}

struct Timer {
    spend: Duration,
    longest: Duration,
}

impl Timer {
    /// Measures a network with each batch size, and drops it.
    fn all<M: Model, W: Write>(
        &self,
        mut model: M,
        sizes: &[usize],
        table: &mut Table<'_, W>,
        request: impl Fn(usize) -> RequestOf<M>,
    ) -> Result<(), Failure> {
        let loaded = table.began.elapsed();
        let mut before: Option<(usize, Duration)> = None;
        for &size in sizes {
            let expected = before.map(|(smaller, each)| each.mul_f64(size as f64 / smaller as f64));
            let timing = match expected.filter(|&expected| expected > self.longest) {
                Some(expected) => Timing::Skipped { expected },
                None => {
                    let batch: Vec<RequestOf<M>> = (0..size).map(&request).collect();
                    self.one(&mut model, &batch)?
                }
            };
            if let Timing::Measured { each, .. } = timing {
                before = Some((size, each));
            }
            table.line(loaded, size, &timing)?;
        }
        Ok(())
    }

    /// Replies are plain values, so a batch is finished when its call returns.
    fn one<M: Model>(&self, model: &mut M, batch: &[RequestOf<M>]) -> Result<Timing, Failure> {
        let mut run = || -> Result<Duration, Failure> {
            let start = Instant::now();
            model.run(batch).map_err(|error| with_causes(&error))?;
            Ok(start.elapsed())
        };
        let first = run()?;
        if first >= self.spend {
            return Ok(Timing::Measured { batches: 1, each: first, cold: true });
        }
        let (mut spent, mut batches) = (run()?, 1);
        while spent < self.spend {
            spent += run()?;
            batches += 1;
        }
        Ok(Timing::Measured { batches, each: spent / batches, cold: false })
    }
}
