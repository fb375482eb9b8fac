//! Which boxes does the segmenter get? Equal ones of a picture once, and no more pixels than one post may.

use std::collections::HashMap;

use crate::domain::BBox;

/// A picture among those with boxes, and a box among its own.
type Place = (usize, usize);

/// The boxes of a post, picture by picture.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Boxes {
    /// Pictures with boxes, and their distinct boxes.
    pub(super) pictures: Vec<(usize, Vec<BBox>)>,
    /// For each place that was found, which of the pictures and which box of it; none where that was left out.
    pub(super) of: Vec<Option<Place>>,
    /// Distinct boxes that were left out.
    pub(super) left_out: usize,
}

impl Boxes {
    /// Takes places in the order in which they were asked for, each a picture, that picture's pixels and a box, as long
    /// as the masks together have no more than `most` pixels; a smaller picture may still fit where a larger did not.
    pub(super) fn new(places: impl Iterator<Item = (usize, u64, BBox)>, most: u64) -> Self {
        let mut groups: HashMap<usize, usize> = HashMap::new();
        let mut known: HashMap<(usize, [u32; 4]), Option<Place>> = HashMap::new();
        let (mut boxes, mut left) = (Self::default(), most);
        for (picture, pixels, bbox) in places {
            let edges = [bbox.x0, bbox.y0, bbox.x1, bbox.y1].map(f32::to_bits);
            let of = *known.entry((picture, edges)).or_insert_with(|| {
                let Some(rest) = left.checked_sub(pixels) else {
                    boxes.left_out += 1;
                    return None;
                };
                left = rest;
                let group = *groups.entry(picture).or_insert_with(|| {
                    boxes.pictures.push((picture, Vec::new()));
                    boxes.pictures.len() - 1
                });
                let own = &mut boxes.pictures[group].1;
                own.push(bbox);
                Some((group, own.len() - 1))
            });
            boxes.of.push(of);
        }
        boxes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x0: f32) -> BBox {
        BBox { x0, y0: 0.0, x1: 9.0, y1: 9.0 }
    }

    #[test]
    fn equal_boxes_of_a_picture_are_drawn_once_and_pictures_keep_their_own() {
        let places = [(4, 10, at(1.0)), (2, 10, at(1.0)), (4, 10, at(2.0)), (4, 10, at(1.0))];
        let boxes = Boxes::new(places.into_iter(), 100);
        assert_eq!(boxes.pictures, [(4, vec![at(1.0), at(2.0)]), (2, vec![at(1.0)])]);
        assert_eq!(boxes.of, [Some((0, 0)), Some((1, 0)), Some((0, 1)), Some((0, 0))]);
        assert_eq!(boxes.left_out, 0);
    }

    #[test]
    fn what_exceeds_the_pixels_is_counted_and_what_still_fits_is_drawn() {
        let places = [
            (0, 60, at(1.0)),
            (0, 60, at(2.0)),
            (1, 40, at(1.0)),
            (0, 60, at(1.0)),
            (0, 60, at(2.0)),
            (1, 40, at(3.0)),
        ];
        let boxes = Boxes::new(places.into_iter(), 100);
        assert_eq!(boxes.pictures, [(0, vec![at(1.0)]), (1, vec![at(1.0)])]);
        assert_eq!(boxes.of, [Some((0, 0)), None, Some((1, 0)), Some((0, 0)), None, None]);
        assert_eq!(boxes.left_out, 2);
    }
}
