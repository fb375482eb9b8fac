//! Whose turn is it? The choice among the lanes of one device, as a pure function.

use std::time::{Duration, Instant};

/// What a lane could run if it were chosen now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offer {
    /// When its oldest request was queued.
    pub oldest: Instant,
    /// How long that request may wait before it goes first.
    pub patience: Duration,
    /// How full its batch would be, 0 to 1.
    pub fill: f64,
}

impl Offer {
    fn overdue(&self, now: Instant) -> Option<Duration> {
        now.saturating_duration_since(self.oldest).checked_sub(self.patience).filter(|late| !late.is_zero())
    }
}

/// Chooses the lane that runs next: the one longest past its patience, else the fullest, the later one on a tie.
///
/// Lanes are in the order of their stages and `None` has nothing queued. Fullest first keeps the device efficient, and
/// later first lets posts out before it lets more in; patience alone keeps a rare stage from starving.
#[must_use]
pub fn next_lane(offers: &[Option<Offer>], now: Instant) -> Option<usize> {
    let waiting = || offers.iter().enumerate().filter_map(|(lane, offer)| offer.map(|offer| (lane, offer)));
    // `max_by` keeps the last of equals: the later stage.
    let most_overdue = waiting()
        .filter_map(|(lane, offer)| offer.overdue(now).map(|late| (lane, late)))
        .max_by_key(|&(_, late)| late);
    if let Some((lane, _)) = most_overdue {
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
            let oldest = now - Duration::from_millis(waited_ms);
            Some(Offer { oldest, patience: Duration::from_millis(100), fill })
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
            assert_eq!(next_lane(&offers, now), expected, "{name}");
        }
    }

    #[test]
    fn a_lane_with_more_patience_is_overdue_later() {
        let now = Instant::now() + Duration::from_secs(60);
        let waited = |waited_ms: u64, patience_ms: u64| {
            let oldest = now - Duration::from_millis(waited_ms);
            Some(Offer { oldest, patience: Duration::from_millis(patience_ms), fill: 0.5 })
        };
        assert_eq!(
            next_lane(&[waited(150, 100), waited(1000, 980)], now),
            Some(0),
            "50 ms late against 20 ms"
        );
    }
}
