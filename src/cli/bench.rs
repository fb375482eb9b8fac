//! `riveg bench`: how fast is each network by itself?

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Subcommand;

use crate::bundle::Bundle;
use crate::domain::{BBox, ContentHash, Frame, Stage};
use crate::imaging::Picture;
use crate::models::device::{find, use_threads};
use crate::scheduler::Model;
use crate::{entail, ground, recognise, segment};

use super::{Failure, with_causes};

/// Measure networks by themselves, without Kafka and scheduler.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  riveg bench models --bundle bundles/pocket
  riveg bench models --bundle bundles/large --device cuda:0 --batch 1 --batch 16")]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print parameters and milliseconds a batch for each stage of a bundle; every picture is new to the network.
    #[command(after_help = "Examples:\n  riveg bench models --bundle bundles/pocket --batch 1 --batch 8")]
    Models {
        /// The bundle's folder.
        #[arg(long, value_name = "DIR")]
        bundle: PathBuf,
        /// Where the networks run: `cpu`, `cuda:0`.
        #[arg(long, default_value = "cpu")]
        device: String,
        /// Threads of one operator on the CPU; 0: as many as there are cores.
        #[arg(long, default_value_t = 0)]
        threads: usize,
        /// Requests in a batch; may be given several times.
        #[arg(long, default_values_t = [1, 4])]
        batch: Vec<usize>,
        /// Only this stage; may be given several times.
        #[arg(long)]
        stage: Vec<String>,
        /// Batches of each size are run until this much time has gone, and at least one after one to warm up.
        #[arg(long, default_value = "3s")]
        spend: humantime_serde::re::humantime::Duration,
    },
}

/// Words of a post with what is known of it, in pieces, and tokens of a prompt: the means of the paper's data, where the
/// network can read as many.
const PIECES: usize = 160;
const PROMPT: usize = 40;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let What::Models { bundle, device, threads, batch, stage, spend } = &arguments.what;
    let place = find(device)?;
    use_threads(*threads);
    let bundle = Bundle::open(bundle)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<11}{:<17}{:<11}{:>12}{:>7}{:>9}{:>14}{:>16}",
        "stage", "network", "precision", "parameters", "batch", "batches", "ms a batch", "requests/s"
    )?;
    for part in bundle.manifest().parts() {
        if !stage.is_empty() && !stage.iter().any(|name| name == part.stage.as_str()) {
            continue;
        }
        let clock = Clock { spend: **spend };
        let measured: Vec<(usize, Timing)> = match part.stage {
            Stage::Recognise => {
                let config = bundle.recognise()?.network.config();
                let (rows, most) = (config.vocabulary, config.max_pieces());
                clock.all(&mut bundle.tagger(place)?, batch, |_| words(rows, most))?
            }
            Stage::Entail => {
                let network = &bundle.entail()?.network;
                let (view, (rows, most)) = (network.view(), network.reads());
                clock.all(&mut bundle.entailer(place, 0)?, batch, |number| entail::Request {
                    picture: view.of(&frame(number, view.side)),
                    prompt: tokens(PROMPT.min(most), rows),
                })?
            }
            Stage::Ground => {
                let network = &bundle.ground()?.network;
                let (view, (rows, most)) = (network.view(), network.reads());
                clock.all(&mut bundle.grounder(place, 0)?, batch, |number| ground::Request {
                    picture: view.of(&frame(number, view.side)),
                    prompt: tokens(PROMPT.min(most), rows),
                })?
            }
            Stage::Segment => {
                let side = bundle.segment()?.network.config().image_size as u32;
                let bbox = BBox { x0: 0.0, y0: 0.0, x1: side as f32 / 2.0, y1: side as f32 / 2.0 };
                clock.all(&mut bundle.segmenter(place, 0)?, batch, |number| segment::Request {
                    picture: Picture::longest_side(&frame(number, side), side),
                    boxes: vec![bbox],
                })?
            }
        };
        for (size, Timing { batches, each }) in measured {
            writeln!(
                out,
                "{:<11}{:<17}{:<11}{:>12}{size:>7}{batches:>9}{:>14.1}{:>16.2}",
                part.stage.as_str(),
                part.network.architecture,
                format!("{:?}", part.precision).to_lowercase(),
                part.network.parameters,
                each.as_secs_f64() * 1e3,
                size as f64 / each.as_secs_f64()
            )?;
        }
        out.flush()?;
    }
    Ok(())
}

/// How long one batch took on average.
struct Timing {
    batches: u32,
    each: Duration,
}

struct Clock {
    spend: Duration,
}

impl Clock {
    fn all<M: Model>(
        &self,
        model: &mut M,
        sizes: &[usize],
        request: impl Fn(usize) -> M::Request,
    ) -> Result<Vec<(usize, Timing)>, Failure> {
        sizes
            .iter()
            .map(|&size| {
                let batch: Vec<M::Request> = (0..size.max(1)).map(&request).collect();
                Ok((size, self.one(model, &batch)?))
            })
            .collect()
    }

    /// Replies are plain values, so a batch has left the device when its call returns.
    fn one<M: Model>(&self, model: &mut M, batch: &[M::Request]) -> Result<Timing, Failure> {
        let mut run = || model.run(batch).map(drop).map_err(|error| with_causes(&error));
        run()?;
        let start = Instant::now();
        let mut batches = 0;
        while batches == 0 || start.elapsed() < self.spend {
            run()?;
            batches += 1;
        }
        Ok(Timing { batches, each: start.elapsed() / batches })
    }
}

fn words(rows: i64, most: usize) -> recognise::Request {
    let pieces = tokens(PIECES.min(most), rows);
    let first_pieces = (1..pieces.len() as u32 - 1).step_by(2).collect();
    recognise::Request { pieces, first_pieces, context_first_pieces: Vec::new() }
}

/// Ids that every vocabulary has, none of them special to any network.
fn tokens(count: usize, rows: i64) -> Vec<u32> {
    let last = u32::try_from(rows - 1).unwrap_or(u32::MAX);
    (3..).step_by(7).take(count).map(|id: u32| id.min(last)).collect()
}

/// A picture unlike the others.
fn frame(number: usize, side: u32) -> Arc<Frame> {
    let hash = ContentHash(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let level = |index: u32| ((index as usize * 31 + number * 17) % 256) as u8;
    Arc::new(Frame { hash, width: side, height: side, rgb: (0..3 * side * side).map(level).collect() })
}
