//! Training of OFA: grounding (the four location tokens of a phrase) and entailment (whether a picture shows it).
//!
//! Both tasks share one set of weights, as all tasks do in OFA's pretraining. Auxiliary losses speed up the training: heads
//! that exist only in training predict from the trunk which object is in each cell, and from the encoder which cells
//! belong to the phrase. Four tokens per phrase are a weak signal; 64 cells are a strong one.

use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor, no_grad};

use super::phrases::{self, PhraseBatch, Prompts, Resolution, Rows};
use super::prefetch::Prefetcher;
use super::training_loop::{TrainingTask, Validation};
use crate::domain::BBox;
use crate::lab::world::World;
use crate::networks::ofa::{BEGIN, END, Encoded, Ofa, OfaConfig, PAD};

/// Prefix of the variables of the auxiliary heads, which bundles leave out.
pub(super) const AUXILIARY: &str = "hints";

/// OFA with its auxiliary heads.
pub(super) struct OfaTrainer {
    /// The network that bundles ship.
    pub(super) ofa: Ofa,
    config: OfaConfig,
    kinds: nn::Linear,
    colours: nn::Linear,
    accents: nn::Linear,
    cells: nn::Linear,
}

/// The parts of one step's loss, for the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LossParts {
    /// Cross entropy of the location tokens.
    pub(super) ground: f64,
    /// Cross entropy of the answers.
    pub(super) entail: f64,
    /// Sum of the auxiliary losses.
    pub(super) hints: f64,
}

impl OfaTrainer {
    /// Creates the network at the root of the store, and the auxiliary heads beside it.
    #[must_use]
    pub(super) fn new(root: &nn::Path<'_>, config: &OfaConfig, kinds: i64, colours: i64) -> Self {
        let hints = root / AUXILIARY;
        let trunk = config.trunk_channels();
        Self {
            ofa: Ofa::new(root, config),
            config: config.clone(),
            kinds: nn::linear(&hints / "kinds", trunk, kinds + 1, nn::LinearConfig::default()),
            colours: nn::linear(&hints / "colours", trunk, colours, nn::LinearConfig::default()),
            accents: nn::linear(&hints / "accents", trunk, colours, nn::LinearConfig::default()),
            cells: nn::linear(&hints / "cells", config.d_model, 1, nn::LinearConfig::default()),
        }
    }

    /// The loss of a batch, and its parts. A batch without phrases has only the auxiliary loss of its pictures.
    pub(super) fn loss(&self, batch: &PhraseBatch) -> (Tensor, LossParts) {
        let trunk = self.ofa.trunk(&pixels(batch), true);
        let mut hints = self.scene_loss(&trunk, batch);
        let mut total = Tensor::zeros([], (Kind::Float, Device::Cpu));
        let mut parts = LossParts::default();
        if batch.ground.len() > 0 {
            let (loss, cells) = self.ground_loss(&trunk, batch);
            parts.ground = loss.double_value(&[]);
            total += loss;
            hints += cells;
        }
        if batch.entail.len() > 0 {
            let (loss, cells) = self.entail_loss(&trunk, batch);
            parts.entail = loss.double_value(&[]);
            // An answer is one token, a box is four.
            total += loss * 2.0;
            hints += cells;
        }
        parts.hints = hints.double_value(&[]);
        (total + hints, parts)
    }

    /// Auxiliary loss: kind and colours of the object in each cell of the trunk's grid.
    fn scene_loss(&self, trunk: &Tensor, batch: &PhraseBatch) -> Tensor {
        let prompted_phrases =
            [(&self.kinds, &batch.kinds), (&self.colours, &batch.colours), (&self.accents, &batch.accents)];
        let losses = prompted_phrases.map(|(head, truth)| {
            let none: Option<Tensor> = None;
            let predicted = head.forward(trunk).flatten(0, 1);
            predicted.cross_entropy_loss(
                &Tensor::from_slice(truth),
                none.as_ref(),
                tch::Reduction::Mean,
                -1,
                0.0,
            )
        });
        Tensor::stack(&losses, 0).sum(Kind::Float)
    }

    fn ground_loss(&self, trunk: &Tensor, batch: &PhraseBatch) -> (Tensor, Tensor) {
        let rows = &batch.ground;
        let count = rows.len() as i64;
        let (encoded, cells) = self.encoded(trunk, rows);
        let bins = Tensor::from_slice(&batch.bins).view([count, 4]);
        let tokens = &bins + self.config.first_bin;
        let start = Tensor::full([count, 1], BEGIN, (Kind::Int64, Device::Cpu));
        let prefix = Tensor::cat(&[start, tokens], 1);
        let log_probabilities = self.ofa.decode(&encoded, &prefix, true).log_softmax(-1, Kind::Float);

        // Bins are ordered, so neighbours of the true bin get a part of the target probability.
        let all = Tensor::arange(self.config.bins, (Kind::Float, Device::Cpu));
        let distance = bins.to_kind(Kind::Float).unsqueeze(-1) - all;
        let wanted = (distance.square() * (-0.5 / (BIN_SPREAD * BIN_SPREAD))).softmax(-1, Kind::Float);
        let predicted = log_probabilities.narrow(1, 0, 4).narrow(2, self.config.first_bin, self.config.bins);
        let located =
            -(wanted * predicted).sum_dim_intlist([-1].as_slice(), false, Kind::Float).mean(Kind::Float);
        let ended = -log_probabilities.select(1, 4).select(1, END).mean(Kind::Float);
        (located + ended * 0.1, cells)
    }

    fn entail_loss(&self, trunk: &Tensor, batch: &PhraseBatch) -> (Tensor, Tensor) {
        let rows = &batch.entail;
        let (encoded, cells) = self.encoded(trunk, rows);
        let logits = self.ofa.answer_logits(&encoded, &tokens(rows), true);
        let answers = Tensor::from_slice(&batch.answers);
        let none: Option<Tensor> = None;
        let loss = logits.cross_entropy_loss(&answers, none.as_ref(), tch::Reduction::Mean, -100, 0.02);
        (loss, cells)
    }

    /// Encodes rows; also the auxiliary loss of which picture tokens the phrase refers to.
    fn encoded(&self, trunk: &Tensor, rows: &Rows) -> (Encoded, Tensor) {
        let count = rows.len() as i64;
        let gathered = trunk.index_select(0, &Tensor::from_slice(&rows.pictures));
        let cells = gathered.size()[1];
        let encoded = self.ofa.encode(&gathered, &tokens(rows), true);
        let predicted = self.cells.forward(&encoded.states.narrow(1, 0, cells)).squeeze_dim(-1);
        let covered = Tensor::from_slice(&rows.cells).view([count, cells]);
        let none: Option<Tensor> = None;
        let loss = predicted.binary_cross_entropy_with_logits(
            &covered,
            none.as_ref(),
            Some(&Tensor::from(CELL_WEIGHT)),
            tch::Reduction::Mean,
        );
        (encoded, loss * 2.0)
    }
}

/// The data of a training.
pub(super) struct TrainingData {
    /// Posts for training.
    pub(super) train: World,
    /// Posts for validation.
    pub(super) dev: World,
    /// Sizes of pictures, grid and bins.
    pub(super) resolution: Resolution,
    /// Encoders of prompts.
    pub(super) prompts: Prompts,
}

/// The training task of OFA.
pub(super) struct OfaTask {
    learner: OfaTrainer,
    batches: Prefetcher<PhraseBatch>,
    dev: Vec<PhraseBatch>,
}

impl OfaTrainer {
    /// The training task on the posts of `data`, from `first_step` on.
    #[must_use]
    pub(super) fn into_task(self, source: TrainingData, first_step: i64) -> OfaTask {
        let TrainingData { train, dev, resolution, prompts } = source;
        let dev =
            (0..VALIDATION_BATCHES).map(|step| phrases::batch(&dev, step, resolution, &prompts)).collect();
        // The first steps have pictures only: phrases are useless while the trunk recognises nothing.
        let batches = Prefetcher::new(first_step, move |step| {
            let make = if step < PICTURE_STEPS { phrases::picture_batch } else { phrases::batch };
            make(&train, step, resolution, &prompts)
        });
        OfaTask { learner: self, batches, dev }
    }

    /// The numbers of rows located with an IoU of at least 0.5 and of correct answers.
    // Only the trunk runs in inference mode: the caches of the other parts would be stale between steps.
    fn score(&self, batch: &PhraseBatch) -> (usize, usize) {
        let trunk = self.ofa.trunk(&pixels(batch), false);
        let encoded = |rows: &Rows| {
            self.ofa.encode(&trunk.index_select(0, &Tensor::from_slice(&rows.pictures)), &tokens(rows), true)
        };
        let prefix = Tensor::full([batch.ground.len() as i64, 1], BEGIN, (Kind::Int64, Device::Cpu));
        let located = self.greedy(&encoded(&batch.ground), prefix);
        let within = |(predicted, truth): &(&[i64], &[i64])| bbox(predicted).iou(&bbox(truth)) >= 0.5;
        let located = located.chunks(4).zip(batch.bins.chunks(4)).filter(within).count();

        let logits = self.ofa.answer_logits(&encoded(&batch.entail), &tokens(&batch.entail), true);
        let answers = Vec::<i64>::try_from(logits.argmax(1, false)).unwrap_or_default();
        let answered = answers
            .iter()
            .zip(&batch.answers)
            .filter(|(predicted, truth)| (**predicted > 0) == (**truth > 0))
            .count();
        (located, answered)
    }

    /// Greedy decoding: rows of four bins.
    fn greedy(&self, encoded: &Encoded, mut prefix: Tensor) -> Vec<i64> {
        for _ in 0..4 {
            let logits = self.ofa.decode(encoded, &prefix, true);
            let last = logits.select(1, prefix.size()[1] - 1);
            let bin = last.narrow(1, self.config.first_bin, self.config.bins).argmax(1, true);
            prefix = Tensor::cat(&[prefix, bin + self.config.first_bin], 1);
        }
        let bins = prefix.narrow(1, 1, 4) - self.config.first_bin;
        Vec::<i64>::try_from(bins.contiguous().view(-1)).unwrap_or_default()
    }
}

impl TrainingTask for OfaTask {
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let (loss, parts) = self.learner.loss(&self.batches.next());
        let LossParts { ground, entail, hints } = parts;
        Ok((loss, format!("ground {ground:.3} entail {entail:.3} hints {hints:.3}")))
    }

    fn validate(&mut self) -> anyhow::Result<Validation> {
        let scores: Vec<(usize, usize)> =
            no_grad(|| self.dev.iter().map(|batch| self.learner.score(batch)).collect());
        let share = |right: usize, all: usize| right as f64 / all.max(1) as f64;
        let words = format!(
            "Prec@0.5 {:.4}, entailment accuracy {:.4}",
            share(
                scores.iter().map(|score| score.0).sum(),
                self.dev.iter().map(|batch| batch.ground.len()).sum()
            ),
            share(
                scores.iter().map(|score| score.1).sum(),
                self.dev.iter().map(|batch| batch.entail.len()).sum()
            ),
        );
        Ok(words.into())
    }
}

fn bbox(bins: &[i64]) -> BBox {
    BBox { x0: bins[0] as f32, y0: bins[1] as f32, x1: bins[2] as f32, y1: bins[3] as f32 }
}

/// The first steps, which have pictures only.
const PICTURE_STEPS: i64 = 500;
/// Batches of a validation: about 450 phrases per task.
const VALIDATION_BATCHES: i64 = 10;
/// Standard deviation of a coordinate's target distribution, in bins: about two pixels in either direction.
const BIN_SPREAD: f64 = 0.7;
/// Weight of positive cells: a phrase covers about one cell in ten, and this compensates half of the imbalance.
const CELL_WEIGHT: f32 = 3.0;

/// The network's input of a batch's pictures: `[pictures, 3, side, side]`, -1 to 1.
pub(super) fn pixels(batch: &PhraseBatch) -> Tensor {
    normalised(&batch.pixels, batch.side)
}

/// The network's input of pictures: interleaved RGB, picture after picture.
pub(super) fn normalised(rgb: &[u8], side: i64) -> Tensor {
    let pictures = rgb.len() as i64 / (3 * side * side);
    Tensor::from_slice(rgb)
        .view([pictures, side, side, 3])
        .permute([0, 3, 1, 2])
        .to_kind(Kind::Float)
        .contiguous()
        / 127.5
        - 1.0
}

/// The prompts of rows, padded: `[rows, longest]`.
pub(super) fn tokens(rows: &Rows) -> Tensor {
    padded(&rows.prompts)
}

/// Prompts, padded: `[prompts, longest]`.
pub(super) fn padded(prompts: &[Vec<i64>]) -> Tensor {
    let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
    let padded: Vec<i64> = prompts
        .iter()
        .flat_map(|prompt| prompt.iter().copied().chain(std::iter::repeat_n(PAD, longest - prompt.len())))
        .collect();
    Tensor::from_slice(&padded).view([prompts.len() as i64, longest as i64])
}
