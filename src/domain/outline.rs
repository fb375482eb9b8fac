//! Outlines of masks: polygons along the edges of pixels, with fewer corners within a bounded error.

use super::Mask;

/// A corner between pixels: column and row.
type Corner = (u32, u32);

/// A closed line of corners, the last of which is joined to the first. Outer lines go clockwise on the screen, those
/// around holes the other way.
pub type Ring = Vec<(u32, u32)>;

impl Mask {
    /// The outlines of the mask, holes included, each within `tolerance` pixels of the exact line. Painted by the
    /// even-odd rule, exact outlines (`tolerance` 0) give the mask again. Pixels that touch at a corner alone are apart.
    #[must_use]
    pub fn outlines(&self, tolerance: f64) -> Vec<Ring> {
        rings(&edges(self)).into_iter().map(|ring| simplified(&ring, tolerance)).collect()
    }

    /// The outlines without those of holes.
    #[must_use]
    pub fn outer_outlines(&self, tolerance: f64) -> Vec<Ring> {
        rings(&edges(self))
            .into_iter()
            .filter(|ring| twice_area(ring) > 0)
            .map(|ring| simplified(&ring, tolerance))
            .collect()
    }
}

/// The rows where columns change between outside and inside, from the top down.
struct Columns {
    rows: Vec<u32>,
    /// Where the rows of each column begin, and the end of all.
    begins: Vec<usize>,
}

impl Columns {
    fn of(mask: &Mask) -> Self {
        let (width, height) = (mask.width as usize, u64::from(mask.height));
        let mut columns = Self { rows: Vec::new(), begins: Vec::with_capacity(width + 1) };
        let mut end = 0_u64;
        for pair in mask.runs.chunks(2) {
            let mut start = end + u64::from(pair[0]);
            end = start + pair.get(1).map_or(0, |&run| u64::from(run));
            while start < end && height > 0 {
                let (column, row) = (start / height, start % height);
                let length = (end - start).min(height - row);
                if column < width as u64 {
                    columns.add(column as usize, row as u32, (row + length) as u32);
                }
                start += length;
            }
        }
        columns.begins.resize(width + 1, columns.rows.len());
        columns
    }

    fn add(&mut self, column: usize, top: u32, bottom: u32) {
        if column >= self.begins.len() {
            self.begins.resize(column + 1, self.rows.len());
        }
        // A run without pixels divides nothing.
        match self.rows[self.begins[column]..].last_mut().filter(|last| **last == top) {
            Some(last) => *last = bottom,
            None => self.rows.extend([top, bottom]),
        }
    }

    /// The rows of a column; none beside the mask.
    fn of_column(&self, column: usize) -> &[u32] {
        match self.begins.get(column..column.saturating_add(2)) {
            Some(&[begin, end]) => &self.rows[begin..end],
            _ => &[],
        }
    }
}

/// An edge between two columns, with the inside on its right.
struct Edge {
    x: u32,
    top: u32,
    bottom: u32,
    is_up: bool,
    /// The edge that follows behind the line along a row from the end of this one.
    next: usize,
}

/// The edges between columns, from left to right and from top to bottom.
fn edges(mask: &Mask) -> Vec<Edge> {
    let columns = Columns::of(mask);
    let mut edges: Vec<Edge> = Vec::new();
    // The columns on both sides, and for each of their rows the edge where the line along it begins on the left.
    let (mut left, mut from_left): (&[u32], Vec<usize>) = (&[], Vec::new());
    let mut from_right: Vec<usize> = Vec::new();
    for x in 0..=mask.width {
        let right = columns.of_column(x as usize);
        let (mut passed_left, mut passed_right) = (0, 0);
        while let Some(&row) =
            left[passed_left..].first().into_iter().chain(right[passed_right..].first()).min()
        {
            let is_inside = |passed: usize| passed % 2 == 1;
            let (left_above, right_above) = (is_inside(passed_left), is_inside(passed_right));
            let (meets_left, meets_right) =
                (left.get(passed_left) == Some(&row), right.get(passed_right) == Some(&row));
            let above = (left_above != right_above).then(|| edges.len() - 1);
            let (left_below, right_below) = (left_above != meets_left, right_above != meets_right);
            let below = (left_below != right_below).then_some(edges.len());
            if let Some(above) = above {
                edges[above].bottom = row;
            }
            if below.is_some() {
                edges.push(Edge { x, top: row, bottom: row, is_up: right_below, next: 0 });
            }
            // Where pixels touch at a corner alone, each line goes on at the edge of its own pixel.
            let own = |is_above: bool| if is_above { above.or(below) } else { below.or(above) };
            if meets_left {
                match own(left_above) {
                    Some(edge) if left_above => edges[edge].next = from_left[passed_left],
                    Some(edge) => edges[from_left[passed_left]].next = edge,
                    None => {}
                }
            }
            if meets_right {
                // Without an edge the line comes from the left and goes on.
                from_right.push(own(right_above).unwrap_or_else(|| from_left[passed_left]));
            }
            passed_left += usize::from(meets_left);
            passed_right += usize::from(meets_right);
        }
        (from_left, from_right) = (from_right, from_left);
        from_right.clear();
        left = right;
    }
    edges
}

/// Joins edges to rings. Each begins at its highest corner among those farthest to the left.
fn rings(edges: &[Edge]) -> Vec<Ring> {
    let mut rings = Vec::new();
    let mut is_taken = vec![false; edges.len()];
    for (first, Edge { is_up: begins_at_end, .. }) in edges.iter().enumerate() {
        if is_taken[first] {
            continue;
        }
        let (mut ring, mut at) = (Ring::new(), first);
        while !std::mem::replace(&mut is_taken[at], true) {
            let Edge { x, top, bottom, is_up, next } = edges[at];
            ring.extend(if is_up { [(x, bottom), (x, top)] } else { [(x, top), (x, bottom)] });
            at = next;
        }
        if *begins_at_end {
            ring.rotate_left(1);
        }
        rings.push(ring);
    }
    rings
}

fn twice_area(ring: &[Corner]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    let part = |(&(ax, ay), &(bx, by)): (&Corner, &Corner)| {
        i64::from(ax) * i64::from(by) - i64::from(bx) * i64::from(ay)
    };
    ring.iter().zip(next).map(part).sum()
}

/// Less than 1 by more than the squares of two equal distances differ.
const ROUNDING: f64 = 1.0 - 1e-9;

/// The ring with fewer corners: those left out are within the tolerance (Douglas and Peucker, 1973). A ring that would
/// lose its area stays as it is.
fn simplified(ring: &[Corner], tolerance: f64) -> Ring {
    let Some(&first) = ring.first() else { return Ring::new() };
    let distance = |&(x, y): &Corner| {
        let (dx, dy) = (i64::from(x) - i64::from(first.0), i64::from(y) - i64::from(first.1));
        dx * dx + dy * dy
    };
    let farthest = (0..ring.len()).max_by_key(|&place| distance(&ring[place])).unwrap_or(0);
    let point = |&(x, y): &Corner| (f64::from(x), f64::from(y));
    let closed: Vec<(f64, f64)> = ring.iter().chain([&first]).map(point).collect();
    let mut kept = vec![false; closed.len()];
    for place in [0, farthest, ring.len()] {
        kept[place] = true;
    }
    let mut pieces = vec![(0, farthest), (farthest, ring.len())];
    while let Some((begin, end)) = pieces.pop() {
        let square = |&place: &usize| {
            let (x, y) = way_to(closed[begin], closed[end], closed[place]);
            x * x + y * y
        };
        // Squares are quick, and rounded: those near the greatest are compared by their distances.
        let greatest = (begin + 1..end).map(|place| square(&place)).fold(0.0, f64::max);
        if greatest < ROUNDING * tolerance * tolerance {
            continue;
        }
        let distance = |place: usize| {
            let (x, y) = way_to(closed[begin], closed[end], closed[place]);
            (place, x.hypot(y))
        };
        let far = (begin + 1..end).filter(|place| square(place) >= ROUNDING * greatest).map(distance);
        if let Some((place, distance)) = far.max_by(|one, other| one.1.total_cmp(&other.1))
            && distance > tolerance
        {
            kept[place] = true;
            pieces.extend([(begin, place), (place, end)]);
        }
    }
    let short: Ring = ring.iter().zip(kept).filter(|(_, kept)| *kept).map(|(&corner, _)| corner).collect();
    if twice_area(&short) == 0 { ring.to_vec() } else { short }
}

/// The way from a corner to the nearest place of the piece of line between two others.
fn way_to((ax, ay): (f64, f64), (bx, by): (f64, f64), (px, py): (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((px - ax) * dx + (py - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (ax + along * dx - px, ay + along * dy - py)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let (width, height) = (rows[0].len() as u32, rows.len() as u32);
        let bytes: Vec<u8> =
            rows.iter().flat_map(|row| row.bytes().map(|byte| u8::from(byte == b'#'))).collect();
        Mask::from_pixels(&bytes, width, height)
    }

    #[test]
    fn outlines_run_clockwise_and_holes_the_other_way() {
        assert_eq!(mask(&["....", ".##.", "...."]).outlines(0.0), [vec![(1, 1), (3, 1), (3, 2), (1, 2)]]);
        let ring = mask(&["###", "#.#", "###"]);
        let outlines = ring.outlines(0.0);
        assert_eq!(outlines.len(), 2);
        assert_eq!(outlines.iter().map(|ring| twice_area(ring)).collect::<Vec<_>>(), [18, -2]);
        assert_eq!(ring.outer_outlines(0.0), [vec![(0, 0), (3, 0), (3, 3), (0, 3)]]);
        assert_eq!(mask(&["#.", ".#"]).outlines(0.0).len(), 2, "pixels that touch at a corner are apart");
        assert_eq!(mask(&["..", ".."]).outlines(0.0), Vec::<Ring>::new());
    }

    #[test]
    fn a_tolerance_leaves_corners_out_and_never_a_whole_part() {
        let stairs = mask(&["#...", "##..", "###.", "####"]);
        assert_eq!(stairs.outlines(0.0)[0].len(), 10);
        assert!(stairs.outlines(1.0)[0].len() < 6);
        assert_eq!(mask(&["#..", "...", "..."]).outlines(2.0)[0].len(), 4);
    }

    /// Paints by the even-odd rule: a pixel is inside if an odd number of vertical edges lies to its left.
    fn painted(outlines: &[Ring], width: u32, height: u32) -> Mask {
        let mut bytes = vec![0_u8; (width * height) as usize];
        for ring in outlines {
            for (&(ax, ay), &(bx, by)) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                assert!(ax == bx || ay == by, "exact outlines keep to the edges of pixels");
                for row in ay.min(by)..ay.max(by) {
                    (ax..width).for_each(|column| bytes[(row * width + column) as usize] ^= 1);
                }
            }
        }
        Mask::from_pixels(&bytes, width, height)
    }

    proptest! {
        #[test]
        fn exact_outlines_paint_the_mask_again(width in 1..12_u32, height in 1..12_u32, bytes in prop::collection::vec(0..2_u8, 144)) {
            let mask = Mask::from_pixels(&bytes[..(width * height) as usize], width, height);
            let outlines = mask.outlines(0.0);
            prop_assert_eq!(painted(&outlines, width, height), mask.clone());
            prop_assert_eq!(outlines.iter().map(|ring| twice_area(ring)).sum::<i64>(), 2 * mask.area() as i64);
            for (short, exact) in mask.outlines(1.5).iter().zip(&outlines) {
                prop_assert!(short.len() >= 3 || exact.len() < 3);
                for &corner in exact {
                    let point = |(x, y): Corner| (f64::from(x), f64::from(y));
                    let lines = short.iter().zip(short.iter().cycle().skip(1));
                    let ways = lines.map(|(&from, &to)| way_to(point(from), point(to), point(corner)));
                    let nearest = ways.map(|(x, y)| x.hypot(y)).fold(f64::MAX, f64::min);
                    prop_assert!(nearest <= 1.5 || short == exact);
                }
            }
        }
    }
}
