//! Maps of a picture: their sizes, and where their cells are.

use std::f64::consts::PI;

use tch::{Device, Kind, Tensor};

use super::config::{LEVELS, PATCH};

/// The base of the frequencies at which the places of cells are told.
const CELL_TEMPERATURE: f64 = 20.0;
/// The same for boxes and for the places of words.
const TEMPERATURE: f64 = 10_000.0;
/// Keeps sums from being divided by zero; of no weight otherwise.
const EPSILON: f64 = 1e-6;

/// Rows and columns of each map of a picture, from the finest to the coarsest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels(pub(super) [(i64, i64); LEVELS as usize]);

impl Levels {
    /// The levels of a picture of this height and width in pixels.
    #[must_use]
    pub fn of(height: i64, width: i64) -> Self {
        let half = |(rows, columns): (i64, i64)| ((rows + 1) / 2, (columns + 1) / 2);
        let patches = ((height + PATCH - 1) / PATCH, (width + PATCH - 1) / PATCH);
        let mut map = patches;
        Self([(); LEVELS as usize].map(|()| {
            map = half(map);
            map
        }))
    }

    /// Rows and columns of each map.
    #[must_use]
    pub fn maps(&self) -> [(i64, i64); LEVELS as usize] {
        self.0
    }

    /// Cells of all maps.
    #[must_use]
    pub fn cells(&self) -> i64 {
        self.0.iter().map(|(rows, columns)| rows * columns).sum()
    }

    /// Columns and rows of each map, `[levels, 2]` of `Float`.
    pub(super) fn sizes(&self, device: Device) -> Tensor {
        let sizes: Vec<f32> =
            self.0.iter().flat_map(|&(rows, columns)| [columns as f32, rows as f32]).collect();
        Tensor::from_slice(&sizes).view([LEVELS, 2]).to_device(device)
    }

    /// The middles of all cells as parts of the picture's width and height, `[cells, 2]` of `Float`.
    pub(super) fn middles(&self, device: Device) -> Tensor {
        let of_level = |&(rows, columns): &(i64, i64)| {
            let middles = |count: i64| (counted(count, device) - 0.5) / count as f64;
            let x = middles(columns).unsqueeze(0).expand([rows, columns], false);
            let y = middles(rows).unsqueeze(1).expand([rows, columns], false);
            Tensor::stack(&[x, y], 2).view([-1, 2])
        };
        Tensor::cat(&self.0.iter().map(of_level).collect::<Vec<_>>(), 0)
    }

    /// Where cells are, as vectors of sines and cosines of their row, then of their column, with the vector of their level
    /// `[levels, width]` added: `[cells, width]` of `Float`.
    pub(super) fn places(&self, of_levels: &Tensor) -> Tensor {
        let (width, device) = (of_levels.size()[1], of_levels.device());
        let of_level = |(index, &(rows, columns)): (usize, &(i64, i64))| {
            let told = |count: i64| {
                let parts = counted(count, device) / (count as f64 + EPSILON);
                waves(&parts, width / 2, CELL_TEMPERATURE)
            };
            let row = told(rows).unsqueeze(1).expand([rows, columns, -1], false);
            let column = told(columns).unsqueeze(0).expand([rows, columns, -1], false);
            Tensor::cat(&[row, column], 2).view([-1, width]) + of_levels.get(index as i64)
        };
        Tensor::cat(&self.0.iter().enumerate().map(of_level).collect::<Vec<_>>(), 0)
    }
}

/// 1 to `count`.
fn counted(count: i64, device: Device) -> Tensor {
    Tensor::arange_start(1, count + 1, (Kind::Float, device))
}

/// Sines and cosines of numbers, by turns, at frequencies that fall: `[..]` to `[.., width]`. A one is a full turn.
fn waves(numbers: &Tensor, width: i64, temperature: f64) -> Tensor {
    let steps: Vec<f32> = (0..width)
        .map(|index| {
            let exponent = 2.0 * (index / 2) as f32 / width as f32;
            (temperature as f32).powf(exponent)
        })
        .collect();
    let steps = Tensor::from_slice(&steps).to_device(numbers.device());
    let angles = numbers.unsqueeze(-1) * (2.0 * PI) / steps;
    let sines = angles.slice(-1, Some(0), None, 2).sin();
    let cosines = angles.slice(-1, Some(1), None, 2).cos();
    Tensor::stack(&[sines, cosines], -1).flatten(-2, -1)
}

/// Boxes `[n, 4]`, of middle and size, as vectors: row, column, width and height, `[n, 4 width]`.
pub(super) fn box_places(boxes: &Tensor, width: i64) -> Tensor {
    let order = Tensor::from_slice(&[1_i64, 0, 2, 3]).to_device(boxes.device());
    waves(&boxes.index_select(1, &order), width, TEMPERATURE).flatten(1, 2)
}

/// Places of words, `[n]` of `Int64`, as vectors `[n, width]`.
pub(super) fn word_places(places: &Tensor, width: i64) -> Tensor {
    waves(&places.to_kind(Kind::Float), width, TEMPERATURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_an_eighth_of_the_picture_and_then_half_of_each_other_rounded_up() {
        let levels = Levels::of(800, 1066);
        assert_eq!(levels.0, [(100, 134), (50, 67), (25, 34), (13, 17)]);
        assert_eq!(levels.cells(), 17_821);
        assert_eq!(Levels::of(1, 1).0, [(1, 1); 4]);
    }

    #[test]
    fn middles_of_cells_are_parts_of_the_picture() {
        let middles = Levels::of(16, 32).middles(Device::Cpu);
        let middles = Vec::<Vec<f64>>::try_from(middles.to_kind(Kind::Double)).unwrap();
        assert_eq!(middles.len(), 8 + 2 + 1 + 1);
        assert_eq!(middles[..2], [[0.125, 0.25], [0.375, 0.25]]);
        assert_eq!(middles[11], [0.5, 0.5]);
    }
}
