//! Requests of a bench's posts: numbers and sizes are the means of the paper's data, and no two posts share a picture.

use std::sync::Arc;

use super::requests::{PROMPT, tokens, words};
use crate::common::imaging::{Picture, View};
use crate::domain::{BBox, ContentHash, Stage};
use crate::networks::bundle::Bundle;
use crate::networks::descriptor::Reads;
use crate::networks::weights::BundleError;
use crate::stages::{entail, ground, recognise, segment};

/// What posts have in the mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix {
    /// Entities.
    pub(super) entities: f64,
    /// Entities that the picture shows.
    pub(super) depicted: f64,
    /// Pictures that are segmented.
    pub(super) pictures: f64,
}

/// The requests of many posts for the networks of a bundle.
pub(super) struct Workload {
    mix: Mix,
    posts: usize,
    recognise: Reads,
    entail: (View, Reads),
    ground: (View, Reads),
    segment: Option<View>,
}

/// The requests of one post.
pub(super) struct BenchPost {
    pub(super) recognise: recognise::Request,
    pub(super) entail: Vec<entail::Request>,
    pub(super) ground: Vec<ground::Request>,
    pub(super) segment: Option<segment::Request>,
}

impl Workload {
    /// # Errors
    /// The bundle lacks a network.
    pub(super) fn new(bundle: &Bundle, mix: Mix, posts: usize) -> Result<Self, BundleError> {
        let (entail, ground) = (&bundle.entail()?.network, &bundle.ground()?.network);
        let segment = bundle.segment_or_outlines()?.filter(|_| mix.pictures > 0.0);
        Ok(Self {
            mix,
            posts,
            recognise: bundle.recognise()?.network.reads(),
            entail: (entail.view(), entail.reads()),
            ground: (ground.view(), ground.reads()),
            segment: segment.map(|segment| segment.network.view()),
        })
    }

    pub(super) fn posts(&self) -> usize {
        self.posts
    }

    /// Whether any picture is segmented.
    pub(super) fn segments(&self) -> bool {
        self.segment.is_some()
    }

    /// All requests of one post.
    pub(super) fn post(&self, number: usize) -> BenchPost {
        BenchPost {
            recognise: words(self.recognise.rows, self.recognise.longest),
            entail: self.entail_of(number),
            ground: self.ground_of(number),
            segment: self.segment_of(number),
        }
    }

    pub(super) fn recognise(&self) -> impl Iterator<Item = recognise::Request> {
        (0..self.posts).map(|_| words(self.recognise.rows, self.recognise.longest))
    }

    pub(super) fn entail(&self) -> impl Iterator<Item = entail::Request> {
        (0..self.posts).flat_map(|number| self.entail_of(number))
    }

    pub(super) fn ground(&self) -> impl Iterator<Item = ground::Request> {
        (0..self.posts).flat_map(|number| self.ground_of(number))
    }

    pub(super) fn segment(&self) -> impl Iterator<Item = segment::Request> {
        (0..self.posts).filter_map(|number| self.segment_of(number))
    }

    fn entail_of(&self, number: usize) -> Vec<entail::Request> {
        let (view, reads) = self.entail;
        let count = spread(self.mix.entities, number);
        let picture = (count > 0).then(|| picture(Stage::Entail, number, view));
        let request = |picture: Arc<Picture>| entail::Request { picture, prompt: prompt(reads) };
        picture.map(|picture| vec![request(picture); count]).unwrap_or_default()
    }

    fn ground_of(&self, number: usize) -> Vec<ground::Request> {
        let (view, reads) = self.ground;
        let count = spread(self.mix.depicted, number);
        let picture = (count > 0).then(|| picture(Stage::Ground, number, view));
        let request = |picture: Arc<Picture>| ground::Request { picture, prompt: prompt(reads) };
        picture.map(|picture| vec![request(picture); count]).unwrap_or_default()
    }

    /// The boxes of all depicted entities, on the share of pictures that is segmented.
    fn segment_of(&self, number: usize) -> Option<segment::Request> {
        let view = self.segment.filter(|_| spread(self.mix.pictures, number) > 0)?;
        let boxes = spread(self.mix.depicted / self.mix.pictures, number).max(1);
        let edge = view.side as f32 / 2.0;
        let bbox = BBox { x0: edge / 2.0, y0: 0.0, x1: edge * 1.5, y1: edge };
        Some(segment::Request { picture: picture(Stage::Segment, number, view), boxes: vec![bbox; boxes] })
    }
}

/// A whole number for each post whose mean over many is `mean`.
fn spread(mean: f64, number: usize) -> usize {
    let up_to = |posts: usize| (mean * posts as f64).floor() as usize;
    up_to(number + 1) - up_to(number)
}

fn prompt(reads: Reads) -> Vec<u32> {
    tokens(PROMPT.min(reads.longest), reads.rows)
}

/// A plain picture as large as the network reads, of a hash of its own.
fn picture(stage: Stage, number: usize, view: View) -> Arc<Picture> {
    let hash = ContentHash(*blake3::hash(format!("{stage} {number}").as_bytes()).as_bytes());
    let side = view.side;
    let rgb = vec![(number * 37 % 256) as u8; 3 * (side * side) as usize];
    Arc::new(Picture { hash, width: side, height: side, original_width: side, original_height: side, rgb })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_come_to_their_mean() {
        for mean in [0.0, 0.561, 0.668, 1.0, 1.678] {
            let sum: usize = (0..1000).map(|number| spread(mean, number)).sum();
            assert_eq!(sum, (mean * 1000.0) as usize, "{mean}");
            assert!((0..1000).all(|number| (spread(mean, number) as f64 - mean).abs() < 1.0));
        }
    }
}
