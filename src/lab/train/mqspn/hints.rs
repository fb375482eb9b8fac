//! Hints for MQSPN: heads that exist only in training and say what each patch shows, and which patches show an entity.
//!
//! The region of an entity is one candidate of many, which is a weak signal; that of each patch is a strong one. The authors
//! begin with CLIP, which has learnt from pictures with captions what words look like.

use tch::nn::{self, Module};
use tch::{Kind, Reduction, Tensor};

use super::posts::PostBatch;
use crate::lab::world::{COLOURS, KINDS};
use crate::networks::mqspn::{MqspnConfig, Read};

/// Weight of patches that show an entity: it covers about one patch in ten, and this compensates half of the imbalance.
const PATCH_WEIGHT: f32 = 3.0;

/// The heads.
pub(super) struct Hints {
    kinds: nn::Linear,
    colours: nn::Linear,
    accents: nn::Linear,
    word: nn::Linear,
    patch: nn::Linear,
}

impl Hints {
    pub(super) fn new(vs: &nn::Path<'_>, config: &MqspnConfig) -> Self {
        let head = |name: &str, outputs: i64| {
            nn::linear(vs / name, config.hidden, outputs, nn::LinearConfig::default())
        };
        Self {
            kinds: head("kinds", 1 + KINDS.len() as i64),
            colours: head("colours", COLOURS.len() as i64),
            accents: head("accents", COLOURS.len() as i64),
            word: head("word", config.hidden),
            patch: head("patch", config.hidden),
        }
    }

    /// The loss of kind, colour and accent of the object in each patch: `seen` is `[B, 1 + patches, d]`.
    pub(super) fn looks(&self, seen: &Tensor, batch: &PostBatch) -> Tensor {
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

    /// The loss of which patches show each entity, asked by its first word.
    pub(super) fn places(&self, read: &Read, batch: &PostBatch) -> Tensor {
        let (words, patches) = (&read.words, read.patches.narrow(1, 1, read.patches.size()[1] - 1));
        if batch.asked_words.is_empty() {
            return words.sum(Kind::Float) * 0.0;
        }
        let rows = Tensor::from_slice(&batch.asked_rows);
        let places = &rows * words.size()[1] + Tensor::from_slice(&batch.asked_words);
        // [E, 1, d] and [E, patches, d]
        let asking = self.word.forward(&words.flatten(0, 1).index_select(0, &places)).unsqueeze(1);
        let asked = self.patch.forward(&patches).index_select(0, &rows);
        let likeness: Tensor = (asking * asked).sum_dim_intlist([-1_i64].as_slice(), false, Kind::Float);
        let logits = likeness / (words.size()[2] as f64).sqrt();
        let covered = Tensor::from_slice(&batch.asked_patches).view_as(&logits);
        let weight = Tensor::from(PATCH_WEIGHT);
        let none: Option<Tensor> = None;
        logits.binary_cross_entropy_with_logits(&covered, none.as_ref(), Some(&weight), Reduction::Mean)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tch::Device;

    use super::*;
    use crate::domain::EntityType;
    use crate::lab::train::mqspn::posts::{PostBatcher, Told};
    use crate::lab::train::optimiser::{AdamW, Decay, Descent, Schedule};
    use crate::lab::train::recipe;
    use crate::lab::world::{Split, World};
    use crate::networks::descriptor::Network;
    use crate::networks::mqspn::{JOINT, Mqspn, Scene, Text};
    use crate::stages::recognise::{LabelSet, WordTokenizer};

    const POSTS: std::ops::Range<u64> = 4..16;

    fn config(vocabulary: i64) -> MqspnConfig {
        MqspnConfig {
            vocabulary,
            hidden: 32,
            heads: 2,
            layers: 1,
            ffn: 32,
            max_positions: 130,
            first_position: 2,
            type_vocabulary: 1,
            pad: 1,
            image_size: 64,
            patch_size: 16,
            vision_layers: 2,
            vision_ffn: 32,
            fused_layers: 1,
            types: 4,
            queries: 4,
            fusion_layers: 1,
            region_bins: 1,
        }
    }

    fn batcher() -> (PostBatcher, MqspnConfig) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/bundles/pocket/tagger.tokenizer.json");
        let tokenizer = WordTokenizer::load(Path::new(file), 128).unwrap();
        let config = config(tokenizer.vocabulary() as i64);
        let batcher = PostBatcher {
            world: World::new(1, Split::Train),
            tokenizer,
            labels: LabelSet::new(recipe::ENTITY_TYPES.map(EntityType::new)),
            candidates: vec![[0.0, 0.0, 1.0, 1.0]],
            view: Network::of(&JOINT, &config).view(),
            grid: config.grid() as u32,
        };
        (batcher, config)
    }

    #[test]
    fn patches_of_an_entity_are_those_under_its_objects() {
        let (batcher, config) = batcher();
        let batch = batcher.batch(POSTS, Told::Nothing, usize::MAX);
        let has_picture = |row: usize| batch.shown[batch.owners[row] as usize];
        let asked: usize = batch
            .gold
            .iter()
            .enumerate()
            .filter(|(row, _)| has_picture(*row))
            .map(|(_, gold)| gold.len())
            .sum();
        assert_eq!(batch.asked_rows.len(), asked);
        assert!(asked < batch.gold.iter().map(Vec::len).sum(), "a post has no picture");
        let patches = batch.asked_patches.chunks_exact(config.patches() as usize);
        let mut shown = 0;
        for ((row, word), patches) in batch.asked_rows.iter().zip(&batch.asked_words).zip(patches) {
            let entity = batch.gold[*row as usize].iter().position(|one| one.left == *word).unwrap();
            let boxes = &batch.boxes[*row as usize][entity];
            assert_eq!(boxes.is_empty(), patches.iter().all(|&share| share == 0.0));
            let side = config.grid() as f32;
            for (number, _) in patches.iter().enumerate().filter(|(_, share)| **share > 0.0) {
                let (column, line) = ((number as f32 % side).floor(), (number as f32 / side).floor());
                let is_under = boxes.iter().any(|bbox| {
                    let inside =
                        |low: f32, high: f32, cell: f32| low * side < cell + 1.0 && high * side > cell;
                    inside(bbox.x0, bbox.x1, column) && inside(bbox.y0, bbox.y1, line)
                });
                assert!(is_under, "patch {number} of {boxes:?}");
            }
            shown += usize::from(!boxes.is_empty());
        }
        assert!(shown > 3);
    }

    #[test]
    fn both_hints_are_learnt_and_pictures_alone_teach_what_they_show() {
        let (batcher, config) = batcher();
        let (pictures, batch) = (batcher.pictures(POSTS), batcher.batch(POSTS, Told::Annotation, usize::MAX));
        assert!(
            pictures.texts.is_empty() && pictures.levels == batch.levels && pictures.kinds == batch.kinds
        );
        tch::manual_seed(1);
        let store = nn::VarStore::new(Device::Cpu);
        let network = Mqspn::new(&store.root(), &config);
        let hints = Hints::new(&(store.root() / "hints"), &config);
        let text = Text::of(&batch.texts.iter().collect::<Vec<_>>(), config.pad).unwrap();
        let owners = Tensor::from_slice(&batch.owners);
        let shown = Tensor::from_slice(&batch.shown).index_select(0, &owners);
        let boxes = Tensor::from_slice(&batch.candidates).view([shown.size()[0], -1, 4]);
        let losses = || {
            let levels = Tensor::from_slice(&batch.levels).view([-1, 64, 64, 3]).permute([0, 3, 1, 2]);
            let seen = network.see(&network.pixels(&levels));
            let scene = Scene {
                seen: seen.index_select(0, &owners),
                is_candidate: shown.unsqueeze(1),
                shown: shown.shallow_clone(),
                boxes: boxes.shallow_clone(),
            };
            [hints.looks(&seen, &batch), hints.places(&network.read(&text, &scene, 0.0), &batch)]
        };
        let schedule = Schedule { peak: 3e-3, warm_up: 0, steps: 30, decay: Decay::Linear };
        let mut optimiser = AdamW::new(store.variables(), Descent::short(schedule, 0.0));
        let before = losses().map(|loss| loss.double_value(&[]));
        for _ in 0..schedule.steps {
            optimiser.clear_gradients();
            losses().iter().sum::<Tensor>().backward();
            optimiser.apply_gradients();
        }
        let after = losses().map(|loss| loss.double_value(&[]));
        assert!(after[0] < 0.7 * before[0] && after[1] < 0.8 * before[1], "{before:?} {after:?}");
    }
}
