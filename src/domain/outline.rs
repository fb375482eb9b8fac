//! Outlines of masks: polygons along the edges of pixels, with fewer corners within a bounded error.

use std::collections::HashMap;

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
        rings(edges(self)).into_iter().map(|ring| simplified(&ring, tolerance)).collect()
    }

    /// The outlines without those of holes.
    #[must_use]
    pub fn outer_outlines(&self, tolerance: f64) -> Vec<Ring> {
        rings(edges(self))
            .into_iter()
            .filter(|ring| twice_area(ring) > 0)
            .map(|ring| simplified(&ring, tolerance))
            .collect()
    }
}

/// The rows of each column that are inside, as ranges.
fn columns(mask: &Mask) -> Vec<Vec<(u32, u32)>> {
    let height = u64::from(mask.height);
    let mut columns = vec![Vec::new(); mask.width as usize];
    let mut end = 0_u64;
    for pair in mask.runs.chunks(2) {
        let mut start = end + u64::from(pair[0]);
        end = start + pair.get(1).map_or(0, |&run| u64::from(run));
        while start < end && height > 0 {
            let (column, row) = (start / height, start % height);
            let length = (end - start).min(height - row);
            if let Some(ranges) = columns.get_mut(column as usize) {
                ranges.push((row as u32, (row + length) as u32));
            }
            start += length;
        }
    }
    columns
}

/// Edges between inside and outside, with the inside on the right, by the corner where they start. At most two start at
/// one corner.
fn edges(mask: &Mask) -> HashMap<Corner, Vec<Corner>> {
    let columns = columns(mask);
    let mut edges: HashMap<Corner, Vec<Corner>> = HashMap::new();
    let mut add = |from, to| edges.entry(from).or_default().push(to);
    let none = Vec::new();
    for x in 0..=mask.width {
        let right = columns.get(x as usize).unwrap_or(&none);
        for &(top, bottom) in right {
            add((x, top), (x + 1, top));
            add((x + 1, bottom), (x, bottom));
        }
        let left = x.checked_sub(1).and_then(|left| columns.get(left as usize)).unwrap_or(&none);
        difference(right, left, |top, bottom| add((x, bottom), (x, top)));
        difference(left, right, |top, bottom| add((x, top), (x, bottom)));
    }
    edges
}

/// Passes the rows of `these` that are not in `others`, as ranges. Both are in order.
fn difference(these: &[(u32, u32)], others: &[(u32, u32)], mut take: impl FnMut(u32, u32)) {
    let mut others = others.iter().peekable();
    for &(mut start, end) in these {
        while start < end {
            while others.next_if(|(_, other_end)| *other_end <= start).is_some() {}
            let (next_start, next_end) = others.peek().map_or((end, end), |&&(from, to)| (from.min(end), to));
            if start < next_start {
                take(start, next_start);
            }
            start = next_end.max(next_start);
        }
    }
}

/// Joins edges to rings, and straight edges to one.
fn rings(mut edges: HashMap<Corner, Vec<Corner>>) -> Vec<Ring> {
    let mut starts: Vec<Corner> = edges.keys().copied().collect();
    starts.sort_unstable();
    let mut rings = Vec::new();
    for start in starts {
        while let Some(second) = edges.get_mut(&start).and_then(Vec::pop) {
            let mut ring = vec![start];
            let (mut from, mut at) = (start, second);
            while at != start {
                ring.push(at);
                let Some(next) = edges.get_mut(&at).and_then(|ends| take_next(from, at, ends)) else { break };
                (from, at) = (at, next);
            }
            rings.push(without_straight_corners(&ring));
        }
    }
    rings
}

/// The edge that goes on from a corner. Of two, the one to the right: it keeps to the same pixel.
fn take_next(from: Corner, at: Corner, ends: &mut Vec<Corner>) -> Option<Corner> {
    let is_right_turn = |&to: &Corner| cross(from, at, to) > 0;
    let place = ends.iter().position(is_right_turn).unwrap_or(0);
    (place < ends.len()).then(|| ends.swap_remove(place))
}

/// Positive for a turn to the right on the screen, where rows go down.
fn cross((ax, ay): Corner, (bx, by): Corner, (cx, cy): Corner) -> i64 {
    let (ux, uy) = (i64::from(bx) - i64::from(ax), i64::from(by) - i64::from(ay));
    let (vx, vy) = (i64::from(cx) - i64::from(bx), i64::from(cy) - i64::from(by));
    ux * vy - uy * vx
}

fn without_straight_corners(ring: &[Corner]) -> Ring {
    let neighbours =
        |place: usize| (ring[(place + ring.len() - 1) % ring.len()], ring[(place + 1) % ring.len()]);
    let is_corner = |place: &usize| {
        let (before, after) = neighbours(*place);
        cross(before, ring[*place], after) != 0
    };
    (0..ring.len()).filter(is_corner).map(|place| ring[place]).collect()
}

fn twice_area(ring: &[Corner]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    let part = |(&(ax, ay), &(bx, by)): (&Corner, &Corner)| {
        i64::from(ax) * i64::from(by) - i64::from(bx) * i64::from(ay)
    };
    ring.iter().zip(next).map(part).sum()
}

/// The ring with fewer corners: those left out are within the tolerance (Douglas and Peucker, 1973). A ring that would
/// lose its area stays as it is.
fn simplified(ring: &[Corner], tolerance: f64) -> Ring {
    let Some(&first) = ring.first() else { return Ring::new() };
    let distance = |&(x, y): &Corner| {
        let (dx, dy) = (i64::from(x) - i64::from(first.0), i64::from(y) - i64::from(first.1));
        dx * dx + dy * dy
    };
    let farthest = (0..ring.len()).max_by_key(|&place| distance(&ring[place])).unwrap_or(0);
    let mut closed = ring.to_vec();
    closed.push(first);
    let mut kept = vec![false; closed.len()];
    for place in [0, farthest, ring.len()] {
        kept[place] = true;
    }
    let mut pieces = vec![(0, farthest), (farthest, ring.len())];
    while let Some((begin, end)) = pieces.pop() {
        let far = (begin + 1..end)
            .map(|place| (place, distance_to(closed[begin], closed[end], closed[place])))
            .max_by(|one, other| one.1.total_cmp(&other.1));
        if let Some((place, distance)) = far
            && distance > tolerance
        {
            kept[place] = true;
            pieces.extend([(begin, place), (place, end)]);
        }
    }
    let short: Ring = ring.iter().zip(kept).filter(|(_, kept)| *kept).map(|(&corner, _)| corner).collect();
    if twice_area(&short) == 0 { ring.to_vec() } else { short }
}

/// The distance of a corner to the piece of line between two others.
fn distance_to(from: Corner, to: Corner, corner: Corner) -> f64 {
    let point = |(x, y): Corner| (f64::from(x), f64::from(y));
    let ((ax, ay), (bx, by), (px, py)) = (point(from), point(to), point(corner));
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { (((px - ax) * dx + (py - ay) * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    (ax + along * dx - px).hypot(ay + along * dy - py)
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
                    let lines = short.iter().zip(short.iter().cycle().skip(1));
                    let nearest = lines.map(|(&from, &to)| distance_to(from, to, corner)).fold(f64::MAX, f64::min);
                    prop_assert!(nearest <= 1.5 || short == exact);
                }
            }
        }
    }
}
