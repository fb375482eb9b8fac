//! Drawn page: pixels, and their PNG file.

use std::path::Path;

use image::{ColorType, ImageError};

/// A drawn page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue, row by row: `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Page {
    /// Writes it as a PNG.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_png(&self, file: &Path) -> Result<(), ImageError> {
        image::save_buffer_with_format(
            file,
            &self.rgb,
            self.width,
            self.height,
            ColorType::Rgb8,
            image::ImageFormat::Png,
        )
    }
}
