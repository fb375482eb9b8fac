//! Batch policy: which lane of a device runs next.

use std::time::{Duration, Instant};

/// The batch that a lane could run now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// When its first request was queued.
    pub since: Instant,
    /// How long that request may wait before it goes first.
    pub patience: Duration,
    /// How full its batch would be, 0 to 1.
    pub fill: f64,
}

/// A lane that was passed over this often goes next: a post's request waits only a few batches even while another post
/// keeps a later stage's batches full. Such a batch is not full, which costs at most a few per cent of the device's
/// rate, since full lanes have three batches in four.
const MAX_PASSED_OVER: u32 = 4;

/// Counts how often each lane was passed over.
#[derive(Debug, Default)]
pub struct Policy {
    /// Batches of other lanes since the lane ran last, or has had something to run.
    passed: Vec<u32>,
}

impl Policy {
    /// Chooses the lane that runs next, and counts the lanes passed over.
    pub fn choose(&mut self, offers: &[Option<Offer>], now: Instant) -> Option<usize> {
        let chosen = self.next(offers, now)?;
        self.note(chosen, offers);
        Some(chosen)
    }

    /// The lane that runs next.
    pub(super) fn next(&self, offers: &[Option<Offer>], now: Instant) -> Option<usize> {
        next_lane(offers, &self.passed, now)
    }

    /// Records that a lane was chosen among these offers.
    pub(super) fn note(&mut self, chosen: usize, offers: &[Option<Offer>]) {
        self.passed.resize(offers.len(), 0);
        for (lane, passed) in self.passed.iter_mut().enumerate() {
            *passed = if lane == chosen || offers[lane].is_none() { 0 } else { *passed + 1 };
        }
    }
}

impl Offer {
    fn overdue(&self, now: Instant) -> Option<Duration> {
        now.saturating_duration_since(self.since).checked_sub(self.patience).filter(|late| !late.is_zero())
    }
}

/// Chooses the lane that runs next: one that has been passed over too often, else the one longest past its patience,
/// else the fullest, the later one on a tie. `passed` says how often each lane has been passed over.
///
/// Lanes are in the order of their stages and `None` has nothing queued. Fullest first keeps the device efficient, and
/// later first lets posts out before it lets more in.
#[must_use]
pub fn next_lane(offers: &[Option<Offer>], passed: &[u32], now: Instant) -> Option<usize> {
    let waiting = || offers.iter().enumerate().filter_map(|(lane, offer)| offer.map(|offer| (lane, offer)));
    // `max_by` keeps the last of equals: the later stage.
    let most_passed = waiting()
        .filter_map(|(lane, _)| passed.get(lane).map(|&passed| (lane, passed)))
        .filter(|&(_, passed)| passed >= MAX_PASSED_OVER)
        .max_by_key(|&(_, passed)| passed);
    let most_overdue = waiting()
        .filter_map(|(lane, offer)| offer.overdue(now).map(|late| (lane, late)))
        .max_by_key(|&(_, late)| late);
    if let Some(lane) = most_passed.map(|(lane, _)| lane).or(most_overdue.map(|(lane, _)| lane)) {
        return Some(lane);
    }
    waiting().max_by(|(_, left), (_, right)| left.fill.total_cmp(&right.fill)).map(|(lane, _)| lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_lane_is_the_most_overdue_else_the_fullest_else_the_later() {
        let now = Instant::now() + Duration::from_secs(60);
        let offer = |waited_ms: u64, fill: f64| {
            let since = now - Duration::from_millis(waited_ms);
            Some(Offer { since, patience: Duration::from_millis(100), fill })
        };
        let cases = [
            ("nothing queued", vec![None, None], None),
            ("no lanes", vec![], None),
            ("the only one, however small", vec![None, offer(0, 0.01), None], Some(1)),
            ("the fullest", vec![offer(5, 0.2), offer(1, 0.9), offer(9, 0.3)], Some(1)),
            ("the later stage on a tie", vec![offer(9, 1.0), offer(1, 1.0), offer(1, 0.5)], Some(1)),
            ("not the oldest", vec![offer(99, 0.1), offer(1, 0.2)], Some(1)),
            ("overdue before full", vec![offer(101, 0.01), offer(1, 1.0)], Some(0)),
            ("patience is allowed to be used up", vec![offer(100, 0.01), offer(1, 1.0)], Some(1)),
            ("the most overdue", vec![offer(300, 0.1), offer(200, 1.0)], Some(0)),
            ("the later stage when equally overdue", vec![offer(200, 1.0), offer(200, 0.1)], Some(1)),
        ];
        for (name, offers, expected) in cases {
            assert_eq!(next_lane(&offers, &[], now), expected, "{name}");
        }
    }

    #[test]
    fn a_lane_with_more_patience_is_overdue_later() {
        let now = Instant::now() + Duration::from_secs(60);
        let waited = |waited_ms: u64, patience_ms: u64| {
            let since = now - Duration::from_millis(waited_ms);
            Some(Offer { since, patience: Duration::from_millis(patience_ms), fill: 0.5 })
        };
        assert_eq!(
            next_lane(&[waited(150, 100), waited(1000, 980)], &[0, 0], now),
            Some(0),
            "50 ms late against 20 ms"
        );
    }

    #[test]
    fn a_lane_that_was_passed_over_too_often_goes_before_the_fullest_and_the_overdue() {
        let now = Instant::now() + Duration::from_secs(60);
        let offer = |waited_s: u64, fill: f64| {
            let since = now - Duration::from_secs(waited_s);
            Some(Offer { since, patience: Duration::from_secs(1), fill })
        };
        let offers = [offer(0, 0.1), offer(9, 0.2), offer(0, 1.0)];
        assert_eq!(next_lane(&offers, &[3, 3, 0], now), Some(1));
        assert_eq!(next_lane(&offers, &[4, 3, 0], now), Some(0));
        assert_eq!(next_lane(&offers, &[4, 5, 0], now), Some(1));
        assert_eq!(next_lane(&offers, &[4, 4, 4], now), Some(2), "the later stage on a tie");
        assert_eq!(
            next_lane(&[None, offer(0, 0.1)], &[9, 0], now),
            Some(1),
            "one with nothing waits for nothing"
        );
    }

    #[test]
    fn however_full_others_are_every_lane_runs_within_a_few_batches() {
        let now = Instant::now();
        let offer = |fill: f64| Some(Offer { since: now, patience: Duration::from_secs(3600), fill });
        let mut policy = Policy::default();
        let offers = [offer(0.01), offer(0.02), offer(1.0), offer(1.0)];
        let chosen: Vec<usize> = (0..100).filter_map(|_| policy.choose(&offers, now)).collect();
        for lane in 0..offers.len() {
            let ran: Vec<usize> = (0..100).filter(|&batch| chosen[batch] == lane).collect();
            let waits = ran.windows(2).map(|pair| pair[1] - pair[0]);
            let longest = waits.max().unwrap();
            assert!(
                longest <= MAX_PASSED_OVER as usize + offers.len(),
                "lane {lane}: {longest} in {chosen:?}"
            );
        }
        assert_eq!(policy.choose(&[None, None, None, None], now), None);
    }
}
