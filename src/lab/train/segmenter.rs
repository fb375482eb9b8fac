//! Training of the pocket world's SAM: the mask of the object in a box, and its predicted IoU.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor, no_grad};

use super::mask_loss::{MaskLosses, PAPER, truth};
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
    masks: Vec<u8>,
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
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let (loss, iou) = loss(&self.sam, &self.batches.next());
        Ok((loss, format!("IoU {iou:.3}")))
    }

    fn validate(&mut self) -> anyhow::Result<Validation> {
        let side = self.sam.config().image_size as u32;
        let ious =
            (0..VALIDATION_BATCHES).map(|step| no_grad(|| loss(&self.sam, &batch(&self.dev, step, side)).1));
        Ok(format!("mean IoU {:.4}", ious.sum::<f64>() / VALIDATION_BATCHES as f64).into())
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
            let (from, to) = ((frame.width, frame.height), (picture.width, picture.height));
            batch.masks.extend(truth(&object.inside, from, to, side));
        }
        batch.pictures.push(picture);
    }
    batch
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
    let truth = Tensor::from_slice(&batch.masks).view([count, side, side]).to_kind(Kind::Float);
    let losses = MaskLosses::of(&logits, &truth, &predicted.select(1, 0), 0.0);
    (losses.weighed(&PAPER).mean(Kind::Float), losses.ious.mean(Kind::Float).double_value(&[]))
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
            let pixels: Vec<usize> = (0..mask.len()).filter(|&index| mask[index] == 1).collect();
            let (all, held) = (pixels.len(), pixels.iter().filter(|&&index| inside(index)).count());
            assert!(all > 0 && held as f64 / all as f64 > 0.6, "{held} of {all}");
        }
    }
}
