//! Position encodings of cells: sines and cosines of row and column as fractions of the picture.
//!
//! The normalised positions of DETR (Carion et al. 2020), with the picture's padding not counted.

use std::f64::consts::TAU;

use tch::{Device, Kind, Tensor};

/// Wave lengths go up to this many times that of a full circle.
const TEMPERATURE: f64 = 10_000.0;
/// Added to the number of rows or columns before it divides.
const EPSILON: f64 = 1e-6;

/// How many rows and columns of cells a picture fills of its square, at least one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cells {
    /// Cells down.
    pub rows: i64,
    /// Cells across.
    pub columns: i64,
}

/// Which cells show a picture, `[B, grid * grid]` of `Bool`.
pub(super) fn seen(pictures: &[Cells], grid: i64, device: Device) -> Tensor {
    let indices = Tensor::arange(grid, (Kind::Int64, device));
    let within =
        |counts: Vec<i64>| indices.lt_tensor(&Tensor::from_slice(&counts).to_device(device).unsqueeze(1));
    let rows = within(pictures.iter().map(|cells| cells.rows).collect());
    let columns = within(pictures.iter().map(|cells| cells.columns).collect());
    rows.unsqueeze(2).logical_and(&columns.unsqueeze(1)).flatten(1, 2)
}

/// The vectors of all cells' positions, `[B, grid * grid, width]`: the row's half, then the column's. They mean nothing
/// where no picture is.
pub(super) fn cells(pictures: &[Cells], grid: i64, width: i64, device: Device) -> Tensor {
    let half = |counts: Vec<f64>| waves(&counts, grid, width / 2, device);
    let rows = half(pictures.iter().map(|cells| cells.rows as f64).collect());
    let columns = half(pictures.iter().map(|cells| cells.columns as f64).collect());
    let shape = [pictures.len() as i64, grid, grid, width / 2];
    let rows = rows.unsqueeze(2).expand(shape, false);
    let columns = columns.unsqueeze(1).expand(shape, false);
    Tensor::cat(&[rows, columns], 3).flatten(1, 2)
}

/// `[B, grid, width]`: sines at even places, cosines at odd ones, of angles that go around once in `counts` cells.
fn waves(counts: &[f64], grid: i64, width: i64, device: Device) -> Tensor {
    let divisors = (0..width / 2).map(|pair| TEMPERATURE.powf((2 * pair) as f64 / width as f64));
    let divisors: Vec<f64> = divisors.collect();
    let angles = counts.iter().flat_map(|count| {
        let divisors = &divisors;
        (1..=grid).flat_map(move |cell| {
            let angle = cell as f64 / (count + EPSILON) * TAU;
            divisors.iter().flat_map(move |divisor| [(angle / divisor).sin(), (angle / divisor).cos()])
        })
    });
    let values: Vec<f32> = angles.map(|value| value as f32).collect();
    Tensor::from_slice(&values).view([counts.len() as i64, grid, width]).to_device(device)
}
