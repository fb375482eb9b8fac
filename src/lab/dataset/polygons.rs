//! Polygons as masks: the pixels whose centre lies within, by the even-odd rule.

use crate::domain::{BBox, Mask};

/// A corner in pixels of the picture: from the left, from the top.
pub(super) type Point = [f64; 2];

/// The mask of polygons that together outline one object, in a picture of this size.
pub(super) fn mask(polygons: &[Vec<Point>], (width, height): (u32, u32)) -> Mask {
    let mut inside = vec![0_u8; width as usize * height as usize];
    for polygon in polygons {
        for row in 0..height {
            for [from, to] in crossings(polygon, f64::from(row) + 0.5) {
                // A pixel is inside if its centre is: from the first centre at or behind `from` to the last before `to`.
                let first = (from - 0.5).ceil().clamp(0.0, f64::from(width)) as usize;
                let end = (to - 0.5).ceil().clamp(0.0, f64::from(width)) as usize;
                let start = row as usize * width as usize;
                if first < end {
                    inside[start + first..start + end].fill(1);
                }
            }
        }
    }
    Mask::from_pixels(&inside, width, height)
}

/// Where a line at this height is within the polygon, as pairs of a beginning and an end.
fn crossings(polygon: &[Point], y: f64) -> Vec<[f64; 2]> {
    let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let crossing = |(&[x0, y0], &[x1, y1]): (&Point, &Point)| {
        ((y0 <= y) != (y1 <= y)).then(|| x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    };
    let mut found: Vec<f64> = edges.filter_map(crossing).collect();
    found.sort_by(f64::total_cmp);
    found.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The box around all corners; none without an area.
pub(super) fn bounds(polygons: &[Vec<Point>]) -> Option<BBox> {
    let mut corners = polygons.iter().flatten();
    let &[x, y] = corners.next()?;
    let [x0, y0, x1, y1] =
        corners.fold([x, y, x, y], |[x0, y0, x1, y1], &[x, y]| [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]);
    (x0 < x1 && y0 < y1).then_some(BBox { x0: x0 as f32, y0: y0 as f32, x1: x1 as f32, y1: y1 as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_covers_the_pixels_whose_centres_it_holds() {
        let square = vec![[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 3.0]];
        assert_eq!(
            mask(std::slice::from_ref(&square), (4, 4)).to_pixels(),
            [0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0]
        );
        let triangle = vec![[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]];
        assert_eq!(mask(&[triangle], (4, 4)).area(), 6 + 4 - 4, "the centres left of the slope");
        let apart = vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
        assert_eq!(mask(&[square, apart], (4, 4)).area(), 5, "two parts of one object");
    }

    #[test]
    fn corners_beside_the_picture_are_cut_off() {
        let around = vec![vec![[-5.0, -5.0], [9.0, -5.0], [9.0, 9.0], [-5.0, 9.0]]];
        assert_eq!(mask(&around, (3, 2)).area(), 6);
        assert_eq!(bounds(&around), Some(BBox { x0: -5.0, y0: -5.0, x1: 9.0, y1: 9.0 }));
        assert_eq!(bounds(&[vec![[1.0, 1.0], [1.0, 4.0]]]), None);
    }
}
