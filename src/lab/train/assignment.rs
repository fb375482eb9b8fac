//! Assignment: each row gets a column of its own, so that the costs add up to the least (the Hungarian method).
//!
//! Kuhn, "The Hungarian method for the assignment problem" (1955), with the shortest augmenting paths of Jonker and Volgenant
//! (1987). Rows and columns have prices that never exceed a cost together; a new row is assigned along the path on which
//! the prices have to rise least.

/// The column of each row. `costs` has a row for each row, all equally long and at least as long as there are rows; the
/// time grows with the square of the rows times the columns.
///
/// # Panics
/// If there are fewer columns than rows, or a cost is not a number.
#[must_use]
pub(super) fn assignment(costs: &[Vec<f64>]) -> Vec<usize> {
    let columns = costs.first().map_or(0, Vec::len);
    assert!(costs.len() <= columns || costs.is_empty(), "{} rows share {columns} columns", costs.len());
    assert!(costs.iter().flatten().all(|cost| cost.is_finite()), "a cost is not a number");
    let (mut row_prices, mut column_prices) = (vec![0.0; costs.len()], vec![0.0; columns]);
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for first in 0..costs.len() {
        // The least rise of prices by which a column is reached, and the column before it on the way; none: from `first`.
        let mut reached = vec![(f64::INFINITY, None); columns];
        let mut done = vec![false; columns];
        let (mut row, mut from, mut risen) = (first, None, 0.0);
        let free = loop {
            for column in (0..columns).filter(|&column| !done[column]) {
                let rise = risen + costs[row][column] - row_prices[row] - column_prices[column];
                if rise < reached[column].0 {
                    reached[column] = (rise, from);
                }
            }
            let open = (0..columns).filter(|&column| !done[column]);
            let Some(next) = open.min_by(|&one, &other| reached[one].0.total_cmp(&reached[other].0)) else {
                unreachable!("there are as many columns as rows, so one of them is free")
            };
            risen = reached[next].0;
            match row_of[next] {
                None => break next,
                Some(other) => {
                    done[next] = true;
                    (row, from) = (other, Some(next));
                }
            }
        };
        row_prices[first] += risen;
        for column in (0..columns).filter(|&column| done[column]) {
            let rise = risen - reached[column].0;
            column_prices[column] -= rise;
            if let Some(row) = row_of[column] {
                row_prices[row] += rise;
            }
        }
        let mut column = free;
        while let Some(before) = reached[column].1 {
            row_of[column] = row_of[before];
            column = before;
        }
        row_of[column] = Some(first);
    }
    let mut assigned = vec![0; costs.len()];
    for (column, row) in row_of.iter().enumerate() {
        if let Some(row) = row {
            assigned[*row] = column;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least sum over all ways to give each row a column of its own.
    fn least(costs: &[Vec<f64>], taken: &mut Vec<usize>) -> f64 {
        let Some(row) = costs.get(taken.len()) else { return 0.0 };
        let mut best = f64::INFINITY;
        for (column, cost) in row.iter().enumerate() {
            if !taken.contains(&column) {
                taken.push(column);
                best = best.min(cost + least(costs, taken));
                taken.pop();
            }
        }
        best
    }

    fn sum(costs: &[Vec<f64>], assigned: &[usize]) -> f64 {
        costs.iter().zip(assigned).map(|(row, &column)| row[column]).sum()
    }

    fn tables() -> impl Strategy<Value = Vec<Vec<f64>>> {
        (1..6_usize, 0..3_usize).prop_flat_map(|(rows, more)| {
            // Small whole numbers have many ties, and fractions none.
            let cost = prop_oneof![(-3..4_i32).prop_map(f64::from), -10.0..10.0];
            prop::collection::vec(prop::collection::vec(cost, rows + more), rows)
        })
    }

    proptest! {
        #[test]
        fn no_other_assignment_costs_less(costs in tables()) {
            let assigned = assignment(&costs);
            let mut distinct = assigned.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), costs.len());
            prop_assert!((sum(&costs, &assigned) - least(&costs, &mut Vec::new())).abs() < 1e-9);
        }
    }

    #[test]
    fn the_nearest_column_of_each_row_may_not_be_the_best() {
        let costs = vec![vec![1.0, 2.0, 9.0], vec![1.0, 5.0, 9.0], vec![1.5, 2.5, 3.0]];
        assert_eq!(assignment(&costs), [1, 0, 2]);
        assert_eq!(assignment(&[vec![3.0, 1.0, 2.0]]), [1]);
        assert!(assignment(&[]).is_empty());
    }

    #[test]
    fn a_large_table_is_assigned_at_once() {
        let costs: Vec<Vec<f64>> = (0..200)
            .map(|row| (0..250).map(|column| f64::from(row * 37 % 101 * column % 97)).collect())
            .collect();
        let assigned = assignment(&costs);
        assert!(sum(&costs, &assigned) <= sum(&costs, &(0..200).collect::<Vec<_>>()));
    }
}
