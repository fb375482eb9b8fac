//! Limits of one post: entities, picture queries and mask pixels. The provenance says what a limit cut off.

use crate::domain::{Degradation, DegradedCode};

/// The most of each that one post gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entities that are answered.
    pub entities: usize,
    /// Distinct pairs of phrase and picture that go to the entailer and the grounder.
    pub looks: usize,
    /// Pixels of all masks that the segmenter makes. Each mask counts as many pixels as its picture has.
    pub mask_pixels: u64,
}

impl Limits {
    /// The note on entities beyond the limit; none if there are none.
    pub(super) fn dropped_entities(self, dropped: usize) -> Option<Degradation> {
        let most = self.entities;
        counted(dropped, [("entity", "was"), ("entities", "were")])
            .map(|(those, were)| format!("{those} after the first {most} {were} left out"))
            .map(|detail| DegradedCode::EntitiesBeyondLimit.because(detail))
    }

    /// The note on queries beyond the limit.
    pub(super) fn dropped_queries(self, dropped: usize) -> Option<Degradation> {
        let most = self.looks;
        counted(dropped, [("pair", "was"), ("pairs", "were")]).map(|(those, were)| {
            let detail = format!("{those} of entity and picture after the first {most} {were} left out");
            DegradedCode::PairsBeyondLimit.because(detail)
        })
    }

    /// The note on masks beyond the limit.
    pub(super) fn dropped_masks(self, dropped: usize) -> Option<Degradation> {
        let most = self.mask_pixels;
        counted(dropped, [("mask", "is"), ("masks", "are")])
            .map(|(those, are)| format!("{those} beyond {most} pixels {are} what the grounder found"))
            .map(|detail| DegradedCode::MasksBeyondLimit.because(detail))
    }
}

/// A number with its noun, and the verb that agrees; none for 0.
pub(super) fn counted(count: usize, words: [(&str, &'static str); 2]) -> Option<(String, &'static str)> {
    let (noun, verb) = words[usize::from(count > 1)];
    (count > 0).then(|| (format!("{count} {noun}"), verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_noted_only_where_it_cut_something_off() {
        let limits = Limits { entities: 2, looks: 4, mask_pixels: 600 };
        assert_eq!(
            limits.dropped_entities(0).or(limits.dropped_queries(0)).or(limits.dropped_masks(0)),
            None
        );
        let notes = [
            limits.dropped_entities(1),
            limits.dropped_queries(1),
            limits.dropped_masks(1),
            limits.dropped_masks(3),
        ];
        let expected = [
            "1 entity after the first 2 was left out",
            "1 pair of entity and picture after the first 4 was left out",
            "1 mask beyond 600 pixels is what the grounder found",
            "3 masks beyond 600 pixels are what the grounder found",
        ];
        assert_eq!(notes.map(|note| note.unwrap().detail), expected);
    }
}
