//! Padding: inputs of different lengths as one host tensor, with a mask of what is not padding.

use tch::{TchError, Tensor};

/// Rows of ids as one tensor, `[B, longest]` of `Int64`.
pub(in crate::networks) fn padded(rows: &[&[u32]], filler: i64) -> Result<Tensor, TchError> {
    let longest = longest(rows);
    let ids: Vec<i64> = rows
        .iter()
        .flat_map(|row| {
            let filling = std::iter::repeat_n(filler, longest - row.len());
            row.iter().map(|&id| i64::from(id)).chain(filling)
        })
        .collect();
    Tensor::f_from_slice(&ids)?.f_view([rows.len() as i64, longest as i64])
}

/// Where [`padded`] rows hold something of their own, `[B, longest]` of `Bool`.
pub(in crate::networks) fn mask(rows: &[&[u32]]) -> Result<Tensor, TchError> {
    let longest = longest(rows);
    let held: Vec<bool> = rows.iter().flat_map(|row| (0..longest).map(|place| place < row.len())).collect();
    Tensor::f_from_slice(&held)?.f_view([rows.len() as i64, longest as i64])
}

fn longest(rows: &[&[u32]]) -> usize {
    rows.iter().map(|row| row.len()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_filled_up_to_the_longest_and_the_mask_says_where() {
        let rows: [&[u32]; 3] = [&[5, 6], &[], &[7, 8, 9]];
        let ids = Vec::<Vec<i64>>::try_from(padded(&rows, 1).unwrap()).unwrap();
        assert_eq!(ids, [[5, 6, 1], [1, 1, 1], [7, 8, 9]]);
        let held = Vec::<Vec<bool>>::try_from(mask(&rows).unwrap()).unwrap();
        assert_eq!(held, [[true, true, false], [false; 3], [true; 3]]);
    }
}
