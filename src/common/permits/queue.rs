//! Queue order: which request for memory or for a thread is granted next, as a pure function.

use std::time::{Duration, Instant};

/// A waiting request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    /// Units that it needs: bytes, or one thread.
    pub(crate) need: u64,
    /// About how long it will keep a thread busy.
    pub(crate) work: Duration,
    /// When it was made.
    pub(crate) since: Instant,
}

/// Shorter work counts as this: the smallest costs as much as handing it to a thread.
const SHORTEST: Duration = Duration::from_micros(100);

/// From this ratio on, younger requests do not pass one that does not fit yet: it has waited nine times as long as its
/// work takes, ten seconds for the largest pictures.
const STARVED: f64 = 10.0;

impl Request {
    /// The time from the request to the end of its work, if it were granted now, divided by the time of the work.
    fn response_ratio(&self, now: Instant) -> f64 {
        let waited = now.saturating_duration_since(self.since).as_secs_f64();
        1.0 + waited / self.work.max(SHORTEST).as_secs_f64()
    }
}

/// Chooses the request that is granted next from the free units: the one with the highest response ratio.
///
/// Of requests made together the cheapest goes first. No request waits for ever, since its ratio grows while it waits:
/// a picture of 1 megapixel passes one of 50 until that has waited fifty times as long. Requests that fit pass one that
/// does not, until that is starved; then the units that it waits for are kept for it.
pub(crate) fn next<'a>(waiting: impl Iterator<Item = &'a Request>, free: u64, now: Instant) -> Option<usize> {
    let (mut best, mut starved) = (None::<(f64, usize)>, None::<f64>);
    for (index, request) in waiting.enumerate() {
        let ratio = request.response_ratio(now);
        if request.need <= free {
            // The earlier of equals, so that equal requests keep their order.
            if best.is_none_or(|(other, _)| ratio > other) {
                best = Some((ratio, index));
            }
        } else if ratio >= STARVED {
            starved = Some(starved.map_or(ratio, |other| other.max(ratio)));
        }
    }
    best.filter(|&(ratio, _)| starved.is_none_or(|starved| ratio > starved)).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The choice among (need, milliseconds of work, milliseconds of waiting) with 10 free.
    fn chosen(requests: &[(u64, u64, u64)]) -> Option<usize> {
        let now = Instant::now() + Duration::from_secs(3600);
        let requests: Vec<Request> = requests
            .iter()
            .map(|&(need, work, waited)| Request {
                need,
                work: Duration::from_millis(work),
                since: now - Duration::from_millis(waited),
            })
            .collect();
        next(requests.iter(), 10, now)
    }

    #[test]
    fn cheap_requests_go_first_expensive_ones_age_and_starved_ones_are_not_passed() {
        let cases = [
            ("nobody", vec![], None),
            ("the only one", vec![(1, 500, 0)], Some(0)),
            ("nothing that fits", vec![(11, 1, 0)], None),
            ("the earlier of equals", vec![(1, 10, 5), (1, 10, 5)], Some(0)),
            ("the cheaper of those that waited alike", vec![(1, 500, 20), (1, 10, 20)], Some(1)),
            ("the dear one after its fifty times", vec![(1, 500, 2000), (1, 10, 20)], Some(0)),
            ("a cheap one passes what does not fit", vec![(11, 500, 4000), (1, 10, 1)], Some(1)),
            ("not when that is starved", vec![(11, 500, 4500), (1, 10, 1)], None),
            ("but when it has waited longer by its measure", vec![(11, 500, 4500), (1, 10, 100)], Some(1)),
            ("what waits for less is held back too", vec![(11, 500, 9000), (1, 1, 18), (1, 1, 10)], None),
            ("tiny work counts alike", vec![(1, 0, 1), (1, 0, 2)], Some(1)),
        ];
        for (case, requests, expected) in cases {
            assert_eq!(chosen(&requests), expected, "{case}");
        }
    }
}
