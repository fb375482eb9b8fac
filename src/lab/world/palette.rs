//! Which colours can things have?

/// A colour that a phrase can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// The word for it.
    pub name: &'static str,
    /// What it looks like before jitter: red, green, blue.
    pub rgb: [u8; 3],
}

/// The colours of the world. Chosen so that no two are confused after jitter and JPEG's halved chroma: no orange
/// between red and yellow, no grey between black and white.
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

/// Where black, white and the colours of hair stand in [`COLOURS`].
pub(super) const RED: usize = 0;
pub(super) const YELLOW: usize = 1;
pub(super) const BLACK: usize = 6;
pub(super) const WHITE: usize = 7;
