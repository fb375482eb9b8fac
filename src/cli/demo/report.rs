//! Report of a demonstration: a table for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::lab::eval::Scores;
use crate::llm::client::{Usage, UsagePerPost};
use crate::telemetry::{LatencyRecorder, StageSummary};

/// All measurements.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) posts: usize,
    pub(super) rejected: usize,
    pub(super) seconds: f64,
    pub(super) posts_per_second: f64,
    /// The most posts in flight: with the rate they determine the latency.
    pub(super) posts_under_way: usize,
    /// From the timestamp of a post's record until a consumer has its answer.
    pub(super) end_to_end: Quantiles,
    /// By the stage's name.
    #[serde(serialize_with = "by_name")]
    pub(super) stages: Vec<StageReport>,
    /// By the cache's name.
    #[serde(serialize_with = "caches_by_name")]
    pub(super) caches: Vec<CacheReport>,
    /// Questions to language models, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) questions: Option<QuestionReport>,
    /// What each language model was asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) language_models: Vec<EndpointReport>,
    /// Against gold, where the posts have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scores: Option<Scores>,
    pub(super) bundle: String,
    pub(super) device: String,
    pub(super) cores: usize,
    /// Of the pocket world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
}

/// Median and 99th percentile in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Quantiles {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// One stage on its device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StageReport {
    #[serde(skip)]
    pub(super) name: &'static str,
    pub(super) requests: u64,
    pub(super) batches: u64,
    pub(super) batch_mean: f64,
    pub(super) batch_max: u64,
    /// Of a request, until it was bound to a batch.
    pub(super) queue: Quantiles,
    /// Of a batch, on the device.
    pub(super) compute: Quantiles,
    /// Of a request, from call to reply.
    pub(super) latency: Quantiles,
}

/// The hits of one cache.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CacheReport {
    #[serde(skip)]
    pub(super) name: &'static str,
    pub(super) asked: u64,
    pub(super) hits: u64,
}

/// Where the answers to questions about names came from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct QuestionReport {
    pub(super) asked: u64,
    /// From the cache of answers.
    pub(super) remembered: u64,
    /// The same question was being answered for another post.
    pub(super) joined: u64,
    /// By a language model.
    pub(super) answered: u64,
    pub(super) failed: u64,
}

/// The questions to one language model, and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct EndpointReport {
    name: String,
    model: String,
    #[serde(flatten)]
    usage: Usage,
    #[serde(skip)]
    shown: String,
}

impl EndpointReport {
    pub(super) fn new(name: String, model: String, asked: UsagePerPost) -> Self {
        Self { name, model, usage: asked.usage(), shown: asked.to_string() }
    }
}

impl Quantiles {
    pub(super) fn new(p50: Duration, p99: Duration) -> Self {
        let millis = |took: Duration| (took.as_secs_f64() * 1e5).round() / 100.0;
        Self { p50_ms: millis(p50), p99_ms: millis(p99) }
    }

    pub(super) fn of(recorder: &LatencyRecorder) -> Self {
        let quantile = |share| recorder.quantile(share).unwrap_or_default();
        Self::new(quantile(0.5), quantile(0.99))
    }
}

impl From<&StageSummary> for StageReport {
    fn from(summary: &StageSummary) -> Self {
        Self {
            name: summary.stage.as_str(),
            requests: summary.requests,
            batches: summary.batches,
            batch_mean: (summary.mean_batch * 100.0).round() / 100.0,
            batch_max: summary.max_batch,
            queue: Quantiles::new(summary.queue_p50, summary.queue_p99),
            compute: Quantiles::new(summary.compute_p50, summary.compute_p99),
            latency: Quantiles::new(summary.latency_p50, summary.latency_p99),
        }
    }
}

impl CacheReport {
    /// A cache with `asked` requests, of which `misses` were not cached.
    pub(super) fn with_misses(name: &'static str, asked: u64, misses: u64) -> Self {
        Self { name, asked, hits: asked.saturating_sub(misses) }
    }

    fn share(&self) -> f64 {
        if self.asked == 0 { 0.0 } else { 100.0 * self.hits as f64 / self.asked as f64 }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            formatter,
            "{:.1} posts/s: {} posts in {:.1} s, {} rejected; {}, {} cores",
            self.posts_per_second, self.posts, self.seconds, self.rejected, self.device, self.cores
        )?;
        writeln!(
            formatter,
            "Kafka to Kafka: p50 {}, p99 {}, with up to {} posts under way\n",
            millis(self.end_to_end.p50_ms),
            millis(self.end_to_end.p99_ms),
            self.posts_under_way
        )?;
        writeln!(formatter, "{}", stage_table(&self.stages))?;
        writeln!(formatter, "{}", cache_table(&self.caches))?;
        if let Some(QuestionReport { asked, remembered, joined, answered, failed }) = self.questions {
            writeln!(
                formatter,
                "questions about names: {asked} asked; {remembered} answered from memory, {joined} together with another \
                 post, {answered} by a language model, {failed} failed"
            )?;
        }
        for EndpointReport { name, model, shown, .. } in &self.language_models {
            writeln!(formatter, "language model {name}, {model}: {shown}\n")?;
        }
        match &self.scores {
            Some(scores) => write!(formatter, "{scores}"),
            None => Ok(()),
        }
    }
}

fn stage_table(stages: &[StageReport]) -> String {
    let heads =
        ["stage", "requests", "mean", "max", "p50", "p99", "p50", "p99", "p50", "p99"].map(str::to_owned);
    let row = |stage: &StageReport| {
        let [queue, compute, latency] = [stage.queue, stage.compute, stage.latency]
            .map(|quantiles| [quantiles.p50_ms, quantiles.p99_ms].map(millis));
        let [[q50, q99], [c50, c99], [l50, l99]] = [queue, compute, latency];
        let (mean, max) = (format!("{:.1}", stage.batch_mean), stage.batch_max.to_string());
        [stage.name.to_owned(), stage.requests.to_string(), mean, max, q50, q99, c50, c99, l50, l99]
    };
    let rows: Vec<_> = std::iter::once(heads).chain(stages.iter().map(row)).collect();
    let widths = widths(&rows);
    // A group name stands above its two columns.
    let groups = ["", "batch", "in queue", "in compute", "call to reply"];
    let above = groups.iter().zip(widths.as_chunks::<2>().0).map(|(group, [left, right])| {
        let width = left + 2 + right;
        format!("{group:>width$}")
    });
    format!("{}\n{}", above.collect::<Vec<_>>().join("  ").trim_end(), table(&rows))
}

fn cache_table(caches: &[CacheReport]) -> String {
    let mut rows = vec![["remembered", "asked", "hits", "share"].map(str::to_owned)];
    rows.extend(caches.iter().map(|cache| {
        let share = format!("{:.0} %", cache.share());
        [cache.name.to_owned(), cache.asked.to_string(), cache.hits.to_string(), share]
    }));
    table(&rows)
}

/// Columns as wide as their widest cell; the first column is aligned left, the others right.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let widths = widths(rows);
    let line = |row: &[String; COLUMNS]| {
        let cell = |(column, (cell, width)): (usize, (&String, usize))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let cells: Vec<String> = row.iter().zip(widths).enumerate().map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn widths<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> [usize; COLUMNS] {
    std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
}

/// Three significant digits and the unit.
fn millis(millis: f64) -> String {
    match millis {
        millis if millis < 10.0 => format!("{millis:.2} ms"),
        millis if millis < 100.0 => format!("{millis:.1} ms"),
        millis if millis < 1000.0 => format!("{millis:.0} ms"),
        millis => format!("{:.2} s", millis / 1000.0),
    }
}

fn by_name<S: Serializer>(stages: &[StageReport], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(stages.iter().map(|stage| (stage.name, stage)))
}

fn caches_by_name<S: Serializer>(caches: &[CacheReport], serializer: S) -> Result<S::Ok, S::Error> {
    let caches: BTreeMap<&str, &CacheReport> = caches.iter().map(|cache| (cache.name, cache)).collect();
    caches.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::lab::eval::Counts;

    fn figures() -> Report {
        let quantiles = |p50_ms, p99_ms| Quantiles { p50_ms, p99_ms };
        let counts = Counts { predicted: 10, gold: 8, right: 6 };
        Report {
            posts: 300,
            rejected: 1,
            seconds: 12.34,
            posts_per_second: 24.3,
            posts_under_way: 128,
            end_to_end: quantiles(812.0, 2_340.0),
            stages: vec![StageReport {
                name: "recognise",
                requests: 299,
                batches: 40,
                batch_mean: 7.48,
                batch_max: 16,
                queue: quantiles(3.21, 45.6),
                compute: quantiles(9.99, 123.0),
                latency: quantiles(12.0, 1_500.0),
            }],
            caches: vec![CacheReport::with_misses("expansions", 40, 30)],
            questions: Some(QuestionReport { asked: 90, remembered: 50, joined: 9, answered: 30, failed: 1 }),
            language_models: vec![EndpointReport::new(
                "big".to_owned(),
                "vl-7b".to_owned(),
                Usage { questions: 30, tokens_in: 900, tokens_out: 60, price: Some(0.3) }.per_post(300),
            )],
            scores: Some(Scores {
                mner: counts,
                mner_span: Some(counts),
                gmner: Some(counts),
                eeg: Some(counts),
                smner: Some(counts),
                ees: Some(counts),
            }),
            bundle: "pocket 1, abc".to_owned(),
            device: "cpu".to_owned(),
            cores: 2,
            seed: Some(0),
        }
    }

    #[test]
    fn the_table_looks_like_this() {
        let shown = figures().to_string();
        let (tables, scores) = shown.split_at(shown.find("score ").unwrap());
        expect![[r#"
            24.3 posts/s: 300 posts in 12.3 s, 1 rejected; cpu, 2 cores
            Kafka to Kafka: p50 812 ms, p99 2.34 s, with up to 128 posts under way

                                     batch          in queue       in compute    call to reply
            stage      requests  mean  max      p50      p99      p50     p99      p50     p99
            recognise       299   7.5   16  3.21 ms  45.6 ms  9.99 ms  123 ms  12.0 ms  1.50 s

            remembered  asked  hits  share
            expansions     40    10   25 %

            questions about names: 90 asked; 50 answered from memory, 9 together with another post, 30 by a language model, 1 failed
            language model big, vl-7b: 30 questions, 900 tokens in, 60 tokens out; a post: 0.10 questions, 3 tokens in, 0 tokens out, price 0.001000 of 0.3000 in all

        "#]]
        .assert_eq(tables);
        assert!(scores.contains("GMNER") && scores.contains("0.7500"), "{scores}");
    }

    #[test]
    fn the_report_has_the_keys_that_others_read() {
        let report = serde_json::to_value(figures()).unwrap();
        for (pointer, expected) in [
            ("/posts_per_second", 24.3),
            ("/scores/mner/precision", 0.6),
            ("/scores/gmner/recall", 0.75),
            ("/scores/eeg/f1", 2.0 / 3.0),
            ("/scores/smner/precision", 0.6),
            ("/scores/ees/recall", 0.75),
            ("/stages/recognise/queue/p99_ms", 45.6),
            ("/stages/recognise/compute/p50_ms", 9.99),
            ("/stages/recognise/batch_mean", 7.48),
            ("/caches/expansions/hits", 10.0),
            ("/questions/joined", 9.0),
            ("/language_models/0/tokens_in", 900.0),
            ("/end_to_end/p50_ms", 812.0),
        ] {
            let found = report.pointer(pointer).and_then(serde_json::Value::as_f64);
            assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{pointer}: {found:?}");
        }
    }

    #[test]
    fn durations_keep_three_digits() {
        for (value, expected) in
            [(0.0, "0.00 ms"), (9.994, "9.99 ms"), (45.67, "45.7 ms"), (456.7, "457 ms"), (1234.0, "1.23 s")]
        {
            assert_eq!(millis(value), expected);
        }
    }
}
