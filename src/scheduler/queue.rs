//! Which requests go together? One lane's waiting requests by cost, and the batch that is bound from them.
//!
//! No clock, no thread, no channel: the same code decides in the engine, in tests and in the simulator.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::budget::Limits;
use super::cost_model::class_of;
use super::{Budget, Cost, CostModel, Offer};

/// A batch may compute this much for each unit that was asked for when it takes in requests of other cost classes.
const MAX_PADDING: f64 = 1.15;

/// A request that waits or that is bound to a batch.
#[derive(Debug, Clone)]
pub struct Bound<T> {
    /// Whatever the lane needs to answer it.
    pub item: T,
    /// What it weighs.
    pub cost: Cost,
    /// When it was queued.
    pub since: Instant,
}

/// The members of one batch; empty where every request that waited was given up by its caller.
#[derive(Debug, Clone)]
pub struct Batch<T> {
    /// The members, those of the oldest one's cost class first.
    pub members: Vec<Bound<T>>,
    /// Requests that were dropped on the way because nobody waits for them any more.
    pub abandoned: usize,
}

impl<T> Batch<T> {
    /// What the batch costs the device: every member is as wide as the widest.
    #[must_use]
    pub fn padded(&self) -> u64 {
        padded(self.members.len(), self.members.iter().map(|member| weight(member.cost)).max().unwrap_or(0))
    }

    /// What was asked for.
    #[must_use]
    pub fn real(&self) -> u64 {
        self.members.iter().map(|member| weight(member.cost)).sum()
    }
}

/// One lane's waiting requests, first in first out within each cost class.
#[derive(Debug, Clone)]
pub struct Queue<T> {
    classes: BTreeMap<usize, VecDeque<Bound<T>>>,
    len: usize,
    cost: u64,
    limits: Limits,
    cost_model: CostModel,
}

/// A batch in the making.
struct Draft<T> {
    members: Vec<Bound<T>>,
    widest: u64,
    real: u64,
}

impl<T> Queue<T> {
    /// An empty queue that fills batches up to this budget.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            classes: BTreeMap::new(),
            len: 0,
            cost: 0,
            limits: Limits::new(budget),
            cost_model: CostModel::default(),
        }
    }

    /// Requests that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Queues a request.
    pub fn push(&mut self, item: T, cost: Cost, since: Instant) {
        self.len += 1;
        self.cost += weight(cost);
        self.classes.entry(class_of(weight(cost))).or_default().push_back(Bound { item, cost, since });
    }

    /// What this lane could run now; none where nothing waits.
    #[must_use]
    pub fn offer(&self) -> Option<Offer> {
        let oldest = self.classes.values().filter_map(VecDeque::front).map(|request| request.since).min()?;
        let by_count = self.len as f64 / self.limits.max_requests() as f64;
        let by_cost = self.cost as f64 / self.full_cost() as f64;
        let patience = self.limits.budget().patience;
        Some(Offer { oldest, patience, fill: by_count.max(by_cost).min(1.0) })
    }

    /// Takes out the next batch: the oldest request, then its cost class, then the neighbours while padding allows.
    ///
    /// A request that is no longer wanted is dropped instead. A request over the budget on its own goes alone.
    pub fn bind(&mut self, wanted: impl Fn(&T) -> bool) -> Batch<T> {
        let waited = self.len;
        self.drop_unwanted_fronts(&wanted);
        let mut members = Vec::new();
        if let Some(class) = self.oldest_class() {
            members = self.fill(class, &wanted);
        }
        let abandoned = waited - self.len - members.len();
        Batch { members, abandoned }
    }

    /// Takes out any one request, for a queue that will not be served again.
    pub fn pop_any(&mut self) -> Option<T> {
        let class = self.oldest_class()?;
        self.pop(class).map(|request| request.item)
    }

    /// Takes in that a batch of this padded cost was answered at the first try in this time.
    pub fn batch_was_clean(&mut self, padded: u64, took: Duration) {
        self.cost_model.observe(padded, took);
        self.limits.batch_was_clean();
    }

    /// Takes in that a batch of this padded cost did not fit into the device's memory.
    pub fn memory_ran_out(&mut self, padded: u64) {
        self.limits.memory_ran_out(padded);
    }

    /// The padded cost at which a batch is full now: the knee while less than the budget waits, else the budget or what
    /// memory has left of it.
    ///
    /// Batches beyond the knee serve nobody sooner while the device keeps up. Once it does not, the last few per cent
    /// of its rate are worth having, and large batches are measured again, should a bad day have made a small knee.
    #[must_use]
    pub fn full_cost(&self) -> u64 {
        let budget = self.limits.max_cost();
        let is_deep = self.len >= self.limits.max_requests() || self.cost >= budget;
        if is_deep { budget } else { budget.min(self.cost_model.knee().unwrap_or(u64::MAX)) }
    }

    fn oldest_class(&self) -> Option<usize> {
        let fronts = self.classes.iter().filter_map(|(&class, queue)| Some((class, queue.front()?.since)));
        fronts.min_by_key(|&(_, since)| since).map(|(class, _)| class)
    }

    fn fill(&mut self, anchor: usize, wanted: &impl Fn(&T) -> bool) -> Vec<Bound<T>> {
        let mut draft = Draft { members: Vec::new(), widest: 0, real: 0 };
        let full_cost = self.full_cost();
        while let Some(cost) = self.front_cost(anchor) {
            if !self.fits(&draft, cost, full_cost) {
                break;
            }
            self.take(anchor, &mut draft, wanted);
        }
        loop {
            let below = self.classes.range(..anchor).rev().find(|(_, queue)| !queue.is_empty());
            let above = self.classes.range(anchor + 1..).find(|(_, queue)| !queue.is_empty());
            let candidates = [below, above].into_iter().flatten().filter_map(|(&class, queue)| {
                let cost = weight(queue.front()?.cost);
                let padding = draft.padding_with(cost);
                (padding <= MAX_PADDING && self.fits(&draft, cost, full_cost)).then_some((class, padding))
            });
            let Some((class, _)) = candidates.min_by(|left, right| left.1.total_cmp(&right.1)) else {
                return draft.members;
            };
            self.take(class, &mut draft, wanted);
        }
    }

    fn fits(&self, draft: &Draft<T>, cost: u64, full_cost: u64) -> bool {
        let members = draft.members.len() + 1;
        members == 1
            || (members <= self.limits.max_requests() && padded(members, draft.widest.max(cost)) <= full_cost)
    }

    fn front_cost(&self, class: usize) -> Option<u64> {
        self.classes.get(&class)?.front().map(|request| weight(request.cost))
    }

    /// Moves the first request of a class into the draft, and leaves a wanted one, or none, in its place.
    fn take(&mut self, class: usize, draft: &mut Draft<T>, wanted: &impl Fn(&T) -> bool) {
        if let Some(request) = self.pop(class) {
            draft.widest = draft.widest.max(weight(request.cost));
            draft.real += weight(request.cost);
            draft.members.push(request);
        }
        self.drop_unwanted_front(class, wanted);
    }

    fn pop(&mut self, class: usize) -> Option<Bound<T>> {
        let request = self.classes.get_mut(&class)?.pop_front()?;
        self.len -= 1;
        self.cost -= weight(request.cost);
        Some(request)
    }

    fn drop_unwanted_front(&mut self, class: usize, wanted: &impl Fn(&T) -> bool) {
        let unwanted =
            |queue: &VecDeque<Bound<T>>| queue.front().is_some_and(|request| !wanted(&request.item));
        while self.classes.get(&class).is_some_and(unwanted) {
            self.pop(class);
        }
    }

    fn drop_unwanted_fronts(&mut self, wanted: &impl Fn(&T) -> bool) {
        let classes: Vec<usize> = self.classes.keys().copied().collect();
        for class in classes {
            self.drop_unwanted_front(class, wanted);
        }
    }
}

impl<T> Draft<T> {
    fn padding_with(&self, cost: u64) -> f64 {
        padded(self.members.len() + 1, self.widest.max(cost)) as f64 / (self.real + cost) as f64
    }
}

/// Nothing is free: a request of cost 0 would make a batch without end.
fn weight(cost: Cost) -> u64 {
    u64::from(cost.0).max(1)
}

fn padded(members: usize, widest: u64) -> u64 {
    members as u64 * widest
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::*;

    use super::*;

    fn queue<T>(max_requests: usize, max_cost: u32) -> Queue<T> {
        let max_requests = NonZeroUsize::new(max_requests).unwrap();
        Queue::new(Budget { max_requests, max_cost, patience: Duration::from_secs(1) })
    }

    fn filled(max_requests: usize, max_cost: u32, costs: &[u32]) -> Queue<usize> {
        let mut queue = queue(max_requests, max_cost);
        let start = Instant::now();
        for (index, &cost) in costs.iter().enumerate() {
            queue.push(index, Cost(cost), start + Duration::from_millis(index as u64));
        }
        queue
    }

    fn items(batch: Batch<usize>) -> Vec<usize> {
        batch.members.into_iter().map(|member| member.item).collect()
    }

    #[test]
    fn batches_are_bound_from_the_oldest_and_its_like() {
        type Budgets = (usize, u32);
        // What, the most requests and cost, the costs that wait, the members of the next batch.
        let cases: [(&str, Budgets, &[u32], &[usize]); 9] = [
            ("up to the count", (3, 1000), &[10, 10, 10, 10], &[0, 1, 2]),
            ("up to the cost", (8, 35), &[10, 10, 10, 10], &[0, 1, 2]),
            ("a large one alone", (8, 35), &[100, 10, 10], &[0]),
            ("not the large one beside others", (8, 35), &[10, 100, 10], &[0, 2]),
            ("the oldest one's class first", (8, 1000), &[100, 10, 10, 100], &[0, 3]),
            ("then a neighbour that pads little", (8, 1000), &[100, 98, 85], &[0, 1, 2]),
            ("not one that pads much", (8, 1000), &[100, 50], &[0]),
            (
                "more narrow ones make room for a wider one",
                (8, 1000),
                &[100, 100, 100, 100, 130, 86],
                &[0, 1, 2, 3, 5],
            ),
            ("nothing is free", (2, 1), &[0, 0], &[0]),
        ];
        for (name, (max_requests, max_cost), costs, members) in cases {
            assert_eq!(items(filled(max_requests, max_cost, costs).bind(|_| true)), members, "{name}");
        }
    }

    #[test]
    fn requests_nobody_waits_for_are_dropped_and_take_no_place() {
        let mut queue = filled(2, 1000, &[10, 10, 10, 10, 10, 99]);
        let batch = queue.bind(|&item| item != 0 && item != 2 && item != 5);
        assert_eq!(batch.abandoned, 3);
        assert_eq!(items(batch), [1, 3]);
        assert_eq!(queue.len(), 1);
        let nobody = queue.bind(|_| false);
        assert_eq!((nobody.members.len(), nobody.abandoned), (0, 1));
        assert!(queue.is_empty() && queue.offer().is_none());
    }

    #[test]
    fn an_offer_is_as_full_as_its_fuller_measure() {
        let fill = |costs: &[u32]| filled(4, 100, costs).offer().map(|offer| offer.fill);
        assert_eq!(fill(&[]), None);
        assert_eq!(fill(&[1]), Some(0.25));
        assert_eq!(fill(&[60]), Some(0.6));
        assert_eq!(fill(&[60, 60, 60]), Some(1.0));
    }

    #[test]
    fn a_batch_ends_at_the_knee_unless_a_full_one_waits_and_memory_that_ran_out_ends_it_earlier() {
        let mut queue = filled(64, 64, &[1; 127]);
        for size in [1_u64, 2, 4, 8, 16, 32, 64] {
            // A rate that stops growing at 8.
            queue.batch_was_clean(size, Duration::from_millis(size.max(8)));
        }
        assert_eq!(queue.bind(|_| true).members.len(), 64);
        assert_eq!(queue.bind(|_| true).members.len(), 8);
        queue.memory_ran_out(8);
        assert_eq!(queue.bind(|_| true).members.len(), 4);
    }

    #[test]
    fn many_lengths_are_padded_little() {
        // Half tweets, half one width: whatever comes, what is computed stays near what was asked for.
        let costs: Vec<u32> =
            (0..1000_u32).map(|index| 8 + index.wrapping_mul(2_654_435_761) % 120).collect();
        let mut queue = filled(32, 100_000, &costs);
        let (mut padded, mut real) = (0, 0);
        while !queue.is_empty() {
            let batch = queue.bind(|_| true);
            padded += batch.padded();
            real += batch.real();
        }
        assert!((padded as f64) < 1.15 * real as f64, "{padded} computed for {real}");
    }

    proptest! {
        #[test]
        fn every_request_leaves_once_within_the_budget_in_the_order_of_its_class(
            costs in prop::collection::vec(0_u32..300, 1..120),
            abandoned in prop::collection::vec(any::<bool>(), 120),
            max_requests in 1_usize..20,
            max_cost in 1_u32..2000,
            binds_between in 1_usize..8,
        ) {
            let mut queue = queue(max_requests, max_cost);
            let start = Instant::now();
            let (mut answered, mut dropped) = (Vec::new(), 0);
            let mut bind = |queue: &mut Queue<usize>| {
                let oldest = queue.classes.values().flatten().filter(|request| !abandoned[request.item]);
                let oldest = oldest.map(|request| request.item).min();
                let batch = queue.bind(|&item| !abandoned[item]);
                prop_assert_eq!(batch.members.first().map(|member| member.item), oldest, "the oldest first");
                prop_assert!(batch.members.len() <= max_requests);
                prop_assert!(batch.members.len() <= 1 || batch.padded() <= u64::from(max_cost));
                prop_assert!(batch.padded() as f64 <= 1.25 * batch.real() as f64 + 0.001);
                for class in 0..100 {
                    let of_class = |member: &&Bound<usize>| class_of(weight(member.cost)) == class;
                    prop_assert!(batch.members.iter().filter(of_class).map(|member| member.item).is_sorted());
                }
                dropped += batch.abandoned;
                answered.extend(items(batch));
                Ok(())
            };
            for (item, &cost) in costs.iter().enumerate() {
                queue.push(item, Cost(cost), start + Duration::from_micros(item as u64));
                if item % binds_between == 0 {
                    bind(&mut queue)?;
                }
            }
            while !queue.is_empty() {
                bind(&mut queue)?;
            }
            answered.sort_unstable();
            let wanted: Vec<usize> = (0..costs.len()).filter(|&item| !abandoned[item]).collect();
            prop_assert_eq!(dropped, costs.len() - wanted.len());
            prop_assert_eq!(answered, wanted);
            prop_assert_eq!(queue.cost, 0);
        }

        #[test]
        fn a_batch_of_equals_is_exactly_full(waiting in 1_usize..200, max_requests in 1_usize..64) {
            let mut queue = filled(max_requests, u32::MAX, &vec![17; waiting]);
            prop_assert_eq!(queue.bind(|_| true).members.len(), waiting.min(max_requests));
        }
    }
}
