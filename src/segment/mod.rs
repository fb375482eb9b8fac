//! Which pixels of the box are it?

use std::sync::Arc;

use crate::domain::BBox;
use crate::imaging::Picture;

/// All boxes to be segmented in one picture: it is encoded once for them.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture, its longer side scaled to the network's resolution.
    pub picture: Arc<Picture>,
    /// Boxes in pixels of the original picture.
    pub boxes: Vec<BBox>,
}

/// One mask for each box of the [`Request`].
pub type Reply = Vec<Segmentation>;

/// The pixels that the network found in one box.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// One byte a pixel of the original picture, row by row: 1 inside, 0 outside.
    pub inside: Vec<u8>,
    /// The network's own estimate of its IoU.
    pub score: f32,
}
