//! Candidate regions: boxes of a picture, one of which a joint network chooses, as plain values; and the grid of a bundle.

use serde::{Deserialize, Serialize};

/// Left, top, right and bottom as fractions of the picture, 0 to 1.
pub type Candidate = [f32; 4];

/// Candidates that are the same for every picture: boxes of some shapes, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Width and height of each shape as fractions of the picture.
    pub shapes: Vec<[f32; 2]>,
    /// The largest distance between two neighbours of a shape, in parts of its side.
    pub stride: f32,
}

/// The most candidates of a picture: each costs as much as a patch of it.
pub(super) const MOST: usize = 4096;

impl Grid {
    /// The boxes of all shapes. Those of a shape cover the picture evenly, from edge to edge.
    #[must_use]
    pub fn boxes(&self) -> Vec<Candidate> {
        let mut all = Vec::new();
        for &[width, height] in &self.shapes {
            let (lefts, tops) = (self.starts(width), self.starts(height));
            all.extend(tops.iter().flat_map(|&top| {
                lefts.iter().map(move |&left| [left, top, (left + width).min(1.0), (top + height).min(1.0)])
            }));
        }
        all
    }

    /// Where the boxes of one side begin: at 0, at `1 - side`, and between at equal distances of at most `stride` sides.
    fn starts(&self, side: f32) -> Vec<f32> {
        let room = (1.0 - side).max(0.0);
        // A hundredth of a step less is no reason for one more box.
        let steps = (room / (side * self.stride) - 0.01).ceil().max(0.0) as usize;
        (0..=steps).map(|step| if steps == 0 { 0.0 } else { room * step as f32 / steps as f32 }).collect()
    }

    /// Why there can be no such grid.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let is_side = |side: &f32| (0.02..=1.0).contains(side);
        if self.shapes.is_empty() || !self.shapes.iter().flatten().all(is_side) {
            return Some("its shapes have sides from 0.02 to 1, and there is at least one".to_owned());
        }
        if !(0.05..=1.0).contains(&self.stride) {
            return Some("its stride is from 0.05 to 1".to_owned());
        }
        let count = self.boxes().len();
        (count > MOST).then(|| format!("it has at most {MOST} boxes, not {count}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boxes_of_a_shape_go_from_edge_to_edge() {
        let grid = Grid { shapes: vec![[0.5, 1.0], [0.4, 0.5]], stride: 0.5 };
        let boxes = grid.boxes();
        assert_eq!(boxes[..3], [[0.0, 0.0, 0.5, 1.0], [0.25, 0.0, 0.75, 1.0], [0.5, 0.0, 1.0, 1.0]]);
        assert_eq!(boxes.len(), 3 + 4 * 3);
        assert_eq!(boxes[14], [0.6, 0.5, 1.0, 1.0]);
        assert!(boxes.iter().flatten().all(|edge| (0.0..=1.0).contains(edge)));
        assert_eq!(grid.fault(), None);
    }

    #[test]
    fn a_grid_that_no_network_could_read_is_refused() {
        let grid = |shapes: &[[f32; 2]], stride| Grid { shapes: shapes.to_vec(), stride };
        for (grid, words) in [
            (grid(&[], 0.5), "at least one"),
            (grid(&[[0.5, 1.5]], 0.5), "sides from 0.02 to 1"),
            (grid(&[[0.5, f32::NAN]], 0.5), "sides from 0.02 to 1"),
            (grid(&[[0.5, 0.5]], 0.0), "stride is from 0.05 to 1"),
            (grid(&[[0.02, 0.02]], 0.05), "at most 4096 boxes"),
        ] {
            let fault = grid.fault().unwrap();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
