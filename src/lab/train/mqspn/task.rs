//! Training task of MQSPN: the set loss, and hints about what each patch of a picture shows.

use tch::nn::{self, Module};
use tch::{Kind, Reduction, Tensor, no_grad};

use super::posts::{PostBatch, PostBatcher, Told};
use crate::lab::train::prefetch::Prefetcher;
use crate::lab::train::set_loss::{AUTHORS, GoldEntity};
use crate::lab::train::training_loop::{TrainingTask, Validation};
use crate::lab::world::{COLOURS, KINDS};
use crate::networks::mqspn::{
    Mqspn, MqspnConfig, NUMBERS, Predictions, Scene, Text, best, found, query_answers,
};
use crate::stages::recognise::Request;
use crate::stages::recognise::joint::{Candidate, Found, as_box};

/// Posts of one step.
const POSTS_PER_STEP: u64 = 16;
/// The probability from which a picture is taken to show an entity.
pub(super) const THRESHOLD: f32 = 0.5;
/// Dropout rate of text and queries.
const DROPOUT: f64 = 0.1;
/// Batches of a validation.
const VALIDATION_BATCHES: u64 = 4;
/// Candidates of a text in the first three quarters of the steps; they cost most of the time. The last quarter sees all, as
/// the engine does.
const FEW: usize = 96;

/// Heads for training only: kind, colour and accent of the object in each patch. Left out of bundles.
pub(super) struct Hints {
    kinds: nn::Linear,
    colours: nn::Linear,
    accents: nn::Linear,
}

impl Hints {
    pub(super) fn new(vs: &nn::Path<'_>, config: &MqspnConfig) -> Self {
        let head = |name: &str, classes: usize| {
            nn::linear(vs / name, config.hidden, classes as i64, nn::LinearConfig::default())
        };
        Self {
            kinds: head("kinds", 1 + KINDS.len()),
            colours: head("colours", COLOURS.len()),
            accents: head("accents", COLOURS.len()),
        }
    }

    /// The loss of what the patches of pictures say: `seen` is `[B, 1 + patches, d]`.
    fn loss(&self, seen: &Tensor, batch: &PostBatch) -> Tensor {
        let patches = seen.narrow(1, 1, seen.size()[1] - 1);
        let heads =
            [(&self.kinds, &batch.kinds), (&self.colours, &batch.colours), (&self.accents, &batch.accents)];
        let losses = heads.map(|(head, truth)| {
            let none: Option<Tensor> = None;
            let said = head.forward(&patches).flatten(0, 1);
            said.cross_entropy_loss(&Tensor::from_slice(truth), none.as_ref(), Reduction::Mean, -1, 0.0)
        });
        Tensor::stack(&losses, 0).sum(Kind::Float)
    }
}

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

    /// The answers of each layer, and what is seen of the pictures.
    fn answers(&self, batch: &PostBatch, dropout: f64) -> (Vec<Predictions>, Tensor) {
        let (network, side) = (&self.network, self.network.config().image_size);
        let levels = Tensor::from_slice(&batch.levels).view([-1, side, side, 3]).permute([0, 3, 1, 2]);
        let seen = network.see(&network.pixels(&levels));
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
        (network.answers(&text, &scene, dropout), seen)
    }
}

impl TrainingTask for MqspnTask {
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let batch = self.batches.next();
        let (answers, seen) = self.answers(&batch, DROPOUT);
        let queries = self.network.config().queries as usize;
        let gold: Vec<Vec<GoldEntity>> =
            batch.gold.iter().map(|gold| AUTHORS.repeated(gold, queries)).collect();
        let (entities, hints) = (AUTHORS.of(&answers, &gold), self.hints.loss(&seen, &batch));
        let words =
            format!("entities {:.3} hints {:.3}", entities.double_value(&[]), hints.double_value(&[]));
        Ok((entities + hints, words))
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
        }
    }

    fn words(&self) -> String {
        let f1 = |right: usize| 2.0 * right as f64 / (self.found + self.gold).max(1) as f64;
        format!("MNER {:.4}, GMNER {:.4}", f1(self.named), f1(self.placed))
    }
}

/// The posts of a step.
fn posts_of(step: u64) -> std::ops::Range<u64> {
    let first = step * POSTS_PER_STEP;
    first..first + POSTS_PER_STEP
}
