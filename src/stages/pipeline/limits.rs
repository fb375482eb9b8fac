//! What may one post cost? So many entities, questions about pictures and pixels of masks; what is beyond is told.

/// The most of each that one post gets. A limit that cuts a post short is told in its provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entities that are answered.
    pub entities: usize,
    /// Distinct pairs of phrase and picture that the entailer and the grounder are asked about.
    pub looks: usize,
    /// Pixels of all masks that the segmenter draws: as many for each mask as its picture has.
    pub mask_pixels: u64,
}

impl Limits {
    /// What is said of entities that were left out.
    pub(super) fn fewer_entities(self, left_out: usize) -> Option<String> {
        let most = self.entities;
        counted(left_out, [("entity", "was"), ("entities", "were")])
            .map(|(those, were)| format!("{those} after the first {most} {were} left out"))
    }

    /// What is said of questions that were left out.
    pub(super) fn fewer_looks(self, left_out: usize) -> Option<String> {
        let most = self.looks;
        counted(left_out, [("pair", "was"), ("pairs", "were")]).map(|(those, were)| {
            format!("{those} of entity and picture after the first {most} {were} left out")
        })
    }

    /// What is said of masks that the segmenter did not draw.
    pub(super) fn fewer_masks(self, left_out: usize) -> Option<String> {
        let most = self.mask_pixels;
        counted(left_out, [("mask", "is"), ("masks", "are")])
            .map(|(those, are)| format!("{those} beyond {most} pixels {are} what the grounder found"))
    }
}

/// So many of a thing, and the verb that fits; nothing of none.
fn counted(count: usize, words: [(&str, &'static str); 2]) -> Option<(String, &'static str)> {
    let (noun, verb) = words[usize::from(count > 1)];
    (count > 0).then(|| (format!("{count} {noun}"), verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_only_where_it_cut_something_off() {
        let limits = Limits { entities: 2, looks: 4, mask_pixels: 600 };
        assert_eq!(limits.fewer_entities(0).or(limits.fewer_looks(0)).or(limits.fewer_masks(0)), None);
        let told =
            [limits.fewer_entities(1), limits.fewer_looks(1), limits.fewer_masks(1), limits.fewer_masks(3)];
        let expected = [
            "1 entity after the first 2 was left out",
            "1 pair of entity and picture after the first 4 was left out",
            "1 mask beyond 600 pixels is what the grounder found",
            "3 masks beyond 600 pixels are what the grounder found",
        ];
        assert_eq!(told.map(Option::unwrap), expected);
    }
}
