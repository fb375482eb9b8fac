//! Pictures at the sizes that networks read, pixel for pixel as Pillow or torchvision makes them.

use std::sync::Arc;

use crate::domain::{BBox, ContentHash, Frame};

pub mod polygon;
pub mod resample;
mod view;
mod workers;

pub use view::{Fit, View};
pub use workers::Workers;

/// A picture at the size of one network: still 8 bits a channel, normalised only on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The hash of the picture that it was made from, the key of networks' caches.
    pub hash: ContentHash,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Columns of the original.
    pub original_width: u32,
    /// Rows of the original.
    pub original_height: u32,
    /// Red, green, blue, row by row: `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Squashes a picture into a square, as OFA's and ALBEF's processors do (bicubic).
    #[must_use]
    pub fn squashed(frame: &Frame, side: u32) -> Arc<Self> {
        Self::at(frame, (side, side), resample::Filter::Bicubic, resample::Arithmetic::Pillow)
    }

    /// Squashes a picture into a square, as SAM 2's processor does (bilinear, on bytes by torchvision).
    #[must_use]
    pub fn squashed_bilinear(frame: &Frame, side: u32) -> Arc<Self> {
        Self::at(frame, (side, side), resample::Filter::Bilinear, resample::Arithmetic::Torchvision)
    }

    /// Scales a picture so that its longer side is `side`, as SAM's processor does (bilinear, half up).
    #[must_use]
    pub fn longest_side(frame: &Frame, side: u32) -> Arc<Self> {
        let scale = f64::from(side) / f64::from(frame.width.max(frame.height));
        let scaled = |length: u32| ((f64::from(length) * scale + 0.5) as u32).max(1);
        let size = (scaled(frame.width), scaled(frame.height));
        Self::at(frame, size, resample::Filter::Bilinear, resample::Arithmetic::Pillow)
    }

    /// Scales a picture so that its shorter side is `side`, or less where its longer side would be more than `longest`, as
    /// the processors of DETR and its kin do (bilinear, on bytes by torchvision).
    #[must_use]
    pub fn shortest_side(frame: &Frame, side: u32, longest: u32) -> Arc<Self> {
        let (width, height) = Self::at_shortest_side((frame.width, frame.height), side, longest);
        Self::at(frame, (width, height), resample::Filter::Bilinear, resample::Arithmetic::Torchvision)
    }

    /// Width and height of a picture at a shorter side of `side`, or less where its longer side would be more than
    /// `longest`. The longer side is rounded down and the shorter to the nearest whole number, halves to the even one.
    #[must_use]
    pub fn at_shortest_side((width, height): (u32, u32), side: u32, longest: u32) -> (u32, u32) {
        let (shorter, longer) = (f64::from(width.min(height)), f64::from(width.max(height)));
        let exact = if longer / shorter * f64::from(side) > f64::from(longest) {
            f64::from(longest) * shorter / longer
        } else {
            f64::from(side)
        };
        let short = exact.round_ties_even();
        // Of a picture that has the side already neither is changed.
        let is_there = (short - shorter).abs() < 0.5;
        let long = if is_there { longer } else { (exact * longer / shorter).trunc() };
        let [short, long] = [short, long].map(|side| (side as u32).max(1));
        if width < height { (short, long) } else { (long, short) }
    }

    /// Scales the middle square of a picture to `side` (bilinear): the middle that remains where a picture's shorter
    /// side is scaled to it, as torchvision's evaluation does, up to what the filter would have seen beyond the
    /// square's edges. Cut first, a picture of one row costs no more than another.
    #[must_use]
    pub fn centre(frame: &Frame, side: u32) -> Arc<Self> {
        let (width, height) = frame.pixel_size();
        let edge = width.min(height);
        let (left, top) = ((width - edge) / 2, (height - edge) / 2);
        let row = |row: u32| {
            let start = 3 * (row as usize * width as usize + left as usize);
            &frame.rgb[start..start + 3 * edge as usize]
        };
        let square: Vec<u8> = (top..top + edge).flat_map(row).copied().collect();
        let rgb = resample::resize_rgb(&square, (edge, edge), (side, side), resample::Filter::Bilinear);
        let (original_width, original_height) = (frame.width, frame.height);
        Arc::new(Self { hash: frame.hash, width: side, height: side, original_width, original_height, rgb })
    }

    /// A box of the original, in pixels of this picture: left, top, right, bottom.
    #[must_use]
    pub fn resized(&self, bbox: &BBox) -> [f32; 4] {
        let across = f64::from(self.width) / f64::from(self.original_width);
        let down = f64::from(self.height) / f64::from(self.original_height);
        let scaled = |length: f32, scale: f64| (f64::from(length) * scale) as f32;
        [scaled(bbox.x0, across), scaled(bbox.y0, down), scaled(bbox.x1, across), scaled(bbox.y1, down)]
    }

    fn at(
        frame: &Frame,
        (width, height): (u32, u32),
        filter: resample::Filter,
        arithmetic: resample::Arithmetic,
    ) -> Arc<Self> {
        let rgb =
            resample::resize_rgb_by(&frame.rgb, frame.pixel_size(), (width, height), filter, arithmetic);
        Arc::new(Self {
            hash: frame.hash,
            width,
            height,
            original_width: frame.width,
            original_height: frame.height,
            rgb,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_picture_is_the_square_without_both_ends_of_the_longer_side() {
        let column = |column: u32| [column as u8, 100, 200];
        let wide: Vec<u8> = (0..2).flat_map(|_| (0..7).flat_map(column)).collect();
        let hash = ContentHash([0; 32]);
        let frame = Frame { hash, width: 7, height: 2, orientation: 1, reduced: 1, rgb: wide };
        assert_eq!(Picture::centre(&frame, 2).rgb, [2, 100, 200, 3, 100, 200, 2, 100, 200, 3, 100, 200]);
        let high: Vec<u8> = (0..6).flat_map(|row| [column(row), column(row)].concat()).collect();
        let frame = Frame { hash, width: 2, height: 6, orientation: 1, reduced: 1, rgb: high };
        assert_eq!(Picture::centre(&frame, 2).rgb, [2, 100, 200, 2, 100, 200, 3, 100, 200, 3, 100, 200]);
        let dot = Frame {
            hash,
            width: 9,
            height: 1,
            orientation: 1,
            reduced: 1,
            rgb: (0..9).flat_map(column).collect(),
        };
        assert_eq!(Picture::centre(&dot, 3).rgb, [4, 100, 200].repeat(9));
    }
}
