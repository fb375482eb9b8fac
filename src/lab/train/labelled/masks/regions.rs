//! Regions of a split: the box and the mask of each. Pictures stay in their files, after each was decoded once to see that it
//! can be, and that its masks have its size.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::damage::Damage;
use super::super::splits;
use super::pictures::{PictureFile, decoded};
use crate::domain::{BBox, Mask};
use crate::input::decode;
use crate::lab::dataset::{Example, GoldMention, GoldPost, GoldRegion, pictures};

/// The regions of one split, picture by picture.
#[derive(Debug)]
pub(super) struct Regions {
    /// The pictures that have any.
    pub(super) pictures: Vec<PictureFile>,
    /// In the order of the pictures.
    pub(super) regions: Vec<Region>,
    /// The posts that have any.
    pub(super) posts: usize,
    /// A hash of all that the network reads.
    pub(super) hash: blake3::Hash,
}

/// What a segmenter learns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Region {
    /// Which picture.
    pub(super) picture: usize,
    /// The box, within the picture.
    pub(super) bbox: BBox,
    /// The mask, of the picture's size.
    pub(super) mask: Mask,
}

/// Where a split is, and what it may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The folder of the data set.
    pub(super) data: &'a Path,
    /// The folder of the training.
    pub(super) work: &'a Path,
    /// The limits of pictures.
    pub(super) decode: &'a decode::Config,
}

/// Regions that teach nothing.
#[derive(Debug, Default)]
struct LeftOut {
    without_mask: usize,
    without_pixels: usize,
    /// Of several entities, or of one that is named twice.
    repeated: usize,
}

impl Regions {
    /// Reads a split. Regions without a mask, or whose mask has no pixel, are left out and counted; the same box and mask of
    /// several entities is one region.
    ///
    /// # Errors
    /// All damaged places, pictures and masks, with their place; a split without any mask.
    pub(super) fn read(split: &str, reading: Reading<'_>) -> Result<Self> {
        let examples = splits::posts(reading.data, split)?;
        let mut reader = Reader {
            reading,
            damage: Damage::default(),
            left_out: LeftOut::default(),
            pictures: Vec::new(),
            regions: Vec::new(),
            hasher: blake3::Hasher::new(),
        };
        let mut posts = 0;
        for example in examples {
            let before = reader.regions.len();
            reader.post(&example)?;
            posts += usize::from(reader.regions.len() > before);
        }
        reader.damage.refuse(&format!("the split `{split}`"))?;
        let LeftOut { without_mask, without_pixels, repeated } = reader.left_out;
        let from = format!("the split `{split}` of `{}`", reading.data.display());
        ensure!(
            !reader.regions.is_empty(),
            "{from} has no mask to learn from: {without_mask} regions have a box alone, {without_pixels} a mask without a pixel"
        );
        if without_mask + without_pixels + repeated > 0 {
            tracing::warn!(split, without_mask, without_pixels, repeated, "regions are left out");
        }
        let Reader { pictures, regions, hasher, .. } = reader;
        Ok(Self { pictures, regions, posts, hash: hasher.finalize() })
    }
}

struct Reader<'a> {
    reading: Reading<'a>,
    damage: Damage,
    left_out: LeftOut,
    pictures: Vec<PictureFile>,
    regions: Vec<Region>,
    hasher: blake3::Hasher,
}

impl Reader<'_> {
    /// Reads the pictures of a post that have regions.
    fn post(&mut self, Example { record, gold, .. }: &Example) -> Result<()> {
        let record: Value = serde_json::from_slice(record)
            .with_context(|| format!("the record of post `{}` is no JSON", gold.id))?;
        let mut known = HashSet::new();
        for stored in pictures(&record) {
            // Of two pictures with one key the first is meant.
            if !known.insert(stored.key) {
                continue;
            }
            let own = self.own(gold, stored.key);
            if own.is_empty() {
                continue;
            }
            let place = format!("post `{}`, picture `{}`", gold.id, stored.key);
            let read = PictureFile::of(stored, self.reading.work).and_then(|(file, bytes)| {
                let frame = decoded(stored.key, &bytes, self.reading.decode)?;
                Ok((file, (frame.width, frame.height)))
            });
            match read {
                Ok((file, size)) => self.picture(&place, file, size, &own),
                Err(message) => self.damage.say(format!("{place}: {message}")),
            }
        }
        let lost = |(_, region): &(&GoldMention, &GoldRegion)| {
            region.mask.is_some() && !known.contains(&*region.media_key)
        };
        for (GoldMention { text, .. }, GoldRegion { media_key: key, .. }) in of_post(gold).filter(lost) {
            self.damage
                .say(format!("post `{}`: the picture `{key}` of `{text}` is not in its record", gold.id));
        }
        Ok(())
    }

    /// The regions of a picture that can be learnt, with the names of their entities.
    fn own<'gold>(
        &mut self,
        gold: &'gold GoldPost,
        key: &str,
    ) -> Vec<(&'gold GoldMention, BBox, &'gold Mask)> {
        let mut own: Vec<(&GoldMention, BBox, &Mask)> = Vec::new();
        for (mention, region) in of_post(gold).filter(|(_, region)| region.media_key == key) {
            let Some(mask) = &region.mask else {
                self.left_out.without_mask += 1;
                continue;
            };
            if mask.area() == 0 {
                self.left_out.without_pixels += 1;
            } else if own.iter().any(|(_, bbox, known)| *bbox == region.bbox && *known == mask) {
                self.left_out.repeated += 1;
            } else {
                own.push((mention, region.bbox, mask));
            }
        }
        own
    }

    /// Takes the regions of a picture of this size.
    fn picture(
        &mut self,
        place: &str,
        file: PictureFile,
        size: (u32, u32),
        own: &[(&GoldMention, BBox, &Mask)],
    ) {
        let number = self.pictures.len();
        self.hasher.update(file.hash.as_bytes()).update(&(own.len() as u64).to_le_bytes());
        self.pictures.push(file);
        for &(GoldMention { text, entity_type, .. }, bbox, mask) in own {
            match region(number, bbox, mask, size) {
                Ok(region) => {
                    let BBox { x0, y0, x1, y1 } = region.bbox;
                    self.hasher.update(&[x0, y0, x1, y1].map(f32::to_le_bytes).concat());
                    self.hasher.update(&(mask.runs.len() as u64).to_le_bytes());
                    for run in &mask.runs {
                        self.hasher.update(&run.to_le_bytes());
                    }
                    self.regions.push(region);
                }
                Err(message) => self.damage.say(format!("{place}, `{text}` ({entity_type}): {message}")),
            }
        }
    }
}

/// All regions of a post, with their entities.
fn of_post(gold: &GoldPost) -> impl Iterator<Item = (&GoldMention, &GoldRegion)> {
    gold.mentions.iter().flat_map(|mention| mention.regions.iter().map(move |region| (mention, region)))
}

/// A region of a picture of this size.
fn region(picture: usize, bbox: BBox, mask: &Mask, size: (u32, u32)) -> Result<Region, String> {
    if (mask.width, mask.height) != size {
        let (width, height) = size;
        return Err(format!(
            "its mask is of {} x {}, its picture of {width} x {height}",
            mask.width, mask.height
        ));
    }
    Ok(Region { picture, bbox: splits::within(bbox, size)?, mask: mask.clone() })
}
