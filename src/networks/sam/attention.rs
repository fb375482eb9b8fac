//! Attention of the image encoder: over a square of patches, biased by how many rows and columns lie between two of them.

use tch::nn::{self, Init};
use tch::{Device, Tensor};

use super::config::SamConfig;
use crate::networks::blocks::promptable::layers::linear;

/// Elements of the bias that exist at one time on a GPU: 256 MiB in f32. ViT-B at 1,024 pixels would need 768 MiB for one
/// picture in each global layer.
const BIAS_LIMIT: i64 = 1 << 26;

/// The same on a CPU: 16 MiB, which are still in its cache when attention reads them.
const BIAS_LIMIT_ON_CPU: i64 = 1 << 22;

/// Self-attention over squares of patches.
#[derive(Debug)]
pub(super) struct Attention {
    heads: i64,
    qkv: nn::Linear,
    proj: nn::Linear,
    /// `[2 * side - 1, head]`: what a query makes of a distance in rows, from the farthest key above it.
    rel_pos_h: Tensor,
    /// `[2 * side - 1, head]`: what a query makes of a distance in columns, from the farthest key on its right.
    rel_pos_w: Tensor,
}

/// What each query makes of each row and each column of keys, `[B, heads, side, side, side]` both.
struct Relative {
    by_row: Tensor,
    by_column: Tensor,
}

impl Attention {
    pub(super) fn new(vs: &nn::Path, config: &SamConfig, side: i64) -> Self {
        let head = config.hidden / config.heads;
        Self {
            heads: config.heads,
            qkv: linear(&(vs / "qkv"), config.hidden, 3 * config.hidden),
            proj: linear(&(vs / "proj"), config.hidden, config.hidden),
            rel_pos_h: vs.var("rel_pos_h", &[2 * side - 1, head], Init::Const(0.0)),
            rel_pos_w: vs.var("rel_pos_w", &[2 * side - 1, head], Init::Const(0.0)),
        }
    }

    /// `[B, side, side, D]` to the same.
    pub(super) fn forward(&self, features: &Tensor) -> Tensor {
        let on_cpu = features.device() == Device::Cpu;
        self.forward_within(features, if on_cpu { BIAS_LIMIT_ON_CPU } else { BIAS_LIMIT })
    }

    /// The same, as many squares, heads or rows of queries at once as keep the bias within `limit` elements.
    fn forward_within(&self, features: &Tensor, limit: i64) -> Tensor {
        let (batch, side, _, width) =
            features.size4().unwrap_or_else(|_| unreachable!("features have four dimensions"));
        let (tokens, head) = (side * side, width / self.heads);
        let qkv = features
            .apply(&self.qkv)
            .reshape([batch, tokens, 3, self.heads, head])
            .permute([2, 0, 3, 1, 4])
            .unbind(0);
        let (query, key, value) = (&qkv[0], &qkv[1], &qkv[2]);
        let relative = self.relative(query, side);

        let squares = (limit / (self.heads * tokens * tokens)).clamp(1, batch);
        let heads = (limit / (tokens * tokens)).clamp(1, self.heads);
        let rows = (limit / (tokens * side)).clamp(1, side);
        let mixed = in_parts(0, (batch, squares), |squares| {
            in_parts(1, (self.heads, heads), |heads| {
                let own = |tensor: &Tensor| heads.of(&squares.of(tensor));
                let (query, key, value) = (own(query), own(key), own(value));
                let (by_row, by_column) = (own(&relative.by_row), own(&relative.by_column));
                in_parts(2, (side, rows), |rows| {
                    let bias = rows.of(&by_row).unsqueeze(-1) + rows.of(&by_column).unsqueeze(-2);
                    Tensor::scaled_dot_product_attention(
                        &query.narrow(2, rows.first * side, rows.count * side),
                        &key,
                        &value,
                        Some(&bias.reshape([squares.count, heads.count, rows.count * side, tokens])),
                        0.0,
                        false,
                        None,
                        false,
                    )
                })
            })
        });
        mixed.transpose(1, 2).reshape([batch, side, side, width]).apply(&self.proj)
    }

    /// What queries `[B, heads, side * side, head]` make of rows and columns.
    ///
    /// One product has what each query makes of every distance. Of those, a query in row `h` needs the ones to keys of the
    /// rows 0 to `side - 1`, which stand side by side from `side - 1 - h` on: a view that begins one place earlier for each
    /// further row of queries.
    fn relative(&self, query: &Tensor, side: i64) -> Relative {
        let (batch, heads, tokens, head) =
            query.size4().unwrap_or_else(|_| unreachable!("queries have four dimensions"));
        let distances = 2 * side - 1;
        let table = Tensor::cat(&[self.rel_pos_h.flip([0]), self.rel_pos_w.flip([0])], 0);
        let table = table.tr().unsqueeze(0).expand([heads, -1, -1], false);
        let made = query.permute([1, 0, 2, 3]).reshape([heads, batch * tokens, head]).bmm(&table);

        let place = 2 * distances;
        let (square, row) = (tokens * place, side * place);
        let size = [batch, heads, side, side, side];
        Relative {
            by_row: made.as_strided(size, [square, batch * square, row - 1, place, 1], side - 1),
            by_column: made.as_strided(
                size,
                [square, batch * square, row, place - 1, 1],
                distances + side - 1,
            ),
        }
    }
}

/// Some of what lies along a dimension.
struct PartOf {
    dimension: i64,
    first: i64,
    count: i64,
}

impl PartOf {
    fn of(&self, tensor: &Tensor) -> Tensor {
        tensor.narrow(self.dimension, self.first, self.count)
    }
}

/// Computes `all` things along a dimension, `at_once` at a time, and puts them together.
fn in_parts(dimension: i64, (all, at_once): (i64, i64), compute: impl Fn(&PartOf) -> Tensor) -> Tensor {
    let firsts = (0..all).step_by(at_once as usize);
    let part = |first| compute(&PartOf { dimension, first, count: at_once.min(all - first) });
    let mut parts: Vec<Tensor> = firsts.map(part).collect();
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(&parts, dimension) }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    fn drawn(config: &SamConfig, side: i64) -> Attention {
        let vs = nn::VarStore::new(Device::Cpu);
        let attention = Attention::new(&vs.root(), config, side);
        tch::no_grad(|| {
            for table in [&attention.rel_pos_h, &attention.rel_pos_w] {
                let _ = table.shallow_clone().normal_(0.0, 1.0);
            }
        });
        attention
    }

    #[test]
    fn attention_in_parts_is_attention_at_once() {
        let config = SamConfig { hidden: 8, heads: 2, image_size: 80, window: 5, ..SamConfig::vit_b() };
        let attention = drawn(&config, 5);
        let features = Tensor::randn([3, 5, 5, 8], (Kind::Float, Device::Cpu));
        let whole = attention.forward_within(&features, i64::MAX);
        // Two squares at once, then one; one head; two rows, so that the last part is a short one.
        for limit in [2 * 2 * 25 * 25, 25 * 25, 2 * 5 * 25, 1] {
            let parts = attention.forward_within(&features, limit);
            assert!(whole.allclose(&parts, 1e-5, 1e-6, false), "{limit}");
        }
    }

    #[test]
    fn each_query_takes_from_the_tables_what_they_say_of_its_distance() {
        let config = SamConfig { hidden: 8, heads: 2, image_size: 48, window: 3, ..SamConfig::vit_b() };
        let attention = drawn(&config, 3);
        let query = Tensor::randn([2, 2, 9, 4], (Kind::Float, Device::Cpu));
        let Relative { by_row, by_column } = attention.relative(&query, 3);
        for place in 0..2 * 2 * 3 * 3 * 3 {
            let [square, head, row, column, key] =
                [place / 54, place / 27 % 2, place / 9 % 3, place / 3 % 3, place % 3];
            let query = query.get(square).get(head).get(3 * row + column);
            let expected = |table: &Tensor, own: i64| {
                (table.get(own - key + 2) * &query).sum(Kind::Float).double_value(&[])
            };
            let found =
                [&by_row, &by_column].map(|found| found.double_value(&[square, head, row, column, key]));
            let expected = [expected(&attention.rel_pos_h, row), expected(&attention.rel_pos_w, column)];
            assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-5));
        }
    }
}
