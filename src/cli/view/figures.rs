//! Figures: what the page draws of an engine, from two pages of its metrics and the time between them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::exposition::Sample;

/// The latest state of an engine. What is not known is null.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub(super) struct Figures {
    /// Why there is nothing, in words.
    pub(super) fault: Option<String>,
    ready: Option<bool>,
    posts_per_second: Option<f64>,
    lag_records: Option<f64>,
    lag_seconds: Option<f64>,
    stages: Vec<StageFigures>,
    caches: Vec<CacheFigures>,
    models: Vec<ModelFigures>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct StageFigures {
    stage: String,
    /// Seconds from call to reply; null without a request in this time.
    p50: Option<f64>,
    p95: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct CacheFigures {
    kind: String,
    hit_share: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ModelFigures {
    endpoint: String,
    requests_per_second: f64,
    tokens_per_second: f64,
}

impl Figures {
    /// Nothing but why.
    pub(super) fn fault(fault: String) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// The figures of the time between two pages.
    pub(super) fn between(before: &[Sample], now: &[Sample], took: Duration) -> Self {
        let change =
            Change { before: totals(before), now: totals(now), seconds: took.as_secs_f64().max(1e-3) };
        let all = |name: &'static str| {
            now.iter().filter(move |sample| sample.name == name).map(|sample| sample.value)
        };
        let records = all("riveg_consumer_lag_records").reduce(|sum, value| sum + value);
        Self {
            fault: None,
            ready: all("riveg_ready").next().map(|value| value > 0.0),
            posts_per_second: change.per_second("riveg_end_to_end_seconds_count", ""),
            lag_records: records,
            lag_seconds: all("riveg_consumer_lag_seconds").reduce(f64::max),
            stages: stages(before, now),
            caches: caches(&change, now),
            models: models(&change, now),
        }
    }
}

/// Sums of counters by name and by the labels that matter here.
struct Change {
    before: BTreeMap<(String, String), f64>,
    now: BTreeMap<(String, String), f64>,
    seconds: f64,
}

/// The label by which each family is looked at; the others are added up.
fn part(sample: &Sample) -> String {
    match sample.name.as_str() {
        "riveg_cache_requests_total" => match sample.label("outcome") {
            "miss" => format!("{} miss", sample.label("kind")),
            _ => format!("{} hit", sample.label("kind")),
        },
        "riveg_llm_requests_total" | "riveg_llm_tokens_total" => sample.label("endpoint").to_owned(),
        _ => String::new(),
    }
}

fn totals(samples: &[Sample]) -> BTreeMap<(String, String), f64> {
    let mut totals = BTreeMap::new();
    for sample in samples {
        *totals.entry((sample.name.clone(), part(sample))).or_default() += sample.value;
    }
    totals
}

impl Change {
    /// By how much a counter grew; one that fell began anew.
    fn growth(&self, name: &str, part: &str) -> Option<f64> {
        let key = (name.to_owned(), part.to_owned());
        let now = *self.now.get(&key)?;
        let before = self.before.get(&key).copied().unwrap_or(0.0);
        Some(if now < before { now } else { now - before })
    }

    fn per_second(&self, name: &str, part: &str) -> Option<f64> {
        self.growth(name, part).map(|growth| growth / self.seconds)
    }
}

fn stages(before: &[Sample], now: &[Sample]) -> Vec<StageFigures> {
    const BUCKETS: &str = "riveg_stage_latency_seconds_bucket";
    let bucket = |samples: &[Sample]| {
        let mut stages: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for sample in samples.iter().filter(|sample| sample.name == BUCKETS) {
            let bound = sample.label("le").parse().unwrap_or(f64::INFINITY);
            stages.entry(sample.label("stage").to_owned()).or_default().push((bound, sample.value));
        }
        stages
    };
    let before = bucket(before);
    let stages = bucket(now).into_iter().map(|(stage, buckets)| {
        let earlier = before.get(&stage);
        let grown: Vec<(f64, f64)> = buckets
            .iter()
            .enumerate()
            .map(|(place, &(bound, count))| {
                let before = earlier.and_then(|earlier| earlier.get(place)).map_or(0.0, |&(_, count)| count);
                (bound, if count < before { count } else { count - before })
            })
            .collect();
        StageFigures { stage, p50: quantile(&grown, 0.5), p95: quantile(&grown, 0.95) }
    });
    stages.collect()
}

/// A quantile of cumulative buckets, linear within a bucket, as Prometheus computes it.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let total = buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = share * total;
    let place = buckets.iter().position(|&(_, count)| count >= rank)?;
    let (low, below) = if place == 0 { (0.0, 0.0) } else { buckets[place - 1] };
    let (high, count) = buckets[place];
    if high.is_infinite() {
        return Some(low);
    }
    Some(low + (high - low) * (rank - below) / (count - below).max(f64::MIN_POSITIVE))
}

fn caches(change: &Change, now: &[Sample]) -> Vec<CacheFigures> {
    let name = "riveg_cache_requests_total";
    let kinds = kinds(now, name, "kind").into_iter().map(|kind| {
        let [hits, misses] =
            ["hit", "miss"].map(|end| change.growth(name, &format!("{kind} {end}")).unwrap_or(0.0));
        let hit_share = Some(hits / (hits + misses)).filter(|share| share.is_finite());
        CacheFigures { kind, hit_share }
    });
    kinds.collect()
}

fn models(change: &Change, now: &[Sample]) -> Vec<ModelFigures> {
    let models =
        kinds(now, "riveg_llm_requests_total", "endpoint").into_iter().map(|endpoint| ModelFigures {
            requests_per_second: change.per_second("riveg_llm_requests_total", &endpoint).unwrap_or(0.0),
            tokens_per_second: change.per_second("riveg_llm_tokens_total", &endpoint).unwrap_or(0.0),
            endpoint,
        });
    models.collect()
}

fn kinds(samples: &[Sample], name: &str, label: &str) -> Vec<String> {
    let mut kinds: Vec<String> = samples
        .iter()
        .filter(|sample| sample.name == name)
        .map(|sample| sample.label(label).to_owned())
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::super::exposition::samples;
    use super::*;

    fn between(before: &str, now: &str) -> Figures {
        Figures::between(&samples(before), &samples(now), Duration::from_secs(2))
    }

    #[test]
    fn rates_are_those_of_the_time_between() {
        let before =
            "riveg_end_to_end_seconds_count 100\nriveg_cache_requests_total{kind=\"a\",outcome=\"miss\"} 5\n";
        let now = "riveg_ready 1\nriveg_end_to_end_seconds_count 160\n\
                   riveg_consumer_lag_records{partition=\"0\"} 3\nriveg_consumer_lag_records{partition=\"1\"} 4\n\
                   riveg_consumer_lag_seconds{partition=\"0\"} 0.5\nriveg_consumer_lag_seconds{partition=\"1\"} 2\n\
                   riveg_cache_requests_total{kind=\"a\",outcome=\"miss\"} 6\n\
                   riveg_cache_requests_total{kind=\"a\",outcome=\"hit\"} 2\n\
                   riveg_cache_requests_total{kind=\"a\",outcome=\"joined\"} 1\n\
                   riveg_llm_requests_total{endpoint=\"local\",outcome=\"answered\"} 4\n\
                   riveg_llm_tokens_total{endpoint=\"local\",direction=\"in\"} 100\n";
        let figures = between(before, now);
        assert_eq!((figures.ready, figures.posts_per_second), (Some(true), Some(30.0)));
        assert_eq!((figures.lag_records, figures.lag_seconds), (Some(7.0), Some(2.0)));
        assert_eq!(figures.caches, [CacheFigures { kind: "a".to_owned(), hit_share: Some(0.75) }]);
        let model =
            ModelFigures { endpoint: "local".to_owned(), requests_per_second: 2.0, tokens_per_second: 50.0 };
        assert_eq!(figures.models, [model]);
        let restarted =
            between("riveg_end_to_end_seconds_count 100\n", "riveg_end_to_end_seconds_count 10\n");
        assert_eq!(restarted.posts_per_second, Some(5.0), "a counter that fell began anew");
        assert_eq!(between("", "").posts_per_second, None);
    }

    #[test]
    fn latencies_are_those_of_the_requests_between() {
        let page = |counts: [u64; 3]| {
            let bounds = ["0.1", "1", "+Inf"];
            let line = |(bound, count)| {
                format!("riveg_stage_latency_seconds_bucket{{stage=\"ground\",le=\"{bound}\"}} {count}\n")
            };
            bounds.into_iter().zip(counts).map(line).collect::<String>()
        };
        let figures = between(&page([10, 10, 10]), &page([20, 30, 30]));
        let [stage] = &figures.stages[..] else { panic!("{figures:?}") };
        assert_eq!(stage.p50, Some(0.1));
        assert!((stage.p95.unwrap() - 0.91).abs() < 1e-9, "{stage:?}");
        let idle = between(&page([10, 10, 10]), &page([10, 10, 10]));
        assert_eq!(idle.stages[0].p95, None);
        let beyond = between("", &page([0, 0, 5]));
        assert_eq!(beyond.stages[0].p95, Some(1.0), "the last bound that is known");
    }

    #[test]
    fn every_metric_that_is_drawn_is_one_of_the_engine() {
        let metrics = std::sync::Arc::new(crate::telemetry::Metrics::new());
        metrics.watch_health(&std::sync::Arc::default());
        let _created = (metrics.stage(crate::domain::Stage::Ground), metrics.llm("local"));
        let text = metrics.render();
        for name in [
            "riveg_end_to_end_seconds_count",
            "riveg_stage_latency_seconds_bucket",
            "riveg_ready",
            "riveg_llm_requests_total{",
            "riveg_llm_tokens_total{",
        ] {
            assert!(text.contains(&format!("\n{name}")), "{name}");
        }
    }
}
