//! Where in a picture something is: a box, and the pixels in it.

/// A box in pixels of the original picture, edges between pixels: a whole picture is `0, 0, width, height`.
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

/// Which pixels of a picture belong to something, as COCO's run lengths.
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
    /// Pixels inside.
    #[must_use]
    pub fn area(&self) -> u64 {
        self.runs.iter().skip(1).step_by(2).map(|&run| u64::from(run)).sum()
    }
}
