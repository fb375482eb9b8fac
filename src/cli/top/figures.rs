//! Figures of an engine: what two scrapes of its metrics say of the time between them. Pure functions.

use serde::Serialize;

use super::exposition::Scrape;
use super::rates::{Interval, share};

/// The figures of one moment. A rate or a quantile is none where there is no earlier scrape, or nothing happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) version: Option<String>,
    pub(super) device: Option<String>,
    pub(super) ready: Option<bool>,
    pub(super) alive: Option<bool>,
    pub(super) posts: Posts,
    pub(super) lag: Lag,
    pub(super) stages: Vec<Stage>,
    pub(super) caches: Vec<Cache>,
    pub(super) language_models: Vec<LanguageModel>,
    pub(super) memory: Memory,
}

/// Throughput and times of posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Posts {
    /// Posts decoded, from Kafka and over HTTP.
    pub(super) per_second: Option<f64>,
    /// Records written to all topics.
    pub(super) written_per_second: Option<f64>,
    pub(super) dead_letters_per_second: Option<f64>,
    pub(super) dead_letters: f64,
    pub(super) degraded: f64,
    pub(super) in_flight: f64,
    /// Seconds from a record's timestamp to its answer.
    pub(super) end_to_end_p50: Option<f64>,
    pub(super) end_to_end_p99: Option<f64>,
}

/// What waits in Kafka; none of it is known without Kafka.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Lag {
    pub(super) partitions: usize,
    pub(super) paused: f64,
    pub(super) records: Option<f64>,
    /// Records by which it grows.
    pub(super) growth_per_second: Option<f64>,
    /// Age of the oldest unanswered post.
    pub(super) seconds: Option<f64>,
}

/// One stage's network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Stage {
    pub(super) stage: String,
    pub(super) requests_per_second: Option<f64>,
    pub(super) failed: f64,
    pub(super) waiting: f64,
    /// Requests of a batch, in the mean.
    pub(super) batch: Option<f64>,
    /// Seconds from a call to its reply.
    pub(super) latency_p50: Option<f64>,
    pub(super) latency_p95: Option<f64>,
    /// Seconds of computing in a second: with several executors it may be above 1.
    pub(super) computing: Option<f64>,
    pub(super) out_of_memory: f64,
}

/// One cache: of pictures, or of answers of language models by kind of question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cache {
    pub(super) cache: String,
    pub(super) requests_per_second: Option<f64>,
    /// The share of requests since the start that the cache answered.
    pub(super) hit_share: Option<f64>,
    pub(super) entries: Option<f64>,
    pub(super) bytes: Option<f64>,
}

/// One language model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct LanguageModel {
    pub(super) endpoint: String,
    pub(super) questions_per_second: Option<f64>,
    pub(super) failed: f64,
    pub(super) asking: f64,
    pub(super) seconds_p95: Option<f64>,
    pub(super) tokens_in_per_second: Option<f64>,
    pub(super) tokens_out_per_second: Option<f64>,
    /// `asked`, `tried` (one question tests it) or `paused`.
    pub(super) state: &'static str,
}

/// Memory in bytes, and the device's idle share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Memory {
    pub(super) resident: Option<f64>,
    pub(super) planned_most: Option<f64>,
    pub(super) device_caches: Option<f64>,
    pub(super) device_idle: Option<f64>,
}

impl Figures {
    /// The figures of `now`, with rates since `before`, which was taken `seconds` earlier.
    pub(super) fn of(now: &Scrape, before: Option<(&Scrape, f64)>) -> Self {
        let interval = Interval { now, before };
        let label = |name, label| now.values(name, label).into_iter().next();
        let truth = |name| now.sum(name, &[]).map(|value| value > 0.0);
        Self {
            version: label("riveg_build_info", "version"),
            device: label("riveg_build_info", "device"),
            ready: truth("riveg_ready"),
            alive: truth("riveg_alive"),
            posts: Posts::of(interval),
            lag: Lag::of(interval),
            stages: all(now, "riveg_stage_queue_depth", "stage", |stage| Stage::of(interval, stage)),
            caches: Cache::all(interval),
            language_models: all(now, "riveg_llm_in_flight", "endpoint", |endpoint| {
                LanguageModel::of(interval, endpoint)
            }),
            memory: Memory::of(interval),
        }
    }
}

/// One value for each value of a label.
fn all<T>(now: &Scrape, name: &str, label: &str, of: impl Fn(String) -> T) -> Vec<T> {
    now.values(name, label).into_iter().map(of).collect()
}

impl Posts {
    fn of(interval: Interval<'_>) -> Self {
        let total = |name| interval.now.sum(name, &[]).unwrap_or_default();
        let end_to_end = |share| interval.quantile("riveg_end_to_end_seconds", &[], share);
        Self {
            per_second: interval.rate("riveg_decode_seconds_count", &[]),
            written_per_second: interval.rate("riveg_records_produced_total", &[]),
            dead_letters_per_second: interval.rate("riveg_dead_letters_total", &[]),
            dead_letters: total("riveg_dead_letters_total"),
            degraded: total("riveg_posts_degraded_total"),
            in_flight: total("riveg_posts_in_flight") + total("riveg_http_posts_in_flight"),
            end_to_end_p50: end_to_end(0.5),
            end_to_end_p99: end_to_end(0.99),
        }
    }
}

impl Lag {
    fn of(interval: Interval<'_>) -> Self {
        let name = "riveg_consumer_lag_records";
        Self {
            partitions: interval.now.count("riveg_outstanding_records"),
            paused: interval.now.sum("riveg_paused_partitions", &[]).unwrap_or_default(),
            records: interval.now.sum(name, &[]),
            growth_per_second: interval.change(name),
            seconds: interval.now.most("riveg_consumer_lag_seconds"),
        }
    }
}

impl Stage {
    fn of(interval: Interval<'_>, stage: String) -> Self {
        let labels = [("stage", stage.as_str())];
        let total = |name| interval.now.sum(name, &labels).unwrap_or_default();
        let requests = "riveg_stage_requests_total";
        let failed =
            |outcome| interval.now.sum(requests, &[labels[0], ("outcome", outcome)]).unwrap_or_default();
        let latency = |share| interval.quantile("riveg_stage_latency_seconds", &labels, share);
        Self {
            requests_per_second: interval.rate("riveg_stage_latency_seconds_count", &labels),
            failed: failed("failed") + failed("device-lost"),
            waiting: total("riveg_stage_queue_depth"),
            batch: interval.mean("riveg_stage_batch_size", &labels),
            latency_p50: latency(0.5),
            latency_p95: latency(0.95),
            computing: interval.rate("riveg_stage_compute_seconds_sum", &labels),
            out_of_memory: total("riveg_stage_out_of_memory_total"),
            stage,
        }
    }
}

impl Cache {
    fn all(interval: Interval<'_>) -> Vec<Self> {
        let pictures =
            all(interval.now, "riveg_cache_entries", "kind", |kind| Self::of_pictures(interval, kind));
        let answers =
            all(interval.now, "riveg_answers_total", "kind", |kind| Self::of_answers(interval, &kind));
        // Kinds of questions that were not asked would only fill the screen.
        let asked = answers.into_iter().flatten();
        pictures.into_iter().chain(asked).collect()
    }

    fn of_pictures(interval: Interval<'_>, kind: String) -> Self {
        let labels = [("kind", kind.as_str())];
        let requests = "riveg_cache_requests_total";
        let total = interval.now.sum(requests, &labels);
        let missed = interval.now.sum(requests, &[labels[0], ("outcome", "miss")]);
        Self {
            requests_per_second: interval.rate(requests, &labels),
            hit_share: share(total, missed),
            entries: interval.now.sum("riveg_cache_entries", &labels),
            bytes: interval.now.sum("riveg_cache_bytes", &labels),
            cache: kind,
        }
    }

    /// What was made or could not be made was not answered by the cache.
    fn of_answers(interval: Interval<'_>, kind: &str) -> Option<Self> {
        let labels = [("kind", kind)];
        let name = "riveg_answers_total";
        let total = interval.now.sum(name, &labels).filter(|total| *total > 0.0);
        let from = |source| interval.now.sum(name, &[labels[0], ("source", source)]);
        let missed = from("made").zip(from("failed")).map(|(made, failed)| made + failed);
        total.map(|total| Self {
            requests_per_second: interval.rate(name, &labels),
            hit_share: share(Some(total), missed),
            entries: None,
            bytes: None,
            cache: format!("answers: {kind}"),
        })
    }
}

impl LanguageModel {
    fn of(interval: Interval<'_>, endpoint: String) -> Self {
        let labels = [("endpoint", endpoint.as_str())];
        let now = |name, labels: &[(&str, &str)]| interval.now.sum(name, labels).unwrap_or_default();
        let requests = "riveg_llm_requests_total";
        let tokens =
            |direction| interval.rate("riveg_llm_tokens_total", &[labels[0], ("direction", direction)]);
        let breaker = now("riveg_llm_breaker_state", &labels);
        Self {
            questions_per_second: interval.rate(requests, &labels),
            failed: now(requests, &labels) - now(requests, &[labels[0], ("outcome", "answered")]),
            asking: now("riveg_llm_in_flight", &labels),
            seconds_p95: interval.quantile("riveg_llm_seconds", &labels, 0.95),
            tokens_in_per_second: tokens("in"),
            tokens_out_per_second: tokens("out"),
            state: match breaker {
                state if state > 1.5 => "paused",
                state if state > 0.5 => "tried",
                _ => "asked",
            },
            endpoint,
        }
    }
}

impl Memory {
    fn of(interval: Interval<'_>) -> Self {
        let now = |name, labels: &[(&str, &str)]| interval.now.sum(name, labels);
        Self {
            resident: now("riveg_resident_memory_bytes", &[]),
            planned_most: now("riveg_planned_memory_bytes", &[("state", "most")]),
            device_caches: now("riveg_device_memory_bytes", &[("state", "taken")]),
            device_idle: interval.rate("riveg_device_idle_seconds_total", &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain;
    use crate::telemetry::{CacheTally, Metrics, Outcome, Waiting};

    fn scrape(metrics: &Metrics) -> Scrape {
        Scrape::parse(&metrics.render()).unwrap()
    }

    #[test]
    fn figures_of_the_engines_own_metrics_are_those_of_the_time_between_two_scrapes() {
        let metrics = Metrics::new();
        let entail = metrics.stage(domain::Stage::Entail);
        let _model = metrics.llm("local");
        metrics.watch_cache("frames", || CacheTally { hits: 3, joins: 0, misses: 1, entries: 2, bytes: 9 });
        metrics.partition_assigned("posts", 0);
        metrics.lag().waits("posts", 0, Waiting { records: 50, oldest: None });
        let before = scrape(&metrics);
        for _ in 0..20 {
            metrics.decoded(Duration::from_millis(3));
            entail.answered(Outcome::Answered, Duration::from_millis(30));
        }
        entail.batch(4, 1.0);
        entail.batch(6, 1.0);
        entail.computed(Duration::from_secs(1));
        metrics.dead_letter("malformed");
        metrics.lag().waits("posts", 0, Waiting { records: 70, oldest: None });
        let figures = Figures::of(&scrape(&metrics), Some((&before, 2.0)));
        assert_eq!(figures.posts.per_second, Some(10.0));
        assert_eq!((figures.posts.dead_letters, figures.posts.dead_letters_per_second), (1.0, Some(0.5)));
        let lag = &figures.lag;
        assert_eq!((lag.partitions, lag.records, lag.growth_per_second), (1, Some(70.0), Some(10.0)));
        let stage = figures.stages.iter().find(|stage| stage.stage == "entail").unwrap();
        assert_eq!((stage.requests_per_second, stage.batch), (Some(10.0), Some(5.0)));
        assert_eq!(stage.computing, Some(0.5));
        // Within the bucket of 25 to 50 ms.
        assert!(stage.latency_p50.is_some_and(|p50| (0.025..=0.05).contains(&p50)), "{stage:?}");
        let cache = &figures.caches[0];
        assert_eq!((cache.cache.as_str(), cache.hit_share, cache.bytes), ("frames", Some(0.75), Some(9.0)));
        let model = &figures.language_models[0];
        assert_eq!((model.endpoint.as_str(), model.state, model.seconds_p95), ("local", "asked", None));
        assert!(figures.memory.resident.is_some_and(|bytes| bytes > 1e6));
        assert_eq!(figures.stages.len(), domain::Stage::WITH_RETRIEVAL.len());
    }

    #[test]
    fn without_an_earlier_scrape_there_are_no_rates_and_an_empty_page_has_no_figures() {
        let figures = Figures::of(&scrape(&Metrics::new()), None);
        assert_eq!((figures.posts.per_second, figures.stages[0].computing), (None, None));
        let figures = Figures::of(&Scrape::default(), None);
        assert_eq!((figures.ready, figures.lag.records, figures.stages.len()), (None, None, 0));
    }
}
