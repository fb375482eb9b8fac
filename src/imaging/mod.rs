//! Pictures at the sizes that networks ask for, pixel for pixel as Pillow makes them.

use std::sync::Arc;

use crate::domain::{ContentHash, Frame};

pub mod polygon;
pub mod resample;
mod view;
mod worker;

pub use view::{Fit, View};
pub use worker::on_worker;

/// A picture made ready for one network: still 8 bits a channel, normalised only on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Names the picture it was made from; networks key what they remember of it by this.
    pub hash: ContentHash,
    /// Columns now.
    pub width: u32,
    /// Rows now.
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
        Self::at(frame, side, side, resample::Filter::Bicubic)
    }

    /// Scales a picture so that its longer side is `side`, as SAM's processor does (bilinear, half up).
    #[must_use]
    pub fn longest_side(frame: &Frame, side: u32) -> Arc<Self> {
        let scale = f64::from(side) / f64::from(frame.width.max(frame.height));
        let scaled = |length: u32| ((f64::from(length) * scale + 0.5) as u32).max(1);
        Self::at(frame, scaled(frame.width), scaled(frame.height), resample::Filter::Bilinear)
    }

    fn at(frame: &Frame, width: u32, height: u32, filter: resample::Filter) -> Arc<Self> {
        let rgb = resample::resize_rgb(&frame.rgb, (frame.width, frame.height), (width, height), filter);
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
