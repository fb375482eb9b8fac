//! Run length builder: a mask from the pixels where a walk down the columns changes between inside and outside.

use super::Mask;

/// Builds a mask without a byte for every pixel.
#[derive(Debug, Default)]
pub struct RunLengthBuilder {
    runs: Vec<u32>,
    /// Pixels in all of `runs`.
    end: u64,
}

impl RunLengthBuilder {
    /// Toggles between inside and outside from this pixel on, counted down the columns. Two toggles at the same pixel
    /// cancel each other.
    ///
    /// # Panics
    /// If the pixel lies before an earlier change.
    pub fn toggle_at(&mut self, pixel: u64) {
        if pixel == self.end
            && let Some(run) = self.runs.pop()
        {
            self.end -= u64::from(run);
            return;
        }
        self.push(pixel);
    }

    /// The mask of a picture of this size.
    ///
    /// # Panics
    /// If a change lies beyond the last pixel.
    #[must_use]
    pub fn finish(mut self, width: u32, height: u32) -> Mask {
        let pixels = u64::from(width) * u64::from(height);
        if self.end != pixels || self.runs.is_empty() {
            self.push(pixels);
        }
        Mask { width, height, runs: self.runs }
    }

    fn push(&mut self, end: u64) {
        assert!(end >= self.end, "changes come in the order of the pixels");
        let run = u32::try_from(end - self.end);
        self.runs.push(run.unwrap_or_else(|_| unreachable!("no picture has 2^32 pixels")));
        self.end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_become_runs_that_begin_outside_and_add_up_to_all_pixels() {
        let cases: [(&str, &[u64], &[u32]); 8] = [
            ("nothing inside", &[], &[12]),
            ("all inside", &[0, 12], &[0, 12]),
            ("all inside, never left", &[0], &[0, 12]),
            ("the first pixel", &[0, 1], &[0, 1, 11]),
            ("the last pixel", &[11], &[11, 1]),
            ("two stretches that meet", &[2, 5, 5, 9], &[2, 7, 3]),
            ("nothing, entered and left", &[0, 0, 4, 4], &[12]),
            ("three stretches", &[1, 2, 4, 7, 8], &[1, 1, 2, 3, 1, 4]),
        ];
        for (what, changes, runs) in cases {
            let mut made = RunLengthBuilder::default();
            changes.iter().for_each(|&pixel| made.toggle_at(pixel));
            assert_eq!(made.finish(4, 3), Mask { width: 4, height: 3, runs: runs.to_vec() }, "{what}");
        }
        assert_eq!(RunLengthBuilder::default().finish(0, 7).runs, [0]);
    }
}
