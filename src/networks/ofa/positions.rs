//! Position bias of attention. Position enters OFA only here, as a bias on attention.
//!
//! Nothing here depends on the input, only on its length: a frozen network computes it once.

use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

use super::config::{LONGEST_TEXT, OfaConfig};
use crate::networks::blocks::layers::linear;

/// One table a layer: a number a head for each bucket of distance.
#[derive(Debug)]
pub(super) struct RelativeTables {
    tables: Vec<Tensor>,
    buckets: Tensor,
}

impl RelativeTables {
    /// Tables over a matrix of buckets, below `list`.
    pub(super) fn new(list: &nn::Path, buckets: Tensor, (rows, heads, layers): (i64, i64, i64)) -> Self {
        let tables = (0..layers)
            .map(|layer| (list / layer).var("weight", &[rows, heads], nn::Init::Const(0.0)))
            .collect();
        Self { tables, buckets }
    }

    /// The bias of one layer between the first `length` tokens, `[1, heads, length, length]`.
    pub(super) fn bias(&self, layer: usize, length: i64) -> Tensor {
        let buckets = self.buckets.narrow(0, 0, length).narrow(1, 0, length).reshape([-1]);
        self.tables[layer]
            .index_select(0, &buckets)
            .view([length, length, -1])
            .permute([2, 0, 1])
            .unsqueeze(0)
    }
}

/// A pair of projections whose product says how much one position attends to another.
#[derive(Debug)]
pub(super) struct AbsoluteBias {
    queries: nn::Linear,
    keys: nn::Linear,
    heads: i64,
    scale: f64,
}

impl AbsoluteBias {
    /// Variables `<name>_q_linear` and `<name>_k_linear`.
    pub(super) fn new(vs: &nn::Path, name: &str, config: &OfaConfig) -> Self {
        let project =
            |which: &str| linear(&(vs / format!("{name}_{which}_linear")), config.d_model, config.d_model);
        Self { queries: project("q"), keys: project("k"), heads: config.heads, scale: head_scale(config) }
    }

    /// Between positions `[1, n, d]` and `[1, m, d]`: `[1, heads, n, m]`.
    pub(super) fn between(&self, queries: &Tensor, keys: &Tensor) -> Tensor {
        let split = |projected: Tensor| {
            let (batch, length, _) = shape(&projected);
            projected.view([batch, length, self.heads, -1]).transpose(1, 2)
        };
        let queries = split(self.queries.forward(queries)) * self.scale;
        queries.matmul(&split(self.keys.forward(keys)).transpose(2, 3))
    }
}

/// What products of two heads' vectors are multiplied by: content and position share the sum, hence the 2.
pub(super) fn head_scale(config: &OfaConfig) -> f64 {
    1.0 / ((2 * config.d_model / config.heads) as f64).sqrt()
}

/// The three sizes of a tensor that has three dimensions.
pub(super) fn shape(tensor: &Tensor) -> (i64, i64, i64) {
    let size = tensor.size();
    (size[0], size[1], size[2])
}

/// The bucket of the distance between each two of `length` text tokens, `[length, length]`: exact while near, then by
/// its logarithm, with a sign; from 0 to `2 * bucket - 2`.
pub(super) fn text_buckets(bucket: i64, length: i64, device: Device) -> Tensor {
    let positions = Tensor::arange(length, (Kind::Int64, device));
    let distance = positions.unsqueeze(1) - positions.unsqueeze(0);
    let middle = bucket / 2;
    let near = distance.abs().lt(middle);
    let clipped = distance.abs().masked_fill(&near, middle - 1);
    let growth = ((LONGEST_TEXT - 1) as f64 / middle as f64).ln();
    // In single precision, as the published tables were learnt: the bucket at a boundary depends on it.
    let logarithm = (clipped.to_kind(Kind::Float) / middle as f64).log() / growth * (middle - 1) as f64;
    let far = logarithm.ceil().to_kind(Kind::Int64) + middle;
    distance.where_self(&clipped.le(middle), &(far * distance.sign())) + (bucket - 1)
}

/// The bucket of the way from each cell of a square grid to each other, `[grid^2, grid^2]`: a bucket for each
/// difference of rows and of columns, laid out for grids of up to `bucket` cells a side.
pub(super) fn image_buckets(bucket: i64, grid: i64, device: Device) -> Tensor {
    let cells = Tensor::arange(grid * grid, (Kind::Int64, device));
    let difference = |along: Tensor| along.unsqueeze(1) - along.unsqueeze(0) + (bucket - 1);
    let rows = difference(cells.divide_scalar_mode(grid, "floor"));
    let columns = difference(cells.remainder(grid));
    rows * (2 * bucket - 1) + columns
}

/// Rows of a table over [`image_buckets`]; the last three are for a beginning that pictures here do not have.
pub(super) fn image_rows(bucket: i64) -> i64 {
    (2 * bucket - 1) * (2 * bucket - 1) + 3
}

/// The row of the table of picture positions for each cell of a square grid; row 0 is unused.
pub(super) fn image_positions(bucket: i64, grid: i64, device: Device) -> Tensor {
    let along = Tensor::arange(grid, (Kind::Int64, device));
    (along.unsqueeze(1) * bucket + along.unsqueeze(0) + 1).view([-1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_distance_has_the_bucket_that_it_was_published_with() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/ofa.safetensors");
        let fixture = Tensor::read_safetensors(path).unwrap();
        let (_, theirs) = fixture.iter().find(|(name, _)| name == "buckets").unwrap();
        let ours = text_buckets(256, LONGEST_TEXT, Device::Cpu);
        assert_eq!(Tensor::stack(&[ours.get(0), ours.select(1, 0)], 0), *theirs);
    }

    #[test]
    fn each_way_between_cells_has_a_bucket_of_its_own() {
        let buckets = image_buckets(5, 3, Device::Cpu);
        let of = |from: i64, to: i64| buckets.int64_value(&[from, to]);
        assert_eq!(of(0, 0), of(8, 8));
        assert_eq!(of(0, 4), of(4, 8));
        assert_ne!(of(0, 4), of(4, 0));
        assert_ne!(of(2, 0), of(0, 3));
        let mut all: Vec<i64> = Vec::try_from(buckets.view([-1])).unwrap();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5 * 5);
    }
}
