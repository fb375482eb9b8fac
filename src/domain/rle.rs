//! Masks as COCO's run lengths, and as the compressed text that COCO makes of them.
//!
//! Runs go down the columns, left to right, and begin with pixels outside. As text every run from the fourth on is
//! its difference to the run two before; a number is cut into groups of 5 bits, the lowest first, each a character
//! from `0` (48) on; bit 5 says that more follow, bit 4 of the last group is the sign.

use super::{Mask, RunLengthBuilder};

/// Columns that are read together, a cache line of each row: pixels lie row by row, runs go down the columns.
const STRIP: usize = 64;

/// The lowest character of the text.
const ZERO: u8 = b'0';
/// Set in a group when another follows.
const MORE: u8 = 0x20;
/// Set in the last group of a negative number.
const SIGN: u8 = 0x10;
/// Groups that a difference of two runs below 2^32 can need: 33 bits and a sign.
const LONGEST: u32 = 7;

/// Why a text is no mask. Positions count characters, runs count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RleError {
    /// A character outside '0' to 'o'.
    #[error("character {position} of the run lengths is {found:?}, not one of '0' to 'o'")]
    NotACharacter {
        /// Where.
        position: usize,
        /// Which.
        found: char,
    },
    /// The text ends amid a number.
    #[error("the run lengths end within run {run}")]
    Unfinished {
        /// The run that has no end.
        run: usize,
    },
    /// A number too long for any run.
    #[error("run {run} has more than {LONGEST} characters")]
    TooLong {
        /// Which run.
        run: usize,
    },
    /// A run that is negative or needs more than 32 bits.
    #[error("run {run} is {length} pixels long")]
    OutOfRange {
        /// Which run.
        run: usize,
        /// Its length as written.
        length: i64,
    },
    /// The runs do not add up to the pixels of the picture.
    #[error("the runs add up to {sum} pixels, but {width}x{height} has {pixels}", pixels = u64::from(*width) * u64::from(*height))]
    WrongTotal {
        /// Pixels in all runs.
        sum: u64,
        /// Columns of the picture.
        width: u32,
        /// Rows of the picture.
        height: u32,
    },
}

impl Mask {
    /// The mask of the bytes that are not 0, one a pixel, row by row.
    ///
    /// # Panics
    /// If there is not one byte for every pixel.
    #[must_use]
    pub fn from_pixels(inside: &[u8], width: u32, height: u32) -> Self {
        let (columns, rows) = (width as usize, height as usize);
        assert_eq!(inside.len(), columns * rows, "a mask has one byte for every pixel");
        let mut runs = RunLengthBuilder::default();
        let outside = [0; STRIP];
        // The rows of each column where inside and outside change places.
        let mut toggles: [Vec<usize>; STRIP] = std::array::from_fn(|_| Vec::new());
        for left in (0..columns).step_by(STRIP) {
            let outside = &outside[..STRIP.min(columns - left)];
            let mut above = outside;
            for row in 0..=rows {
                let start = row * columns + left;
                let pixels = if row < rows { &inside[start..start + outside.len()] } else { outside };
                // Most rows are like the one above.
                if pixels != above {
                    for ((toggles, pixel), above) in toggles.iter_mut().zip(pixels).zip(above) {
                        if (*pixel != 0) != (*above != 0) {
                            toggles.push(row);
                        }
                    }
                }
                above = pixels;
            }
            for (column, toggles) in (left..).zip(&mut toggles) {
                toggles.drain(..).for_each(|row| runs.toggle_at((column * rows + row) as u64));
            }
        }
        runs.finish(width, height)
    }

    /// The mask as bytes, one a pixel, row by row: 1 inside, 0 outside. Runs beyond the last pixel are left out.
    #[must_use]
    pub fn to_pixels(&self) -> Vec<u8> {
        self.painted(self.width as usize, |column| (column, 1))
    }

    /// The mask as bits, row by row: 1 inside, 0 outside. Rows are whole bytes, with the first pixel in the highest bit.
    /// Runs beyond the last pixel are left out.
    #[must_use]
    pub fn to_bits(&self) -> Vec<u8> {
        self.painted((self.width as usize).div_ceil(8), |column| (column / 8, 0x80 >> (column % 8)))
    }

    /// Rows of so many bytes; `place` gives a column's byte and its bit there.
    fn painted(&self, row_bytes: usize, place: impl Fn(usize) -> (usize, u8)) -> Vec<u8> {
        let (columns, rows) = (self.width as usize, self.height as usize);
        let mut bytes = vec![0; row_bytes * rows];
        // First the rows where a column changes between outside and inside, then all from the top down.
        for (start, end) in self.ranges_inside() {
            let (mut start, end) = (start as usize, (end as usize).min(columns * rows));
            while start < end {
                let (top, (byte, bit)) = (start % rows, place(start / rows));
                let bottom = (top + end - start).min(rows);
                bytes[top * row_bytes + byte] ^= bit;
                if bottom < rows {
                    bytes[bottom * row_bytes + byte] ^= bit;
                }
                start += bottom - top;
            }
        }
        for row in 1..rows {
            let (above, below) = bytes.split_at_mut(row * row_bytes);
            below.iter_mut().zip(&above[(row - 1) * row_bytes..]).for_each(|(below, above)| *below ^= above);
        }
        bytes
    }

    /// COCO's compressed text of the runs, as `pycocotools` writes it.
    #[must_use]
    pub fn to_coco_counts(&self) -> String {
        let mut text = String::with_capacity(self.runs.len() * 2);
        for (index, &run) in self.runs.iter().enumerate() {
            // COCO does not write the third run as a difference, though there is one two before it.
            let before = if index > 2 { self.runs[index - 2] } else { 0 };
            write_number(i64::from(run) - i64::from(before), &mut text);
        }
        text
    }

    /// Reads COCO's compressed text of a mask of this size.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn from_coco_counts(width: u32, height: u32, text: &str) -> Result<Self, RleError> {
        let mut runs: Vec<u32> = Vec::new();
        let mut groups = text.chars().enumerate().peekable();
        while groups.peek().is_some() {
            let run = runs.len();
            let before = if run > 2 { runs[run - 2] } else { 0 };
            let length = read_number(&mut groups, run)? + i64::from(before);
            runs.push(u32::try_from(length).map_err(|_| RleError::OutOfRange { run, length })?);
        }
        let sum = runs.iter().map(|&run| u64::from(run)).sum();
        if sum != u64::from(width) * u64::from(height) {
            return Err(RleError::WrongTotal { sum, width, height });
        }
        Ok(Self { width, height, runs })
    }

    /// The ranges of pixels inside, counted down the columns.
    fn ranges_inside(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut end = 0;
        self.runs.chunks(2).map(move |pair| {
            let start = end + u64::from(pair[0]);
            end = start + pair.get(1).map_or(0, |&run| u64::from(run));
            (start, end)
        })
    }
}

fn write_number(mut number: i64, text: &mut String) {
    loop {
        let group = (number & 0x1f) as u8;
        number >>= 5;
        let last = number == if group & SIGN == 0 { 0 } else { -1 };
        text.push(char::from(ZERO + if last { group } else { group | MORE }));
        if last {
            return;
        }
    }
}

fn read_number(groups: &mut impl Iterator<Item = (usize, char)>, run: usize) -> Result<i64, RleError> {
    let mut number = 0;
    for place in 0..LONGEST {
        let (position, found) = groups.next().ok_or(RleError::Unfinished { run })?;
        let group = u8::try_from(found)
            .ok()
            .and_then(|byte| byte.checked_sub(ZERO))
            .filter(|group| *group < 2 * MORE)
            .ok_or(RleError::NotACharacter { position, found })?;
        number |= i64::from(group & 0x1f) << (5 * place);
        if group & MORE == 0 {
            return Ok(if group & SIGN == 0 { number } else { number - (1 << (5 * (place + 1))) });
        }
    }
    Err(RleError::TooLong { run })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LARGE: &[u32] = &[5, 1000, 1000, 3_000_000, 2, 2_997_993];

    #[test]
    fn strings_are_those_of_pycocotools() {
        let cases: [(&str, u32, u32, &[u32], &str); 6] = [
            ("nothing inside", 4, 4, &[16], "`0"),
            ("all inside", 4, 4, &[0, 16], "0`0"),
            ("differences from the fourth run on", 3, 5, &[4, 2, 1, 2, 6], "42105"),
            ("a blob", 200, 300, &[1234, 50, 150, 49, 151, 48, 152, 1, 58165], "bV1b1f4O1O1aNmdh1"),
            ("single pixels", 1, 3, &[0, 1, 1, 1], "0110"),
            ("large differences both ways", 2000, 3000, LARGE, "5Xo0Xo0hf`k2jPOYQN"),
        ];
        for (what, height, width, runs, counts) in cases {
            let mask = Mask { width, height, runs: runs.to_vec() };
            assert_eq!(mask.to_coco_counts(), counts, "{what}");
            assert_eq!(Mask::from_coco_counts(width, height, counts), Ok(mask), "{what}");
        }
    }

    /// A picture of up to 150 by 40 pixels in runs long and short.
    fn pixels() -> impl Strategy<Value = (Vec<u8>, u32, u32)> {
        (1..150_u32, 1..40_u32).prop_flat_map(|(width, height)| {
            let runs = prop::collection::vec((0..2_u8, 1..60_usize), 6000);
            runs.prop_map(move |runs| {
                let bytes = runs.into_iter().flat_map(|(byte, length)| std::iter::repeat_n(byte, length));
                (bytes.take((width * height) as usize).collect(), width, height)
            })
        })
    }

    proptest! {
        #[test]
        fn a_mask_written_down_is_read_back((bytes, width, height) in pixels()) {
            let mask = Mask::from_pixels(&bytes, width, height);
            prop_assert_eq!(mask.to_pixels(), &bytes[..]);
            let bits = mask.to_bits();
            let row_bytes = (width as usize).div_ceil(8);
            prop_assert_eq!(bits.len(), row_bytes * height as usize);
            let bit = |row: usize, column: usize| bits[row * row_bytes + column / 8] >> (7 - column % 8) & 1;
            let unpacked = (0..height as usize).flat_map(|row| (0..width as usize).map(move |column| (row, column)));
            prop_assert_eq!(unpacked.map(|(row, column)| bit(row, column)).collect::<Vec<u8>>(), &bytes[..]);
            prop_assert_eq!(bits.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>(), mask.area());
            prop_assert_eq!(mask.area(), bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>());
            let text = mask.to_coco_counts();
            prop_assert_eq!(Mask::from_coco_counts(width, height, &text), Ok(mask));
        }

        #[test]
        fn runs_of_any_length_are_read_back(runs in prop::collection::vec(any::<u32>(), 0..20)) {
            let sum: u64 = runs.iter().map(|&run| u64::from(run)).sum();
            let text = Mask { width: 1, height: 1, runs: runs.clone() }.to_coco_counts();
            match Mask::from_coco_counts(1, 1, &text) {
                Ok(mask) => prop_assert_eq!((mask.runs, sum), (runs, 1)),
                Err(error) => prop_assert_eq!(error, RleError::WrongTotal { sum, width: 1, height: 1 }),
            }
        }

        #[test]
        fn no_text_panics(text in "[\\x20-\\x7eäß]{0,30}", width in 0..50_u32, height in 0..50_u32) {
            let _ = Mask::from_coco_counts(width, height, &text);
        }
    }

    #[test]
    fn invalid_text_is_refused_with_its_fault() {
        let cases = [
            ("04 ", "character 2 of the run lengths is ' ', not one of '0' to 'o'"),
            ("0p", "character 1 of the run lengths is 'p', not one of '0' to 'o'"),
            ("0é", "character 1 of the run lengths is 'é', not one of '0' to 'o'"),
            ("04P", "the run lengths end within run 2"),
            ("0PPPPPPP0", "run 1 has more than 7 characters"),
            ("0O", "run 1 is -1 pixels long"),
            ("0oooooo?", "run 1 is 17179869183 pixels long"),
            ("12", "the runs add up to 3 pixels, but 2x2 has 4"),
            ("", "the runs add up to 0 pixels, but 2x2 has 4"),
        ];
        for (text, message) in cases {
            let error = Mask::from_coco_counts(2, 2, text).unwrap_err();
            assert_eq!(error.to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn runs_beyond_the_last_pixel_paint_nothing() {
        let mask = Mask { width: 2, height: 2, runs: vec![3, 9, 1, 1] };
        assert_eq!(mask.to_pixels(), [0, 0, 0, 1]);
        assert_eq!(mask.to_bits(), [0, 0x40]);
        assert_eq!(Mask { width: 0, height: 7, runs: vec![0, 5] }.to_pixels(), [0_u8; 0]);
    }
}
