//! Masks in files, as in COCO: size, and run lengths as a list or as a string.

use serde::Deserialize;

use crate::domain::Mask;

/// A mask of a file.
#[derive(Debug, Deserialize)]
pub(super) struct WireMask {
    /// Rows, columns.
    size: [u32; 2],
    /// None in masks of other forms, such as PNG.
    counts: Option<WireCounts>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum WireCounts {
    Runs(Vec<u32>),
    Text(String),
}

impl WireMask {
    /// Checks that the runs add up to the size.
    pub(super) fn checked(self) -> Result<Mask, String> {
        let [height, width] = self.size;
        let runs = match self.counts {
            Some(WireCounts::Runs(runs)) => runs,
            None => return Err("a mask has no run lengths (`counts`); write masks as `coco`".to_owned()),
            Some(WireCounts::Text(text)) => {
                return Mask::from_coco_counts(width, height, &text).map_err(|error| error.to_string());
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
