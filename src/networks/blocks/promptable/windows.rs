//! Windows: squares of a picture's cells within which the encoders of SAM and SAM 2 attend.

use tch::Tensor;

/// Cuts `[B, grid, grid, D]` into `[B * windows, side, side, D]`; zeros fill what the last windows lack.
pub(in crate::networks) fn into_windows(features: &Tensor, side: i64) -> Tensor {
    let (batch, grid, _, width) =
        features.size4().unwrap_or_else(|_| unreachable!("features have four dimensions"));
    let across = (grid + side - 1) / side;
    let missing = across * side - grid;
    let padded = if missing == 0 {
        features.shallow_clone()
    } else {
        features.constant_pad_nd([0, 0, 0, missing, 0, missing])
    };
    padded.reshape([batch, across, side, across, side, width]).permute([0, 1, 3, 2, 4, 5]).reshape([
        batch * across * across,
        side,
        side,
        width,
    ])
}

/// Undoes [`into_windows`].
pub(in crate::networks) fn from_windows(windows: &Tensor, side: i64, grid: i64) -> Tensor {
    let across = (grid + side - 1) / side;
    let width = windows.size()[3];
    windows
        .reshape([-1, across, across, side, side, width])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([-1, across * side, across * side, width])
        .narrow(1, 0, grid)
        .narrow(2, 0, grid)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn windows_put_together_again_are_the_picture() {
        for (grid, side, count) in [(5, 3, 8), (6, 3, 8), (3, 3, 2)] {
            let features = Tensor::randn([2, grid, grid, 3], (Kind::Float, Device::Cpu));
            let windows = into_windows(&features, side);
            assert_eq!(windows.size(), [count, side, side, 3]);
            assert_eq!(from_windows(&windows, side, grid), features);
        }
    }
}
