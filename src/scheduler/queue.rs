//! Lane queue: waiting requests by cost, and the batch that is bound from them.
//!
//! No clock, no thread, no channel: the same code decides in the engine, in tests and in the simulator.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::cost_model::class_of;
use super::memory_limit::MemoryLimit;
use super::round_robin::{RoundRobin, Turn};
use super::{Budget, Cost, CostModel, Flow, Offer};

/// Largest ratio of padded to real cost of a batch that takes in requests of other cost classes.
const MAX_PADDING: f64 = 1.15;

/// A request that waits or is bound to a batch.
#[derive(Debug, Clone)]
pub struct Bound<T> {
    /// What the lane needs to answer it.
    pub item: T,
    /// Its cost.
    pub cost: Cost,
    /// When it was queued.
    pub since: Instant,
    pub(super) turn: Turn,
}

/// The members of one batch; empty if all callers had given up.
#[derive(Debug, Clone)]
pub struct Batch<T> {
    /// The members: the next in turn and others of its cost class first.
    pub members: Vec<Bound<T>>,
    /// Requests that were dropped because their callers had given up.
    pub abandoned: usize,
    /// Whether the device's memory kept it from being larger.
    pub was_cut_off: bool,
}

impl<T> Batch<T> {
    /// The cost with padding: every member is as wide as the widest.
    #[must_use]
    pub fn padded(&self) -> u64 {
        padded_of(&self.members)
    }

    /// The cost without padding.
    #[must_use]
    pub fn real(&self) -> u64 {
        self.members.iter().map(|member| weight(member.cost)).sum()
    }
}

/// One lane's waiting requests: round robin between flows and first in, first out within a flow, in each cost class. A
/// batch is formed around the request that is next of all.
#[derive(Debug, Clone)]
pub struct Queue<T> {
    classes: BTreeMap<usize, VecDeque<Bound<T>>>,
    turns: RoundRobin,
    len: usize,
    cost: u64,
    budget: Budget,
    /// How much of the budget fits the device's memory.
    limit: MemoryLimit,
    cost_model: CostModel,
}

/// A batch that is being formed.
struct BatchBuilder<T> {
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
            turns: RoundRobin::default(),
            len: 0,
            cost: 0,
            limit: MemoryLimit::new(u64::from(budget.max_tokens)),
            budget,
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
    pub fn push(&mut self, item: T, flow: Flow, cost: Cost, since: Instant) {
        let turn = self.turns.enter(flow);
        self.insert(Bound { item, cost, since, turn });
    }

    /// Puts a request back that was bound and not begun: it keeps its turn.
    pub(super) fn put_back(&mut self, request: Bound<T>) {
        self.insert(request);
    }

    fn insert(&mut self, request: Bound<T>) {
        self.len += 1;
        self.cost += weight(request.cost);
        let class = self.classes.entry(class_of(weight(request.cost))).or_default();
        // Newcomers come near the front and the last of many near the back: either is near an end.
        let place = class.partition_point(|waiting| waiting.turn < request.turn);
        class.insert(place, request);
    }

    /// What this lane could run now; none where nothing waits.
    #[must_use]
    pub fn offer(&self) -> Option<Offer> {
        let fronts = self.classes.values().filter_map(VecDeque::front);
        let next = fronts.min_by_key(|request| request.turn)?;
        let by_count = self.len as f64 / self.max_requests() as f64;
        let by_cost = self.cost as f64 / self.full_cost() as f64;
        let patience = self.budget.patience;
        Some(Offer { since: next.since, patience, fill: by_count.max(by_cost).min(1.0) })
    }

    /// Takes out the next batch: the request whose turn it is, then its cost class, then the neighbours while padding
    /// allows.
    ///
    /// A request that is no longer wanted is dropped instead. A request over the budget on its own goes alone.
    pub fn bind(&mut self, wanted: impl Fn(&T) -> bool) -> Batch<T> {
        let waited = self.len;
        self.drop_unwanted_fronts(&wanted);
        let (mut members, mut was_cut_off) = (Vec::new(), false);
        if let Some((class, turn)) = self.next() {
            self.turns.advance_to(turn);
            (members, was_cut_off) = self.fill(class, &wanted);
        }
        let abandoned = waited - self.len - members.len();
        Batch { members, abandoned, was_cut_off }
    }

    /// Whether the next batch is as large as the budget and the memory allow, even without other cost classes: bound
    /// later, it would hold no more.
    pub(super) fn has_full_batch(&self) -> bool {
        let limit = self.limit.now();
        if self.len < self.max_requests() && self.cost < limit {
            return false;
        }
        let Some((class, _)) = self.next() else { return false };
        let mut widest = 0;
        self.classes[&class].iter().zip(1..).any(|(request, members)| {
            widest = widest.max(weight(request.cost));
            members >= self.max_requests() || padded(members, widest) >= limit
        })
    }

    /// Takes out any one request, for a queue that will not be served again.
    pub fn pop_any(&mut self) -> Option<T> {
        let (class, _) = self.next()?;
        self.pop(class).map(|request| request.item)
    }

    /// Records that a batch of this padded cost was computed in this time; `was_cut_off` as its [`Batch`] says.
    pub fn batch_was_clean(&mut self, padded: u64, took: Duration, was_cut_off: bool) {
        self.cost_model.observe(padded, took);
        self.limit.passed(padded, was_cut_off);
    }

    /// Records that a batch of this padded cost did not fit into the device's memory.
    pub fn memory_ran_out(&mut self, padded: u64) {
        self.limit.ran_out(padded);
    }

    /// The padded cost at which a batch is full now: the knee while less than the budget waits, else the budget or what
    /// memory has left of it.
    ///
    /// While the device keeps up, batches beyond the knee shorten no wait. Under overload the last few per cent of its
    /// rate count, and large batches are measured again, in case an outlier made the knee too small.
    #[must_use]
    pub fn full_cost(&self) -> u64 {
        let limit = self.limit.now();
        let is_deep = self.len >= self.max_requests() || self.cost >= limit;
        if is_deep { limit } else { limit.min(self.cost_model.knee().unwrap_or(u64::MAX)) }
    }

    fn max_requests(&self) -> usize {
        self.budget.max_requests.get()
    }

    /// The first of all turns, and the class whose it is.
    fn next(&self) -> Option<(usize, Turn)> {
        let fronts = self.classes.iter().filter_map(|(&class, queue)| Some((class, queue.front()?.turn)));
        fronts.min_by_key(|&(_, turn)| turn)
    }

    /// The members of a batch around the first request of a class, and whether memory kept it from being larger.
    fn fill(&mut self, anchor: usize, wanted: &impl Fn(&T) -> bool) -> (Vec<Bound<T>>, bool) {
        let mut draft = BatchBuilder { members: Vec::new(), widest: 0, real: 0 };
        let full_cost = self.full_cost();
        while let Some(cost) = self.front_cost(anchor) {
            if !self.fits(&draft, cost, full_cost) {
                break;
            }
            self.take(anchor, &mut draft, wanted);
        }
        loop {
            let fitting =
                self.neighbours(anchor, &draft).filter(|&(_, cost, _)| self.fits(&draft, cost, full_cost));
            let Some((class, ..)) = fitting.min_by(|left, right| left.2.total_cmp(&right.2)) else { break };
            self.take(class, &mut draft, wanted);
        }
        let is_left_out =
            self.front_cost(anchor).is_some() || self.neighbours(anchor, &draft).next().is_some();
        let has_places = draft.members.len() < self.max_requests();
        let was_cut_off = is_left_out && has_places && full_cost == self.limit.now();
        (draft.members, was_cut_off)
    }

    /// The first requests of the cost classes next to the anchor's, as far as they would pad the batch little: class,
    /// cost, and the padding.
    fn neighbours(&self, anchor: usize, draft: &BatchBuilder<T>) -> impl Iterator<Item = (usize, u64, f64)> {
        let below = self.classes.range(..anchor).rev().find(|(_, queue)| !queue.is_empty());
        let above = self.classes.range(anchor + 1..).find(|(_, queue)| !queue.is_empty());
        let pads = |(&class, queue): (&usize, &VecDeque<Bound<T>>)| {
            let cost = weight(queue.front()?.cost);
            let padding = draft.padding_with(cost);
            (padding <= MAX_PADDING).then_some((class, cost, padding))
        };
        [below, above].map(|class| class.and_then(pads)).into_iter().flatten()
    }

    fn fits(&self, draft: &BatchBuilder<T>, cost: u64, full_cost: u64) -> bool {
        let members = draft.members.len() + 1;
        members == 1
            || (members <= self.max_requests() && padded(members, draft.widest.max(cost)) <= full_cost)
    }

    fn front_cost(&self, class: usize) -> Option<u64> {
        self.classes.get(&class)?.front().map(|request| weight(request.cost))
    }

    /// Moves the first request of a class into the draft, and leaves a wanted one, or none, in its place.
    fn take(&mut self, class: usize, draft: &mut BatchBuilder<T>, wanted: &impl Fn(&T) -> bool) {
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

impl<T> BatchBuilder<T> {
    fn padding_with(&self, cost: u64) -> f64 {
        padded(self.members.len() + 1, self.widest.max(cost)) as f64 / (self.real + cost) as f64
    }
}

/// Cost of requests as one batch: each is as wide as the widest.
pub(super) fn padded_of<T>(requests: &[Bound<T>]) -> u64 {
    padded(requests.len(), requests.iter().map(|request| weight(request.cost)).max().unwrap_or(0))
}

/// At least 1: requests of cost 0 would make an endless batch.
fn weight(cost: Cost) -> u64 {
    u64::from(cost.0).max(1)
}

fn padded(members: usize, widest: u64) -> u64 {
    members as u64 * widest
}

#[cfg(test)]
mod tests;
