//! Resampling as Pillow and torchvision do it: fixed-point weights, across then down, rounded to 8 bits in between.
//!
//! Networks were trained on pictures resized by Pillow (before version 13) or, on bytes, by torchvision: a differing pixel
//! is a differing input. The arithmetic is theirs, as their documentation and their results define it.

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

/// Whose fixed-point arithmetic mixes samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// Pillow's: weights of 22 fraction bits.
    Pillow,
    /// torchvision's on bytes: weights of 16 bits with a sign, and as many fraction bits as the largest one leaves.
    Torchvision,
}

/// The most fraction bits of a weight: 32 less 8 for the sample and 2 for the overshoot of the cubic.
const PRECISION: u32 = 22;

/// The largest sum of the magnitudes of one output sample's weights in whole weights: two. Sums fit into `i32` up to it,
/// since `255 * 2 * 2^22 + 2^21 < 2^31`. A triangle has no negative weights and sums to one; the cubic's magnitudes sum to
/// at most 1.25 times the sum of its weights. The rest is room for rounding each weight.
const MAX_MAGNITUDE: i64 = 2;

/// How one side of a picture is resampled.
struct Side {
    /// Fraction bits of the weights.
    precision: u32,
    /// One for each output sample.
    taps: Vec<Taps>,
}

/// Which source samples one output sample mixes, and how much of each.
struct Taps {
    first: usize,
    weights: Vec<i32>,
}

/// Resizes interleaved RGB bytes from `(width, height)` to `(width, height)` as Pillow does.
///
/// # Panics
/// As [`resize_rgb_by`].
#[must_use]
pub fn resize_rgb(rgb: &[u8], from: (u32, u32), to: (u32, u32), filter: Filter) -> Vec<u8> {
    resize_rgb_by(rgb, from, to, filter, Arithmetic::Pillow)
}

/// Resizes interleaved RGB bytes from `(width, height)` to `(width, height)` in this arithmetic.
///
/// # Panics
/// If `rgb` does not hold three bytes for every pixel of the source size, or a size is zero.
#[must_use]
pub fn resize_rgb_by(
    rgb: &[u8],
    from: (u32, u32),
    to: (u32, u32),
    filter: Filter,
    arithmetic: Arithmetic,
) -> Vec<u8> {
    let (from_width, from_height) = (from.0 as usize, from.1 as usize);
    let (to_width, to_height) = (to.0 as usize, to.1 as usize);
    assert_eq!(rgb.len(), 3 * from_width * from_height, "a picture holds three bytes for every pixel");
    assert!(to_width > 0 && to_height > 0, "a picture has at least one pixel");

    // A pass that does not change the size is skipped, as in the originals: it would still round.
    let across = if from_width == to_width {
        rgb.to_vec()
    } else {
        resize_rows(rgb, from_width, &Side::new(from_width, to_width, filter, arithmetic))
    };
    if from_height == to_height {
        across
    } else {
        resize_columns(&across, to_width, &Side::new(from_height, to_height, filter, arithmetic))
    }
}

impl Side {
    fn new(from: usize, to: usize, filter: Filter, arithmetic: Arithmetic) -> Self {
        let exact: Vec<(usize, Vec<f64>)> = (0..to).map(|index| weights(index, from, to, filter)).collect();
        let precision = match arithmetic {
            Arithmetic::Pillow => PRECISION,
            Arithmetic::Torchvision => {
                let largest = exact.iter().flat_map(|(_, weights)| weights).copied().fold(0.0, f64::max);
                let fits = |bits: &u32| fixed_point(largest, bits + 1) < 1 << 15;
                (0..PRECISION).take_while(fits).count() as u32
            }
        };
        let taps = exact.into_iter().map(|(first, exact)| {
            let weights: Vec<i32> = exact.iter().map(|&weight| fixed_point(weight, precision)).collect();
            assert!(magnitude(&weights) <= MAX_MAGNITUDE << precision, "sums of samples fit into 32 bits");
            Taps { first, weights }
        });
        Self { precision, taps: taps.collect() }
    }

    fn half(&self) -> i32 {
        1 << self.precision >> 1
    }

    fn rounded(&self, sum: i32) -> u8 {
        (sum >> self.precision).clamp(0, 255) as u8
    }
}

/// The first source sample that one output sample mixes, and the weights of it and of those that follow, which sum to one.
fn weights(index: usize, from: usize, to: usize, filter: Filter) -> (usize, Vec<f64>) {
    let scale = from as f64 / to as f64;
    // Shrinking widens the kernel, so that every source sample counts: this is what makes it antialiased.
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let centre = (index as f64 + 0.5) * scale;
    let first = ((centre - support + 0.5) as i64).max(0) as usize;
    let last = ((centre + support + 0.5) as i64).min(from as i64) as usize;
    let exact: Vec<f64> =
        (first..last).map(|sample| filter.weight((sample as f64 - centre + 0.5) / stretch)).collect();
    let total: f64 = exact.iter().sum();
    let normalised = exact.iter().map(|weight| if total == 0.0 { 0.0 } else { weight / total });
    (first, normalised.collect())
}

fn magnitude(weights: &[i32]) -> i64 {
    weights.iter().map(|weight| i64::from(weight.unsigned_abs())).sum()
}

fn fixed_point(weight: f64, precision: u32) -> i32 {
    let scaled = weight * f64::from(1_u32 << precision);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn resize_rows(rgb: &[u8], from_width: usize, side: &Side) -> Vec<u8> {
    let mut out = Vec::with_capacity(rgb.len() / from_width * side.taps.len());
    for row in rgb.chunks_exact(3 * from_width) {
        for tap in &side.taps {
            let mut sums = [side.half(); 3];
            for (pixel, weight) in row[3 * tap.first..].chunks_exact(3).zip(&tap.weights) {
                for channel in 0..3 {
                    sums[channel] += i32::from(pixel[channel]) * weight;
                }
            }
            out.extend(sums.map(|sum| side.rounded(sum)));
        }
    }
    out
}

fn resize_columns(rgb: &[u8], width: usize, side: &Side) -> Vec<u8> {
    let stride = 3 * width;
    let mut out = Vec::with_capacity(stride * side.taps.len());
    let mut sums = vec![side.half(); stride];
    for tap in &side.taps {
        sums.fill(side.half());
        for (row, weight) in rgb[stride * tap.first..].chunks_exact(stride).zip(&tap.weights) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(sample) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| side.rounded(sum)));
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
                for arithmetic in [Arithmetic::Pillow, Arithmetic::Torchvision] {
                    // What `Side::new` asserts, and that a whole weight is about one.
                    let side = Side::new(from, to, filter, arithmetic);
                    for tap in &side.taps {
                        let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight)).sum();
                        assert!(
                            sum.abs_diff(1 << side.precision) <= tap.weights.len() as u64,
                            "{from} to {to}"
                        );
                        let fits = arithmetic == Arithmetic::Pillow
                            || tap.weights.iter().all(|&weight| i16::try_from(weight).is_ok());
                        assert!(fits, "{from} to {to}");
                        largest = largest.max(magnitude(&tap.weights) << (PRECISION - side.precision));
                    }
                }
            }
        }
        assert!(255 * largest + (1 << PRECISION >> 1) <= i64::from(i32::MAX));
        assert!(largest * 4 <= 5 << PRECISION, "{largest}: the cubic's overshoot is a quarter at most");
    }
}
