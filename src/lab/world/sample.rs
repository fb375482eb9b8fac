//! Samples of the world: a post's text and picture, with ground truth for both.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::appearance::{Appearance, Description};
use super::composition::{self, PlannedObject};
use super::difficulty::{Difficulty, JPEG_QUALITY, SHOWN_GIVEN_MENTIONS};
use super::entity::Entity;
use super::post_text::{self, ClauseIndex};
use super::rng::{seeded_rng, weighted_index};
use super::scene::{self, Scene};
use super::split::Split;
use crate::domain::{BBox, ContentHash, EntityType, Frame, Mask, Span};

/// An endless feed of posts. Cheap to create and to clone.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    split: Split,
    clauses: Arc<ClauseIndex>,
}

/// One post with its picture and their ground truth.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Unique among all seeds and splits.
    pub id: String,
    /// The post's text.
    pub text: String,
    /// RFC 3339.
    pub created_at: String,
    /// The entities that the text names, in reading order.
    pub mentions: Vec<GoldMention>,
    /// The post's one picture.
    pub picture: GoldPicture,
}

/// One named entity.
#[derive(Debug, Clone)]
pub struct GoldMention {
    /// The name as written in the text.
    pub text: String,
    /// PER, LOC, ORG or OTHER.
    pub entity_type: EntityType,
    /// Its span in the text, without punctuation.
    pub span: Span,
    /// What a picture of it shows.
    pub expansion: String,
    /// The same as attributes.
    pub description: Description,
    /// Indices of its objects in the picture; empty if the picture does not show it.
    pub objects: Vec<usize>,
}

/// A text and the entities that it names.
#[derive(Debug, Clone)]
pub struct GoldText {
    /// The text.
    pub text: String,
    /// Spans and types of the entities, in reading order.
    pub mentions: Vec<(Span, EntityType)>,
}

/// A picture with its objects.
#[derive(Debug, Clone)]
pub struct GoldPicture {
    /// The encoded picture.
    pub jpeg: Vec<u8>,
    /// The pixels decoded from `jpeg`.
    pub frame: Frame,
    /// Its objects, back to front, distractors included.
    pub objects: Vec<SceneObject>,
}

/// One object of a picture.
#[derive(Debug, Clone)]
pub struct SceneObject {
    /// Index into [`KINDS`](super::KINDS).
    pub kind: usize,
    /// Index into [`COLOURS`](super::COLOURS).
    pub colour: usize,
    /// All attributes.
    pub appearance: Appearance,
    /// A phrase that matches this object and no other of the picture.
    pub description: String,
    /// The bounding box of the visible pixels.
    pub bbox: BBox,
    /// One byte per pixel of the picture, row by row, 1 where this object is in front.
    pub inside: Vec<u8>,
    phrase: Description,
}

impl World {
    /// The feed of a seed, with names of a split.
    #[must_use]
    pub fn new(seed: u64, split: Split) -> Self {
        Self { seed, split, clauses: Arc::new(ClauseIndex::new()) }
    }

    /// The split of its names.
    #[must_use]
    pub fn split(&self) -> Split {
        self.split
    }

    /// The post at an index.
    #[must_use]
    pub fn sample(&self, index: u64) -> Sample {
        let mut rng = self.seeded_rng("picture", index);
        let draft = self.draft(index);
        let scene = scene::paint(&draft.objects, self.split.difficulty().min_visible_share, &mut rng);
        let mentions =
            draft.entities.iter().zip(&draft.spans).enumerate().map(|(number, (entity, span))| GoldMention {
                text: entity.surface.clone(),
                entity_type: EntityType::new(entity.class.type_name()),
                span: *span,
                expansion: entity.description.words(),
                description: entity.description,
                objects: (0..scene.placed.len())
                    .filter(|&object| draft.objects[scene.placed[object].object_index].entity == Some(number))
                    .collect(),
            });
        Sample {
            id: format!("{}-{}-{index:06}", self.split.as_str(), self.seed),
            created_at: created_at(index),
            mentions: mentions.collect(),
            picture: GoldPicture::of(scene, &draft.objects),
            text: draft.text,
        }
    }

    /// The text of the post at an index with its entities, without the cost of its picture.
    #[must_use]
    pub fn text(&self, index: u64) -> GoldText {
        let draft = self.draft(index);
        let types = draft.entities.iter().map(|entity| EntityType::new(entity.class.type_name()));
        GoldText { mentions: draft.spans.iter().copied().zip(types).collect(), text: draft.text }
    }

    /// Words between white space: the units of BIO labels. A word belongs to an entity if their spans intersect.
    #[must_use]
    pub fn words_of(text: &str) -> Vec<Span> {
        post_text::words_of(text)
    }

    /// Text, entities and planned objects, without the picture.
    pub(super) fn draft(&self, index: u64) -> Draft {
        let mut rng = self.seeded_rng("post", index);
        let difficulty = self.split.difficulty();
        let count = weighted_index(&difficulty.mentions_per_post, &mut rng);
        let plan = self.clauses.plan(count, difficulty, &mut rng);
        let mut shown = vec![false; count];
        let shown_count = weighted_index(&SHOWN_GIVEN_MENTIONS[count], &mut rng);
        for number in rand::seq::index::sample(&mut rng, count, shown_count.min(count)) {
            // What the text says is not there is not.
            shown[number] = !plan.negated[number];
        }
        let mut entities: Vec<Entity> = Vec::new();
        for (number, &class) in plan.slots.iter().enumerate() {
            // A twin has the kind of an earlier entity, so that only the expansion distinguishes the two.
            let twin = (0..number)
                .find(|&before| shown[before] && shown[number] && plan.slots[before] == class)
                .filter(|_| rng.random_bool(difficulty.twins))
                .map(|before| entities[before].description.appearance.kind);
            let entity = loop {
                let entity = Entity::draw(self.split, class, &mut rng);
                let is_of_kind = twin.is_none_or(|kind| entity.description.appearance.kind == kind);
                if is_of_kind && !entities.iter().any(|before| before.is_confusable_with(&entity)) {
                    break entity;
                }
            };
            entities.push(entity);
        }
        let names: Vec<&str> = entities.iter().map(|entity| entity.surface.as_str()).collect();
        let (text, spans) = plan.render(&names, &mut rng);
        let objects = composition::draw(&entities, &shown, difficulty, &mut rng);
        Draft { text, spans, entities, objects }
    }

    fn seeded_rng(&self, purpose: &str, index: u64) -> ChaCha8Rng {
        seeded_rng(purpose, &format!("{} {}", self.split.as_str(), self.seed), index)
    }
}

/// A post before its picture is painted.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) spans: Vec<Span>,
    pub(super) entities: Vec<Entity>,
    pub(super) objects: Vec<PlannedObject>,
}

impl GoldPicture {
    /// The mask of an object as COCO run lengths.
    ///
    /// # Panics
    /// If there is no such object.
    #[must_use]
    pub fn mask(&self, object: usize) -> Mask {
        Mask::from_pixels(&self.objects[object].inside, self.frame.width, self.frame.height)
    }

    /// Draws a new phrase that matches one object and no other: more training data from one picture.
    ///
    /// # Panics
    /// If there is no such object.
    pub fn draw_phrase(&self, object: usize, rng: &mut impl Rng) -> String {
        let described = &self.objects[object];
        let phrase = Description::draw(described.appearance, rng);
        let is_open = self
            .objects
            .iter()
            .enumerate()
            .any(|(other, object_there)| other != object && phrase.fits(&object_there.appearance));
        // An accent that the first phrase does not name may be hidden, so a new phrase must not name it either.
        if is_open || (phrase.names_accent && !described.phrase.names_accent) {
            described.phrase.rephrased(rng).words()
        } else {
            phrase.words()
        }
    }

    /// Draws a phrase that matches no object here: half of them near misses of an object, half of them random.
    pub fn draw_absent_phrase(&self, rng: &mut impl Rng) -> String {
        loop {
            let appearance = if rng.random_bool(0.5) && !self.objects.is_empty() {
                let near = &self.objects[rng.random_range(0..self.objects.len())].appearance;
                composition::near_miss(near, Difficulty::PLAIN.near_miss_by_accent, rng)
            } else {
                Appearance::draw(composition::draw_class(rng), rng)
            };
            let phrase = Description::draw(appearance, rng);
            if !self.objects.iter().any(|object| phrase.fits(&object.appearance)) {
                return phrase.words();
            }
        }
    }

    fn of(scene: Scene, objects: &[PlannedObject]) -> Self {
        let mut jpeg = Vec::with_capacity(scene.rgb.len() / 6);
        JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
            .encode(&scene.rgb, scene.width, scene.height, ExtendedColorType::Rgb8)
            .unwrap_or_else(|error| unreachable!("a small picture encodes into memory: {error}"));
        let rgb = image::load(Cursor::new(&jpeg), ImageFormat::Jpeg)
            .unwrap_or_else(|error| unreachable!("what was just encoded decodes: {error}"))
            .into_rgb8()
            .into_raw();
        let hash = ContentHash(*blake3::hash(&jpeg).as_bytes());
        let frame = Frame { hash, width: scene.width, height: scene.height, orientation: 1, reduced: 1, rgb };
        let objects = scene.placed.into_iter().map(|placed| {
            let phrase = objects[placed.object_index].description;
            SceneObject {
                kind: phrase.appearance.kind,
                colour: phrase.appearance.colour,
                appearance: phrase.appearance,
                description: phrase.words(),
                bbox: placed.bbox,
                inside: placed.inside,
                phrase,
            }
        });
        Self { jpeg, frame, objects: objects.collect() }
    }
}

/// The feed begins on 1 January 2024 with a post every 37 seconds and wraps around after 28 days, so that it needs no
/// calendar.
fn created_at(index: u64) -> String {
    let seconds = index * 37 % (28 * 86_400);
    let (day, hour) = (seconds / 86_400 + 1, seconds / 3_600 % 24);
    format!("2024-01-{day:02}T{hour:02}:{:02}:{:02}Z", seconds / 60 % 60, seconds % 60)
}
