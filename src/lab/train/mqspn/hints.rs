//! Hints for MQSPN: heads that exist only in training. They say what each patch shows, what an entity looks like by what is told
//! of it, and which patches show it.
//!
//! The region of an entity is one candidate of many, which is a weak signal; that of each patch is a strong one. The authors
//! begin with CLIP, which has learnt from pictures with captions what words look like.

use tch::nn::{self, Module};
use tch::{Kind, Reduction, Tensor};

use super::posts::{Looks, PicturedEntities, PostBatch};
use crate::lab::world::{COLOURS, KINDS};
use crate::networks::mqspn::{MqspnConfig, Read};

/// Weight of patches that show an entity: it covers about one patch in ten, and this compensates half of the imbalance.
const PATCH_WEIGHT: f32 = 3.0;

/// The heads.
pub(super) struct Hints {
    /// Of patches; class 0 is that there is no object.
    seen: Look,
    /// Of the first words of entities.
    told: Look,
    word: nn::Linear,
    patch: nn::Linear,
}

/// What a vector says of a kind, a colour and an accent.
struct Look {
    kinds: nn::Linear,
    colours: nn::Linear,
    accents: nn::Linear,
}

/// The losses of the hints.
pub(super) struct Losses {
    /// Kind, colour and accent of the object in each patch.
    pub(super) looks: Tensor,
    /// Kind, colour and accent of each entity of which something is told.
    pub(super) described: Tensor,
    /// Which patches show each entity.
    pub(super) places: Tensor,
}

impl Hints {
    pub(super) fn new(vs: &nn::Path<'_>, config: &MqspnConfig) -> Self {
        let width = config.hidden;
        Self {
            seen: Look::new(&(vs / "seen"), width, 1 + KINDS.len()),
            told: Look::new(&(vs / "told"), width, KINDS.len()),
            word: nn::linear(vs / "word", width, width, Default::default()),
            patch: nn::linear(vs / "patch", width, width, Default::default()),
        }
    }

    /// The losses of a batch. `seen` is `[posts, 1 + patches, d]`, and `read` has a row for each text.
    pub(super) fn losses(&self, seen: &Tensor, read: &Read, batch: &PostBatch) -> Losses {
        let entities = &batch.entities;
        let patches = seen.narrow(1, 1, seen.size()[1] - 1).flatten(0, 1);
        let looks = self.seen.loss(&patches, &batch.patches);
        if entities.rows.is_empty() {
            let none = || Tensor::zeros([], (Kind::Float, seen.device()));
            return Losses { looks, described: none(), places: none() };
        }
        let [rows, words] = [&entities.rows, &entities.words].map(|all| Tensor::from_slice(all));
        let words = rows * read.words.size()[1] + words;
        let words = read.words.flatten(0, 1).index_select(0, &words);
        let described = self.told.loss(&words, &entities.told);
        Losses { looks, described, places: self.places(&words, &read.patches, entities) }
    }

    /// `words` is `[E, d]`, and `patches` `[texts, 1 + patches, d]`.
    fn places(&self, words: &Tensor, patches: &Tensor, entities: &PicturedEntities) -> Tensor {
        let patches = patches.narrow(1, 1, patches.size()[1] - 1);
        // [E, patches, d] and [E, d, 1]
        let patches = self.patch.forward(&patches).index_select(0, &Tensor::from_slice(&entities.rows));
        let words = self.word.forward(words).unsqueeze(-1);
        let logits = patches.matmul(&words).squeeze_dim(-1) / (words.size()[1] as f64).sqrt();
        let covered = Tensor::from_slice(&entities.patches).view_as(&logits);
        let weight = Tensor::from(PATCH_WEIGHT);
        let none: Option<Tensor> = None;
        logits.binary_cross_entropy_with_logits(&covered, none.as_ref(), Some(&weight), Reduction::Mean)
    }
}

impl Look {
    fn new(vs: &nn::Path<'_>, width: i64, kinds: usize) -> Self {
        let head =
            |name: &str, classes: usize| nn::linear(vs / name, width, classes as i64, Default::default());
        Self {
            kinds: head("kinds", kinds),
            colours: head("colours", COLOURS.len()),
            accents: head("accents", COLOURS.len()),
        }
    }

    /// The sum of three cross entropies of `vectors`, `[n, d]`; -1 counts for nothing.
    fn loss(&self, vectors: &Tensor, truth: &Looks) -> Tensor {
        let heads =
            [(&self.kinds, &truth.kinds), (&self.colours, &truth.colours), (&self.accents, &truth.accents)];
        let losses = heads.map(|(head, truth)| {
            let none: Option<Tensor> = None;
            let known = truth.iter().filter(|&&class| class >= 0).count().max(1) as f64;
            let said = head.forward(vectors);
            let sum =
                said.cross_entropy_loss(&Tensor::from_slice(truth), none.as_ref(), Reduction::Sum, -1, 0.0);
            // A mean over nothing would be no number.
            sum / known
        });
        Tensor::stack(&losses, 0).sum(Kind::Float)
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
            resnet_layers: vec![1],
            resnet_width: 4,
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
        let entities = &batch.entities;
        assert_eq!(entities.rows.len(), asked);
        assert!(asked < batch.gold.iter().map(Vec::len).sum(), "a post has no picture");
        let patches = entities.patches.chunks_exact(config.patches() as usize);
        let mut shown = 0;
        for ((row, word), patches) in entities.rows.iter().zip(&entities.words).zip(patches) {
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
    fn looks_of_an_entity_are_known_where_they_are_told() {
        let (batcher, _) = batcher();
        let of = |told: Told| batcher.batch(POSTS, told, usize::MAX).entities.told;
        let (alone, told) = (of(Told::Nothing), of(Told::Annotation));
        for looks in [&alone.kinds, &alone.colours, &alone.accents] {
            assert!(looks.iter().all(|&look| look == -1));
        }
        let samples = POSTS.map(|index| batcher.world.sample(index));
        let kinds: Vec<i64> = samples
            .flat_map(|sample| sample.mentions)
            .map(|mention| mention.description.appearance.kind as i64)
            .collect();
        let known = |looks: &[i64]| looks.iter().filter(|&&look| look >= 0).count();
        assert!(told.kinds.iter().all(|kind| *kind == -1 || kinds.contains(kind)));
        assert_eq!(known(&told.kinds), known(&told.colours));
        assert!(known(&told.accents) < known(&told.colours), "some expansions leave the accent out");
        assert!(2 * known(&told.kinds) > told.kinds.len(), "most entities are annotated");
    }

    #[test]
    fn all_hints_are_learnt() {
        let (batcher, config) = batcher();
        let batch = batcher.batch(POSTS, Told::Annotation, usize::MAX);
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
            let Losses { looks, described, places } =
                hints.losses(&seen, &network.read(&text, &scene, 0.0), &batch);
            [looks, described, places]
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
        for (before, after) in before.iter().zip(after) {
            assert!(after < 0.8 * before, "{before} {after}");
        }
    }
}
