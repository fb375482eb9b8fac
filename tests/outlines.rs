//! Outlines of real masks: how much of a mask its simplified polygons keep.

use riveg::domain::Mask;
use riveg::lab::world::{Split, World};

/// The error of polygons on the wire, in pixels: `publish.masks = "polygon"`.
const TOLERANCE: f64 = 0.75;

/// The least overlap (intersection over union) of a mask of at least [`LEAST_PIXELS`] and its polygons.
const LEAST_OVERLAP: f64 = 0.95;

/// Below it a mask is mostly border, and only the error a pixel of border is bounded.
const LEAST_PIXELS: usize = 100;

/// Paints rings by the even-odd rule: a pixel is inside if its centre is.
fn painted(rings: &[Vec<(u32, u32)>], width: u32, height: u32) -> Vec<u8> {
    let mut pixels = vec![0_u8; (width * height) as usize];
    for row in 0..height {
        let y = f64::from(row) + 0.5;
        let mut crossings: Vec<f64> = Vec::new();
        for ring in rings {
            for (&(ax, ay), &(bx, by)) in ring.iter().zip(ring.iter().cycle().skip(1)) {
                let (ax, ay, bx, by) = (f64::from(ax), f64::from(ay), f64::from(bx), f64::from(by));
                if (ay < y) != (by < y) {
                    crossings.push(ax + (y - ay) / (by - ay) * (bx - ax));
                }
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks(2) {
            for column in 0..width {
                let x = f64::from(column) + 0.5;
                if (pair[0]..pair[1]).contains(&x) {
                    pixels[(row * width + column) as usize] = 1;
                }
            }
        }
    }
    pixels
}

/// Edges between a pixel inside and one outside.
fn border(pixels: &[u8], width: usize, height: usize) -> usize {
    let at = |x: usize, y: usize| pixels[y * width + x];
    let mut edges = 0;
    for y in 0..height {
        for x in 0..width {
            let inside = at(x, y);
            edges += usize::from(x + 1 == width || at(x + 1, y) != inside)
                * usize::from(x + 1 < width || inside == 1);
            edges += usize::from(y + 1 == height || at(x, y + 1) != inside)
                * usize::from(y + 1 < height || inside == 1);
            edges += usize::from(x == 0 && inside == 1) + usize::from(y == 0 && inside == 1);
        }
    }
    edges
}

/// Asserts the bounds for one mask. Returns the overlap.
fn overlap(name: &str, pixels: &[u8], width: u32, height: u32) -> f64 {
    let rings = Mask::from_pixels(pixels, width, height).outlines(TOLERANCE);
    let found = painted(&rings, width, height);
    let count = |rule: fn(u8, u8) -> bool| pixels.iter().zip(&found).filter(|&(&a, &b)| rule(a, b)).count();
    let (both, any) = (count(|a, b| a == 1 && b == 1), count(|a, b| a == 1 || b == 1));
    let edges = border(pixels, width as usize, height as usize);
    let error = any - both;
    assert!(error as f64 <= TOLERANCE * edges as f64, "{name}: {error} pixels differ at {edges} edges");
    let overlap = both as f64 / any.max(1) as f64;
    let is_large = pixels.iter().filter(|&&pixel| pixel == 1).count() >= LEAST_PIXELS;
    assert!(!is_large || overlap >= LEAST_OVERLAP, "{name}: {overlap:.3}");
    if is_large { overlap } else { 1.0 }
}

#[test]
fn polygons_overlap_real_masks_and_blobs_by_95_of_100_pixels() {
    let world = World::new(11, Split::Test);
    let mut overlaps = Vec::new();
    for index in 0..40 {
        let picture = world.sample(index).picture;
        let (width, height) = (picture.frame.width, picture.frame.height);
        for (number, object) in picture.objects.iter().enumerate() {
            overlaps.push(overlap(
                &format!("object {number} of post {index}"),
                &object.inside,
                width,
                height,
            ));
        }
    }
    assert!(overlaps.len() > 60, "only {} masks", overlaps.len());
    // Blobs: sums of waves, cut at a level, with holes and islands.
    for seed in 0..40_u32 {
        let (width, height) = (96, 80);
        let wave = |x: f64, y: f64, k: f64| {
            ((x * k + f64::from(seed)).sin() + (y * k * 0.7 - f64::from(seed)).cos()) / k
        };
        let inside = |place: u32| {
            let (x, y) = (f64::from(place % width) / 9.0, f64::from(place / width) / 9.0);
            u8::from(wave(x, y, 0.6) + wave(y, x, 1.7) > 0.3)
        };
        let pixels: Vec<u8> = (0..width * height).map(inside).collect();
        overlaps.push(overlap(&format!("blob {seed}"), &pixels, width, height));
    }
    let mean = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
    assert!(mean > 0.98, "{mean}");
}
