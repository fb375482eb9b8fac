//! Box groups: the distinct boxes of each picture, within the limit of mask pixels, as the segmenter gets them.

use std::collections::HashMap;

use crate::domain::BBox;

/// The index of a picture among those with boxes, and the index of a box among that picture's boxes.
type Place = (usize, usize);

/// The boxes of a post by picture.
#[derive(Debug, Default, PartialEq)]
pub(super) struct BoxGroups {
    /// Pictures with boxes, and their distinct boxes.
    pub(super) pictures: Vec<(usize, Vec<BBox>)>,
    /// For each box that was given, its picture and its number there; none where the box was dropped.
    pub(super) places: Vec<Option<Place>>,
    /// Distinct boxes beyond the limit.
    pub(super) dropped: usize,
}

impl BoxGroups {
    /// Groups boxes, each given as picture, pixels of that picture and box, until the masks have `max_pixels` together.
    /// A smaller picture may still fit where a larger one did not.
    pub(super) fn new(boxes: impl Iterator<Item = (usize, u64, BBox)>, max_pixels: u64) -> Self {
        let mut groups: HashMap<usize, usize> = HashMap::new();
        let mut known: HashMap<(usize, [u32; 4]), Option<Place>> = HashMap::new();
        let (mut all, mut left) = (Self::default(), max_pixels);
        for (picture, pixels, bbox) in boxes {
            let edges = [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(f32::to_bits);
            let place = *known.entry((picture, edges)).or_insert_with(|| {
                let Some(rest) = left.checked_sub(pixels) else {
                    all.dropped += 1;
                    return None;
                };
                left = rest;
                let group = *groups.entry(picture).or_insert_with(|| {
                    all.pictures.push((picture, Vec::new()));
                    all.pictures.len() - 1
                });
                let own = &mut all.pictures[group].1;
                own.push(bbox);
                Some((group, own.len() - 1))
            });
            all.places.push(place);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x0: f32) -> BBox {
        BBox { x0, y0: 0.0, x1: 9.0, y1: 9.0 }
    }

    #[test]
    fn equal_boxes_of_a_picture_are_segmented_once_and_pictures_keep_their_own() {
        let places = [(4, 10, at(1.0)), (2, 10, at(1.0)), (4, 10, at(2.0)), (4, 10, at(1.0))];
        let boxes = BoxGroups::new(places.into_iter(), 100);
        assert_eq!(boxes.pictures, [(4, vec![at(1.0), at(2.0)]), (2, vec![at(1.0)])]);
        assert_eq!(boxes.places, [Some((0, 0)), Some((1, 0)), Some((0, 1)), Some((0, 0))]);
        assert_eq!(boxes.dropped, 0);
    }

    #[test]
    fn boxes_beyond_the_pixel_limit_are_counted_and_those_that_still_fit_are_kept() {
        let places = [
            (0, 60, at(1.0)),
            (0, 60, at(2.0)),
            (1, 40, at(1.0)),
            (0, 60, at(1.0)),
            (0, 60, at(2.0)),
            (1, 40, at(3.0)),
        ];
        let boxes = BoxGroups::new(places.into_iter(), 100);
        assert_eq!(boxes.pictures, [(0, vec![at(1.0)]), (1, vec![at(1.0)])]);
        assert_eq!(boxes.places, [Some((0, 0)), None, Some((1, 0)), Some((0, 0)), None, None]);
        assert_eq!(boxes.dropped, 2);
    }
}
