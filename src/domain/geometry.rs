//! Regions of a picture: boxes and masks.

/// A box in pixels of the upright picture, edges between pixels: a whole picture is `0, 0, width, height`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BBox {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge, not less than the left one.
    pub x1: f32,
    /// Bottom edge, not less than the top one.
    pub y1: f32,
}

impl BBox {
    /// Square pixels inside.
    #[must_use]
    pub fn area(&self) -> f32 {
        (self.x1 - self.x0).max(0.0) * (self.y1 - self.y0).max(0.0)
    }

    /// The part that lies in a picture of so many columns and rows; of a box outside of it, one without an area.
    #[must_use]
    pub fn within(&self, width: u32, height: u32) -> BBox {
        let (width, height) = (width as f32, height as f32);
        BBox {
            x0: self.x0.clamp(0.0, width),
            y0: self.y0.clamp(0.0, height),
            x1: self.x1.clamp(0.0, width),
            y1: self.y1.clamp(0.0, height),
        }
    }

    /// Intersection over union, 0 for boxes that do not meet; continuous, without the `+ 1` of pixel indices.
    #[must_use]
    pub fn iou(&self, other: &BBox) -> f32 {
        let overlap = BBox {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
        .area();
        let union = self.area() + other.area() - overlap;
        if union > 0.0 { overlap / union } else { 0.0 }
    }
}

/// The pixels of a picture that belong to something, as COCO's run lengths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Columns of the picture.
    pub width: u32,
    /// Rows of the picture.
    pub height: u32,
    /// Run lengths down the columns, left to right, beginning with pixels outside; they add up to all pixels.
    pub runs: Vec<u32>,
}

impl Mask {
    /// A mask with nothing inside. No picture of more pixels than a run can count is decoded.
    #[must_use]
    pub fn without_pixels(width: u32, height: u32) -> Self {
        Self { width, height, runs: vec![width.saturating_mul(height)] }
    }

    /// Pixels inside.
    #[must_use]
    pub fn area(&self) -> u64 {
        self.runs.iter().skip(1).step_by(2).map(|&run| u64::from(run)).sum()
    }
    /// Pixel intersection over union: 0 for masks that do not meet, and for masks of pictures of different sizes.
    #[must_use]
    pub fn iou(&self, other: &Mask) -> f32 {
        if (self.width, self.height) != (other.width, other.height) {
            return 0.0;
        }
        let overlap = overlap(&self.runs, &other.runs);
        let union = self.area() + other.area() - overlap;
        if union > 0 { (overlap as f64 / union as f64) as f32 } else { 0.0 }
    }
}

/// Pixels inside both of two masks, from their run lengths: neither is expanded.
fn overlap(left: &[u32], right: &[u32]) -> u64 {
    let (mut left_runs, mut right_runs) = (left.iter(), right.iter());
    let (mut left_rest, mut right_rest) = (left_runs.next().copied(), right_runs.next().copied());
    let (mut left_inside, mut right_inside) = (false, false);
    let mut shared = 0;
    while let (Some(left_length), Some(right_length)) = (left_rest, right_rest) {
        let step = left_length.min(right_length);
        if left_inside && right_inside {
            shared += u64::from(step);
        }
        left_rest = Some(left_length - step);
        right_rest = Some(right_length - step);
        if left_length == step {
            left_rest = left_runs.next().copied();
            left_inside = !left_inside;
        }
        if right_length == step {
            right_rest = right_runs.next().copied();
            right_inside = !right_inside;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(runs: &[u32]) -> Mask {
        Mask { width: 4, height: 3, runs: runs.to_vec() }
    }

    #[test]
    fn masks_overlap_by_their_pixels() {
        let cases: &[(&str, &[u32], &[u32], f32)] = &[
            ("the same", &[2, 4, 6], &[2, 4, 6], 1.0),
            ("the same, with a run of nothing", &[2, 4, 6], &[2, 1, 0, 3, 6], 1.0),
            ("apart", &[0, 3, 9], &[6, 3, 3], 0.0),
            ("half of the union", &[0, 6, 6], &[2, 6, 4], 0.5),
            ("one within the other", &[0, 12], &[3, 3, 6], 0.25),
            ("both empty", &[12], &[12], 0.0),
        ];
        for (name, left, right, iou) in cases {
            assert_eq!(mask(left).iou(&mask(right)), *iou, "{name}");
            assert_eq!(mask(right).iou(&mask(left)), *iou, "{name}, the other way round");
        }
    }

    #[test]
    fn masks_of_different_pictures_do_not_overlap() {
        let wide = Mask { width: 6, height: 2, runs: vec![0, 12] };
        assert_eq!(wide.iou(&mask(&[0, 12])), 0.0);
    }

    proptest! {
        #[test]
        fn run_lengths_agree_with_counted_pixels(left in pixels(), right in pixels()) {
            let both = left.iter().zip(&right).filter(|(l, r)| **l && **r).count();
            let either = left.iter().zip(&right).filter(|(l, r)| **l || **r).count();
            let expected = if either == 0 { 0.0 } else { (both as f64 / either as f64) as f32 };
            let runs = |pixels: &[bool]| Mask { width: 8, height: 5, runs: runs_of(pixels) };
            prop_assert_eq!(runs(&left).iou(&runs(&right)), expected);
        }
    }

    fn pixels() -> impl Strategy<Value = Vec<bool>> {
        proptest::collection::vec(any::<bool>(), 40)
    }

    fn runs_of(pixels: &[bool]) -> Vec<u32> {
        let mut runs = vec![0];
        let mut inside = false;
        for &pixel in pixels {
            if pixel != inside {
                runs.push(0);
                inside = pixel;
            }
            *runs.last_mut().unwrap() += 1;
        }
        runs
    }
}
