//! Candidate regions of MQSPN: what the patches show of each box, and where it is. The first candidate is no region.

use tch::nn::{self, Init, Module};
use tch::{Kind, Tensor};

use super::MqspnConfig;
use super::config::PLACE_NUMBERS;

/// Makes vectors of boxes.
#[derive(Debug)]
pub(super) struct Regions {
    seen: nn::Linear,
    place: nn::Linear,
    none: Tensor,
    norm: nn::LayerNorm,
    bins: i64,
    grid: i64,
}

impl Regions {
    pub(super) fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let (width, bins) = (config.hidden, config.region_bins);
        let settings = nn::LayerNormConfig::default();
        Self {
            seen: nn::linear(vs / "seen", bins * bins * width, width, Default::default()),
            place: nn::linear(vs / "place", PLACE_NUMBERS, width, Default::default()),
            none: vs.var("none", &[width], Init::Randn { mean: 0.0, stdev: 0.02 }),
            norm: nn::layer_norm(vs / "LayerNorm", vec![width], settings),
            bins,
            grid: config.grid(),
        }
    }

    /// `[B, 1 + R, d]`: no region, then each box. `patches` is `[B, 1 + grid * grid, d]`, and `boxes` `[B, R, 4]`: left,
    /// top, right and bottom as fractions of the picture.
    pub(super) fn forward(&self, patches: &Tensor, boxes: &Tensor) -> Tensor {
        let (rows, regions) = (boxes.size()[0], boxes.size()[1]);
        let cells = patches.narrow(1, 1, self.grid * self.grid);
        // [B, R * bins^2, cells] and [B, cells, d]
        let shares = shares(boxes, self.bins, self.grid).to_kind(cells.kind());
        let parts = shares.bmm(&cells).reshape([rows, regions, self.bins * self.bins * cells.size()[2]]);
        let sides = boxes.narrow(2, 2, 2) - boxes.narrow(2, 0, 2);
        let place = Tensor::cat(&[boxes, &sides], 2).to_kind(cells.kind());
        let found = self.seen.forward(&parts) + self.place.forward(&place);
        let none = self.none.expand([rows, 1, -1], false);
        self.norm.forward(&Tensor::cat(&[none, found], 1))
    }
}

/// How much of each part of each box every cell of the grid is, `[B, R * bins^2, grid^2]` of `Float`: the weights of a part
/// add up to 1, so that it is seen as the mean of its area. Parts of a box without an area are 0.
fn shares(boxes: &Tensor, bins: i64, grid: i64) -> Tensor {
    let along = |first: i64| along(&boxes.select(2, first), &boxes.select(2, first + 2), bins, grid);
    let (columns, rows) = (along(0), along(1));
    // [B, R, bins, 1, grid, 1] of rows by [B, R, 1, bins, 1, grid] of columns.
    let all = rows.unsqueeze(3).unsqueeze(5) * columns.unsqueeze(2).unsqueeze(4);
    all.reshape([boxes.size()[0], boxes.size()[1] * bins * bins, grid * grid])
}

/// The same along one side, `[B, R, bins, grid]`, of boxes from `start` to `end`, `[B, R]` each.
fn along(start: &Tensor, end: &Tensor, bins: i64, grid: i64) -> Tensor {
    let options = (Kind::Float, start.device());
    let side = (end - start) / bins as f64;
    // [B, R, bins, 1]
    let numbers = Tensor::arange(bins, options);
    let from = (start.unsqueeze(-1) + side.unsqueeze(-1) * &numbers).unsqueeze(-1);
    let side = side.unsqueeze(-1).unsqueeze(-1);
    let to = &from + &side;
    let cells = Tensor::arange(grid, options) / grid as f64;
    let overlap = to.minimum(&(&cells + 1.0 / grid as f64)) - from.maximum(&cells);
    overlap.clamp_min(0.0) / side.clamp_min(f64::from(f32::EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_mean_of_the_cells_under_it() {
        let boxes = Tensor::from_slice(&[0.0_f32, 0.0, 1.0, 0.5, 0.25, 0.0, 0.75, 1.0]).view([1, 2, 4]);
        let shares = shares(&boxes, 1, 2);
        let found = Vec::<Vec<f32>>::try_from(shares.squeeze_dim(0)).unwrap();
        assert_eq!(found, [[0.5, 0.5, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]]);
        let quarters = super::shares(&boxes, 2, 2);
        assert_eq!(quarters.size(), [1, 8, 4]);
        let sums =
            Vec::<f32>::try_from(quarters.sum_dim_intlist([2_i64].as_slice(), false, Kind::Float).view([-1]));
        assert!(sums.unwrap().iter().all(|sum| (sum - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_box_without_an_area_is_seen_as_nothing() {
        let none = shares(&Tensor::zeros([1, 1, 4], (Kind::Float, tch::Device::Cpu)), 2, 3);
        assert_eq!(none.abs().max().double_value(&[]), 0.0);
    }
}
