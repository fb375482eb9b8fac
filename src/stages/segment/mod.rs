//! Segment stage: the mask of the object in each box.

use std::sync::Arc;

use crate::common::imaging::{Picture, View, Workers};
use crate::domain::{BBox, Frame, Mask};
use crate::scheduler::{CallError, Flow, Handle};

mod config;

pub use config::Config;

/// All boxes of one picture, which is encoded once for them.
#[derive(Debug, Clone)]
pub struct Request {
    /// The picture in the network's view.
    pub picture: Arc<Picture>,
    /// Boxes in pixels of the upright picture.
    pub boxes: Vec<BBox>,
}

/// One mask for each box of the [`Request`].
pub type Reply = Vec<Segmentation>;

/// The network's mask in one box.
#[derive(Debug, Clone, PartialEq)]
pub struct Segmentation {
    /// The mask, in the upright picture.
    pub mask: Mask,
    /// The network's own estimate of its IoU.
    pub score: f32,
}

/// Segments boxes.
#[derive(Clone)]
pub struct Segmenter {
    network: Handle<Request, Reply>,
    view: View,
    workers: Workers,
}

impl Segmenter {
    /// A segmenter that calls this network, which reads pictures in this view.
    #[must_use]
    pub fn new(network: Handle<Request, Reply>, view: View, workers: Workers) -> Self {
        Self { network, view, workers }
    }

    /// The mask in each box and the network's estimate of its IoU, in the order of the boxes. Boxes are in pixels of the
    /// picture, and are clipped to it first.
    ///
    /// # Errors
    /// [`CallError`] of the network.
    pub async fn masks(
        &self,
        flow: Flow,
        frame: &Arc<Frame>,
        boxes: &[BBox],
    ) -> Result<Vec<(Mask, f32)>, CallError> {
        if boxes.is_empty() {
            return Ok(Vec::new());
        }
        let (width, height) = (frame.width, frame.height);
        let boxes = boxes.iter().map(|bbox| bbox.within(width, height)).collect();
        let (frame, view) = (Arc::clone(frame), self.view);
        let picture = self.workers.run(move || view.of(&frame)).await;
        let found = self.network.call(flow, Request { picture, boxes }).await?;
        Ok(found.into_iter().map(|one| (one.mask, one.score)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;
    use crate::domain::{ContentHash, Stage};
    use crate::scheduler::doubles::FnModel;
    use crate::scheduler::{Budget, Device};
    use crate::telemetry::Metrics;

    /// Takes every pixel of the box to be inside.
    fn filler() -> FnModel<Request, Reply> {
        let answer = |request: &Request| request.boxes.iter().map(|bbox| fill(request, bbox)).collect();
        FnModel::new(move |batch: &[Request]| Ok(batch.iter().map(answer).collect()))
    }

    fn fill(request: &Request, bbox: &BBox) -> Segmentation {
        let picture = &request.picture;
        assert_eq!(picture.width.max(picture.height), 32, "the picture has the network's size");
        let edges = [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(|edge| edge as u32);
        let inside = |x, y| (edges[0]..edges[2]).contains(&x) && (edges[1]..edges[3]).contains(&y);
        let (width, height) = (picture.original_width, picture.original_height);
        let inside: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| u8::from(inside(x, y)))).collect();
        Segmentation { mask: Mask::from_pixels(&inside, width, height), score: bbox.area() }
    }

    fn frame() -> Arc<Frame> {
        Arc::new(Frame {
            hash: ContentHash([1; 32]),
            width: 5,
            height: 3,
            orientation: 1,
            reduced: 1,
            rgb: vec![9; 45],
        })
    }

    #[tokio::test]
    async fn boxes_are_clipped_and_masks_have_the_original_size() {
        let mut device = Device::new("test", Arc::new(Metrics::new()));
        let budget =
            Budget { max_requests: NonZeroUsize::MIN, max_tokens: 1, patience: Duration::from_secs(1) };
        let view = View::longest_side(32);
        let segmenter =
            Segmenter::new(device.lane(Stage::Segment, filler(), budget), view, Workers::default());
        let device = device.start().unwrap();

        let boxes =
            [BBox { x0: -7.0, y0: 1.0, x1: 2.0, y1: 99.0 }, BBox { x0: 4.0, y0: 0.0, x1: 5.0, y1: 1.0 }];
        let masks = segmenter.masks(Flow::default(), &frame(), &boxes).await.unwrap();
        assert_eq!(masks.len(), 2);
        assert_eq!(masks[0], (Mask { width: 5, height: 3, runs: vec![1, 2, 1, 2, 9] }, 4.0));
        assert_eq!(masks[1], (Mask { width: 5, height: 3, runs: vec![12, 1, 2] }, 1.0));
        assert_eq!(segmenter.masks(Flow::default(), &frame(), &[]).await, Ok(vec![]));

        drop(segmenter);
        device.join().unwrap();
    }

    #[tokio::test]
    async fn without_boxes_the_network_is_not_called() {
        let mut device = Device::new("test", Arc::new(Metrics::new()));
        let budget =
            Budget { max_requests: NonZeroUsize::MIN, max_tokens: 1, patience: Duration::from_secs(1) };
        let view = View::longest_side(32);
        let segmenter =
            Segmenter::new(device.lane(Stage::Segment, filler(), budget), view, Workers::default());
        // The device never starts and is gone: any call would fail.
        drop(device);
        assert_eq!(segmenter.masks(Flow::default(), &frame(), &[]).await, Ok(vec![]));
    }
}
