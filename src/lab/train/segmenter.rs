//! Training of SAM: the mask of the object in a box, and its predicted IoU.
//!
//! The loss is that of the paper (Kirillov et al., "Segment Anything", 2023, appendix A): focal and dice in the ratio
//! 20 : 1, and the squared error of the predicted IoU.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor, no_grad};

use super::prefetch::Prefetcher;
use super::training_loop::{TrainingTask, Validation};
use crate::common::imaging::Picture;
use crate::lab::world::World;
use crate::networks::sam::Sam;

/// Pictures of one step.
const PICTURES_PER_STEP: u64 = 12;
/// Maximum of boxes per picture: the decoder's cost is proportional to them.
const MAX_BOXES: usize = 3;
/// Maximum jitter of a box edge as a share of the box size, because the grounder's boxes are not perfect.
const BOX_JITTER: f32 = 0.12;
/// Batches of a validation.
const VALIDATION_BATCHES: u64 = 8;

/// Pictures and boxes of one step, as plain numbers.
struct MaskBatch {
    pictures: Vec<Arc<Picture>>,
    /// Index of each box's picture.
    owners: Vec<i64>,
    /// Four numbers per box, in pixels of the resized picture.
    boxes: Vec<f32>,
    /// The true mask of each box at the network's resolution, zero-padded: `side * side` values per box.
    masks: Vec<f32>,
}

/// The training task of SAM.
pub(super) struct SamTask {
    sam: Sam,
    batches: Prefetcher<MaskBatch>,
    dev: World,
}

impl SamTask {
    /// Trains on samples of `train` from `first_step` on, validates on those of `dev`.
    #[must_use]
    pub(super) fn new(sam: Sam, train: World, dev: World, first_step: i64) -> Self {
        let side = sam.config().image_size as u32;
        let batches = Prefetcher::new(first_step, move |step| batch(&train, step as u64, side));
        Self { sam, batches, dev }
    }
}

impl TrainingTask for SamTask {
    fn loss(&mut self, _: i64, _: usize) -> (Tensor, String) {
        let (loss, iou) = loss(&self.sam, &self.batches.next());
        (loss, format!("IoU {iou:.3}"))
    }

    fn validate(&mut self) -> Validation {
        let side = self.sam.config().image_size as u32;
        let ious =
            (0..VALIDATION_BATCHES).map(|step| no_grad(|| loss(&self.sam, &batch(&self.dev, step, side)).1));
        format!("mean IoU {:.4}", ious.sum::<f64>() / VALIDATION_BATCHES as f64).into()
    }
}

/// The batch of a step.
fn batch(world: &World, step: u64, side: u32) -> MaskBatch {
    let mut batch =
        MaskBatch { pictures: Vec::new(), owners: Vec::new(), boxes: Vec::new(), masks: Vec::new() };
    let mut rng = ChaCha8Rng::seed_from_u64(step);
    for index in step * PICTURES_PER_STEP..(step + 1) * PICTURES_PER_STEP {
        let sample = world.sample(index);
        let frame = &sample.picture.frame;
        let picture = Picture::longest_side(frame, side);
        let scale = (picture.width as f32 / frame.width as f32, picture.height as f32 / frame.height as f32);
        let objects = &sample.picture.objects;
        for object in rand::seq::index::sample(&mut rng, objects.len(), MAX_BOXES.min(objects.len())) {
            let object = &objects[object];
            let (width, height) = (object.bbox.x1 - object.bbox.x0, object.bbox.y1 - object.bbox.y0);
            let limit = (frame.width as f32, frame.height as f32);
            let mut jittered = |edge: f32, size: f32, limit: f32| {
                (edge + rng.random_range(-BOX_JITTER..BOX_JITTER) * size).clamp(0.0, limit)
            };
            let corners = [
                jittered(object.bbox.x0, width, limit.0) * scale.0,
                jittered(object.bbox.y0, height, limit.1) * scale.1,
                jittered(object.bbox.x1, width, limit.0) * scale.0,
                jittered(object.bbox.y1, height, limit.1) * scale.1,
            ];
            batch.owners.push(batch.pictures.len() as i64);
            batch.boxes.extend(corners);
            batch.masks.extend(resized(&object.inside, (frame.width, frame.height), &picture, side));
        }
        batch.pictures.push(picture);
    }
    batch
}

/// A mask resized with its picture (nearest pixel), in the top left corner of a square.
fn resized(inside: &[u8], from: (u32, u32), picture: &Picture, side: u32) -> Vec<f32> {
    let mut out = vec![0.0; (side * side) as usize];
    for row in 0..picture.height {
        let source_row = ((row as f32 + 0.5) * from.1 as f32 / picture.height as f32) as u32;
        for column in 0..picture.width {
            let source_column = ((column as f32 + 0.5) * from.0 as f32 / picture.width as f32) as u32;
            let index = source_row.min(from.1 - 1) * from.0 + source_column.min(from.0 - 1);
            out[(row * side + column) as usize] = f32::from(inside[index as usize]);
        }
    }
    out
}

/// The loss of a batch, and the mean IoU of its masks.
fn loss(sam: &Sam, batch: &MaskBatch) -> (Tensor, f64) {
    let side = sam.config().image_size;
    let count = batch.owners.len() as i64;
    let pixels: Vec<Tensor> = batch
        .pictures
        .iter()
        .map(|picture| {
            let size = [i64::from(picture.height), i64::from(picture.width), 3];
            sam.pixels(&Tensor::from_slice(&picture.rgb).view(size))
        })
        .collect();
    let embeddings = sam.encode(&Tensor::stack(&pixels, 0));
    let gathered = embeddings.index_select(0, &Tensor::from_slice(&batch.owners));
    let boxes = Tensor::from_slice(&batch.boxes).view([count, 4]);
    let (low, predicted) = sam.decode(&gathered, &boxes);
    // Boxes are unambiguous prompts, so only the single-mask output is trained.
    let logits = low.narrow(1, 0, 1).upsample_bilinear2d([side, side], false, None, None).squeeze_dim(1);
    let truth = Tensor::from_slice(&batch.masks).view([count, side, side]);

    let probability: Tensor = logits.sigmoid();
    let none: Option<Tensor> = None;
    let entropy =
        logits.binary_cross_entropy_with_logits(&truth, none.as_ref(), none.as_ref(), tch::Reduction::None);
    let missed: Tensor = (&truth - &probability).abs();
    let focal: Tensor = (entropy * missed.square()).mean_dim([1, 2].as_slice(), false, Kind::Float);
    let sum = |tensor: &Tensor| -> Tensor { tensor.sum_dim_intlist([1, 2].as_slice(), false, Kind::Float) };
    let dice: Tensor =
        1.0 - (sum(&(&probability * &truth)) * 2.0 + 1.0) / (sum(&probability) + sum(&truth) + 1.0);

    let iou = no_grad(|| {
        let predicted_mask = logits.gt(0.0).to_kind(Kind::Float);
        let both = sum(&(&predicted_mask * &truth));
        &both / (sum(&predicted_mask) + sum(&truth) - &both).clamp_min(1.0)
    });
    let error = (predicted.select(1, 0) - &iou).square();
    let loss = (focal * 20.0 + dice + error).mean(Kind::Float);
    (loss, iou.mean(Kind::Float).double_value(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::world::Split;

    #[test]
    fn a_box_holds_most_of_its_mask() {
        let batch = batch(&World::new(5, Split::Train), 0, 64);
        assert_eq!(batch.masks.len(), batch.owners.len() * 64 * 64);
        for (corners, mask) in batch.boxes.chunks(4).zip(batch.masks.chunks(64 * 64)) {
            let inside = |index: usize| {
                let (x, y) = ((index % 64) as f32 + 0.5, (index / 64) as f32 + 0.5);
                x > corners[0] && y > corners[1] && x < corners[2] && y < corners[3]
            };
            let all: f32 = mask.iter().sum();
            let held: f32 =
                mask.iter().enumerate().filter(|(index, _)| inside(*index)).map(|(_, value)| value).sum();
            assert!(all > 0.0 && held / all > 0.6, "{held} of {all}");
        }
    }
}
