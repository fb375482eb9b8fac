//! How are run lengths written as text? COCO's compressed string, as pycocotools reads and writes it.
//!
//! From the third run on (counted from 0) a run is written as its difference to the run two before it, which is of the
//! same kind and of similar length. A number is written in groups of five bits, lowest first, each as one character from
//! `0` on; 32 in a group says that more follow, and 16 in the last group that the number is negative.

use super::Mask;

/// Text that is not COCO's compressed run lengths of a picture of that size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the compressed run lengths of {width}x{height} pixels: {reason}")]
pub struct RleError {
    width: u32,
    height: u32,
    reason: &'static str,
}

impl Mask {
    /// The run lengths as COCO's `counts`.
    #[must_use]
    pub fn to_coco_counts(&self) -> String {
        let mut text = String::with_capacity(self.runs.len() * 2);
        for (index, &run) in self.runs.iter().enumerate() {
            let base = if index > 2 { self.runs[index - 2] } else { 0 };
            write_number(&mut text, i64::from(run) - i64::from(base));
        }
        text
    }

    /// Reads COCO's `counts` of a picture of that size.
    ///
    /// # Errors
    /// Characters that are not of the code, a number that ends early, or runs that do not add up to the picture.
    pub fn from_coco_counts(width: u32, height: u32, counts: &str) -> Result<Self, RleError> {
        let fault = |reason| RleError { width, height, reason };
        let mut runs: Vec<u32> = Vec::new();
        let mut bytes = counts.bytes();
        while let Some(number) = read_number(&mut bytes).map_err(fault)? {
            let base = if runs.len() > 2 { runs[runs.len() - 2] } else { 0 };
            runs.push(u32::try_from(number + i64::from(base)).map_err(|_| fault("a run is out of range"))?);
        }
        if runs.iter().map(|&run| u64::from(run)).sum::<u64>() != u64::from(width) * u64::from(height) {
            return Err(fault("the runs do not add up to the picture"));
        }
        Ok(Self { width, height, runs })
    }
}

fn write_number(text: &mut String, mut number: i64) {
    loop {
        let group = (number & 0x1f) as u8;
        number >>= 5;
        let negative = group & 0x10 != 0;
        let more = if negative { number != -1 } else { number != 0 };
        text.push(char::from(48 + group + if more { 0x20 } else { 0 }));
        if !more {
            return;
        }
    }
}

/// The next number, none at the end of the text.
fn read_number(bytes: &mut std::str::Bytes<'_>) -> Result<Option<i64>, &'static str> {
    let mut number = 0i64;
    // Seven groups hold any difference of two lengths of 32 bits.
    for shift in (0..35).step_by(5) {
        let Some(byte) = bytes.next() else {
            return if shift == 0 { Ok(None) } else { Err("a number ends early") };
        };
        let group = match byte {
            48..=111 => i64::from(byte - 48),
            _ => return Err("a character is not of the code"),
        };
        number |= (group & 0x1f) << shift;
        if group & 0x20 == 0 {
            let negative = group & 0x10 != 0;
            return Ok(Some(if negative { number | (-1 << (shift + 5)) } else { number }));
        }
    }
    Err("a number is too long")
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

    #[test]
    fn text_that_is_not_run_lengths_is_refused_with_its_reason() {
        for (counts, reason) in [
            ("!", "a character is not of the code"),
            ("`", "a number ends early"),
            ("ooooooooo0", "a number is too long"),
            ("1", "the runs do not add up to the picture"),
            ("O", "a run is out of range"),
        ] {
            let error = Mask::from_coco_counts(2, 2, counts).unwrap_err();
            assert_eq!(error.to_string(), format!("not the compressed run lengths of 2x2 pixels: {reason}"));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(runs in prop::collection::vec(0u32..50_000_000, 0..40)) {
            let pixels: u64 = runs.iter().map(|&run| u64::from(run)).sum();
            let mask = Mask { width: u32::try_from(pixels).unwrap(), height: 1, runs };
            prop_assert_eq!(Mask::from_coco_counts(mask.width, 1, &mask.to_coco_counts()), Ok(mask));
        }
    }
}
