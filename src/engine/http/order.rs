//! Order: answers of a batch in the order of their posts, or as they are done.

use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

/// The order of a batch's answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Order {
    /// As the posts were sent.
    #[default]
    Input,
    /// As the answers are done: each has the index of its post.
    Completion,
}

/// Holds back what is done before its turn.
#[derive(Debug)]
pub(super) struct Ordered<T> {
    order: Order,
    next: usize,
    early: BTreeMap<usize, T>,
}

impl<T> Ordered<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, next: 0, early: BTreeMap::new() }
    }

    /// What may be handed on now that the one of this index is done, in its order.
    pub(super) fn push(&mut self, index: usize, done: T) -> Vec<(usize, T)> {
        if self.order == Order::Completion {
            return vec![(index, done)];
        }
        self.early.insert(index, done);
        let mut ready = Vec::new();
        while let Some(done) = self.early.remove(&self.next) {
            ready.push((self.next, done));
            self.next += 1;
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_wait_for_earlier_ones_only_where_the_order_of_the_input_is_asked_for() {
        let all = |order| {
            let mut ordered = Ordered::new(order);
            [2, 0, 1, 3]
                .map(|index| ordered.push(index, ()).into_iter().map(|(index, ())| index).collect::<Vec<_>>())
        };
        assert_eq!(all(Order::Input), [vec![], vec![0], vec![1, 2], vec![3]]);
        assert_eq!(all(Order::Completion), [vec![2], vec![0], vec![1], vec![3]]);
    }
}
