//! Which pixels does a polygon enclose? Those whose centres are inside.

use tiny_skia::{FillRule, Mask, PathBuilder, Transform};

/// One byte a pixel, row by row, 1 inside and 0 outside, of a picture of so many columns and rows. `corners` are x, y
/// in pixels, edges between pixels: a whole picture has the corners 0, 0 and `width`, `height`. The last is joined to
/// the first; fewer than three enclose nothing, and where lines cross, what is enclosed twice is outside.
///
/// Edges are laid to 1/64 of a pixel.
#[must_use]
pub fn inside(corners: &[[f32; 2]], width: u32, height: u32) -> Vec<u8> {
    let pixels = width as usize * height as usize;
    filled(corners, width, height).unwrap_or_else(|| vec![0; pixels])
}

/// `None` where there is nothing to fill.
fn filled(corners: &[[f32; 2]], width: u32, height: u32) -> Option<Vec<u8>> {
    let [[x, y], rest @ ..] = corners else { return None };
    let mut outline = PathBuilder::new();
    outline.move_to(*x, *y);
    for [x, y] in rest {
        outline.line_to(*x, *y);
    }
    outline.close();
    let path = outline.finish()?;
    // Neither a point nor a line up or across encloses anything, and filling one would be logged.
    let flat = path.bounds().width() <= 0.0 || path.bounds().height() <= 0.0;
    let mut mask = Mask::new(width, height).filter(|_| !flat)?;
    mask.fill_path(&path, FillRule::EvenOdd, false, Transform::identity());
    Some(mask.data().iter().map(|&covered| u8::from(covered > 0)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows as text, a character a pixel.
    fn drawn(corners: &[[f32; 2]], width: u32, height: u32) -> Vec<String> {
        let bytes = inside(corners, width, height);
        assert_eq!(bytes.len(), (width * height) as usize);
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
    fn what_encloses_nothing_paints_nothing() {
        let cases: [&[[f32; 2]]; 4] =
            [&[], &[[1.0, 1.0]], &[[1.0, 1.0]; 5], &[[0.0, 1.5], [3.0, 1.5], [2.0, 1.5]]];
        for corners in cases {
            assert_eq!(inside(corners, 3, 2), [0; 6], "{corners:?}");
        }
        assert_eq!(inside(&[[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]], 0, 7), [0_u8; 0]);
    }

    proptest! {
        /// Away from the edges, by more than they are rounded, every pixel is as the crossing rule says.
        #[test]
        fn pixels_agree_with_counted_crossings(
            corners in prop::collection::vec((0..200_i32, 0..160_i32), 3..19),
        ) {
            let corners: Vec<[f32; 2]> =
                corners.into_iter().map(|(x, y)| [x as f32 / 10.0, y as f32 / 10.0]).collect();
            let bytes = inside(&corners, 20, 16);
            for (index, &byte) in bytes.iter().enumerate() {
                let centre = [(index % 20) as f64 + 0.5, (index / 20) as f64 + 0.5];
                let edges: Vec<_> = corners.iter().zip(corners.iter().cycle().skip(1)).collect();
                if edges.iter().all(|(from, to)| distance(centre, from, to) > 1.0 / 16.0) {
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
