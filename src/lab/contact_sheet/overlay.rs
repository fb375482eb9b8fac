//! Overlay of a picture: masks as striped tints with an edge, boxes with entity numbers, gold boxes as dashes.

use super::canvas::{Canvas, Rect};
use super::colours::{BLACK, Rgb, WHITE};
use super::font::Font;
use super::layout::to_page;
use crate::common::imaging::resample::{Filter, resize_rgb};
use crate::domain::{BBox, Frame, Mask, Region};

/// The colours of a gold box's dashes.
pub(super) const GOLD: [Rgb; 2] = [WHITE, BLACK];

/// Opacity of a mask's colour, of 255: enough to distinguish types, and the picture's own colours stay recognisable.
pub(super) const TINT: u8 = 110;

/// Pixels between the stripes of a mask; each is as wide as [`LINE`]. A tint alone is invisible on its own colour.
pub(super) const STRIPES: i32 = 20;
/// Width of lines: one pixel where the page is shown at half its size.
const LINE: i32 = 2;
/// Opacity of the white and black stripes, of 255.
const STRIPE: u8 = 130;

/// One predicted region.
pub(super) struct Mark<'a> {
    /// Number of the entity in its post, from 1.
    pub(super) number: usize,
    pub(super) colour: Rgb,
    pub(super) region: &'a Region,
}

/// Draws a picture into `area`, with predicted and gold regions.
pub(super) fn draw(canvas: &mut Canvas, frame: &Frame, area: Rect, (marks, gold): (&[Mark<'_>], &[BBox])) {
    let size = (frame.width, frame.height);
    let area_size = (area.width as u32, area.height as u32);
    let enlarged = resize_rgb(&frame.rgb, frame.pixel_size(), area_size, Filter::Bicubic);
    canvas.pixels(area, &enlarged);
    for mark in marks {
        mask(canvas, &mark.region.mask, area, mark.colour);
    }
    for truth in gold {
        canvas.dashes(to_page(truth, size, area), GOLD);
    }
    for mark in marks {
        let place = to_page(&mark.region.bbox, size, area);
        canvas.outline(place.grown(LINE), LINE, WHITE);
        canvas.outline(place, 2 * LINE, mark.colour);
    }
    for mark in marks {
        tag(canvas, to_page(&mark.region.bbox, size, area), area, mark);
    }
}

/// Draws a mask as tint and stripes with an edge: black outside, white and the mask's colour inside. Black or white is
/// visible on any picture.
fn mask(canvas: &mut Canvas, mask: &Mask, area: Rect, colour: Rgb) {
    let Some(inside) = enlarged(mask, area) else { return };
    let is_inside = |x: i32, y: i32| {
        let within = (0..area.width).contains(&x) && (0..area.height).contains(&y);
        within && inside[(y * area.width + x) as usize]
    };
    let beside = |x: i32, y: i32, by: i32| [(x - by, y), (x + by, y), (x, y - by), (x, y + by)];
    for y in 0..area.height {
        for x in 0..area.width {
            let at = (area.x + x, area.y + y);
            let mut blend = |colour, alpha| canvas.blend(at.0, at.1, colour, alpha);
            let any_beside = |within: i32, inside| {
                (1..=within).any(|by| beside(x, y, by).iter().any(|&(x, y)| is_inside(x, y) == inside))
            };
            if !is_inside(x, y) {
                if any_beside(LINE, true) {
                    blend(BLACK, 255);
                }
            } else if any_beside(LINE, false) {
                blend(WHITE, 255);
            } else if any_beside(2 * LINE, false) {
                blend(colour, 255);
            } else {
                blend(colour, TINT);
                match (x + y) % STRIPES / LINE {
                    0 => blend(WHITE, STRIPE),
                    1 => blend(BLACK, STRIPE),
                    _ => {}
                }
            }
        }
    }
}

/// The pixels of `area` that a mask covers: bilinear scaling with a threshold of one half. `None` for an empty mask.
fn enlarged(mask: &Mask, area: Rect) -> Option<Vec<bool>> {
    if mask.width == 0 || mask.height == 0 {
        return None;
    }
    let levels: Vec<u8> = mask.to_pixels().into_iter().flat_map(|inside| [inside * 255; 3]).collect();
    let to = (area.width as u32, area.height as u32);
    let levels = resize_rgb(&levels, (mask.width, mask.height), to, Filter::Bilinear);
    Some(levels.chunks_exact(3).map(|level| level[0] >= 128).collect())
}

/// Draws the entity's number above its box, or inside if there is no room above.
fn tag(canvas: &mut Canvas, place: Rect, area: Rect, mark: &Mark<'_>) {
    let number = mark.number.to_string();
    let (width, height) = (Font::SmallBold.width_of(&number) + 8, Font::SmallBold.height());
    let top = if place.y - height >= area.y { place.y - height } else { place.y };
    let left = place.x.min(area.right() - width).max(area.x);
    canvas.fill(Rect::new(left, top, width, height), mark.colour);
    canvas.text((left + 4, top), &number, Font::SmallBold, WHITE);
}
