//! Training of UMT: tags of words from text and picture together, and the kinds of objects in the picture.
//!
//! The authors' tagger is a CRF over the fused vectors; a linear layer with cross entropy trains the vectors as well, and
//! neither is shipped. Tagging in the pocket world hardly needs a picture, so an auxiliary loss predicts the kinds of
//! objects from the pooled vector, by which posts are compared.

use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor, no_grad};

use super::ofa::AUXILIARY;
use super::prefetch::Prefetcher;
use super::tagger::TextBatcher;
use super::text_batch::{EntityCounts, TextBatch, TextTensors};
use super::training_loop::{TrainingTask, Validation};
use crate::common::imaging::View;
use crate::lab::world::KINDS;
use crate::networks::umt::Umt;

/// Posts of one step: their pictures cost most of its time.
const POSTS_PER_STEP: u64 = 24;
/// Dropout rate.
const DROPOUT: f64 = 0.1;
/// Batches of a validation.
const VALIDATION_BATCHES: u64 = 8;

/// Heads for training only: in the store beside the network, left out of bundles.
#[derive(Debug)]
pub(super) struct TrainingHeads {
    classifier: nn::Linear,
    kinds: nn::Linear,
}

impl TrainingHeads {
    pub(super) fn new(root: &nn::Path<'_>, umt: &Umt, labels: usize) -> Self {
        let (width, settings) = (2 * umt.config().hidden, nn::LinearConfig::default());
        Self {
            // The authors' name.
            classifier: nn::linear(root / "classifier", width, labels as i64, settings),
            kinds: nn::linear(root / AUXILIARY / "kinds", width, KINDS.len() as i64, settings),
        }
    }
}

/// Posts of one step with their pictures.
#[derive(Clone)]
struct PostBatch {
    texts: TextBatch,
    /// Red, green, blue, row by row, picture by picture.
    levels: Vec<u8>,
    /// For each post and each of [`KINDS`], 1 if its picture shows an object of that kind.
    shown: Vec<f32>,
}

/// The training task of UMT.
pub(super) struct UmtTask {
    umt: Umt,
    heads: TrainingHeads,
    batches: Prefetcher<PostBatch>,
    dev: TextBatcher,
}

impl UmtTask {
    /// Trains on batches of `train` from `first_step` on, validates on batches of `dev`.
    #[must_use]
    pub(super) fn new(
        (umt, heads): (Umt, TrainingHeads),
        train: TextBatcher,
        dev: TextBatcher,
        first_step: i64,
    ) -> Self {
        let view = View::centre(umt.config().image_size as u32);
        let batches = Prefetcher::new(first_step, move |step| batch(&train, step as u64, view));
        Self { umt, heads, batches, dev }
    }

    /// Logits of the labels of each word, `[rows, W, labels]`, and of the kinds of each row, `[rows, kinds]`.
    fn logits(&self, batch: &PostBatch, texts: &TextTensors, train: bool) -> [Tensor; 2] {
        let side = self.umt.config().image_size;
        let levels = Tensor::from_slice(&batch.levels).view([-1, side, side, 3]).permute([0, 3, 1, 2]);
        let seen = self.umt.see(&self.umt.pixels(&levels), train);
        let seen = seen.index_select(0, &Tensor::from_slice(&batch.texts.owners));
        let dropout = if train { DROPOUT } else { 0.0 };
        let fused = self.umt.fuse(&texts.pieces, &texts.mask, &seen, dropout);
        let first = texts.first_pieces.unsqueeze(2).expand([-1, -1, fused.size()[2]], false);
        // A unit vector gives tiny logits with small initial weights, so it is scaled up.
        let whole = Umt::pooled(&fused, &texts.mask) * (fused.size()[2] as f64).sqrt();
        [self.heads.classifier.forward(&fused.gather(1, &first, false)), self.heads.kinds.forward(&whole)]
    }
}

impl TrainingTask for UmtTask {
    fn loss(&mut self, _: i64, _: usize) -> anyhow::Result<(Tensor, String)> {
        let batch = self.batches.next();
        let texts = batch.texts.tensors(Device::Cpu);
        let [labels, kinds] = self.logits(&batch, &texts, true);
        let none: Option<Tensor> = None;
        let words = texts.is_word.flatten(0, 1).nonzero().squeeze_dim(1);
        let tagged = labels.flatten(0, 1).index_select(0, &words).cross_entropy_loss(
            &texts.labels.flatten(0, 1).index_select(0, &words),
            none.as_ref(),
            tch::Reduction::Mean,
            -1,
            0.0,
        );
        let shown = Tensor::from_slice(&batch.shown).view([-1, KINDS.len() as i64]);
        let shown = shown.index_select(0, &Tensor::from_slice(&batch.texts.owners));
        let hint = kinds.binary_cross_entropy_with_logits(
            &shown,
            none.as_ref(),
            none.as_ref(),
            tch::Reduction::Mean,
        );
        let words = format!("tags {:.4} kinds {:.4}", tagged.double_value(&[]), hint.double_value(&[]));
        Ok((tagged + hint, words))
    }

    fn validate(&mut self) -> anyhow::Result<Validation> {
        let view = View::centre(self.umt.config().image_size as u32);
        let mut found = EntityCounts::default();
        let (mut right, mut shown) = (0.0, 0.0);
        for step in 0..VALIDATION_BATCHES {
            let batch = batch(&self.dev, step, view);
            let texts = batch.texts.tensors(Device::Cpu);
            let [labels, kinds] = no_grad(|| self.logits(&batch, &texts, false));
            let best = Vec::<Vec<i64>>::try_from(labels.argmax(-1, false)).unwrap_or_default();
            let lengths = texts.is_word.sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64);
            let lengths = Vec::<i64>::try_from(lengths).unwrap_or_default();
            let own = best
                .iter()
                .zip(lengths)
                .map(|(row, words)| row[..words as usize].iter().map(|&label| label as usize).collect());
            found.count(&batch.texts, &own.collect::<Vec<_>>(), &self.dev.labels);
            // Recall of the shown kinds among the equally many most likely kinds.
            let truth = Tensor::from_slice(&batch.shown).view([-1, KINDS.len() as i64]);
            let truth = truth.index_select(0, &Tensor::from_slice(&batch.texts.owners));
            let rank = kinds.argsort(-1, true).argsort(-1, false);
            let count = truth.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float);
            let entities = rank.lt_tensor(&count).to_kind(Kind::Float);
            right += (entities * &truth).sum(Kind::Float).double_value(&[]);
            shown += truth.sum(Kind::Float).double_value(&[]);
        }
        let kinds = right / f64::max(shown, 1.0);
        Ok(format!("F1 {:.4}, kinds of pictures {kinds:.4}", found.f1()).into())
    }
}

/// The batch of a step.
fn batch(batcher: &TextBatcher, step: u64, view: View) -> PostBatch {
    let posts = step * POSTS_PER_STEP..(step + 1) * POSTS_PER_STEP;
    let (mut levels, mut shown) = (Vec::new(), Vec::new());
    for index in posts.clone() {
        let picture = batcher.world.sample(index).picture;
        levels.extend_from_slice(&view.of(&picture.frame).rgb);
        let mut kinds = vec![0.0; KINDS.len()];
        for object in &picture.objects {
            kinds[object.kind] = 1.0;
        }
        shown.extend(kinds);
    }
    PostBatch { texts: batcher.batch_of(posts), levels, shown }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::super::optimiser::{AdamW, Decay, Descent, Schedule};
    use super::super::recipe;
    use super::super::tokenizers::train_unigram;
    use super::*;
    use crate::domain::EntityType;
    use crate::lab::world::{Split, World};
    use crate::networks::umt::UmtConfig;
    use crate::stages::recognise::{LabelSet, WordTokenizer};

    fn batcher(split: Split) -> TextBatcher {
        let world = World::new(5, split);
        let texts = (0..64).map(|index| World::new(5, Split::Train).text(index).text);
        let tokenizer = WordTokenizer::new(train_unigram(texts, 400).unwrap(), 64).unwrap();
        let labels = LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new));
        TextBatcher { world, tokenizer, labels, pad: 1 }
    }

    #[test]
    fn a_batch_has_a_picture_for_each_post_and_a_post_for_each_row() {
        let batch = batch(&batcher(Split::Train), 3, View::centre(32));
        assert_eq!(batch.levels.len(), POSTS_PER_STEP as usize * 3 * 32 * 32);
        // A text that is too long for one row has several rows with the same owner.
        let mut owners = batch.texts.owners.clone();
        assert!(owners.len() > POSTS_PER_STEP as usize && owners.is_sorted(), "{owners:?}");
        let rows = owners.len() as i64;
        owners.dedup();
        assert_eq!(owners, (0..POSTS_PER_STEP as i64).collect::<Vec<_>>());
        let shown = batch.shown.chunks_exact(KINDS.len()).map(|kinds| kinds.iter().sum::<f32>());
        assert!(shown.clone().count() == POSTS_PER_STEP as usize && shown.clone().all(|kinds| kinds > 0.0));
        let texts = batch.texts.tensors(Device::Cpu);
        assert_eq!(texts.labels.size(), texts.is_word.size());
        assert_eq!(texts.pieces.size()[0], rows);
    }

    #[test]
    fn training_on_one_batch_reduces_its_loss_and_uses_every_parameter() {
        tch::manual_seed(1);
        let batcher = batcher(Split::Train);
        let config = UmtConfig {
            hidden: 32,
            layers: 1,
            ffn: 64,
            max_positions: 64,
            max_pieces: 64,
            image_size: 32,
            resnet_width: 4,
            ..recipe::umt(batcher.tokenizer.vocabulary() as i64)
        };
        let store = VarStore::new(Device::Cpu);
        let umt = Umt::new(&store.root(), &config);
        let heads = TrainingHeads::new(&store.root(), &umt, batcher.labels.count());
        let view = View::centre(32);
        // The same posts at every step.
        let same = batch(&batcher, 0, view);
        let batches = Prefetcher::new(0, move |_| same.clone());
        let mut learner = UmtTask { umt, heads, batches, dev: batcher };
        let schedule = Schedule { peak: 3e-3, warm_up: 2, steps: 12, decay: Decay::Cosine };
        let mut optimiser = AdamW::new(store.variables(), Descent::short(schedule, 0.0));
        let mut losses = Vec::new();
        for step in 0..schedule.steps {
            let (loss, words) = learner.loss(step, 0).unwrap();
            assert!(words.contains("tags") && words.contains("kinds"), "{words}");
            losses.push(loss.double_value(&[]));
            optimiser.clear_gradients();
            loss.backward();
            optimiser.apply_gradients();
        }
        assert!(losses[11] < 0.7 * losses[0], "{losses:?}");
        for (name, variable) in store.variables() {
            let learns = variable.requires_grad();
            assert!(!learns || variable.grad().defined(), "{name} takes no part");
        }
        let text = learner.validate().unwrap().words;
        assert!(text.starts_with("F1 ") && text.contains("kinds of pictures"), "{text}");
    }
}
