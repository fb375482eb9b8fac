//! Numbers of a tensor in its file, read one tensor at a time, in row order whatever the order in the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use safetensors::Dtype;

use super::Settings;

/// What a file was found to hold.
#[derive(Debug)]
pub(super) struct Contents {
    /// The key of the state dict in a larger dictionary, none where it is the whole.
    pub(super) place: Option<&'static str>,
    pub(super) tensors: BTreeMap<String, Tensor>,
    /// What stands among the tensors but is none: its name and what it is.
    pub(super) others: Vec<(String, String)>,
    /// What the program that trained it says of itself.
    pub(super) settings: Settings,
}

/// A tensor that is still in its file.
#[derive(Debug, Clone)]
pub(super) struct Tensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// How many numbers apart neighbours are, in each dimension.
    pub(super) stride: Vec<usize>,
    /// Where the first number begins, in bytes from the start of the file.
    pub(super) start: u64,
}

impl Tensor {
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many bytes it has without gaps.
    pub(super) fn size(&self) -> usize {
        self.numbers() * width(self.dtype)
    }

    /// Its numbers without gaps, the last dimension's next to each other. Reads at a place, so that several may.
    pub(super) fn read(&self, file: &File) -> io::Result<Vec<u8>> {
        if self.numbers() == 0 || self.is_contiguous() {
            let mut bytes = vec![0; self.size()];
            file.read_exact_at(&mut bytes, self.start)?;
            return Ok(bytes);
        }
        // From the first of its numbers to the last: never more than the storage that it looks at.
        let last: usize = self.shape.iter().zip(&self.stride).map(|(size, stride)| (size - 1) * stride).sum();
        let mut span = vec![0; (last + 1) * width(self.dtype)];
        file.read_exact_at(&mut span, self.start)?;
        Ok(self.gather(&span))
    }

    /// Whether its numbers lie one behind the other; a dimension of one has no neighbours to be apart.
    fn is_contiguous(&self) -> bool {
        let strides = self.stride.iter().zip(row_major(&self.shape));
        strides.zip(&self.shape).all(|((&has, would), &size)| size == 1 || has == would)
    }

    fn gather(&self, span: &[u8]) -> Vec<u8> {
        let width = width(self.dtype);
        let mut bytes = Vec::with_capacity(self.size());
        let mut index = vec![0_usize; self.shape.len()];
        let mut place = 0;
        for _ in 0..self.numbers() {
            bytes.extend_from_slice(&span[place * width..(place + 1) * width]);
            // As an odometer counts: the last dimension that is not at its end moves, those behind it start again.
            for dimension in (0..index.len()).rev() {
                index[dimension] += 1;
                place += self.stride[dimension];
                if index[dimension] < self.shape[dimension] {
                    break;
                }
                place -= self.stride[dimension] * self.shape[dimension];
                index[dimension] = 0;
            }
        }
        bytes
    }
}

/// Whether a shape can be computed with: a size of 0 hides what the others multiply to.
pub(super) fn is_plausible(shape: &[usize]) -> bool {
    const MOST: usize = 1 << 48; // numbers, thousands of times what the largest networks have
    let product = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size.max(1)));
    product.is_some_and(|product| product <= MOST)
}

/// The strides of a tensor without gaps.
pub(super) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut inner = 1;
    let mut stride = vec![0; shape.len()];
    for (stride, size) in stride.iter_mut().zip(shape).rev() {
        *stride = inner;
        inner *= size;
    }
    stride
}

/// Bytes of one number.
pub(super) fn width(dtype: Dtype) -> usize {
    dtype.bitsize() / 8
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn numbers_come_in_the_order_of_rows_whatever_their_strides() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..30).collect();
        file.write_all(&bytes).unwrap();
        let cases: [(&[usize], &[usize], &[u8]); 7] = [
            (&[2, 3], &[3, 1], &[4, 5, 6, 7, 8, 9]),
            (&[3, 2], &[1, 3], &[4, 7, 5, 8, 6, 9]),
            (&[2, 2], &[10, 2], &[4, 6, 14, 16]),
            (&[2, 1, 2], &[2, 77, 1], &[4, 5, 6, 7]),
            (&[3], &[0], &[4, 4, 4]),
            (&[], &[], &[4]),
            (&[0, 5], &[1, 1], &[]),
        ];
        for (shape, stride, expected) in cases {
            let (shape, stride) = (shape.to_vec(), stride.to_vec());
            let tensor = Tensor { dtype: Dtype::U8, shape, stride, start: 4 };
            assert_eq!(tensor.read(&file).unwrap(), expected, "{tensor:?}");
        }
    }
}
