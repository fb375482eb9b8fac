//! How do files write a mask? As COCO does: its size, and its run lengths as a list or as a string.

use serde::Deserialize;

use crate::domain::Mask;

/// A mask as it stands in a file.
#[derive(Debug, Deserialize)]
pub(super) struct WireMask {
    /// Rows, columns.
    size: [u32; 2],
    counts: WireCounts,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WireCounts {
    Runs(Vec<u32>),
    Text(String),
}

impl WireMask {
    /// The mask, where its runs add up to its size.
    pub(super) fn checked(self) -> Result<Mask, String> {
        let [height, width] = self.size;
        let runs = match self.counts {
            WireCounts::Runs(runs) => runs,
            WireCounts::Text(text) => {
                runs_of(&text).ok_or("the `counts` of a mask are not COCO run lengths")?
            }
        };
        let (pixels, expected) =
            (runs.iter().map(|&run| u64::from(run)).sum::<u64>(), u64::from(width) * u64::from(height));
        if pixels != expected {
            return Err(format!(
                "the runs of a mask add up to {pixels} pixels, expected {expected} ({width}x{height})"
            ));
        }
        Ok(Mask { width, height, runs })
    }
}

/// COCO's string of run lengths: five bits a character from `0` on, low ones first, the sixth saying that more follow;
/// the fourth run and those after it are written as the difference from the run before the last.
fn runs_of(text: &str) -> Option<Vec<u32>> {
    let mut runs: Vec<u32> = Vec::new();
    let mut bytes = text.bytes();
    while let Some(first) = bytes.next() {
        let (mut value, mut shift, mut byte) = (0_i64, 0, first);
        loop {
            let group = i64::from(byte.checked_sub(b'0')?);
            if group >= 64 || shift > 30 {
                return None;
            }
            value |= (group & 0x1f) << shift;
            shift += 5;
            if group & 0x20 == 0 {
                if group & 0x10 != 0 {
                    value |= -1 << shift;
                }
                break;
            }
            byte = bytes.next()?;
        }
        if runs.len() > 2 {
            value += i64::from(runs[runs.len() - 2]);
        }
        runs.push(u32::try_from(value).ok()?);
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_run_lengths_reads_as_coco_writes_it() {
        // Worked out by hand: the fourth run, 1, is written as its difference from the second.
        let cases: [(&str, Option<&[u32]>); 4] =
            [("123O", Some(&[1, 2, 3, 1])), ("", Some(&[])), ("P1", Some(&[32])), ("P", None)];
        for (text, runs) in cases {
            assert_eq!(runs_of(text).as_deref(), runs, "{text}");
        }
    }
}
