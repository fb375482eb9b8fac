//! Pillow's resampling: 22-bit fixed-point weights, across then down, rounded to 8 bits in between.
//!
//! Networks were trained on pictures resized by Pillow (before version 13): a differing pixel is a differing input. The
//! arithmetic is that of Pillow's `Resample.c`, as its documentation and its results define it.

/// The kernel that weighs the neighbours of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// A triangle of support 1.
    Bilinear,
    /// Keys' cubic with a = -0.5, support 2.
    Bicubic,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear if x < 1.0 => 1.0 - x,
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            _ => 0.0,
        }
    }
}

/// Fraction bits of a weight: 32 less 8 for the sample and 2 for the overshoot of the cubic.
const PRECISION: u32 = 22;

/// The largest sum of the magnitudes of one output sample's weights: twice a whole weight. Sums fit into `i32` up to
/// it, since `255 * 2 * 2^22 + 2^21 < 2^31`. A triangle has no negative weights and sums to one; the cubic's magnitudes
/// sum to at most 1.25 times the sum of its weights. The rest is room for rounding each weight.
const MAX_MAGNITUDE: i64 = 2 << PRECISION;

/// Which source samples one output sample mixes, and how much of each.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Resizes interleaved RGB bytes from `(width, height)` to `(width, height)`.
///
/// # Panics
/// If `rgb` does not hold three bytes for every pixel of the source size, or a size is zero.
#[must_use]
pub fn resize_rgb(rgb: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    let (from_width, from_height) = (from.0 as usize, from.1 as usize);
    let (to_width, to_height) = (to.0 as usize, to.1 as usize);
    assert_eq!(rgb.len(), 3 * from_width * from_height, "a picture holds three bytes for every pixel");
    assert!(to_width > 0 && to_height > 0, "a picture has at least one pixel");

    // A pass that does not change the size is skipped, as in Pillow: it would still round.
    let across = if from_width == to_width {
        rgb.to_vec()
    } else {
        resize_rows(rgb, from_width, &taps(from_width, to_width, filter))
    };
    if from_height == to_height {
        across
    } else {
        resize_columns(&across, to_width, &taps(from_height, to_height, filter))
    }
}

fn taps(from: usize, to: usize, filter: Filter) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    // Shrinking widens the kernel, so that every source sample counts: this is what makes it antialiased.
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    (0..to)
        .map(|index| {
            let centre = (index as f64 + 0.5) * scale;
            let first = ((centre - support + 0.5) as i64).max(0) as usize;
            let last = ((centre + support + 0.5) as i64).min(from as i64) as usize;
            let exact: Vec<f64> =
                (first..last).map(|sample| filter.weight((sample as f64 - centre + 0.5) / stretch)).collect();
            let total: f64 = exact.iter().sum();
            let weights: Vec<i32> = exact
                .iter()
                .map(|weight| fixed_point(if total == 0.0 { 0.0 } else { weight / total }))
                .collect();
            assert!(magnitude(&weights) <= MAX_MAGNITUDE, "sums of samples fit into 32 bits");
            Taps { first, weights }
        })
        .collect()
}

fn magnitude(weights: &[i32]) -> i64 {
    weights.iter().map(|weight| i64::from(weight.unsigned_abs())).sum()
}

fn fixed_point(weight: f64) -> i32 {
    let scaled = weight * f64::from(1_u32 << PRECISION);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn rounded(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

fn resize_rows(rgb: &[u8], from_width: usize, taps: &[Taps]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgb.len() / from_width * taps.len());
    for row in rgb.chunks_exact(3 * from_width) {
        for tap in taps {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[3 * tap.first..].chunks_exact(3).zip(&tap.weights) {
                for channel in 0..3 {
                    sums[channel] += i32::from(pixel[channel]) * weight;
                }
            }
            out.extend(sums.map(rounded));
        }
    }
    out
}

fn resize_columns(rgb: &[u8], width: usize, taps: &[Taps]) -> Vec<u8> {
    let stride = 3 * width;
    let mut out = Vec::with_capacity(stride * taps.len());
    let mut sums = vec![HALF; stride];
    for tap in taps {
        sums.fill(HALF);
        for (row, weight) in rgb[stride * tap.first..].chunks_exact(stride).zip(&tap.weights) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.iter().copied().map(rounded));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_samples_fit_into_32_bits_for_any_sizes() {
        let sizes = [1, 2, 3, 5, 7, 64, 97, 384, 1023, 16_384, 65_535];
        let mut largest = 0;
        for (from, to) in sizes.into_iter().flat_map(|from| sizes.map(|to| (from, to))) {
            for filter in [Filter::Bilinear, Filter::Bicubic] {
                // What `taps` asserts, and that a whole weight is about one.
                for tap in taps(from, to, filter) {
                    let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight)).sum();
                    assert!(sum.abs_diff(1 << PRECISION) <= tap.weights.len() as u64, "{from} to {to}");
                    largest = largest.max(magnitude(&tap.weights));
                }
            }
        }
        assert!(255 * largest + i64::from(HALF) <= i64::from(i32::MAX));
        assert!(largest * 4 <= 5 << PRECISION, "{largest}: the cubic's overshoot is a quarter at most");
    }
}
