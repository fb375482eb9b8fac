//! Windows of the trunk: how a map of cells is cut into squares, straight or shifted, and joined again.

use tch::{Device, Kind, Tensor};

/// What is added to the attention between cells that only the shift has brought into one window; as in the original, it is
/// large and finite.
const APART: f64 = -100.0;

/// The windows of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Windows {
    /// Side of a window in cells.
    pub(super) side: i64,
    shift: i64,
    /// Rows and columns of the map.
    size: (i64, i64),
    /// The same, filled up to whole windows.
    filled: (i64, i64),
}

impl Windows {
    /// Those of `[h, w, c]`, whose cells move up and left by `shift` before.
    pub(super) fn of(cells: &Tensor, side: i64, shift: i64) -> Self {
        let (height, width) = (cells.size()[0], cells.size()[1]);
        let whole = |length: i64| (length + side - 1) / side * side;
        Self { side, shift, size: (height, width), filled: (whole(height), whole(width)) }
    }

    /// `[h, w, c]` to `[windows, side * side, c]`.
    pub(super) fn cut(&self, cells: &Tensor) -> Tensor {
        let ((height, width), (rows, columns)) = (self.size, self.filled);
        let mut cells = cells.constant_pad_nd([0, 0, 0, columns - width, 0, rows - height]);
        if self.shift > 0 {
            cells = cells.roll([-self.shift, -self.shift], [0, 1]);
        }
        let side = self.side;
        let squares = cells.view([rows / side, side, columns / side, side, -1]).permute([0, 2, 1, 3, 4]);
        squares.reshape([rows / side * (columns / side), side * side, -1])
    }

    /// `[windows, side * side, c]` to `[h, w, c]`.
    pub(super) fn join(&self, within: &Tensor) -> Tensor {
        let ((height, width), (rows, columns), side) = (self.size, self.filled, self.side);
        let squares = within.view([rows / side, columns / side, side, side, -1]).permute([0, 2, 1, 3, 4]);
        let mut cells = squares.reshape([rows, columns, -1]);
        if self.shift > 0 {
            cells = cells.roll([self.shift, self.shift], [0, 1]);
        }
        cells.narrow(0, 0, height).narrow(1, 0, width)
    }

    /// What the shift adds to attention, `[windows, 1, n, n]`; none where nothing is shifted.
    ///
    /// A shifted row belongs to the part that kept its neighbours, to the last window's upper part, or to the part that
    /// came from the other end; columns alike. Cells of different parts keep apart.
    pub(super) fn apart(&self, kind: Kind, device: Device) -> Option<Tensor> {
        if self.shift == 0 {
            return None;
        }
        let part = |length: i64| {
            let part = move |place: i64| {
                i64::from(place >= length - self.side) + i64::from(place >= length - self.shift)
            };
            Tensor::from_slice(&(0..length).map(part).collect::<Vec<_>>())
        };
        let parts = part(self.filled.0).unsqueeze(1) * 3 + part(self.filled.1).unsqueeze(0);
        // The parts lie as the cells do after the shift.
        let parts = Self { shift: 0, size: self.filled, ..*self }.cut(&parts.unsqueeze(2)).squeeze_dim(2);
        let differ = parts.unsqueeze(1).not_equal_tensor(&parts.unsqueeze(2)).unsqueeze(1);
        Some((differ.to_kind(Kind::Float) * APART).to_kind(kind).to_device(device))
    }
}

/// For each cell of a window and each other, the row of their relative place in the table of biases.
pub(super) fn offsets(side: i64) -> Vec<i64> {
    let cells = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
    let cells: Vec<(i64, i64)> = cells.collect();
    let place = |one: &(i64, i64), other: &(i64, i64)| {
        (one.0 - other.0 + side - 1) * (2 * side - 1) + one.1 - other.1 + side - 1
    };
    cells.iter().flat_map(|one| cells.iter().map(move |other| place(one, other))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_that_is_cut_and_joined_is_the_same() {
        let cells = Tensor::arange(5 * 7 * 2, (Kind::Float, Device::Cpu)).view([5, 7, 2]);
        for shift in [0, 1] {
            let windows = Windows::of(&cells, 3, shift);
            let within = windows.cut(&cells);
            assert_eq!(within.size(), [6, 9, 2]);
            assert_eq!(windows.join(&within), cells);
        }
    }

    #[test]
    fn only_cells_of_different_ends_keep_apart() {
        let cells = Tensor::zeros([4, 2, 1], (Kind::Float, Device::Cpu));
        assert!(Windows::of(&cells, 2, 0).apart(Kind::Float, Device::Cpu).is_none());
        let apart = Windows::of(&cells, 2, 1).apart(Kind::Float, Device::Cpu).unwrap();
        assert_eq!(apart.size(), [2, 1, 4, 4]);
        let of =
            |window: i64| Vec::<Vec<f64>>::try_from(apart.get(window).get(0).to_kind(Kind::Double)).unwrap();
        // Above, the columns of a window come from both ends of the map; below, so do the rows.
        assert_eq!(of(0)[0], [0.0, APART, 0.0, APART]);
        assert_eq!(of(1)[0], [0.0, APART, APART, APART]);
    }

    #[test]
    fn a_place_relative_to_another_has_one_row() {
        assert_eq!(offsets(1), [0]);
        assert_eq!(offsets(2)[..4], [4, 3, 1, 0]);
        assert_eq!(offsets(2)[12..], [8, 7, 5, 4]);
    }
}
