//! Distance of a network from its original. What tests and the bench compare, they compare here.

use std::fmt::Debug;
use std::fs::OpenOptions;
use std::io::Write;

use tch::{Kind, Tensor};

/// Of the largest number that is compared.
pub(crate) const TOLERANCE: f64 = 1e-4;

/// Names the file to which every comparison adds a line: network, size, reference, column, value, with tabs between.
/// `make parity` makes its table of them.
const TABLE: &str = "RIVEG_PARITY_TABLE";

/// A network, and the implementation that it is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Original {
    pub(crate) network: &'static str,
    pub(crate) size: &'static str,
    pub(crate) reference: &'static str,
}

impl Original {
    /// Fails where a number is too far from that of the original.
    pub(crate) fn close(&self, tap: &str, ours: &Tensor, theirs: &Tensor) {
        self.close_within(TOLERANCE, tap, ours, theirs);
    }

    /// As [`Self::close`], with a tolerance of its own.
    pub(crate) fn close_within(&self, tolerance: f64, tap: &str, ours: &Tensor, theirs: &Tensor) {
        let error = relative_error(ours, theirs);
        println!("{} {tap}: {error:.1e}", self.network);
        assert!(error < tolerance, "{} {tap}: relative error {error:e}", self.network);
        self.note("error", error);
    }

    /// Fails where a decision is not that of the original.
    pub(crate) fn same<T: PartialEq + Debug>(&self, tap: &str, ours: &[T], theirs: &[T]) {
        assert!(!theirs.is_empty(), "{} {tap}: nothing was decided", self.network);
        assert_eq!(ours, theirs, "{} {tap}", self.network);
        self.note("decisions", theirs.len() as f64);
    }

    /// Fails where the largest of the last dimension is another.
    pub(crate) fn same_choices(&self, tap: &str, ours: &Tensor, theirs: &Tensor) {
        self.same(tap, &choices(ours), &choices(theirs));
    }

    /// Adds a line to the table, where one is made.
    pub(crate) fn note(&self, column: &str, value: f64) {
        let Some(table) = std::env::var_os(TABLE) else { return };
        let Self { network, size, reference } = self;
        let line = format!("{network}\t{size}\t{reference}\t{column}\t{value:e}\n");
        // In one piece: tests write at the same time.
        let mut file =
            OpenOptions::new().create(true).append(true).open(table).expect("a table can be written");
        file.write_all(line.as_bytes()).expect("a table can be written");
    }
}

/// The largest difference, as a part of the largest number of the original.
pub(crate) fn relative_error(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let difference = largest(&(ours.to_kind(Kind::Double) - theirs.to_kind(Kind::Double)));
    assert!(difference.is_finite());
    difference / largest(theirs)
}

fn choices(logits: &Tensor) -> Vec<i64> {
    Vec::try_from(logits.argmax(-1, false).flatten(0, -1)).expect("indices are whole numbers")
}
