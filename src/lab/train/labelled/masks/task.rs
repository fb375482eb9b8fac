//! Training task of a segmenter: the loss of the mask that it answers to a box, and the score on the dev split.
//!
//! Of a network that makes several masks of a box the one learns that it would answer, the one with the best predicted IoU.

use std::sync::Arc;

use anyhow::Result;
use tch::{Device, Kind, Tensor, no_grad};

use super::super::present::{Batched, Present};
use super::batches::{Batch, Loader, Part, Prompt};
use super::encodings::Encoder;
use super::regions::Regions;
use crate::lab::train::mask_loss::{MaskLosses, MaskWeights, truth};
use crate::lab::train::training_loop::{TrainingTask, Validation};
use crate::networks::blocks::promptable::{PIXELS_AT_ONCE, Promptable};

/// The score on the dev split.
pub(super) const MEASURE: &str = "mIoU";

/// The training task.
pub(super) struct MaskLearner {
    /// The network.
    pub(super) network: Box<dyn Promptable>,
    /// Where it computes.
    pub(super) device: Device,
    /// How it encodes pictures.
    pub(super) encoder: Encoder,
    /// What each part of the loss weighs.
    pub(super) weights: MaskWeights,
    /// The steps of the train split.
    pub(super) batches: Present<Batch>,
    /// The train split.
    pub(super) train: Arc<Regions>,
    /// The dev split.
    pub(super) dev: Loader,
    /// Regions in memory as tensors at a time.
    pub(super) at_once: usize,
}

/// The masks of the regions of a part, as logits `[N, 1, h, w]`, and their predicted IoUs `[N, 1]`, in 32 bits.
fn masks(
    (network, device): (&dyn Promptable, Device),
    encoder: &mut Encoder,
    part: &Part<'_>,
) -> Result<(Tensor, Tensor)> {
    let encodings = encoder.encodings(network, &part.pictures, device)?;
    let [rows, boxes] = [part.rows(), part.boxes()].map(|asked| asked.to_device(device));
    let (masks, ious) = network.best_masks(&encodings, &rows, &boxes);
    Ok((masks.to_kind(Kind::Float), ious.to_kind(Kind::Float)))
}

impl MaskLearner {
    /// The true masks of some regions on the square that the network sees: `[N, S, S]`.
    fn truths(&self, prompts: &[Prompt], side: u32) -> Tensor {
        let mut pixels = Vec::new();
        for Prompt { region, picture, .. } in prompts {
            let mask = &self.train.regions[*region].mask;
            let (from, to) = ((mask.width, mask.height), (picture.width, picture.height));
            pixels.extend(truth(&mask.to_pixels(), from, to, side));
        }
        let side = i64::from(side);
        Tensor::from_slice(&pixels).view([-1, side, side]).to_device(self.device).to_kind(Kind::Float)
    }

    /// The sum of the overlaps of the masks of some regions of the dev split, as the engine would make them.
    fn overlaps(&mut self, part: &Part<'_>) -> Result<f64> {
        let (logits, _) = masks((self.network.as_ref(), self.device), &mut self.encoder, part)?;
        let mut sum = 0.0;
        for (prompt, row) in part.prompts.iter().zip(0..) {
            let Prompt { region, picture, .. } = prompt;
            let resized = (i64::from(picture.width), i64::from(picture.height));
            let original = (picture.original_width, picture.original_height);
            let found =
                self.network.paint(&logits.f_narrow(0, row, 1)?, resized, original, PIXELS_AT_ONCE)?.mask();
            sum += f64::from(found.iou(&self.dev.regions.regions[*region].mask));
        }
        Ok(sum)
    }
}

impl TrainingTask for MaskLearner {
    fn parts(&mut self, _: i64) -> Result<usize> {
        self.batches.advance()
    }

    fn loss(&mut self, _: i64, part: usize) -> Result<(Tensor, String)> {
        let (batch, range) = self.batches.part(part)?;
        let (part, count) = (batch.part(range), batch.len());
        let (low, predicted) = masks((self.network.as_ref(), self.device), &mut self.encoder, &part)?;
        let square = self.dev.view.side;
        let side = i64::from(square);
        let logits = low.f_upsample_bilinear2d([side, side], false, None, None)?.squeeze_dim(1);
        let truth = self.truths(part.prompts, square);
        let losses = MaskLosses::of(&logits, &truth, &predicted.select(1, 0), self.network.threshold());
        let iou = losses.ious.mean(Kind::Float).double_value(&[]);
        Ok((losses.weighed(&self.weights).sum(Kind::Float) / count as f64, format!("IoU {iou:.3}")))
    }

    fn validate(&mut self) -> Result<Validation> {
        let count = self.dev.regions.regions.len();
        let mut sum = 0.0;
        for start in (0..count).step_by(self.at_once) {
            let batch = self.dev.batch(start..(start + self.at_once).min(count), None)?;
            sum += no_grad(|| self.overlaps(&batch.part(0..batch.len())))?;
        }
        let score = sum / count.max(1) as f64;
        let words = format!("{MEASURE} {score:.4} of {count} regions");
        Ok(Validation { words, score: Some((MEASURE, score)) })
    }
}
