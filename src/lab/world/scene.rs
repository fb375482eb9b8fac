//! Scenes: positions of the objects in a picture, with bounds on how much of each is occluded.

use rand::Rng;
use tiny_skia::Pixmap;

use super::background;
use super::composition::PlannedObject;

use super::difficulty::{GRAIN, MIN_ACCENT_VISIBLE_SHARE, MIN_VISIBLE_SIDE, OBJECT_SIDE, PICTURE_SIZES};
use super::sprite::{Pose, Sprite};
use crate::domain::BBox;

/// A painted picture, before JPEG.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue, row by row.
    pub(super) rgb: Vec<u8>,
    /// The objects that found a position, back to front.
    pub(super) placed: Vec<Placed>,
}

/// An object at its position.
#[derive(Debug)]
pub(super) struct Placed {
    /// Index into the planned objects.
    pub(super) object_index: usize,
    pub(super) bbox: BBox,
    /// One byte per pixel of the picture, 1 where this object is in front.
    pub(super) inside: Vec<u8>,
}

/// Paints the planned objects, each visible to this share at least. Entities are always in the picture; a distractor
/// without room is left out.
pub(super) fn paint(objects: &[PlannedObject], visible: f64, rng: &mut impl Rng) -> Scene {
    let (width, height) = PICTURE_SIZES[rng.random_range(0..PICTURE_SIZES.len())];
    for attempt in 0..5 {
        let mut placement = Placement::new(width as usize, height as usize, visible);
        // Each attempt makes all objects smaller.
        let crowding = 0.86f32.powi(attempt);
        let all_entities_placed = objects.iter().enumerate().all(|(object_index, object)| {
            placement.place(object_index, object, crowding, rng) || object.entity.is_none()
        });
        if all_entities_placed {
            return placement.finish(objects, rng);
        }
    }
    let mut placement = Placement::new(width as usize, height as usize, visible);
    placement.place_in_line(objects, rng);
    placement.finish(objects, rng)
}

/// Positions found so far, with the front sprite of each pixel.
struct Placement {
    width: usize,
    height: usize,
    /// The least share of an object that stays visible.
    visible: f64,
    /// Per pixel, the index into `sprites` of the front sprite, or `BACKGROUND`.
    front: Vec<u8>,
    sprites: Vec<PlacedSprite>,
}

struct PlacedSprite {
    object_index: usize,
    sprite: Sprite,
    left: i32,
    top: i32,
    names_accent: bool,
}

const BACKGROUND: u8 = u8::MAX;

impl Placement {
    fn new(width: usize, height: usize, visible: f64) -> Self {
        Self { width, height, visible, front: vec![BACKGROUND; width * height], sprites: Vec::new() }
    }

    /// Searches a position at which this object and all earlier ones stay visible enough.
    fn place(
        &mut self,
        object_index: usize,
        object: &PlannedObject,
        crowding: f32,
        rng: &mut impl Rng,
    ) -> bool {
        let (least, most) = OBJECT_SIDE;
        // Log-uniform: small objects are the hard ones and must be as frequent as large ones.
        let side = least * (most / least).powf(rng.random::<f32>()) * crowding;
        let person = if object.description.appearance.is_person() { 1.25 } else { 1.0 };
        let room = self.width.min(self.height) as f32 * 0.92;
        let appearance = &object.description.appearance;
        let mut pose =
            Pose::draw(appearance, (side * person).clamp(least * person.min(1.2), room.min(most)), rng);
        for attempt in 0..3 {
            let Some(sprite) = Sprite::paint(appearance, &pose) else { return false };
            let names_accent = object.description.names_accent;
            let mut placed = PlacedSprite { object_index, sprite, left: 0, top: 0, names_accent };
            for _ in 0..8 {
                placed.left = offset(self.width, placed.sprite.width, rng);
                placed.top = offset(self.height, placed.sprite.height, rng);
                if self.has_room_for(&placed) {
                    self.add(placed);
                    return true;
                }
            }
            pose.side = (pose.side * if attempt == 0 { 0.8 } else { 0.7 }).max(least);
        }
        false
    }

    /// The fallback for crowded pictures: the entities alone, side by side along the longer side.
    fn place_in_line(&mut self, objects: &[PlannedObject], rng: &mut impl Rng) {
        let count = objects.iter().filter(|object| object.entity.is_some()).count();
        let wide = self.width >= self.height;
        let cell = self.width.max(self.height) / count.max(1);
        let side = (cell.min(self.width.min(self.height)) as f32 - 5.0).min(OBJECT_SIDE.1);
        let entities = objects.iter().enumerate().filter(|(_, object)| object.entity.is_some());
        for (index, (object_index, object)) in entities.enumerate() {
            let pose = Pose::draw(&object.description.appearance, side, rng);
            if let Some(sprite) = Sprite::paint(&object.description.appearance, &pose) {
                let along = (index * cell) as i32;
                let (left, top) = if wide { (along, 0) } else { (0, along) };
                self.add(PlacedSprite { object_index, sprite, left, top, names_accent: false });
            }
        }
    }

    fn has_room_for(&self, newcomer: &PlacedSprite) -> bool {
        let is_hidden = |x: i32, y: i32| newcomer.covers(x, y);
        self.is_visible(newcomer, |_| true, |_, _| false)
            && self.sprites.iter().enumerate().all(|(index, placed)| {
                !newcomer.touches(placed)
                    || self.is_visible(placed, |front| usize::from(front) == index, is_hidden)
            })
    }

    /// Whether enough of a sprite is visible where it is in front and the new sprite does not hide it.
    fn is_visible(
        &self,
        placed: &PlacedSprite,
        is_in_front: impl Fn(u8) -> bool,
        is_hidden: impl Fn(i32, i32) -> bool,
    ) -> bool {
        let (mut all, mut seen, mut accent, mut accent_seen) = (0usize, 0usize, 0usize, 0usize);
        let mut extent = Extent::default();
        for row in 0..placed.sprite.height {
            for column in 0..placed.sprite.width {
                let index = row * placed.sprite.width + column;
                if !placed.sprite.covered[index] {
                    continue;
                }
                let accent_mask = usize::from(placed.sprite.accent_mask[index]);
                all += 1;
                accent += accent_mask;
                let (x, y) = (placed.left + column as i32, placed.top + row as i32);
                let inside = self.index(x, y).is_some_and(|at| is_in_front(self.front[at]));
                if inside && !is_hidden(x, y) {
                    seen += 1;
                    accent_seen += accent_mask;
                    extent.add(x as u32, y as u32);
                }
            }
        }
        let accent_is_there = !placed.names_accent
            || (accent_seen as f64 >= MIN_ACCENT_VISIBLE_SHARE * accent as f64 && accent_seen >= 12);
        seen as f64 >= self.visible * all as f64
            && extent.longer_side() >= MIN_VISIBLE_SIDE
            && accent_is_there
    }

    fn add(&mut self, placed: PlacedSprite) {
        let number = self.sprites.len() as u8;
        for row in 0..placed.sprite.height {
            for column in 0..placed.sprite.width {
                if placed.sprite.covered[row * placed.sprite.width + column]
                    && let Some(at) = self.index(placed.left + column as i32, placed.top + row as i32)
                {
                    self.front[at] = number;
                }
            }
        }
        self.sprites.push(placed);
    }

    fn index(&self, x: i32, y: i32) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then_some(y * self.width + x)
    }

    fn finish(self, objects: &[PlannedObject], rng: &mut impl Rng) -> Scene {
        debug_assert!(objects.len() < usize::from(BACKGROUND));
        let mut canvas = Pixmap::new(self.width as u32, self.height as u32)
            .unwrap_or_else(|| unreachable!("the sizes of pictures are constants above zero"));
        background::paint(&mut canvas, rng);
        let mut rgb: Vec<u8> =
            canvas.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        for placed in &self.sprites {
            self.blend(placed, &mut rgb);
        }
        grain(&mut rgb, rng);
        let placed = self.sprites.iter().enumerate().map(|(number, placed)| {
            let inside: Vec<u8> =
                self.front.iter().map(|&front| u8::from(usize::from(front) == number)).collect();
            let mut extent = Extent::default();
            for (at, _) in inside.iter().enumerate().filter(|&(_, &byte)| byte == 1) {
                extent.add((at % self.width) as u32, (at / self.width) as u32);
            }
            Placed { object_index: placed.object_index, bbox: extent.bbox(), inside }
        });
        let placed = placed.collect();
        Scene { width: self.width as u32, height: self.height as u32, rgb, placed }
    }

    fn blend(&self, placed: &PlacedSprite, rgb: &mut [u8]) {
        for row in 0..placed.sprite.height {
            for column in 0..placed.sprite.width {
                let source = &placed.sprite.rgba[4 * (row * placed.sprite.width + column)..][..4];
                if source[3] == 0 {
                    continue;
                }
                if let Some(at) = self.index(placed.left + column as i32, placed.top + row as i32) {
                    let rest = 255 - u32::from(source[3]);
                    for channel in 0..3 {
                        let under = u32::from(rgb[3 * at + channel]);
                        rgb[3 * at + channel] =
                            (u32::from(source[channel]) + (under * rest + 127) / 255).min(255) as u8;
                    }
                }
            }
        }
    }
}

impl PlacedSprite {
    fn covers(&self, x: i32, y: i32) -> bool {
        let (Ok(column), Ok(row)) = (usize::try_from(x - self.left), usize::try_from(y - self.top)) else {
            return false;
        };
        column < self.sprite.width
            && row < self.sprite.height
            && self.sprite.covered[row * self.sprite.width + column]
    }

    fn touches(&self, other: &PlacedSprite) -> bool {
        let apart = |start: i32, length: usize, other_start: i32, other_length: usize| {
            start + length as i32 <= other_start || other_start + other_length as i32 <= start
        };
        !apart(self.left, self.sprite.width, other.left, other.sprite.width)
            && !apart(self.top, self.sprite.height, other.top, other.sprite.height)
    }
}

/// The bounding box of pixels.
#[derive(Default)]
struct Extent {
    edges: Option<[u32; 4]>,
}

impl Extent {
    fn add(&mut self, x: u32, y: u32) {
        let [x0, y0, x1, y1] = self.edges.unwrap_or([x, y, x + 1, y + 1]);
        self.edges = Some([x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]);
    }

    fn longer_side(&self) -> u32 {
        self.edges.map_or(0, |[x0, y0, x1, y1]| (x1 - x0).max(y1 - y0))
    }

    fn bbox(&self) -> BBox {
        let [x0, y0, x1, y1] = self.edges.unwrap_or_default().map(|edge| edge as f32);
        BBox { x0, y0, x1, y1 }
    }
}

/// Draws a left or top edge; up to an eighth of the sprite may lie outside the picture.
fn offset(room: usize, length: usize, rng: &mut impl Rng) -> i32 {
    let beyond = (length / 8) as i32;
    rng.random_range(-beyond..=(room as i32 - length as i32 + beyond).max(-beyond + 1))
}

/// Adds grain: a small random change of every channel of every pixel.
fn grain(rgb: &mut [u8], rng: &mut impl Rng) {
    let mut state = rng.random::<u64>() | 1;
    for byte in rgb {
        // Xorshift, because speed matters here and statistical quality does not.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let change = (state >> 40) as i32 % (2 * GRAIN + 1) - GRAIN;
        *byte = (i32::from(*byte) + change).clamp(0, 255) as u8;
    }
}
