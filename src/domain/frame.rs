//! A decoded picture.

use std::fmt;

/// The BLAKE3 hash of a picture's encoded bytes: reposts of one picture share it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ContentHash({self})")
    }
}

/// A picture as pixels, upright, 8 bits a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Names the encoded bytes that this picture was decoded from.
    pub hash: ContentHash,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// How the stored picture was turned or mirrored to become this one, as EXIF numbers it: 1 to 8, 1 for not at all.
    pub orientation: u8,
    /// What the sides of `rgb` are divided by: 1 where it has all pixels; 2, 4 or 8 where it was decoded at a reduced
    /// size.
    pub reduced: u32,
    /// Red, green, blue, row by row, of the size [`Frame::pixel_size`].
    pub rgb: Vec<u8>,
}

impl Frame {
    /// Columns and rows of `rgb`.
    #[must_use]
    pub fn pixel_size(&self) -> (u32, u32) {
        (self.width.div_ceil(self.reduced), self.height.div_ceil(self.reduced))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Frame({}x{} {})", self.width, self.height, self.hash)
    }
}
