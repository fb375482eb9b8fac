//! Deformable attention over several maps: each query attends to a few points of each map, which it chooses itself.
//!
//! After Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection" (arXiv 2010.04159). A point
//! lies between four cells, and what it says is their mean, each weighed by its nearness; beyond the map there are zeros.
//! So the answer to a query is one weighed sum of rows of a table, which libtorch has an operator for on every device.

use tch::nn;
use tch::{Device, Kind, Tensor};

use super::config::{GroundingDinoConfig, LEVELS};
use super::levels::Levels;
use crate::networks::blocks::layers::linear;

/// Queries whose points are computed at a time: their indices and weights, 512 of each a query as published, stay in a
/// processor's cache, and memory does not grow with the picture.
const AT_ONCE: i64 = 2048;
/// Zeros around each map, by which points just beyond its edge are weighed: one cell before it, and two behind, of which
/// the second only ever has the weight 0.
const BEFORE: i64 = 1;
const BEHIND: i64 = 2;
/// Cells that a point lies between.
const CORNERS: i64 = 4;

/// Deformable attention.
#[derive(Debug)]
pub(super) struct Deformable {
    offsets: nn::Linear,
    weights: nn::Linear,
    value: nn::Linear,
    out: nn::Linear,
    heads: i64,
    points: i64,
}

/// Where queries begin to look.
#[derive(Debug, Clone, Copy)]
pub(super) enum Around<'a> {
    /// At points `[n, 2]`: offsets are in cells.
    Points(&'a Tensor),
    /// At the middles of boxes `[n, 4]`: offsets are in halves of the boxes' sizes, divided by the number of points.
    Boxes(&'a Tensor),
}

/// A table of what the cells of all maps say to each head, with the zeros around each map.
struct Table {
    /// `[rows * heads, width / heads]`.
    rows: Tensor,
    /// The first row of each map, `[levels]` of `Float`, counted in cells.
    first: Tensor,
    /// Cells in a row of each map, `[levels]` of `Float`.
    stride: Tensor,
}

impl Deformable {
    pub(super) fn new(vs: &nn::Path, config: &GroundingDinoConfig) -> Self {
        let (width, heads, points) = (config.d_model, config.heads, config.points);
        let all = heads * LEVELS * points;
        Self {
            offsets: linear(&(vs / "sampling_offsets"), width, 2 * all),
            weights: linear(&(vs / "attention_weights"), width, all),
            value: linear(&(vs / "value_proj"), width, width),
            out: linear(&(vs / "output_proj"), width, width),
            heads,
            points,
        }
    }

    /// `queries`, `[n, d]` with their places, to the same, attending to the cells of all maps, `[cells, d]`.
    pub(super) fn forward(
        &self,
        queries: &Tensor,
        around: Around<'_>,
        cells: &Tensor,
        levels: &Levels,
    ) -> Tensor {
        let table = self.table(&cells.apply(&self.value), levels);
        let sizes = levels.sizes(cells.device());
        let count = queries.size()[0];
        let starts = (0..count).step_by(AT_ONCE as usize);
        let parts = starts.map(|start| {
            let rows = AT_ONCE.min(count - start);
            let part = |tensor: &Tensor| tensor.narrow(0, start, rows);
            let around = match around {
                Around::Points(points) => self.positions(&part(queries), &part(points), &sizes, None),
                Around::Boxes(boxes) => {
                    let boxes = part(boxes).to_kind(Kind::Float);
                    let reach = boxes.narrow(1, 2, 2) * (0.5 / self.points as f64);
                    self.positions(&part(queries), &boxes.narrow(1, 0, 2), &sizes, Some(&reach))
                }
            };
            self.sums(&table, &around, &self.shares(&part(queries)), &sizes)
        });
        Tensor::cat(&parts.collect::<Vec<_>>(), 0).apply(&self.out)
    }

    /// The points of queries in cells of each map, `[n, heads, levels, points, 2]`: the middle of the first cell is 0.
    fn positions(
        &self,
        queries: &Tensor,
        middles: &Tensor,
        sizes: &Tensor,
        reach: Option<&Tensor>,
    ) -> Tensor {
        let shape = [-1, self.heads, LEVELS, self.points, 2];
        let offsets = queries.apply(&self.offsets).to_kind(Kind::Float).view(shape);
        let in_cells = |parts: &Tensor| (parts.unsqueeze(1) * sizes).unsqueeze(1).unsqueeze(3);
        let start = in_cells(&middles.to_kind(Kind::Float)) - 0.5;
        match reach {
            None => offsets + start,
            Some(reach) => offsets * in_cells(reach) + start,
        }
    }

    /// How much each point counts, `[n, heads, levels, points]` of `Float`; those of a head add up to 1.
    fn shares(&self, queries: &Tensor) -> Tensor {
        let logits = queries.apply(&self.weights).unflatten(1, [self.heads, LEVELS * self.points]);
        logits.softmax(-1, Kind::Float).unflatten(2, [LEVELS, self.points])
    }

    /// What each head reads at its points, `[n, d]`.
    fn sums(&self, table: &Table, positions: &Tensor, shares: &Tensor, sizes: &Tensor) -> Tensor {
        let axis = |index: i64| {
            let last = sizes.select(1, index).unsqueeze(1);
            // Beyond the zeros there is nothing but more of them.
            let places = positions.select(-1, index).clamp_min(-1.0).minimum(&last);
            let cell = places.floor();
            (places - &cell, cell)
        };
        let ((right, column), (below, row)) = (axis(0), axis(1));
        let stride = table.stride.unsqueeze(1);
        let cell = (row + BEFORE) * &stride + (column + BEFORE) + table.first.unsqueeze(1);
        let heads = Tensor::arange(self.heads, (Kind::Int64, cell.device())).view([-1, 1, 1]);
        let upper_left = cell.to_kind(Kind::Int64) * self.heads + heads;
        let down = stride.to_kind(Kind::Int64) * self.heads;
        let lower_left = &upper_left + &down;
        let indices = [
            upper_left.shallow_clone(),
            &upper_left + self.heads,
            lower_left.shallow_clone(),
            &lower_left + self.heads,
        ];
        // Numbers that are none would point anywhere.
        let last_row = table.rows.size()[0] - 1;
        let indices = Tensor::stack(&indices, -1).clamp_(0, last_row).view([-1]);
        let lower = shares * below;
        let upper = shares - &lower;
        let (lower_right, upper_right) = (&lower * &right, &upper * &right);
        let weights = [upper - &upper_right, upper_right, lower - &lower_right, lower_right];
        let weights = Tensor::stack(&weights, -1).view([-1]).to_kind(table.rows.kind());
        let in_one = LEVELS * self.points * CORNERS;
        let starts = Tensor::arange_start_step(0, indices.size()[0], in_one, (Kind::Int64, indices.device()));
        let (sums, ..) = Tensor::embedding_bag(
            &table.rows,
            &indices,
            &starts,
            false,
            0, // sums, not means
            false,
            Some(&weights),
            false,
        );
        sums.view([positions.size()[0], -1])
    }

    fn table(&self, values: &Tensor, levels: &Levels) -> Table {
        let (device, width) = (values.device(), values.size()[1]);
        let (mut start, mut first, mut firsts, mut strides) = (0, 0, Vec::new(), Vec::new());
        let padded = levels.0.iter().map(|&(rows, columns)| {
            let map = values.narrow(0, start, rows * columns).view([rows, columns, width]);
            let map = map.constant_pad_nd([0, 0, BEFORE, BEHIND, BEFORE, BEHIND]).view([-1, width]);
            firsts.push(first as f32);
            strides.push((columns + BEFORE + BEHIND) as f32);
            start += rows * columns;
            first += map.size()[0];
            map
        });
        let rows = Tensor::cat(&padded.collect::<Vec<_>>(), 0).view([-1, width / self.heads]);
        let numbers = |numbers: &[f32], device: Device| Tensor::from_slice(numbers).to_device(device);
        Table { rows, first: numbers(&firsts, device), stride: numbers(&strides, device) }
    }
}
