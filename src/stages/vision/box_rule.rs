//! Box rule: which boxes of a vision model are used, and what of them.
//!
//! A box has four finite numbers. Its edges are in order and at most a twentieth of the picture outside of it, which is
//! rounding; what is outside is cut off. At least one pixel remains each way. Any other box is rejected, because a box that
//! is far outside, reversed or of no size is in another unit or order than the settings say, or is invented.

use crate::domain::{BBox, Frame};
use crate::llm::cached::RejectReason;
use crate::llm::client::BoxFormat;

/// How far a box may reach outside of the picture, as a part of its side.
const OVERHANG: f64 = 0.05;
/// Stored fractions are rounded to millionths: a hundredth of a pixel in the largest pictures.
const ROUNDED: f64 = 1e6;

/// A box of fractions in pixels of the upright picture.
pub(super) fn bbox([left, top, right, bottom]: [f64; 4], frame: &Frame) -> BBox {
    let place = |fraction: f64, side: u32| (fraction * f64::from(side)) as f32;
    BBox {
        x0: place(left, frame.width),
        y0: place(top, frame.height),
        x1: place(right, frame.width),
        y1: place(bottom, frame.height),
    }
}

/// How numbers become a box of one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BoxRule {
    /// How the model writes boxes.
    pub(super) format: BoxFormat,
    /// Width and height of the picture as it is sent.
    pub(super) sent: (u32, u32),
    /// Width and height of the upright picture.
    pub(super) original: (u32, u32),
}

impl BoxRule {
    /// Left, top, right, bottom as fractions of the picture, 0 to 1.
    ///
    /// # Errors
    /// [`RejectReason::Box`] for numbers that are no box of this picture.
    pub(super) fn fractions(self, numbers: &[f64]) -> Result<[f64; 4], RejectReason> {
        let numbers = <[f64; 4]>::try_from(numbers).map_err(|_| RejectReason::Box)?;
        let edges = self.format.fractions(numbers, self.sent);
        let is_near = |edge: &f64| (-OVERHANG..=1.0 + OVERHANG).contains(edge);
        // A number that is not finite is not near.
        if !edges.iter().all(is_near) {
            return Err(RejectReason::Box);
        }
        let edges = edges.map(|edge| (edge.clamp(0.0, 1.0) * ROUNDED).round() / ROUNDED);
        if is_box(edges, self.original) { Ok(edges) } else { Err(RejectReason::Box) }
    }
}

/// Whether fractions are a box of at least one pixel each way in a picture of this size.
pub(super) fn is_box([left, top, right, bottom]: [f64; 4], (width, height): (u32, u32)) -> bool {
    // A pixel's share, rounded as fractions are.
    let covers =
        |from: f64, to: f64, side: u32| (to - from) * f64::from(side) > 1.0 - f64::from(side) / ROUNDED;
    let is_within = [left, top, right, bottom].iter().all(|edge| (0.0..=1.0).contains(edge));
    is_within && left < right && top < bottom && covers(left, right, width) && covers(top, bottom, height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(format: BoxFormat) -> BoxRule {
        BoxRule { format, sent: (768, 384), original: (2000, 1000) }
    }

    #[test]
    fn boxes_are_clipped_to_the_picture_or_rejected() {
        let whole = [0.0, 0.0, 1.0, 1.0];
        for (what, numbers, expected) in [
            ("a box", vec![100.0, 200.0, 300.0, 400.0], Ok([0.1, 0.2, 0.3, 0.4])),
            ("the whole picture", vec![0.0, 0.0, 1000.0, 1000.0], Ok(whole)),
            ("a little outside", vec![-10.0, -50.0, 1024.0, 1050.0], Ok(whole)),
            ("one pixel", vec![0.0, 0.0, 0.5, 1.0], Ok([0.0, 0.0, 0.0005, 0.001])),
            ("far outside", vec![0.0, 0.0, 1051.0, 500.0], Err(RejectReason::Box)),
            ("left of the picture", vec![-51.0, 0.0, 500.0, 500.0], Err(RejectReason::Box)),
            ("beside the picture", vec![1001.0, 0.0, 1020.0, 500.0], Err(RejectReason::Box)),
            ("reversed in x", vec![300.0, 200.0, 100.0, 400.0], Err(RejectReason::Box)),
            ("reversed in y", vec![100.0, 400.0, 300.0, 200.0], Err(RejectReason::Box)),
            ("empty", vec![0.0; 4], Err(RejectReason::Box)),
            ("a line", vec![100.0, 200.0, 100.0, 400.0], Err(RejectReason::Box)),
            ("less than a pixel", vec![0.1, 0.1, 0.4, 0.9], Err(RejectReason::Box)),
            ("huge", vec![0.0, 0.0, 1e300, 1e300], Err(RejectReason::Box)),
            ("not a number", vec![f64::NAN, 0.0, 1.0, 1.0], Err(RejectReason::Box)),
            ("endless", vec![0.0, 0.0, f64::INFINITY, 1.0], Err(RejectReason::Box)),
            ("three numbers", vec![1.0, 2.0, 3.0], Err(RejectReason::Box)),
            ("five numbers", vec![1.0, 2.0, 3.0, 4.0, 5.0], Err(RejectReason::Box)),
            ("no numbers", vec![], Err(RejectReason::Box)),
        ] {
            assert_eq!(rule(BoxFormat::Thousand).fractions(&numbers), expected, "{what}");
        }
    }

    #[test]
    fn a_box_in_another_unit_than_configured_is_mostly_rejected() {
        let thousandths = [100.0, 200.0, 300.0, 800.0];
        for format in [BoxFormat::Pixels, BoxFormat::Unit] {
            assert_eq!(rule(format).fractions(&thousandths), Err(RejectReason::Box), "{}", format.as_str());
        }
        assert_eq!(rule(BoxFormat::Thousand).fractions(&[0.1, 0.2, 0.3, 0.4]), Err(RejectReason::Box));
    }

    proptest! {
        #[test]
        fn an_accepted_box_lies_in_the_picture_and_stays_a_box(
            numbers in prop::collection::vec(prop_oneof![9 => -100.0..1100.0, 1 => any::<f64>()], 4),
            format in prop::sample::select(BoxFormat::ALL.to_vec()),
        ) {
            let rule = rule(format);
            if let Ok(edges) = rule.fractions(&numbers) {
                prop_assert!(is_box(edges, rule.original));
            }
        }
    }
}
