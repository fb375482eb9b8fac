//! Numbers of one floating-point type as those of another.

use half::{bf16, f16};
use safetensors::Dtype;

use super::tensor::width;

/// A number that the other type has no place for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Overflow {
    /// Where it stands among the numbers.
    pub(super) index: usize,
    pub(super) value: f64,
}

/// Whether numbers of this type can be cast.
pub(super) fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
}

/// Casts numbers to a type of at most 32 bits, each to the nearest, as torch does: by way of 32 bits.
pub(super) fn cast(bytes: &[u8], from: Dtype, to: Dtype) -> Result<Vec<u8>, Overflow> {
    let mut out = Vec::with_capacity(bytes.len() / width(from) * width(to));
    for (index, number) in bytes.chunks_exact(width(from)).enumerate() {
        let value = read(number, from);
        let narrow = value as f32;
        let stays_finite = match to {
            Dtype::F16 => {
                let cast = f16::from_f32(narrow);
                out.extend_from_slice(&cast.to_le_bytes());
                cast.is_finite()
            }
            Dtype::BF16 => {
                let cast = bf16::from_f32(narrow);
                out.extend_from_slice(&cast.to_le_bytes());
                cast.is_finite()
            }
            _ => {
                out.extend_from_slice(&narrow.to_le_bytes());
                narrow.is_finite()
            }
        };
        if value.is_finite() && !stays_finite {
            return Err(Overflow { index, value });
        }
    }
    Ok(out)
}

fn read(number: &[u8], dtype: Dtype) -> f64 {
    match (dtype, number) {
        (Dtype::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f64(),
        (Dtype::BF16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f64(),
        (Dtype::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (_, number) => number.try_into().map_or(f64::NAN, f64::from_le_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let cases = [
            (1.0, Dtype::F16, 0x3c00_u16),
            (-2.5, Dtype::F16, 0xc100),
            (65_504.0, Dtype::F16, 0x7bff),
            (65_519.9, Dtype::F16, 0x7bff),
            // Half way between two neighbours goes to the even one.
            (1.0 + 1.0 / 2048.0, Dtype::F16, 0x3c00),
            (1.0 + 3.0 / 2048.0, Dtype::F16, 0x3c02),
            // A trace above half way goes up.
            (1.0 + 1.0 / 2048.0 + f32::EPSILON, Dtype::F16, 0x3c01),
            (1.0 + 1.0 / 256.0 + f32::EPSILON, Dtype::BF16, 0x3f81),
            (1.0, Dtype::BF16, 0x3f80),
            (3e38, Dtype::BF16, 0x7f62),
        ];
        for (value, to, expected) in cases {
            let expected = expected.to_le_bytes().to_vec();
            let wide = f64::from(value).to_le_bytes();
            assert_eq!(
                cast(&f32::to_le_bytes(value), Dtype::F32, to),
                Ok(expected.clone()),
                "{value} as {to:?}"
            );
            assert_eq!(cast(&wide, Dtype::F64, to), Ok(expected), "{value} as {to:?}");
        }
    }

    #[test]
    fn what_fits_comes_back() {
        let values = [0.0_f32, -0.0, 1.5, -0.09375, 240.0];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        for narrow in [Dtype::F16, Dtype::BF16] {
            let there = cast(&bytes, Dtype::F32, narrow).unwrap();
            assert_eq!(cast(&there, narrow, Dtype::F32).unwrap(), bytes, "{narrow:?}");
        }
    }

    #[test]
    fn what_has_no_place_is_told_with_its_index_and_what_is_infinite_stays_so() {
        let bytes: Vec<u8> = [1.0_f32, 1e6].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(cast(&bytes, Dtype::F32, Dtype::F16), Err(Overflow { index: 1, value: 1e6 }));
        let infinite = f32::INFINITY.to_le_bytes();
        assert_eq!(cast(&infinite, Dtype::F32, Dtype::F16), Ok(0x7c00_u16.to_le_bytes().to_vec()));
    }
}
