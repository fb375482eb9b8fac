//! Outline: a polygon around a phrase's object, and the mask of its pixels.

use crate::common::imaging::polygon;
use crate::domain::Mask;

/// A polygon around the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// x and y as fractions of the upright picture, 0 to 1; the polygon is closed. Fewer than three points have no area.
    pub points: Vec<[f64; 2]>,
    /// Tokens of the answer, including the end token if there was one.
    pub tokens: usize,
}

impl Outline {
    /// The points in pixels of an upright picture of this size; coordinates are edges between pixels.
    #[must_use]
    pub fn pixels(&self, width: u32, height: u32) -> Vec<[f32; 2]> {
        let sides = [width, height].map(f64::from);
        let place = |point: &[f64; 2]| [0, 1].map(|axis| (point[axis].clamp(0.0, 1.0) * sides[axis]) as f32);
        self.points.iter().map(place).collect()
    }

    /// The mask in an upright picture of this size, by the even-odd rule, as COCO's masks.
    #[must_use]
    pub fn mask(&self, width: u32, height: u32) -> Mask {
        polygon::mask(&self.pixels(width, height), width, height)
    }

    /// The bounding box as left, top, right, bottom in fractions; zeros if there are no points.
    #[must_use]
    pub fn corners(&self) -> [f64; 4] {
        let axis = |axis: usize| self.points.iter().map(move |point| point[axis]);
        let (left, top) = (axis(0).reduce(f64::min), axis(1).reduce(f64::min));
        let (right, bottom) = (axis(0).reduce(f64::max), axis(1).reduce(f64::max));
        [left, top, right, bottom].map(|edge| edge.unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_has_a_mask_in_the_original_picture_and_a_bounding_box() {
        let triangle = Outline { points: vec![[0.25, 0.0], [0.75, 0.0], [0.25, 1.0]], tokens: 7 };
        assert_eq!(triangle.pixels(300, 100), [[75.0, 0.0], [225.0, 0.0], [75.0, 100.0]]);
        assert_eq!(triangle.corners(), [0.25, 0.0, 0.75, 1.0]);
        let mask = triangle.mask(300, 100);
        assert_eq!((mask.width, mask.height), (300, 100));
        assert!(mask.area().abs_diff(150 * 100 / 2) <= 150, "{} pixels", mask.area());
    }

    #[test]
    fn fewer_than_three_points_have_an_empty_mask() {
        let cases = [
            (vec![], [0.0; 4]),
            (vec![[0.5, 0.25]], [0.5, 0.25, 0.5, 0.25]),
            (vec![[0.1, 0.9], [0.7, 0.2]], [0.1, 0.2, 0.7, 0.9]),
        ];
        for (points, corners) in cases {
            let outline = Outline { points, tokens: 1 };
            assert_eq!(outline.mask(30, 20).area(), 0, "{outline:?}");
            assert_eq!(outline.corners(), corners);
        }
    }
}
