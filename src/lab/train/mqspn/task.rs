//! Training task of MQSPN: the set loss, and hints about pictures and words.

use tch::{Tensor, no_grad};

use super::hints::{Hints, Losses};
use super::posts::{PostBatch, PostBatcher, Told};
use crate::lab::train::prefetch::Prefetcher;
use crate::lab::train::set_loss::{AUTHORS, GoldEntity};
use crate::lab::train::training_loop::{TrainingTask, Validation};
use crate::networks::mqspn::{Mqspn, NUMBERS, Predictions, Scene, Text, best, found, query_answers};
use crate::stages::recognise::Request;
use crate::stages::recognise::joint::{Candidate, Found, as_box};

/// Posts of one step.
const POSTS_PER_STEP: u64 = 16;
/// How much the hints of places count. The set loss of a batch is some thirty times as large, and would drown them.
const PLACES_WEIGHT: f64 = 8.0;
/// How much the other hints count, which are sums of three losses each.
const LOOKS_WEIGHT: f64 = 2.0;
/// The probability from which a picture is taken to show an entity.
pub(super) const THRESHOLD: f32 = 0.5;
/// Dropout rate of text and queries.
const DROPOUT: f64 = 0.1;
/// Batches of a validation.
const VALIDATION_BATCHES: u64 = 4;
/// Candidates of a text in the first three quarters of the steps; they cost most of the time. The last quarter sees all, as
/// the engine does.
const FEW: usize = 96;

/// The training task.
pub(super) struct MqspnTask {
    network: Mqspn,
    hints: Hints,
    batches: Prefetcher<PostBatch>,
    dev: PostBatcher,
}

impl MqspnTask {
    /// Trains on batches of `train` from `first_step` to `steps`, validates on batches of `dev`.
    #[must_use]
    pub(super) fn new(
        (network, hints): (Mqspn, Hints),
        (train, dev): (PostBatcher, PostBatcher),
        (first_step, steps): (i64, i64),
    ) -> Self {
        let batches = Prefetcher::new(first_step, move |step| {
            let most = if step < steps - steps / 4 { FEW } else { usize::MAX };
            train.batch(posts_of(step as u64), Told::Half, most)
        });
        Self { network, hints, batches, dev }
    }

    /// What the layers that see pictures alone make of those of a batch: `[posts, 1 + patches, d]`.
    fn see(&self, batch: &PostBatch) -> Tensor {
        let side = self.network.config().image_size;
        let levels = Tensor::from_slice(&batch.levels).view([-1, side, side, 3]).permute([0, 3, 1, 2]);
        self.network.see(&self.network.pixels(&levels))
    }

    /// The answers of each layer, and the hints.
    fn answers(&self, batch: &PostBatch, dropout: f64) -> (Vec<Predictions>, Losses) {
        let seen = self.see(batch);
        let network = &self.network;
        let owners = Tensor::from_slice(&batch.owners);
        let shown = Tensor::from_slice(&batch.shown).index_select(0, &owners);
        let texts: Vec<&Request> = batch.texts.iter().collect();
        let text = Text::of(&texts, network.config().pad)
            .unwrap_or_else(|error| panic!("a batch of the world has rows: {error}"));
        let boxes = Tensor::from_slice(&batch.candidates).view([shown.size()[0], -1, 4]);
        let scene = Scene {
            seen: seen.index_select(0, &owners),
            is_candidate: shown.unsqueeze(1).expand([-1, boxes.size()[1]], false),
            shown,
            boxes,
        };
        let read = network.read(&text, &scene, dropout);
        let hints = self.hints.losses(&seen, &read, batch);
        (network.answers(read, &text, &scene, dropout), hints)
    }
}

impl TrainingTask for MqspnTask {
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let batch = self.batches.next();
        let (answers, Losses { looks, described, places }) = self.answers(&batch, DROPOUT);
        let queries = self.network.config().queries as usize;
        let gold: Vec<Vec<GoldEntity>> =
            batch.gold.iter().map(|gold| AUTHORS.repeated(gold, queries)).collect();
        let entities = AUTHORS.of(&answers, &gold);
        let parts =
            [("entities", &entities), ("looks", &looks), ("described", &described), ("places", &places)];
        let words = parts.map(|(name, loss)| format!("{name} {:.3}", loss.double_value(&[]))).join(" ");
        Ok((entities + (looks + described) * LOOKS_WEIGHT + places * PLACES_WEIGHT, words))
    }

    fn validate(&mut self) -> anyhow::Result<Validation> {
        let [alone, told] = [Told::Nothing, Told::Annotation].map(|told| {
            let mut tally = Tally::default();
            for step in 0..VALIDATION_BATCHES {
                let batch = self.dev.batch(posts_of(step), told, usize::MAX);
                let last = no_grad(|| self.answers(&batch, 0.0).0.pop());
                let numbers = last.map(|last| best(&last).flatten(0, -1));
                let numbers =
                    numbers.and_then(|numbers| Vec::<f32>::try_from(numbers).ok()).unwrap_or_default();
                let width = self.network.config().queries as usize * NUMBERS;
                for (row, numbers) in numbers.chunks_exact(width).enumerate() {
                    let shown = batch.shown[batch.owners[row] as usize];
                    tally.add((&batch, row), &found(&query_answers(numbers, shown)), &self.dev.candidates);
                }
            }
            tally.words()
        });
        Ok(format!("alone {alone}; with knowledge {told}").into())
    }
}

/// Counts of found and gold entities.
#[derive(Debug, Default)]
struct Tally {
    found: usize,
    gold: usize,
    named: usize,
    placed: usize,
    /// Named entities that a picture shows, and those of them whose region is right.
    shown: usize,
    shown_placed: usize,
}

impl Tally {
    fn add(&mut self, (batch, row): (&PostBatch, usize), found: &[Found], candidates: &[Candidate]) {
        let gold = &batch.gold[row];
        self.found += found.len();
        self.gold += gold.len();
        for (entity, boxes) in gold.iter().zip(&batch.boxes[row]) {
            let same = |one: &&Found| {
                let words = (entity.left as usize)..(entity.right as usize + 1);
                one.words == words && one.entity_type as i64 + 1 == entity.class
            };
            let Some(one) = found.iter().find(same) else { continue };
            self.named += 1;
            let region = one.region.filter(|_| one.shown >= THRESHOLD);
            let is_right = match region {
                None => boxes.is_empty(),
                Some((place, _)) => boxes.iter().any(|bbox| bbox.iou(&as_box(candidates[place])) >= 0.5),
            };
            self.placed += usize::from(is_right);
            self.shown += usize::from(!boxes.is_empty());
            self.shown_placed += usize::from(!boxes.is_empty() && is_right);
        }
    }

    fn words(&self) -> String {
        let f1 = |right: usize| 2.0 * right as f64 / (self.found + self.gold).max(1) as f64;
        let Self { named, placed, shown, shown_placed, .. } = *self;
        format!("MNER {:.4}, GMNER {:.4}, {shown_placed} of {shown} shown", f1(named), f1(placed))
    }
}

/// The posts of a step.
fn posts_of(step: u64) -> std::ops::Range<u64> {
    let first = step * POSTS_PER_STEP;
    first..first + POSTS_PER_STEP
}
