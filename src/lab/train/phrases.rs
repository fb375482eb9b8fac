//! Batches of pictures and phrases for OFA, made from samples of the world, as plain numbers.

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
/// Pictures of a step that looks at pictures alone: no phrase takes time there.
const PLAIN_PICTURES_PER_STEP: u64 = 48;
/// Things to be located in one picture, at most.
const MAX_GROUNDED: usize = 3;
/// Phrases beside the post's own mentions that are judged against one picture: half of them of things that are there.
const EXTRA_ENTAILMENTS: usize = 2;
/// Share of phrases that are a name alone: so that the networks have seen what a missing expansion looks like.
const NAME_ONLY_SHARE: f64 = 0.04;
/// A cell of the trunk's grid shows a thing that covers so much of it.
const MIN_COVERED_SHARE: f32 = 0.3;

/// Turns a phrase into a prompt's ids.
pub(super) type EncodePrompt = Arc<dyn Fn(&str) -> Vec<u32> + Send + Sync>;

/// How phrases become prompts of either task.
#[derive(Clone)]
pub(super) struct Prompts {
    /// Of entailment.
    pub(super) entail: EncodePrompt,
    /// Of grounding.
    pub(super) ground: EncodePrompt,
}

/// How the network sees: the side of its pictures and of its grid, and its location bins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolution {
    /// Pixels along one side.
    pub(super) side: u32,
    /// Cells along one side.
    pub(super) grid: u32,
    /// Location bins along one side.
    pub(super) bins: u32,
}

/// One step's pictures, and the phrases that are located and judged in them.
#[derive(Debug, Clone, Default)]
pub(super) struct PhraseBatch {
    /// Pixels along one side.
    pub(super) side: i64,
    /// Interleaved RGB, picture after picture.
    pub(super) pixels: Vec<u8>,
    /// For each cell of each picture 0, or 1 and the kind that stands in it.
    pub(super) kinds: Vec<i64>,
    /// For each cell of each picture its thing's main colour, or -1.
    pub(super) colours: Vec<i64>,
    /// For each cell of each picture the colour of its thing's lesser part, or -1.
    pub(super) accents: Vec<i64>,
    /// Phrases with a place.
    pub(super) ground: Rows,
    /// Four bins for each row of `ground`.
    pub(super) bins: Vec<i64>,
    /// Phrases with an answer.
    pub(super) entail: Rows,
    /// For each row of `entail` 0 for no, 1 for yes.
    pub(super) answers: Vec<i64>,
}

/// Phrases in pictures.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    /// Which picture of the batch.
    pub(super) pictures: Vec<i64>,
    /// The prompts' ids.
    pub(super) prompts: Vec<Vec<i64>>,
    /// For each cell of each row's picture whether the phrase speaks of it.
    pub(super) cells: Vec<f32>,
}

impl Rows {
    /// How many.
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

/// The batch of a step that looks at pictures alone.
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
    /// Names of the batch by type: a name tells nothing of a look, so any name may stand before any expansion.
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

    /// Adds the picture and what its cells show; answers how much of each cell each thing covers.
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

    /// A phrase for one of the picture's things: as its mention has it, or freshly worded.
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
fn coverage(inside: &[u8], (width, height): (u32, u32), grid: u32) -> Vec<f32> {
    let mut counts = vec![(0_u32, 0_u32); (grid * grid) as usize];
    for (index, &pixel) in inside.iter().enumerate() {
        let (column, row) = (index as u32 % width, index as u32 / width);
        let count = &mut counts[(row * grid / height * grid + column * grid / width) as usize];
        count.0 += u32::from(pixel);
        count.1 += 1;
    }
    counts.iter().map(|&(covered, all)| covered as f32 / all.max(1) as f32).collect()
}

/// Which cells a phrase speaks of, softly at the edges.
fn marked(covered: &[f32]) -> Vec<f32> {
    covered.iter().map(|share| (share * 2.0).min(1.0)).collect()
}

/// A box in location bins: the first bin is the left or upper edge of the picture, the last the right or lower one.
fn bins(bbox: &BBox, (width, height): (u32, u32), bins: u32) -> [i64; 4] {
    let bin = |edge: f32, size: u32| (edge / size as f32 * (bins - 1) as f32).round() as i64;
    [bin(bbox.x0, width), bin(bbox.y0, height), bin(bbox.x1, width), bin(bbox.y1, height)]
}

/// The type of the entities that look like that, from the thing that the phrase names.
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

    fn made(step: i64) -> PhraseBatch {
        let encode: EncodePrompt = Arc::new(|text| text.bytes().map(u32::from).collect());
        let prompts = Prompts { entail: encode.clone(), ground: encode };
        batch(&World::new(3, Split::Train), step, RESOLUTION, &prompts)
    }

    #[test]
    fn a_batch_depends_on_its_step_alone() {
        let (first, again, other) = (made(2), made(2), made(3));
        assert_eq!(first.pixels, again.pixels);
        assert_eq!(first.ground.prompts, again.ground.prompts);
        assert_eq!(first.answers, again.answers);
        assert_ne!(first.pixels, other.pixels);
    }

    #[test]
    fn every_row_has_its_cells_and_its_target() {
        let batch = made(0);
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
    fn a_phrase_tells_its_type() {
        assert_eq!(type_of("a woman in a green coat with a red hat"), "PER");
        assert_eq!(type_of("a white lighthouse with a red roof"), "LOC");
        assert_eq!(type_of("a blue team shirt"), "ORG");
        assert_eq!(type_of("a red car"), "OTHER");
    }
}
