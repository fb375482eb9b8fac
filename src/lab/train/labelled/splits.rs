//! Splits of a data set with pictures: their posts and boxes, or what is wrong with them.

use std::path::Path;

use anyhow::{Context, Result};

use super::damage::Damage;
use crate::domain::BBox;
use crate::lab::dataset::{self, Example};

/// The posts of a split. Remarks of its reader are counted in the log.
///
/// # Errors
/// All damaged places and missing pictures, with file and line.
pub(super) fn posts(folder: &Path, split: &str) -> Result<Vec<Example>> {
    let reading =
        dataset::read_all(folder, split).with_context(|| format!("failed to read the split `{split}`"))?;
    let mut damage = Damage::default();
    for fault in reading.faults.iter().chain(&reading.missing_pictures) {
        damage.note(fault);
    }
    damage.refuse(&format!("the split `{split}`"))?;
    let remarks = reading.remarks.len();
    if remarks > 0 {
        tracing::warn!(split, remarks, "the data set loses something: `riveg dataset check` says what");
    }
    Ok(reading.examples)
}

/// A box, cut at the edges of its picture of so many columns and rows.
///
/// # Errors
/// Nothing is left of it.
pub(super) fn within(bbox: BBox, (width, height): (u32, u32)) -> Result<BBox, String> {
    let cut = bbox.within(width, height);
    if cut.x0 < cut.x1 && cut.y0 < cut.y1 {
        return Ok(cut);
    }
    let BBox { x0, y0, x1, y1 } = bbox;
    Err(format!("the box {x0},{y0},{x1},{y1} lies outside of its picture of {width} x {height}"))
}
