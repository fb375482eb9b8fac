//! Fonts: monospaced letters of two sizes and weights.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, RasterizedChar, get_raster, get_raster_width};

/// The fonts of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Font {
    /// Secondary text.
    Small,
    /// Names in lists.
    SmallBold,
    /// Posts.
    Text,
    /// Names in posts.
    TextBold,
    /// The page's title.
    Title,
}

impl Font {
    /// Width of every letter in pixels.
    pub(super) fn advance(self) -> i32 {
        let (weight, height) = self.raster();
        get_raster_width(weight, height) as i32
    }

    /// Height of every letter in pixels.
    pub(super) fn height(self) -> i32 {
        self.raster().1.val() as i32
    }

    /// Width of a text in pixels.
    pub(super) fn width_of(self, text: &str) -> i32 {
        text.chars().count() as i32 * self.advance()
    }

    /// The raster of a letter; `None` if the font lacks it.
    pub(super) fn glyph(self, letter: char) -> Option<RasterizedChar> {
        let (weight, height) = self.raster();
        get_raster(letter, weight, height)
    }

    fn raster(self) -> (FontWeight, RasterHeight) {
        match self {
            Self::Small => (FontWeight::Regular, RasterHeight::Size24),
            Self::SmallBold => (FontWeight::Bold, RasterHeight::Size24),
            Self::Text => (FontWeight::Regular, RasterHeight::Size32),
            Self::TextBold => (FontWeight::Bold, RasterHeight::Size32),
            Self::Title => (FontWeight::Bold, RasterHeight::Size32),
        }
    }
}
