//! Polygons to masks: a pixel is inside if its centre is.

use crate::domain::{Mask, RunLengthBuilder};

/// The mask of a polygon in a picture of so many columns and rows. `corners` are x, y in pixels, coordinates between
/// pixels: a whole picture has the corners 0, 0 and `width`, `height`. The last corner is joined to the first; fewer
/// than three enclose nothing. The even-odd rule decides where lines cross. A centre on a line belongs to the side
/// right of it or below.
///
/// Columns are filled one by one: only the runs are held in memory.
#[must_use]
pub fn mask(corners: &[[f32; 2]], width: u32, height: u32) -> Mask {
    let corners: Vec<[f64; 2]> = corners.iter().map(|corner| corner.map(f64::from)).collect();
    let across = |fold: fn(f64, f64) -> f64| corners.iter().map(|corner| corner[0]).reduce(fold);
    let left = across(f64::min).map_or(0, |x| first_centre(x, width));
    let right = across(f64::max).map_or(0, |x| first_centre(x, width));
    let edges = || corners.iter().zip(corners.iter().cycle().skip(1));

    let mut runs = RunLengthBuilder::default();
    let mut crossings = Vec::new();
    for column in left..right {
        crossings.clear();
        crossings.extend(edges().filter_map(|(from, to)| crossing(from, to, f64::from(column) + 0.5)));
        crossings.sort_unstable_by(f64::total_cmp);
        let first = u64::from(column) * u64::from(height);
        // The pixels between the first and the second crossing are inside, and so on: closed lines are crossed in
        // pairs.
        for y in crossings.chunks_exact(2).flatten() {
            runs.toggle_at(first + u64::from(first_centre(*y, height)));
        }
    }
    runs.finish(width, height)
}

/// The first pixel of a row or column whose centre is not before this place; one past the last if there is none.
fn first_centre(place: f64, pixels: u32) -> u32 {
    // Places before the first pixel become 0.
    ((place - 0.5).ceil() as u32).min(pixels)
}

/// Where an edge crosses the vertical line at `x`. The left end belongs to the edge, the right end does not. NaN
/// crosses nothing.
fn crossing([x0, y0]: &[f64; 2], [x1, y1]: &[f64; 2], x: f64) -> Option<f64> {
    let crossed = (*x0 > x) != (*x1 > x);
    crossed.then(|| y0 + (x - x0) / (x1 - x0) * (y1 - y0)).filter(|y| y.is_finite())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows as text, a character a pixel.
    fn drawn(corners: &[[f32; 2]], width: u32, height: u32) -> Vec<String> {
        let bytes = mask(corners, width, height).to_pixels();
        let row = |row: &[u8]| row.iter().map(|&byte| if byte == 1 { '#' } else { '.' }).collect();
        bytes.chunks(width as usize).map(row).collect()
    }

    type Case<'a> = (&'a str, &'a [[f32; 2]], [&'a str; 4]);

    #[test]
    fn shapes_drawn_by_hand() {
        let square = [[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
        // The hypotenuse leaves out the centres on its far side: x + y > 4.9.
        let triangle = [[0.0, 0.0], [4.9, 0.0], [0.0, 4.9]];
        // An L around the upper right corner.
        let hollow = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [5.0, 2.0], [5.0, 4.0], [0.0, 4.0]];
        let bow_tie = [[0.0, 0.0], [5.0, 4.0], [5.0, 0.0], [0.0, 4.0]];
        // Twice around the same square: what is enclosed twice is outside.
        let twice = [square, square].concat();
        let cases: [Case<'_>; 9] = [
            ("a square on the edges of pixels", &square, [".....", ".###.", ".###.", "....."]),
            ("the whole picture", &[[0.0, 0.0], [5.0, 0.0], [5.0, 4.0], [0.0, 4.0]], ["#####"; 4]),
            (
                "beyond the picture",
                &[[-9.0, 1.0], [90.0, 1.0], [90.0, 90.0], [-9.0, 90.0]],
                [".....", "#####", "#####", "#####"],
            ),
            ("less than half of each pixel", &[[0.6, 0.6], [1.4, 0.6], [1.4, 1.4], [0.6, 1.4]], ["....."; 4]),
            ("a triangle", &triangle, ["####.", "###..", "##...", "#...."]),
            ("a corner that goes in", &hollow, ["##...", "##...", "#####", "#####"]),
            ("lines that cross", &bow_tie, ["#...#", "##.##", "##.##", "#...#"]),
            ("twice around", &twice, ["....."; 4]),
            ("a line", &[[0.0, 0.0], [5.0, 4.0]], ["....."; 4]),
        ];
        for (name, corners, expected) in cases {
            assert_eq!(drawn(corners, 5, 4), expected, "{name}");
        }
    }

    #[test]
    fn corners_that_enclose_nothing_give_an_empty_mask() {
        let cases: [&[[f32; 2]]; 5] = [
            &[],
            &[[1.0, 1.0]],
            &[[1.0, 1.0]; 5],
            &[[0.0, 1.5], [3.0, 1.5], [2.0, 1.5]],
            &[[0.0, 0.0], [3.0, f32::NAN], [f32::NAN, 2.0]],
        ];
        for corners in cases {
            assert_eq!(mask(corners, 3, 2).runs, [6], "{corners:?}");
        }
        assert_eq!(mask(&[[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]], 0, 7).runs, [0]);
    }

    #[test]
    fn a_centre_on_a_line_belongs_to_the_side_right_of_it_or_below() {
        let square = [[1.5, 1.5], [3.5, 1.5], [3.5, 2.5], [1.5, 2.5]];
        assert_eq!(drawn(&square, 5, 4), [".....", ".##..", ".....", "....."]);
        let (left, right) = ([[0.0, 0.0], [5.0, 0.0], [0.0, 4.0]], [[5.0, 0.0], [5.0, 4.0], [0.0, 4.0]]);
        let together = mask(&left, 5, 4).area() + mask(&right, 5, 4).area();
        assert_eq!(together, 20, "halves of a picture share no pixel and leave none out");
    }

    #[test]
    fn a_large_picture_costs_no_more_than_its_runs() {
        let whole =
            mask(&[[0.0, 0.0], [16_384.0, 0.0], [16_384.0, 16_384.0], [0.0, 16_384.0]], 16_384, 16_384);
        assert_eq!(whole.runs, [0, 1 << 28]);
        let half =
            mask(&[[8192.0, 0.0], [16_384.0, 0.0], [16_384.0, 16_384.0], [8192.0, 16_384.0]], 16_384, 16_384);
        assert_eq!(half.runs, [1 << 27, 1 << 27]);
    }

    proptest! {
        /// Away from the edges every pixel is as lines across, not down, say.
        #[test]
        fn pixels_agree_with_counted_crossings(
            corners in prop::collection::vec((0..200_i32, 0..160_i32), 3..19),
        ) {
            let corners: Vec<[f32; 2]> =
                corners.into_iter().map(|(x, y)| [x as f32 / 10.0, y as f32 / 10.0]).collect();
            let bytes = mask(&corners, 20, 16).to_pixels();
            for (index, &byte) in bytes.iter().enumerate() {
                let centre = [(index % 20) as f64 + 0.5, (index / 20) as f64 + 0.5];
                let edges: Vec<_> = corners.iter().zip(corners.iter().cycle().skip(1)).collect();
                if edges.iter().all(|(from, to)| distance(centre, from, to) > 1e-9) {
                    let crossings = edges.iter().filter(|(from, to)| is_crossed(centre, from, to)).count();
                    prop_assert_eq!(usize::from(byte), crossings % 2, "pixel {} of {:?}", index, corners);
                }
            }
        }
    }

    /// Whether an edge is right of a point, level with it.
    fn is_crossed([x, y]: [f64; 2], from: &[f32; 2], to: &[f32; 2]) -> bool {
        let [x0, y0, x1, y1] = [from[0], from[1], to[0], to[1]].map(f64::from);
        (y0 > y) != (y1 > y) && x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x
    }

    fn distance([x, y]: [f64; 2], from: &[f32; 2], to: &[f32; 2]) -> f64 {
        let [x0, y0, x1, y1] = [from[0], from[1], to[0], to[1]].map(f64::from);
        let length = (x1 - x0).powi(2) + (y1 - y0).powi(2);
        let along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length.max(1e-12);
        let along = along.clamp(0.0, 1.0);
        (x - x0 - along * (x1 - x0)).hypot(y - y0 - along * (y1 - y0))
    }
}
