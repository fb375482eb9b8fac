//! Vectors: nearest neighbours by cosine similarity, deterministic.

/// Vectors of length 1, in rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    width: usize,
    values: Vec<f32>,
}

/// A stored vector and its similarity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Its row.
    pub row: usize,
    /// The cosine similarity to the query, -1 to 1.
    pub cosine: f32,
}

impl Vectors {
    /// Rows of `width` numbers; none if the numbers do not fill whole rows or are not finite.
    #[must_use]
    pub fn new(width: usize, values: Vec<f32>) -> Option<Self> {
        let whole = width > 0 && values.len().is_multiple_of(width);
        (whole && values.iter().all(|value| value.is_finite())).then_some(Self { width, values })
    }

    /// Numbers of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }

    /// The `count` rows nearest to `query`, which has a row's width and length 1; the nearest first, ties in row order.
    /// Without the row `own`, which is the query itself.
    #[must_use]
    pub fn nearest(&self, query: &[f32], count: usize, own: Option<usize>) -> Vec<Neighbour> {
        debug_assert_eq!(query.len(), self.width, "vectors of one encoder have one width");
        let cosine = |row: &[f32]| row.iter().zip(query).map(|(one, other)| one * other).sum::<f32>();
        let rows = self.values.chunks_exact(self.width).enumerate();
        let others = rows.filter(|&(row, _)| Some(row) != own);
        let mut near: Vec<Neighbour> =
            others.map(|(row, values)| Neighbour { row, cosine: cosine(values) }).collect();
        // Stable, so that ties stay in order; example sets have hundreds of rows, so that all may be sorted.
        near.sort_by(|one, other| other.cosine.total_cmp(&one.cosine));
        near.truncate(count);
        near
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Directions in a plane, in twelfths of a circle.
    fn hours(hours: &[u8]) -> Vectors {
        let directions = hours.iter().flat_map(|&hour| direction(hour));
        Vectors::new(2, directions.collect()).unwrap()
    }

    fn direction(hour: u8) -> [f32; 2] {
        let angle = f32::from(hour) * std::f32::consts::TAU / 12.0;
        [angle.cos(), angle.sin()]
    }

    fn rows(stored: &Vectors, hour: u8, count: usize, own: Option<usize>) -> Vec<usize> {
        stored.nearest(&direction(hour), count, own).iter().map(|near| near.row).collect()
    }

    #[test]
    fn the_nearest_rows_come_first_and_ties_in_row_order() {
        let stored = hours(&[6, 3, 0, 3, 1, 0]);
        assert_eq!(rows(&stored, 0, 5, None), [2, 5, 4, 1, 3]);
        assert_eq!(rows(&stored, 0, 2, None), [2, 5]);
        assert_eq!(rows(&stored, 0, 2, Some(2)), [5, 4], "not itself");
        assert_eq!(rows(&stored, 0, 9, None).len(), 6);
        assert_eq!(rows(&hours(&[]), 0, 5, None), [0; 0]);
        let cosines: Vec<f32> =
            stored.nearest(&direction(0), 6, None).iter().map(|near| near.cosine).collect();
        assert_eq!((cosines[0], cosines[5]), (1.0, -1.0));
    }

    #[test]
    fn numbers_that_do_not_fill_rows_are_refused() {
        for (width, values) in [(0, vec![]), (2, vec![1.0]), (1, vec![f32::NAN])] {
            assert_eq!(Vectors::new(width, values.clone()), None, "{width} {values:?}");
        }
    }

    proptest! {
        #[test]
        fn no_omitted_row_is_nearer_than_a_returned_one(
            stored in prop::collection::vec(0_u8..12, 0..30), hour in 0_u8..12, count in 0_usize..8,
        ) {
            let vectors = hours(&stored);
            let named = vectors.nearest(&direction(hour), count, None);
            prop_assert_eq!(named.len(), count.min(stored.len()));
            let all = vectors.nearest(&direction(hour), usize::MAX, None);
            prop_assert_eq!(&all[..named.len()], &named[..]);
            prop_assert!(all.is_sorted_by(|one, other| one.cosine > other.cosine
                || (one.cosine == other.cosine && one.row < other.row)));
        }
    }
}
