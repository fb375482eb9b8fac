//! Sprites: an object as pixels, with its coverage and the mask of its accent part.

use rand::Rng;
use tiny_skia::{Color, Paint, Pixmap, Rect, Transform};

use super::appearance::Appearance;
use super::palette::{BLACK, COLOURS};
use super::shape::{FILL_RULE, Fill, Shape};
use super::{logos, people, places, things};

/// Variation between objects of one appearance: size, rotation, shade. Constant while a position is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    /// Longer side in pixels.
    pub(super) side: f32,
    degrees: f32,
    stretch: f32,
    mirrored: bool,
    main: [u8; 3],
    accent: [u8; 3],
    skin: [u8; 3],
    edge: [u8; 3],
}

impl Pose {
    /// Draws a pose for an appearance.
    pub(super) fn draw(appearance: &Appearance, side: f32, rng: &mut impl Rng) -> Self {
        let max_degrees = match appearance.kind {
            0 | 1 => 7.0,
            2..=6 => 4.0,
            13 => 50.0,
            15 | 17 => 22.0,
            _ => 12.0,
        };
        let skins = [[244, 208, 178], [222, 172, 132], [164, 112, 78], [118, 78, 54]];
        let edge = rng.random_range(36..72u8);
        Self {
            side,
            degrees: rng.random_range(-max_degrees..max_degrees),
            stretch: rng.random_range(0.9..1.1),
            mirrored: rng.random_bool(0.5),
            main: jitter(COLOURS[appearance.colour].rgb, rng),
            accent: jitter(COLOURS[appearance.accent].rgb, rng),
            skin: skins[rng.random_range(0..skins.len())],
            edge: [edge; 3],
        }
    }
}

/// The pixels of an object, row by row, cropped.
#[derive(Debug)]
pub(super) struct Sprite {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Premultiplied red, green, blue, alpha.
    pub(super) rgba: Vec<u8>,
    /// Pixels covered by at least half.
    pub(super) covered: Vec<bool>,
    /// Pixels where the accent part is in front.
    pub(super) accent_mask: Vec<bool>,
}

impl Sprite {
    /// Rasterises an object. `None` only if its extent is empty.
    pub(super) fn paint(appearance: &Appearance, pose: &Pose) -> Option<Self> {
        let shape = shape(appearance, pose);
        let turn = Transform::from_rotate(pose.degrees)
            .pre_scale(if pose.mirrored { -pose.stretch } else { pose.stretch }, 1.0);
        let bounds = shape
            .parts
            .iter()
            .filter_map(|part| part.path.clone().transform(turn))
            .map(|path| path.bounds())
            .reduce(around)?;
        let scale = pose.side / bounds.width().max(bounds.height());
        let place = turn
            .post_translate(-bounds.left(), -bounds.top())
            .post_scale(scale, scale)
            .post_translate(MARGIN as f32, MARGIN as f32);
        let width = (bounds.width() * scale).ceil() as u32 + 2 * MARGIN;
        let height = (bounds.height() * scale).ceil() as u32 + 2 * MARGIN;
        let mut pixels = Pixmap::new(width, height)?;
        let paints = [pose.main, shadow(pose.main, appearance), pose.accent].map(paint_of);
        for part in &shape.parts {
            let fixed;
            let paint = match part.fill {
                Fill::Main => &paints[0],
                Fill::Shadow => &paints[1],
                Fill::Accent => &paints[2],
                Fill::Fixed(rgb) => {
                    fixed = paint_of(rgb);
                    &fixed
                }
            };
            pixels.fill_path(&part.path, paint, FILL_RULE, place, None);
        }
        let accent_mask = accent_mask(&shape, place, (width, height))?;
        let (width, height, mut rgba) = (width as usize, height as usize, pixels.take());
        for _ in 0..if pose.side < 55.0 { 1 } else { 2 } {
            draw_edge(&mut rgba, width, pose.edge);
        }
        let covered = rgba.chunks_exact(4).map(|pixel| pixel[3] >= 128).collect();
        Some(Self { width, height, rgba, covered, accent_mask })
    }
}

/// Free pixels around an object: its edge takes two.
const MARGIN: u32 = 3;

/// Draws a dark edge of one pixel, so that white objects are visible on white and black ones on black.
fn draw_edge(rgba: &mut [u8], width: usize, colour: [u8; 3]) {
    let alpha: Vec<u8> = rgba.chunks_exact(4).map(|pixel| pixel[3]).collect();
    let across: Vec<u8> = (0..alpha.len())
        .map(|at| alpha[at].max(alpha[at.saturating_sub(1)]).max(alpha[(at + 1).min(alpha.len() - 1)]))
        .collect();
    for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        let around =
            across[at].max(across[at.saturating_sub(width)]).max(across[(at + width).min(across.len() - 1)]);
        let added = around - alpha[at];
        if added > 0 {
            for channel in 0..3 {
                pixel[channel] += (u32::from(colour[channel]) * u32::from(added) / 255) as u8;
            }
            pixel[3] = around;
        }
    }
}

fn around(one: Rect, other: Rect) -> Rect {
    let (left, top) = (one.left().min(other.left()), one.top().min(other.top()));
    let (right, bottom) = (one.right().max(other.right()), one.bottom().max(other.bottom()));
    Rect::from_ltrb(left, top, right, bottom).unwrap_or(one)
}

/// The mask of the accent part: rasterised again without anti-aliasing, the accent in white and all else in black.
fn accent_mask(shape: &Shape, place: Transform, (width, height): (u32, u32)) -> Option<Vec<bool>> {
    let mut pixels = Pixmap::new(width, height)?;
    let [mut bright, mut dark] = [[255; 3], [0; 3]].map(paint_of);
    bright.anti_alias = false;
    dark.anti_alias = false;
    for part in &shape.parts {
        let paint = if part.fill == Fill::Accent { &bright } else { &dark };
        pixels.fill_path(&part.path, paint, FILL_RULE, place, None);
    }
    Some(pixels.data().chunks_exact(4).map(|pixel| pixel[0] >= 128).collect())
}

fn shape(appearance: &Appearance, pose: &Pose) -> Shape {
    let mut shape = Shape::default();
    match appearance.kind {
        0 => people::man(&mut shape, appearance, Fill::Fixed(pose.skin)),
        1 => people::woman(&mut shape, appearance, Fill::Fixed(pose.skin)),
        2 => places::tower(&mut shape),
        3 => places::bridge(&mut shape),
        4 => places::castle(&mut shape),
        5 => places::house(&mut shape),
        6 => places::lighthouse(&mut shape),
        7 => logos::star(&mut shape),
        8 => logos::ring(&mut shape),
        9 => logos::shield(&mut shape),
        10 => logos::team_shirt(&mut shape),
        11 => things::car(&mut shape),
        12 => things::cup(&mut shape),
        13 => things::guitar(&mut shape),
        14 => things::cat(&mut shape),
        15 => things::fish(&mut shape),
        16 => things::tree(&mut shape),
        17 => things::phone(&mut shape),
        _ => things::boat(&mut shape),
    }
    shape
}

fn jitter(rgb: [u8; 3], rng: &mut impl Rng) -> [u8; 3] {
    let brightness = rng.random_range(0.9..1.05f32);
    rgb.map(|channel| (f32::from(channel) * brightness + rng.random_range(-9.0..9.0)).clamp(0.0, 255.0) as u8)
}

/// A darker shade; for black a lighter one.
fn shadow(rgb: [u8; 3], appearance: &Appearance) -> [u8; 3] {
    if appearance.colour == BLACK {
        rgb.map(|channel| channel.saturating_add(46))
    } else {
        rgb.map(|channel| (f32::from(channel) * 0.72) as u8)
    }
}

fn paint_of(rgb: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::from_rgba8(rgb[0], rgb[1], rgb[2], 255));
    paint
}
