//! Set loss of a joint network: each gold entity is matched with the query that answers it best, and each query is then taught
//! its entity, or that there is none.
//!
//! As the authors of MQSPN train it, after Carion et al., "End-to-End Object Detection with Transformers" (arXiv 2005.12872):
//! an optimal matching, so that the order of entities does not matter; gold entities are repeated, so that more queries than
//! one learn from each; every layer of the fusion is taught alike.

use tch::{Kind, Reduction, Tensor, no_grad};

use super::assignment::assignment;
use crate::networks::mqspn::Predictions;

/// A gold entity of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldEntity {
    /// The first word.
    pub left: i64,
    /// The last word.
    pub right: i64,
    /// The type, counted from 1.
    pub class: i64,
    /// How good each answer is as its region, 0 to 1: first that there is none, then the candidates. Those that are no good
    /// are 0.
    pub regions: Vec<f32>,
}

/// How much each part counts.
#[derive(Debug, Clone, Copy)]
pub struct SetLoss {
    /// The type.
    pub types: f64,
    /// The boundaries.
    pub boundaries: f64,
    /// The region.
    pub regions: f64,
    /// The share of the queries that are given an entity to find; the gold entities are repeated up to it.
    pub share: f64,
}

/// The weights of the authors' code, where 45 of 60 queries are given an entity.
pub const AUTHORS: SetLoss = SetLoss { types: 2.0, boundaries: 2.0, regions: 2.0, share: 0.75 };

impl SetLoss {
    /// The gold entities of a text in turn until the share of the queries is reached; at most one for each query.
    #[must_use]
    pub fn repeated(&self, gold: &[GoldEntity], queries: usize) -> Vec<GoldEntity> {
        let wanted = ((queries as f64 * self.share) as usize).max(gold.len()).min(queries);
        gold.iter().cycle().take(if gold.is_empty() { 0 } else { wanted }).cloned().collect()
    }

    /// The loss of a batch: `answers` of each layer to all texts, and the repeated `gold` of each text, whose `regions` are
    /// as long as the answers'.
    pub fn of(&self, answers: &[Predictions], gold: &[Vec<GoldEntity>]) -> Tensor {
        let losses: Vec<Tensor> = answers.iter().map(|answer| self.of_layer(answer, gold)).collect();
        Tensor::stack(&losses, 0).sum(Kind::Float)
    }

    fn of_layer(&self, answer: &Predictions, gold: &[Vec<GoldEntity>]) -> Tensor {
        let size = answer.types.size();
        let (rows, queries, classes) = (size[0], size[1], size[2]);
        let device = answer.types.device();
        let matched = no_grad(|| self.matched(answer, gold));
        let places: Vec<i64> =
            matched.iter().map(|(row, query, _)| *row as i64 * queries + *query as i64).collect();

        let mut wanted = vec![0_i64; (rows * queries) as usize];
        for (place, (_, _, entity)) in places.iter().zip(&matched) {
            wanted[*place as usize] = entity.class;
        }
        let (found, none) = (matched.len() as f32, (rows * queries) as f32 - matched.len() as f32);
        let mut weights = vec![1.0_f32; classes as usize];
        // Entities and queries without one count alike, however many there are of each.
        weights[0] = if found == 0.0 { 1.0 } else { found / none.max(1.0) };
        let weights = Tensor::from_slice(&weights).to_device(device);
        let wanted = Tensor::from_slice(&wanted).to_device(device);
        let types = answer.types.flatten(0, 1).cross_entropy_loss(
            &wanted,
            Some(&weights),
            Reduction::Mean,
            -100,
            0.0,
        );
        if matched.is_empty() {
            return types * self.types;
        }
        let places = Tensor::from_slice(&places).to_device(device);
        // Where there is no word or candidate, the logit is so low that it has no loss.
        let summed = |logits: &Tensor, wanted: &Tensor| {
            let none: Option<Tensor> = None;
            logits.flatten(0, 1).index_select(0, &places).binary_cross_entropy_with_logits(
                wanted,
                none.as_ref(),
                none.as_ref(),
                Reduction::Sum,
            )
        };
        let boundary = |logits: &Tensor, word: fn(&GoldEntity) -> i64| {
            let words: Vec<i64> = matched.iter().map(|(_, _, entity)| word(entity)).collect();
            let wanted = Tensor::from_slice(&words).one_hot(logits.size()[2]).to_kind(Kind::Float);
            summed(logits, &wanted.to_device(device))
        };
        let boundaries =
            boundary(&answer.left, |entity| entity.left) + boundary(&answer.right, |entity| entity.right);
        let good: Vec<f32> =
            matched.iter().flat_map(|(_, _, entity)| entity.regions.iter().copied()).collect();
        let good = Tensor::from_slice(&good).view([matched.len() as i64, -1]).to_device(device);
        let regions = summed(&answer.regions, &good);
        types * self.types + (boundaries * self.boundaries + regions * self.regions) / f64::from(found)
    }

    /// The row, the query and the gold entity of each pair.
    fn matched<'a>(
        &self,
        answer: &Predictions,
        gold: &'a [Vec<GoldEntity>],
    ) -> Vec<(usize, usize, &'a GoldEntity)> {
        let single = |logits: &Tensor| logits.to_device(tch::Device::Cpu).to_kind(Kind::Float);
        let types = single(&answer.types).softmax(-1, Kind::Float);
        let [left, right, regions] =
            [&answer.left, &answer.right, &answer.regions].map(|logits| single(logits).sigmoid());
        let mut pairs = Vec::new();
        for (row, entities) in gold.iter().enumerate().filter(|(_, entities)| !entities.is_empty()) {
            let of = |all: &Tensor, column: fn(&GoldEntity) -> i64| {
                let columns: Vec<i64> = entities.iter().map(column).collect();
                all.get(row as i64).index_select(1, &Tensor::from_slice(&columns)).transpose(0, 1)
            };
            let boundaries = of(&left, |entity| entity.left) + of(&right, |entity| entity.right);
            let good: Vec<f32> = entities.iter().flat_map(|entity| entity.regions.iter().copied()).collect();
            let good = Tensor::from_slice(&good).view([entities.len() as i64, -1]);
            let sums = good.sum_dim_intlist([1_i64].as_slice(), true, Kind::Float).clamp_min(1e-6);
            let region = (good / sums).matmul(&regions.get(row as i64).transpose(0, 1));
            // [G, Q]
            let worth = of(&types, |entity| entity.class) * self.types
                + boundaries * self.boundaries
                + region * self.regions;
            let worth = Vec::<Vec<f32>>::try_from(worth).unwrap_or_default();
            let costs: Vec<Vec<f64>> =
                worth.iter().map(|row| row.iter().map(|&worth| f64::from(-worth)).collect()).collect();
            pairs.extend(
                assignment(&costs).into_iter().zip(entities).map(|(query, entity)| (row, query, entity)),
            );
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn entity(left: i64, right: i64, class: i64) -> GoldEntity {
        GoldEntity { left, right, class, regions: vec![1.0, 0.0] }
    }

    #[test]
    fn gold_is_repeated_in_turn_up_to_the_share() {
        let gold = [entity(0, 1, 1), entity(3, 3, 2)];
        let lefts = |gold: &[GoldEntity], queries| {
            AUTHORS.repeated(gold, queries).iter().map(|entity| entity.left).collect::<Vec<_>>()
        };
        assert_eq!(lefts(&gold, 8), [0, 3, 0, 3, 0, 3]);
        assert_eq!(lefts(&gold, 2), [0, 3]);
        assert_eq!(lefts(&gold, 1), [0], "there is no query for the second");
        assert!(lefts(&[], 8).is_empty());
    }

    #[test]
    fn descending_on_the_loss_finds_the_entities_in_any_order() {
        tch::manual_seed(2);
        let variable = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu)).set_requires_grad(true);
        let mut all =
            [variable(&[2, 3, 4]), variable(&[2, 3, 4]), variable(&[2, 3, 2]), variable(&[2, 3, 3])];
        let gold = [vec![entity(0, 1, 1), entity(3, 3, 2)], Vec::new()];
        let answers = |all: &[Tensor; 4]| {
            let [left, right, regions, types] = all.each_ref().map(Tensor::shallow_clone);
            [Predictions { left, right, regions, types }]
        };
        let first = AUTHORS.of(&answers(&all), &gold).double_value(&[]);
        for _ in 0..60 {
            let loss = AUTHORS.of(&answers(&all), &gold);
            all.iter_mut().for_each(Tensor::zero_grad);
            loss.backward();
            no_grad(|| all.iter_mut().for_each(|one| drop(one.g_sub_(&(one.grad() * 0.5)))));
        }
        let last = AUTHORS.of(&answers(&all), &gold).double_value(&[]);
        assert!(last < 0.2 * first, "{first} to {last}");
        let classes = Vec::<Vec<i64>>::try_from(all[3].argmax(-1, false)).unwrap();
        assert_eq!(classes[1], [0, 0, 0]);
        let mut found = classes[0].clone();
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2]);
    }
}
