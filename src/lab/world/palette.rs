//! Palette: the colours of objects.

/// A colour that a phrase can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Its name in phrases.
    pub name: &'static str,
    /// Red, green, blue, before jitter.
    pub rgb: [u8; 3],
}

/// The colours of the world. No two are confused after jitter and JPEG's chroma subsampling: there is no orange between
/// red and yellow and no grey between black and white.
pub const COLOURS: &[Colour] = &[
    Colour { name: "red", rgb: [214, 28, 32] },
    Colour { name: "yellow", rgb: [248, 218, 32] },
    Colour { name: "green", rgb: [30, 145, 52] },
    Colour { name: "blue", rgb: [32, 84, 214] },
    Colour { name: "purple", rgb: [126, 40, 168] },
    Colour { name: "pink", rgb: [250, 138, 192] },
    Colour { name: "black", rgb: [24, 24, 28] },
    Colour { name: "white", rgb: [246, 246, 244] },
];

/// Indices into [`COLOURS`] of black, white and the colours of hair.
pub(super) const RED: usize = 0;
pub(super) const YELLOW: usize = 1;
pub(super) const BLACK: usize = 6;
pub(super) const WHITE: usize = 7;
