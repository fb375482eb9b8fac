//! Batches of regions: their pictures at the size of the network, and the boxes by which they are asked.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use anyhow::Result;
use tch::Tensor;

use super::super::present::Batched;
use super::prompts::Mover;
use super::regions::Regions;
use crate::common::imaging::{Picture, View};
use crate::input::decode;

/// Regions with their pictures, as plain numbers. Those of one picture follow each other.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    /// The regions.
    pub(super) prompts: Vec<Prompt>,
}

/// One region, asked by a box.
#[derive(Debug, Clone)]
pub(super) struct Prompt {
    /// Which region of the split.
    pub(super) region: usize,
    /// Its picture, which other regions share.
    pub(super) picture: Arc<Picture>,
    /// Left, top, right, bottom in pixels of the picture.
    pub(super) corners: [f32; 4],
}

/// Makes batches of the regions of a split.
pub(super) struct Loader {
    /// All of them.
    pub(super) regions: Arc<Regions>,
    /// The limits of pictures.
    pub(super) limits: decode::Config,
    /// How the network sees pictures.
    pub(super) view: View,
}

impl Loader {
    /// The batch of these regions, by their numbers; at a step of a training their boxes are moved.
    ///
    /// # Errors
    /// A picture has changed since it was checked.
    pub(super) fn batch(
        &self,
        numbers: impl IntoIterator<Item = usize>,
        step: Option<(i64, &Mover)>,
    ) -> Result<Batch> {
        let mut prompts: Vec<Prompt> = Vec::new();
        let mut last: Option<(usize, Arc<Picture>)> = None;
        // In the order of their pictures, so that one picture is in memory, and encoded, once.
        for number in numbers.into_iter().collect::<BTreeSet<_>>() {
            let Some(region) = self.regions.regions.get(number) else { continue };
            let picture = match &last {
                Some((known, picture)) if *known == region.picture => Arc::clone(picture),
                _ => self.view.of(&self.regions.pictures[region.picture].frame(&self.limits)?),
            };
            let exact = picture.resized(&region.bbox);
            let corners = step.map_or(exact, |(step, mover)| {
                mover.moved(exact, (step, number), (picture.width, picture.height))
            });
            last = Some((region.picture, Arc::clone(&picture)));
            prompts.push(Prompt { region: number, picture, corners });
        }
        Ok(Batch { prompts })
    }
}

impl Batched for Batch {
    fn len(&self) -> usize {
        self.prompts.len()
    }
}

impl Batch {
    /// Some of the regions.
    #[must_use]
    pub(super) fn part(&self, part: Range<usize>) -> Part<'_> {
        let prompts = &self.prompts[part];
        let (mut pictures, mut rows): (Vec<&Arc<Picture>>, Vec<i64>) = (Vec::new(), Vec::new());
        for Prompt { picture, .. } in prompts {
            if pictures.last().is_none_or(|last| !Arc::ptr_eq(last, picture)) {
                pictures.push(picture);
            }
            rows.push(pictures.len() as i64 - 1);
        }
        Part { prompts, pictures, rows }
    }
}

/// Regions that are in memory as tensors together.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The regions.
    pub(super) prompts: &'a [Prompt],
    /// Their pictures.
    pub(super) pictures: Vec<&'a Arc<Picture>>,
    rows: Vec<i64>,
}

impl Part<'_> {
    /// Which of the pictures is that of each region: `[N]`.
    pub(super) fn rows(&self) -> Tensor {
        Tensor::from_slice(&self.rows)
    }

    /// The boxes: `[N, 4]`.
    pub(super) fn boxes(&self) -> Tensor {
        let corners: Vec<f32> = self.prompts.iter().flat_map(|prompt| prompt.corners).collect();
        Tensor::from_slice(&corners).view([-1, 4])
    }
}
