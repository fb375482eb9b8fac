//! Batches of posts for a joint network: texts, pictures, and for each text the entities with the candidates that show them.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::candidates::{goodness, seen};
use crate::common::imaging::View;
use crate::domain::BBox;
use crate::lab::train::phrases::{MIN_COVERED_SHARE, coverage};
use crate::lab::train::set_loss::GoldEntity;
use crate::lab::train::text_batch::words_within;
use crate::lab::world::{Description, GoldMention, Sample, World};
use crate::stages::recognise::joint::Candidate;
use crate::stages::recognise::{LabelSet, Request, WordTokenizer, split_words};

/// Of so many posts one has no picture.
const WITHOUT_PICTURE: u64 = 12;

/// Makes batches of posts.
pub(super) struct PostBatcher {
    /// Source of posts.
    pub(super) world: World,
    /// Splits words into pieces.
    pub(super) tokenizer: WordTokenizer,
    /// The entity types in the order of the network's classes.
    pub(super) labels: LabelSet,
    /// The candidate regions.
    pub(super) candidates: Vec<Candidate>,
    /// The view in which the network sees pictures.
    pub(super) view: View,
    /// Patches along a side.
    pub(super) grid: u32,
}

/// Posts of one step.
#[derive(Clone, Default)]
pub(super) struct PostBatch {
    /// One for each window of each post.
    pub(super) texts: Vec<Request>,
    /// The entities of each text.
    pub(super) gold: Vec<Vec<GoldEntity>>,
    /// The boxes of each entity, as fractions of the picture.
    pub(super) boxes: Vec<Vec<Vec<BBox>>>,
    /// The edges of the candidates of each text, as fractions of the picture; all texts have equally many.
    pub(super) candidates: Vec<f32>,
    /// The post of each text.
    pub(super) owners: Vec<i64>,
    /// Whether each post has a picture.
    pub(super) shown: Vec<bool>,
    /// Red, green, blue, row by row, picture by picture.
    pub(super) levels: Vec<u8>,
    /// Of the object in each patch of each picture; kinds are 0 where there is none, and else counted from 1.
    pub(super) patches: Looks,
    /// The entities of posts with a picture.
    pub(super) entities: PicturedEntities,
}

/// Kinds, main colours and accents; -1 where one is not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    pub(super) kinds: Vec<i64>,
    pub(super) colours: Vec<i64>,
    pub(super) accents: Vec<i64>,
}

/// Entities of posts with a picture, and the patches that show them.
#[derive(Debug, Clone, Default)]
pub(super) struct PicturedEntities {
    /// The text of each.
    pub(super) rows: Vec<i64>,
    /// The first word of each.
    pub(super) words: Vec<i64>,
    /// How much each patch shows each, 0 to 1; soft at the edges.
    pub(super) patches: Vec<f32>,
    /// What is told of each.
    pub(super) told: Looks,
}

/// What is told beside a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing.
    Nothing,
    /// The annotation of a model with errors.
    Annotation,
    /// Nothing about every other post, and the annotation about the others.
    Half,
}

impl PicturedEntities {
    /// Adds an entity by its text and first word, with what each patch shows of it.
    fn add(&mut self, (row, word): (i64, i64), mention: &GoldMention, (patches, is_told): (Vec<f32>, bool)) {
        self.rows.push(row);
        self.words.push(word);
        self.patches.extend(patches);
        let Description { appearance, names_accent, .. } = mention.description;
        let told = |of: usize, is_named: bool| if is_named { of as i64 } else { -1 };
        self.told.kinds.push(told(appearance.kind, is_told));
        self.told.colours.push(told(appearance.colour, is_told));
        self.told.accents.push(told(appearance.accent, is_told && names_accent));
    }
}

impl PostBatcher {
    /// The batch of these posts, with at most `most` candidates of each.
    pub(super) fn batch(&self, posts: std::ops::Range<u64>, told: Told, most: usize) -> PostBatch {
        let mut batch = PostBatch::default();
        for (index, owner) in posts.zip(0..) {
            let is_told = match told {
                Told::Nothing => false,
                Told::Annotation => true,
                Told::Half => index.is_multiple_of(2),
            };
            let knowledge = if is_told { self.world.annotation(index) } else { String::new() };
            self.add(&mut batch, (&self.world.sample(index), owner), (index, &knowledge), most);
        }
        batch
    }

    fn add(
        &self,
        batch: &mut PostBatch,
        (sample, owner): (&Sample, i64),
        (index, knowledge): (u64, &str),
        most: usize,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(index);
        let shown = index % WITHOUT_PICTURE != WITHOUT_PICTURE - 1;
        batch.shown.push(shown);
        let covered = self.add_picture(batch, sample);
        let words = split_words(&sample.text);
        for window in self.tokenizer.windows_with_knowledge(&sample.text, &words, knowledge) {
            let (mut gold, mut boxes) = (Vec::new(), Vec::new());
            for mention in &sample.mentions {
                let own = words_within(&words, (mention.span.start, mention.span.end));
                let class = self.labels.types().iter().position(|known| *known == mention.entity_type);
                let (Some(class), true) =
                    (class, window.words.start <= own.start && own.end <= window.words.end)
                else {
                    continue;
                };
                let place = |word: usize| (word - window.words.start) as i64;
                let shown_in: Vec<BBox> =
                    if shown { fractions(sample, &mention.objects) } else { Vec::new() };
                gold.push(GoldEntity {
                    left: place(own.start),
                    right: place(own.end.max(own.start + 1) - 1),
                    class: class as i64 + 1,
                    regions: goodness(&self.candidates, &shown_in),
                });
                boxes.push(shown_in);
                if shown {
                    let place = (batch.texts.len() as i64, place(own.start));
                    let patches = self.patches(mention, &covered);
                    batch.entities.add(place, mention, (patches, knowledge.contains(&mention.expansion)));
                }
            }
            let good: Vec<Vec<f32>> = gold.iter().map(|one: &GoldEntity| one.regions.clone()).collect();
            let numbers = seen(self.candidates.len(), &good, most, &mut rng);
            for (entity, good) in gold.iter_mut().zip(&good) {
                let kept = numbers.iter().map(|&number| good[1 + number]);
                entity.regions = std::iter::once(good[0]).chain(kept).collect();
            }
            batch.candidates.extend(numbers.iter().flat_map(|&number| self.candidates[number]));
            batch.texts.push(window.request);
            batch.gold.push(gold);
            batch.boxes.push(boxes);
            batch.owners.push(owner);
        }
    }

    /// How much each patch shows an entity; `covered` is how much each object covers each patch.
    fn patches(&self, mention: &GoldMention, covered: &[Vec<f32>]) -> Vec<f32> {
        let shown = |patch: usize| {
            let shares = mention.objects.iter().map(|&object| covered[object][patch]);
            (shares.fold(0.0, f32::max) * 2.0).min(1.0)
        };
        (0..(self.grid * self.grid) as usize).map(shown).collect()
    }

    /// Adds a picture and what its patches show; returns each object's coverage of each patch.
    fn add_picture(&self, batch: &mut PostBatch, sample: &Sample) -> Vec<Vec<f32>> {
        batch.levels.extend_from_slice(&self.view.of(&sample.picture.frame).rgb);
        let size = (sample.picture.frame.width, sample.picture.frame.height);
        let objects = &sample.picture.objects;
        let covered: Vec<Vec<f32>> =
            objects.iter().map(|object| coverage(&object.inside, size, self.grid)).collect();
        let of_cell = |cell: usize| {
            let share = |&object: &usize| covered[object][cell];
            let most = (0..objects.len()).max_by(|one, other| share(one).total_cmp(&share(other)));
            most.filter(|object| share(object) >= MIN_COVERED_SHARE)
        };
        for object in (0..(self.grid * self.grid) as usize).map(of_cell) {
            let label = |of: &dyn Fn(usize) -> usize| object.map_or(-1, |object| of(object) as i64);
            batch.patches.kinds.push(1 + label(&|object| objects[object].kind));
            batch.patches.colours.push(label(&|object| objects[object].colour));
            batch.patches.accents.push(label(&|object| objects[object].appearance.accent));
        }
        covered
    }
}

/// The boxes of objects as fractions of the picture.
fn fractions(sample: &Sample, objects: &[usize]) -> Vec<BBox> {
    let (width, height) = (sample.picture.frame.width as f32, sample.picture.frame.height as f32);
    let fraction = |&object: &usize| {
        let BBox { x0, y0, x1, y1 } = sample.picture.objects[object].bbox;
        BBox { x0: x0 / width, y0: y0 / height, x1: x1 / width, y1: y1 / height }
    };
    objects.iter().map(fraction).collect()
}
