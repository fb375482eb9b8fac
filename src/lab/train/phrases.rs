//! Batches of pictures and phrases for OFA, from samples of the world, as plain numbers.

use std::collections::HashMap;
use std::sync::Arc;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::imaging::Picture;
use crate::domain::BBox;
use crate::lab::world::{Sample, World};

/// Pictures of one step.
pub(super) const PICTURES_PER_STEP: u64 = 16;
/// Pictures of a step without phrases: more, because phrases cost no time there.
const PLAIN_PICTURES_PER_STEP: u64 = 48;
/// Maximum of phrases to ground per picture.
const MAX_GROUNDED: usize = 3;
/// Entailment phrases per picture beside the post's own mentions: half of them describe objects of the picture.
const EXTRA_ENTAILMENTS: usize = 2;
/// Share of phrases without an expansion, so that the network has seen such phrases.
const NAME_ONLY_SHARE: f64 = 0.04;
/// Share of a grid cell that an object must cover to become the cell's label.
pub(super) const MIN_COVERED_SHARE: f32 = 0.3;

/// Encodes a phrase as the token ids of a prompt.
pub(super) type EncodePrompt = Arc<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// Encoders of the prompts of both tasks.
#[derive(Clone)]
pub(super) struct Prompts {
    /// Of entailment.
    pub(super) entail: EncodePrompt,
    /// Of grounding.
    pub(super) ground: EncodePrompt,
}

/// Sizes of the network's pictures, grid and location bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolution {
    /// Pixels along one side.
    pub(super) side: u32,
    /// Cells along one side.
    pub(super) grid: u32,
    /// Location bins along one side.
    pub(super) bins: u32,
}

/// The pictures of one step, with phrases to ground and phrases to judge.
#[derive(Debug, Clone, Default)]
pub(super) struct PhraseBatch {
    /// Pixels along one side.
    pub(super) side: i64,
    /// Interleaved RGB, picture after picture.
    pub(super) pixels: Vec<u8>,
    /// For each cell of each picture 0, or 1 plus the kind of its object.
    pub(super) kinds: Vec<i64>,
    /// For each cell of each picture the main colour of its object, or -1.
    pub(super) colours: Vec<i64>,
    /// For each cell of each picture the accent colour of its object, or -1.
    pub(super) accents: Vec<i64>,
    /// Phrases to ground.
    pub(super) ground: Rows,
    /// Four bins for each row of `ground`.
    pub(super) bins: Vec<i64>,
    /// Phrases to judge.
    pub(super) entail: Rows,
    /// For each row of `entail` 0 for no, 1 for yes.
    pub(super) answers: Vec<i64>,
}

/// Phrases in pictures.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Index of the picture in the batch, per row.
    pub(super) pictures: Vec<i64>,
    /// The prompts' ids.
    pub(super) prompts: Vec<Vec<i64>>,
    /// For each cell of each row's picture, how much the phrase refers to it.
    pub(super) cells: Vec<f32>,
}

impl Rows {
    /// The number of rows.
    #[must_use]
    pub(super) fn len(&self) -> usize {
        self.prompts.len()
    }

    fn push(&mut self, picture: i64, prompt: &[u32], cells: &[f32]) {
        self.pictures.push(picture);
        self.prompts.push(prompt.iter().map(|&id| i64::from(id)).collect());
        self.cells.extend(cells);
    }
}

/// The batch of a step without phrases.
#[must_use]
pub(super) fn picture_batch(
    world: &World,
    step: i64,
    resolution: Resolution,
    prompts: &Prompts,
) -> PhraseBatch {
    let first = step as u64 * PLAIN_PICTURES_PER_STEP;
    let mut builder = BatchBuilder::new(first, HashMap::new(), resolution, prompts);
    for index in first..first + PLAIN_PICTURES_PER_STEP {
        let sample = world.sample(index);
        builder.add_picture(&sample);
    }
    builder.batch
}

/// The batch of a step.
#[must_use]
pub(super) fn batch(world: &World, step: i64, resolution: Resolution, prompts: &Prompts) -> PhraseBatch {
    let first = step as u64 * PICTURES_PER_STEP;
    let samples: Vec<Sample> = (first..first + PICTURES_PER_STEP).map(|index| world.sample(index)).collect();
    let mut names: HashMap<&str, Vec<&str>> = HashMap::new();
    for mention in samples.iter().flat_map(|sample| &sample.mentions) {
        names.entry(mention.entity_type.as_str()).or_default().push(&mention.text);
    }
    let mut builder = BatchBuilder::new(first, names, resolution, prompts);
    for (number, sample) in samples.iter().enumerate() {
        builder.add_post(number as i64, sample);
    }
    builder.batch
}

struct BatchBuilder<'a> {
    rng: ChaCha8Rng,
    /// Names of the batch by type. Names do not predict appearances, so any name may precede any expansion.
    names: HashMap<&'a str, Vec<&'a str>>,
    resolution: Resolution,
    prompts: &'a Prompts,
    batch: PhraseBatch,
}

impl<'a> BatchBuilder<'a> {
    fn new(
        seed: u64,
        names: HashMap<&'a str, Vec<&'a str>>,
        resolution: Resolution,
        prompts: &'a Prompts,
    ) -> Self {
        let batch = PhraseBatch { side: i64::from(resolution.side), ..PhraseBatch::default() };
        Self { rng: ChaCha8Rng::seed_from_u64(seed), names, resolution, prompts, batch }
    }

    /// Adds the picture and its cell labels; returns each object's coverage of each cell.
    fn add_picture(&mut self, sample: &Sample) -> Vec<Vec<f32>> {
        let frame = &sample.picture.frame;
        self.batch.pixels.extend(&Picture::squashed(frame, self.resolution.side).rgb);
        let objects = sample.picture.objects.iter();
        let size = (frame.width, frame.height);
        let covered: Vec<Vec<f32>> =
            objects.map(|object| coverage(&object.inside, size, self.resolution.grid)).collect();
        self.add_cell_labels(sample, &covered);
        covered
    }

    fn add_post(&mut self, number: i64, sample: &Sample) {
        let covered = self.add_picture(sample);
        let frame = &sample.picture.frame;
        let count = sample.picture.objects.len();
        for object in rand::seq::index::sample(&mut self.rng, count, MAX_GROUNDED.min(count)) {
            let prompt = (self.prompts.ground)(&self.phrase_of(sample, object));
            self.batch.ground.push(number, &prompt, &marked(&covered[object]));
            let bbox = &sample.picture.objects[object].bbox;
            self.batch.bins.extend(bins(bbox, (frame.width, frame.height), self.resolution.bins));
        }

        let no_cells = vec![0.0; (self.resolution.grid * self.resolution.grid) as usize];
        for mention in &sample.mentions {
            let text = self.phrase(Some(&mention.text), mention.entity_type.as_str(), &mention.expansion);
            let prompt = (self.prompts.entail)(&text);
            let cells =
                mention.objects.first().map_or_else(|| no_cells.clone(), |&object| marked(&covered[object]));
            self.batch.entail.push(number, &prompt, &cells);
            self.batch.answers.push(i64::from(!mention.objects.is_empty()));
        }
        for judged in 0..EXTRA_ENTAILMENTS {
            if judged % 2 == 0 && count > 0 {
                let object = self.rng.random_range(0..count);
                let prompt = (self.prompts.entail)(&self.phrase_of(sample, object));
                self.batch.entail.push(number, &prompt, &marked(&covered[object]));
                self.batch.answers.push(1);
            } else {
                let expansion = sample.picture.draw_absent_phrase(&mut self.rng);
                let text = self.phrase(None, type_of(&expansion), &expansion);
                let prompt = (self.prompts.entail)(&text);
                self.batch.entail.push(number, &prompt, &no_cells);
                self.batch.answers.push(0);
            }
        }
    }

    fn add_cell_labels(&mut self, sample: &Sample, covered: &[Vec<f32>]) {
        for cell in 0..(self.resolution.grid * self.resolution.grid) as usize {
            let most = (0..covered.len())
                .max_by(|&left, &right| covered[left][cell].total_cmp(&covered[right][cell]));
            match most.filter(|&object| covered[object][cell] >= MIN_COVERED_SHARE) {
                Some(object) => {
                    self.batch.kinds.push(1 + sample.picture.objects[object].kind as i64);
                    self.batch.colours.push(sample.picture.objects[object].colour as i64);
                    self.batch.accents.push(sample.picture.objects[object].appearance.accent as i64);
                }
                None => {
                    self.batch.kinds.push(0);
                    self.batch.colours.push(-1);
                    self.batch.accents.push(-1);
                }
            }
        }
    }

    /// A phrase for one object of the picture: that of its mention, or a new one.
    fn phrase_of(&mut self, sample: &Sample, object: usize) -> String {
        let owner = sample.mentions.iter().find(|mention| mention.objects.contains(&object));
        match owner {
            Some(mention) if self.rng.random_bool(0.5) => {
                self.phrase(Some(&mention.text), mention.entity_type.as_str(), &mention.expansion)
            }
            _ => {
                let expansion = sample.picture.draw_phrase(object, &mut self.rng);
                self.phrase(None, type_of(&expansion), &expansion)
            }
        }
    }

    fn phrase(&mut self, name: Option<&str>, entity_type: &str, expansion: &str) -> String {
        let borrowed = self.names.get(entity_type).and_then(|names| names.choose(&mut self.rng)).copied();
        let name = name.or(borrowed).unwrap_or(entity_type);
        if self.rng.random_bool(NAME_ONLY_SHARE) {
            format!("{name} ({entity_type})")
        } else {
            format!("{name} ({entity_type}) - {expansion}")
        }
    }
}

/// The share of each cell that a mask covers, row by row.
pub(super) fn coverage(inside: &[u8], (width, height): (u32, u32), grid: u32) -> Vec<f32> {
    let mut counts = vec![(0_u32, 0_u32); (grid * grid) as usize];
    for (index, &pixel) in inside.iter().enumerate() {
        let (column, row) = (index as u32 % width, index as u32 / width);
        let count = &mut counts[(row * grid / height * grid + column * grid / width) as usize];
        count.0 += u32::from(pixel);
        count.1 += 1;
    }
    counts.iter().map(|&(covered, all)| covered as f32 / all.max(1) as f32).collect()
}

/// The target of the cells that a phrase refers to, soft at the edges.
fn marked(covered: &[f32]) -> Vec<f32> {
    covered.iter().map(|share| (share * 2.0).min(1.0)).collect()
}

/// A box in location bins: the first bin is the left or top edge of the picture, the last the right or bottom edge.
pub(super) fn bins(bbox: &BBox, (width, height): (u32, u32), bins: u32) -> [i64; 4] {
    let bin = |edge: f32, size: u32| (edge / size as f32 * (bins - 1) as f32).round() as i64;
    [bin(bbox.x0, width), bin(bbox.y0, height), bin(bbox.x1, width), bin(bbox.y1, height)]
}

/// The entity type that a phrase implies by the kind of object that it names.
fn type_of(phrase: &str) -> &'static str {
    let type_of_word = |word| match word {
        "man" | "woman" => Some("PER"),
        "tower" | "bridge" | "castle" | "house" | "lighthouse" => Some("LOC"),
        "logo" | "team" | "jersey" => Some("ORG"),
        _ => None,
    };
    phrase.split(' ').find_map(type_of_word).unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::world::Split;

    const RESOLUTION: Resolution = Resolution { side: 64, grid: 4, bins: 64 };

    fn batch_of_step(step: i64) -> PhraseBatch {
        let encode: EncodePrompt = Arc::new(|text| text.bytes().map(u32::from).collect());
        let prompts = Prompts { entail: encode.clone(), ground: encode };
        batch(&World::new(3, Split::Train), step, RESOLUTION, &prompts)
    }

    #[test]
    fn a_batch_depends_on_its_step_alone() {
        let (first, again, other) = (batch_of_step(2), batch_of_step(2), batch_of_step(3));
        assert_eq!(first.pixels, again.pixels);
        assert_eq!(first.ground.prompts, again.ground.prompts);
        assert_eq!(first.answers, again.answers);
        assert_ne!(first.pixels, other.pixels);
    }

    #[test]
    fn every_row_has_its_cells_and_its_target() {
        let batch = batch_of_step(0);
        assert_eq!(batch.pixels.len() as u64, PICTURES_PER_STEP * 3 * 64 * 64);
        assert_eq!(batch.kinds.len() as u64, PICTURES_PER_STEP * 16);
        assert_eq!(batch.bins.len(), 4 * batch.ground.len());
        assert_eq!(batch.ground.cells.len(), 16 * batch.ground.len());
        assert_eq!(batch.answers.len(), batch.entail.len());
        assert!(batch.answers.contains(&0) && batch.answers.contains(&1));
        assert!(batch.bins.iter().all(|bin| (0..64).contains(bin)));
        assert!(batch.bins.chunks(4).all(|bins| bins[0] <= bins[2] && bins[1] <= bins[3]));
    }

    #[test]
    fn a_phrase_implies_its_type() {
        assert_eq!(type_of("a woman in a green coat with a red hat"), "PER");
        assert_eq!(type_of("a white lighthouse with a red roof"), "LOC");
        assert_eq!(type_of("a blue team shirt"), "ORG");
        assert_eq!(type_of("a red car"), "OTHER");
    }
}
