//! Rates: changes of counters and histograms between two scrapes, with the rules of Prometheus.

use super::exposition::Scrape;

/// Two scrapes and the seconds between them; the earlier one may be missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval<'a> {
    pub(super) now: &'a Scrape,
    pub(super) before: Option<(&'a Scrape, f64)>,
}

impl Interval<'_> {
    /// The increase of a counter a second.
    pub(super) fn rate(self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let (_, seconds) = self.before.filter(|(_, seconds)| *seconds > 0.0)?;
        Some(self.increase(name, labels)? / seconds)
    }

    /// The change of a gauge a second, which may be negative.
    pub(super) fn change(self, name: &str) -> Option<f64> {
        let (before, seconds) = self.before.filter(|(_, seconds)| *seconds > 0.0)?;
        Some((self.now.sum(name, &[])? - before.sum(name, &[])?) / seconds)
    }

    /// The mean of what a histogram observed in this time.
    pub(super) fn mean(self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let [sum, count] = ["sum", "count"].map(|part| self.increase(&format!("{name}_{part}"), labels));
        let count = count.filter(|count| *count > 0.0)?;
        Some(sum? / count)
    }

    /// The quantile of what a histogram observed in this time: linear within a bucket, and the last finite bound above it.
    pub(super) fn quantile(self, name: &str, labels: &[(&str, &str)], share: f64) -> Option<f64> {
        let (before, _) = self.before?;
        let earlier = before.buckets(name, labels);
        let of_before =
            |bound: f64| earlier.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, count)| *count);
        let now = self.now.buckets(name, labels);
        let was_reset = now.last()?.1 < of_before(f64::INFINITY);
        let counts = now
            .iter()
            .map(|&(bound, count)| (bound, if was_reset { count } else { count - of_before(bound) }));
        in_buckets(&counts.collect::<Vec<_>>(), share)
    }

    /// The increase of a counter; after a restart, what it has counted since.
    fn increase(self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let (before, _) = self.before?;
        let now = self.now.sum(name, labels)?;
        let earlier = before.sum(name, labels).unwrap_or_default();
        Some(if now < earlier { now } else { now - earlier })
    }
}

fn in_buckets(counts: &[(f64, f64)], share: f64) -> Option<f64> {
    let all = counts.last()?.1;
    if all <= 0.0 {
        return None;
    }
    let rank = share * all;
    let place = counts.iter().position(|&(_, count)| count >= rank)?;
    let (lower, below) = if place == 0 { (0.0, 0.0) } else { counts[place - 1] };
    let (upper, count) = counts[place];
    if upper.is_infinite() {
        return Some(lower);
    }
    let within = count - below;
    Some(if within > 0.0 { lower + (upper - lower) * (rank - below) / within } else { upper })
}

/// The share of all that is not missed; none where there is nothing.
pub(super) fn share(all: Option<f64>, missed: Option<f64>) -> Option<f64> {
    let all = all.filter(|all| *all > 0.0)?;
    Some(1.0 - missed.unwrap_or_default() / all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrape(text: &str) -> Scrape {
        Scrape::parse(text).unwrap()
    }

    #[test]
    fn a_restart_of_the_engine_makes_no_rate_negative() {
        let (before, now) = (
            scrape("a 100\nh_bucket{le=\"+Inf\"} 9\n"),
            scrape("a 6\nh_bucket{le=\"1\"} 4\nh_bucket{le=\"+Inf\"} 4\n"),
        );
        let interval = Interval { now: &now, before: Some((&before, 2.0)) };
        assert_eq!((interval.rate("a", &[]), interval.rate("b", &[])), (Some(3.0), None));
        assert_eq!(interval.quantile("h", &[], 0.5), Some(0.5));
        assert_eq!(interval.change("a"), Some(-47.0));
        let at_once = Interval { now: &now, before: Some((&before, 0.0)) };
        assert_eq!(at_once.rate("a", &[]), None);
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let counts = [(1.0, 10.0), (2.0, 20.0), (4.0, 20.0), (f64::INFINITY, 25.0)];
        let cases = [(0.2, 0.5), (0.4, 1.0), (0.6, 1.5), (0.8, 2.0), (0.99, 4.0)];
        for (share, expected) in cases {
            assert_eq!(in_buckets(&counts, share), Some(expected), "{share}");
        }
        assert_eq!(in_buckets(&[(1.0, 0.0), (f64::INFINITY, 0.0)], 0.5), None);
        assert_eq!(in_buckets(&[], 0.5), None);
    }
}
