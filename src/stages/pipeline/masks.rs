//! Masks: the pixels of each box of a post, by the segmenter, or else the grounder's outlines.

use std::sync::Arc;

use futures_util::future::try_join_all;

use crate::common::imaging::Workers;
use crate::domain::{Degradation, DegradedCode, Mask, Media, Post, Region};
use crate::scheduler::{CallError, Flow};
use crate::stages::ground::Located;
use crate::stages::segment::Segmenter;

use super::box_groups::BoxGroups;
use super::limits::counted;

/// A mask with the confidence of the network that made it: the segmenter, or else the grounder.
#[derive(Clone)]
pub(super) struct ScoredMask {
    mask: Arc<Mask>,
    score: f32,
}

/// Who makes masks.
pub(super) struct MaskMaker<'a> {
    /// The segmenter; none: the grounder's outlines are the masks.
    pub(super) segmenter: Option<&'a Segmenter>,
    /// Threads for outlines.
    pub(super) workers: &'a Workers,
    /// Pixels of all masks of the segmenter.
    pub(super) max_pixels: u64,
    /// The least score of a mask of the segmenter.
    pub(super) min_score: f32,
}

/// The masks of a post.
pub(super) struct Masks {
    /// The mask of each query that was located in a picture.
    pub(super) of_queries: Vec<Option<ScoredMask>>,
    /// Masks beyond the limit of pixels, which are the grounder's outlines.
    pub(super) beyond_limit: usize,
    /// What else the answer lacks: masks without a pixel, and those whose score is too low.
    pub(super) notes: Vec<Degradation>,
}

impl MaskMaker<'_> {
    /// The masks of queries that were located in a picture.
    pub(super) async fn masks(
        &self,
        flow: Flow,
        post: &Post,
        queries: &[Option<(usize, &Located)>],
    ) -> Result<Masks, CallError> {
        let found: Vec<(usize, usize, &Located)> = (0..)
            .zip(queries)
            .filter_map(|(query, place)| place.map(|(media, located)| (query, media, located)))
            .collect();
        let mut masks: Vec<Option<ScoredMask>> = queries.iter().map(|_| None).collect();
        let Some(segmenter) = self.segmenter else {
            for &(query, media, located) in &found {
                masks[query] = Some(outline_mask(self.workers, &post.media[media], located).await);
            }
            return Ok(Masks::new(masks, 0, 0, self.min_score));
        };
        let bbox = |&(_, media, located): &(usize, usize, &Located)| {
            let frame = &post.media[media].frame;
            (media, u64::from(frame.width) * u64::from(frame.height), located.bbox)
        };
        let groups = BoxGroups::new(found.iter().map(bbox), self.max_pixels);
        let calls = groups.pictures.iter().map(|(media, boxes)| {
            let frame = &post.media[*media].frame;
            segmenter.masks(flow, frame, boxes)
        });
        let segmented = try_join_all(calls).await?;
        let segmented: Vec<Vec<ScoredMask>> =
            segmented.into_iter().map(|masks| masks.into_iter().map(ScoredMask::from).collect()).collect();
        let mut doubtful = 0;
        for (&(query, media, located), place) in found.iter().zip(&groups.places) {
            masks[query] = Some(match place {
                Some((picture, number)) => {
                    let mask = &segmented[*picture][*number];
                    // A mask without a pixel is noted as such, whatever its score.
                    let is_doubtful = mask.score < self.min_score && mask.mask.area() > 0;
                    doubtful += usize::from(is_doubtful);
                    if is_doubtful { mask.withheld() } else { mask.clone() }
                }
                None => outline_mask(self.workers, &post.media[media], located).await,
            });
        }
        Ok(Masks::new(masks, groups.dropped, doubtful, self.min_score))
    }
}

impl Masks {
    /// `doubtful` masks were withheld because their scores are below `least`.
    fn new(of_queries: Vec<Option<ScoredMask>>, beyond_limit: usize, doubtful: usize, least: f32) -> Self {
        let empty = of_queries.iter().flatten().filter(|mask| mask.mask.area() == 0).count() - doubtful;
        let words = [("mask", "is"), ("masks", "are")];
        let without_pixels =
            counted(empty, words).map(|(those, are)| format!("{those} without a pixel {are} left out"));
        let below = counted(doubtful, words)
            .map(|(those, are)| format!("{those} with a score below {least} {are} left out"));
        let notes = without_pixels.into_iter().chain(below);
        Self {
            of_queries,
            beyond_limit,
            notes: notes.map(|note| DegradedCode::NoMask.because(note)).collect(),
        }
    }
}

impl ScoredMask {
    /// The score without the pixels.
    fn withheld(&self) -> Self {
        Self { mask: Arc::new(Mask::without_pixels(self.mask.width, self.mask.height)), score: self.score }
    }

    /// The region of a box with this mask.
    pub(super) fn region(&self, media_key: String, located: &Located) -> Region {
        Region {
            media_key,
            bbox: located.bbox,
            box_score: located.likelihood,
            mask: Arc::clone(&self.mask),
            mask_score: self.score,
        }
    }
}

impl From<(Mask, f32)> for ScoredMask {
    fn from((mask, score): (Mask, f32)) -> Self {
        Self { mask: Arc::new(mask), score }
    }
}

/// The pixels within the grounder's outline.
async fn outline_mask(workers: &Workers, media: &Media, located: &Located) -> ScoredMask {
    let (width, height) = (media.frame.width, media.frame.height);
    let located = located.clone();
    workers.run(move || ScoredMask::from((located.mask(width, height), located.likelihood))).await
}
