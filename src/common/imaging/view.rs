//! Views: the size and the fit in which a network reads pictures.

use std::sync::Arc;

use super::Picture;
use crate::domain::Frame;

/// The size and the fit in which a network reads pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// Side in pixels of the square that pictures are fitted into.
    pub side: u32,
    /// How they are fitted.
    pub fit: Fit,
}

/// How a picture is fitted into a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Squashed into the square, bicubic.
    Squash,
    /// Squashed into the square, bilinear.
    SquashBilinear,
    /// Scaled with its proportions so that its longer side is the square's; the network pads the rest.
    LongestSide,
    /// Cropped to the middle square, then scaled.
    Centre,
    /// Scaled with its proportions so that its shorter side is the square's, or less where the longer side would be more
    /// than `longest`.
    ShortestSide {
        /// The most pixels of the longer side.
        longest: u32,
    },
}

impl View {
    /// A square of `side` pixels that pictures are squashed into.
    #[must_use]
    pub fn squashed(side: u32) -> Self {
        Self { side, fit: Fit::Squash }
    }

    /// A square of `side` pixels that pictures are squashed into by bilinear interpolation.
    #[must_use]
    pub fn squashed_bilinear(side: u32) -> Self {
        Self { side, fit: Fit::SquashBilinear }
    }

    /// A square of `side` pixels that pictures fit into with their proportions.
    #[must_use]
    pub fn longest_side(side: u32) -> Self {
        Self { side, fit: Fit::LongestSide }
    }

    /// A square of `side` pixels that the middle square of pictures is scaled to.
    #[must_use]
    pub fn centre(side: u32) -> Self {
        Self { side, fit: Fit::Centre }
    }

    /// A shorter side of `side` pixels, less where the longer side would have more than `longest`.
    #[must_use]
    pub fn shortest_side(side: u32, longest: u32) -> Self {
        Self { side, fit: Fit::ShortestSide { longest } }
    }

    /// A picture in this view.
    #[must_use]
    pub fn of(self, frame: &Frame) -> Arc<Picture> {
        match self.fit {
            Fit::Squash => Picture::squashed(frame, self.side),
            Fit::SquashBilinear => Picture::squashed_bilinear(frame, self.side),
            Fit::LongestSide => Picture::longest_side(frame, self.side),
            Fit::Centre => Picture::centre(frame, self.side),
            Fit::ShortestSide { longest } => Picture::shortest_side(frame, self.side, longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContentHash;

    #[test]
    fn a_wide_picture_becomes_square_or_stays_wide() {
        let frame = Frame {
            hash: ContentHash([0; 32]),
            width: 40,
            height: 10,
            orientation: 1,
            reduced: 1,
            rgb: vec![9; 3 * 40 * 10],
        };
        let views = [
            (View::squashed(20), (20, 20)),
            (View::squashed_bilinear(20), (20, 20)),
            (View::longest_side(20), (20, 5)),
            (View::centre(20), (20, 20)),
            (View::shortest_side(20, 90), (80, 20)),
            (View::shortest_side(20, 66), (66, 16)),
        ];
        for (view, size) in views {
            let picture = view.of(&frame);
            assert_eq!((picture.width, picture.height), size, "{view:?}");
            assert_eq!((picture.original_width, picture.original_height), (40, 10), "{view:?}");
        }
    }
}
