//! Where does each thing stand, and what of it stays visible?

use rand::Rng;
use tiny_skia::Pixmap;

use super::backdrop;
use super::cast::Role;
use super::difficulty::{
    GRAIN, LEAST_ACCENT_VISIBLE, LEAST_VISIBLE, LEAST_VISIBLE_SIDE, OBJECT_SIDE, PICTURE_SIZES,
};
use super::stamp::{Pose, Stamp};
use crate::domain::BBox;

/// A painted picture, before JPEG.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Red, green, blue, row by row.
    pub(super) rgb: Vec<u8>,
    /// What of the cast found room, back to front.
    pub(super) placed: Vec<Placed>,
}

/// One thing in its place.
#[derive(Debug)]
pub(super) struct Placed {
    /// Index into the cast.
    pub(super) role: usize,
    pub(super) bbox: BBox,
    /// One byte a pixel of the picture, 1 where it is in front.
    pub(super) inside: Vec<u8>,
}

/// Paints the cast. All that are entities are in the picture; a bystander is left out where there is no room.
pub(super) fn paint(cast: &[Role], rng: &mut impl Rng) -> Scene {
    let (width, height) = PICTURE_SIZES[rng.random_range(0..PICTURE_SIZES.len())];
    for attempt in 0..5 {
        let mut stage = Stage::new(width as usize, height as usize);
        // Where it was too crowded before, everything is smaller.
        let crowding = 0.86f32.powi(attempt);
        let all_entities_placed = cast
            .iter()
            .enumerate()
            .all(|(role, member)| stage.place(role, member, crowding, rng) || member.entity.is_none());
        if all_entities_placed {
            return stage.finish(cast, rng);
        }
    }
    let mut stage = Stage::new(width as usize, height as usize);
    stage.line_up(cast, rng);
    stage.finish(cast, rng)
}

/// A canvas that remembers who is in front at each pixel.
struct Stage {
    width: usize,
    height: usize,
    /// Index into `actors` of who is in front, or `NOBODY`.
    front: Vec<u8>,
    actors: Vec<Actor>,
}

struct Actor {
    role: usize,
    stamp: Stamp,
    left: i32,
    top: i32,
    names_accent: bool,
}

const NOBODY: u8 = u8::MAX;

impl Stage {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, front: vec![NOBODY; width * height], actors: Vec::new() }
    }

    /// Seeks a place where it and all before it stay visible enough.
    fn place(&mut self, role: usize, member: &Role, crowding: f32, rng: &mut impl Rng) -> bool {
        let (least, most) = OBJECT_SIDE;
        // Equal shares of small and large by ratio, not by difference: small ones are what is hard.
        let side = least * (most / least).powf(rng.random::<f32>()) * crowding;
        let person = if member.description.look.is_person() { 1.25 } else { 1.0 };
        let room = self.width.min(self.height) as f32 * 0.92;
        let look = &member.description.look;
        let mut pose = Pose::draw(look, (side * person).clamp(least * person.min(1.2), room.min(most)), rng);
        for attempt in 0..3 {
            let Some(stamp) = Stamp::paint(look, &pose) else { return false };
            let names_accent = member.description.names_accent;
            let mut actor = Actor { role, stamp, left: 0, top: 0, names_accent };
            for _ in 0..8 {
                actor.left = offset(self.width, actor.stamp.width, rng);
                actor.top = offset(self.height, actor.stamp.height, rng);
                if self.has_room_for(&actor) {
                    self.enter(actor);
                    return true;
                }
            }
            pose.side = (pose.side * if attempt == 0 { 0.8 } else { 0.7 }).max(least);
        }
        false
    }

    /// The way out of a hopeless crowd: the entities alone, side by side along the longer side.
    fn line_up(&mut self, cast: &[Role], rng: &mut impl Rng) {
        let count = cast.iter().filter(|role| role.entity.is_some()).count();
        let wide = self.width >= self.height;
        let cell = self.width.max(self.height) / count.max(1);
        let side = (cell.min(self.width.min(self.height)) as f32 - 5.0).min(OBJECT_SIDE.1);
        let entities = cast.iter().enumerate().filter(|(_, role)| role.entity.is_some());
        for (index, (role, member)) in entities.enumerate() {
            let pose = Pose::draw(&member.description.look, side, rng);
            if let Some(stamp) = Stamp::paint(&member.description.look, &pose) {
                let along = (index * cell) as i32;
                let (left, top) = if wide { (along, 0) } else { (0, along) };
                self.enter(Actor { role, stamp, left, top, names_accent: false });
            }
        }
    }

    fn has_room_for(&self, newcomer: &Actor) -> bool {
        let is_hidden = |x: i32, y: i32| newcomer.covers(x, y);
        self.is_visible(newcomer, |_| true, |_, _| false)
            && self.actors.iter().enumerate().all(|(index, actor)| {
                !newcomer.touches(actor)
                    || self.is_visible(actor, |front| usize::from(front) == index, is_hidden)
            })
    }

    /// Whether enough of an actor can be seen where it is in front and nothing new hides it.
    fn is_visible(
        &self,
        actor: &Actor,
        is_in_front: impl Fn(u8) -> bool,
        is_hidden: impl Fn(i32, i32) -> bool,
    ) -> bool {
        let (mut all, mut seen, mut accent, mut accent_seen) = (0usize, 0usize, 0usize, 0usize);
        let mut extent = Extent::default();
        for row in 0..actor.stamp.height {
            for column in 0..actor.stamp.width {
                let index = row * actor.stamp.width + column;
                if !actor.stamp.covered[index] {
                    continue;
                }
                let accented = usize::from(actor.stamp.accented[index]);
                all += 1;
                accent += accented;
                let (x, y) = (actor.left + column as i32, actor.top + row as i32);
                let inside = self.index(x, y).is_some_and(|at| is_in_front(self.front[at]));
                if inside && !is_hidden(x, y) {
                    seen += 1;
                    accent_seen += accented;
                    extent.add(x as u32, y as u32);
                }
            }
        }
        let accent_is_there = !actor.names_accent
            || (accent_seen as f64 >= LEAST_ACCENT_VISIBLE * accent as f64 && accent_seen >= 12);
        seen as f64 >= LEAST_VISIBLE * all as f64
            && extent.longer_side() >= LEAST_VISIBLE_SIDE
            && accent_is_there
    }

    fn enter(&mut self, actor: Actor) {
        let number = self.actors.len() as u8;
        for row in 0..actor.stamp.height {
            for column in 0..actor.stamp.width {
                if actor.stamp.covered[row * actor.stamp.width + column]
                    && let Some(at) = self.index(actor.left + column as i32, actor.top + row as i32)
                {
                    self.front[at] = number;
                }
            }
        }
        self.actors.push(actor);
    }

    fn index(&self, x: i32, y: i32) -> Option<usize> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        (x < self.width && y < self.height).then_some(y * self.width + x)
    }

    fn finish(self, cast: &[Role], rng: &mut impl Rng) -> Scene {
        debug_assert!(cast.len() < usize::from(NOBODY));
        let mut canvas = Pixmap::new(self.width as u32, self.height as u32)
            .unwrap_or_else(|| unreachable!("the sizes of pictures are constants above zero"));
        backdrop::paint(&mut canvas, rng);
        let mut rgb: Vec<u8> =
            canvas.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        for actor in &self.actors {
            self.blend(actor, &mut rgb);
        }
        grain(&mut rgb, rng);
        let placed = self.actors.iter().enumerate().map(|(number, actor)| {
            let inside: Vec<u8> =
                self.front.iter().map(|&front| u8::from(usize::from(front) == number)).collect();
            let mut extent = Extent::default();
            for (at, _) in inside.iter().enumerate().filter(|&(_, &byte)| byte == 1) {
                extent.add((at % self.width) as u32, (at / self.width) as u32);
            }
            Placed { role: actor.role, bbox: extent.bbox(), inside }
        });
        let placed = placed.collect();
        Scene { width: self.width as u32, height: self.height as u32, rgb, placed }
    }

    fn blend(&self, actor: &Actor, rgb: &mut [u8]) {
        for row in 0..actor.stamp.height {
            for column in 0..actor.stamp.width {
                let source = &actor.stamp.rgba[4 * (row * actor.stamp.width + column)..][..4];
                if source[3] == 0 {
                    continue;
                }
                if let Some(at) = self.index(actor.left + column as i32, actor.top + row as i32) {
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

impl Actor {
    fn covers(&self, x: i32, y: i32) -> bool {
        let (Ok(column), Ok(row)) = (usize::try_from(x - self.left), usize::try_from(y - self.top)) else {
            return false;
        };
        column < self.stamp.width
            && row < self.stamp.height
            && self.stamp.covered[row * self.stamp.width + column]
    }

    fn touches(&self, other: &Actor) -> bool {
        let apart = |start: i32, length: usize, other_start: i32, other_length: usize| {
            start + length as i32 <= other_start || other_start + other_length as i32 <= start
        };
        !apart(self.left, self.stamp.width, other.left, other.stamp.width)
            && !apart(self.top, self.stamp.height, other.top, other.stamp.height)
    }
}

/// The smallest box around pixels.
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

/// A left or top edge: anywhere inside, up to an eighth of the thing beyond the picture's edge.
fn offset(room: usize, length: usize, rng: &mut impl Rng) -> i32 {
    let beyond = (length / 8) as i32;
    rng.random_range(-beyond..=(room as i32 - length as i32 + beyond).max(-beyond + 1))
}

/// Adds grain: a small change to every channel of every pixel.
fn grain(rgb: &mut [u8], rng: &mut impl Rng) {
    let mut state = rng.random::<u64>() | 1;
    for byte in rgb {
        // Xorshift: quality does not matter here, speed does.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let change = (state >> 40) as i32 % (2 * GRAIN + 1) - GRAIN;
        *byte = (i32::from(*byte) + change).clamp(0, 255) as u8;
    }
}
