//! Metrics of the answer cache: where answers came from, what each tier holds and has lost, and its faults.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts};

use super::registration::{Registry, register};
use super::scrape_hooks::catch_up;

/// Where answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum AnswerTier {
    Memory,
    Disk,
    Redis,
}

impl AnswerTier {
    /// All there are, in the order in which they are asked.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Disk, Self::Redis];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Redis => "redis",
        }
    }
}

/// Where the answer to one question came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerSource {
    /// A tier had it.
    Tier(AnswerTier),
    /// Another asker of this process got it.
    Joined,
    /// Another replica made it meanwhile.
    Leased,
    /// It was made.
    Made,
    /// It could not be made.
    Failed,
}

impl AnswerSource {
    const ALL: [Self; 7] = [
        Self::Tier(AnswerTier::Memory),
        Self::Tier(AnswerTier::Disk),
        Self::Tier(AnswerTier::Redis),
        Self::Joined,
        Self::Leased,
        Self::Made,
        Self::Failed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Tier(tier) => tier.as_str(),
            Self::Joined => "joined",
            Self::Leased => "leased",
            Self::Made => "made",
            Self::Failed => "failed",
        }
    }
}

/// What became of making a stale answer anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It was.
    Renewed,
    /// It could not be made, or came out empty: the stale one stays.
    Failed,
    /// Too many were being renewed.
    Skipped,
}

impl Renewal {
    const ALL: [Self; 3] = [Self::Renewed, Self::Failed, Self::Skipped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// The counters of answers.
#[derive(Debug, Clone)]
pub struct AnswerMetrics {
    questions: IntCounterVec,
    negative: IntCounterVec,
    renewals: IntCounterVec,
    faults: IntCounterVec,
    evictions: IntCounterVec,
    purged: IntCounterVec,
    entries: IntGaugeVec,
    bytes: IntGaugeVec,
    age: Histogram,
}

impl AnswerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let gauges =
            |name: &str, help: &str| register(registry, IntGaugeVec::new(Opts::new(name, help), &["tier"]));
        let age = HistogramOpts::new("riveg_answer_age_seconds", "Age of answers that a tier gave.");
        let renewals = counters(
            "riveg_answer_renewals_total",
            "Stale answers that were to be made anew, by outcome.",
            &["outcome"],
        );
        Renewal::ALL.iter().for_each(|outcome| renewals.with_label_values(&[outcome.as_str()]).reset());
        let metrics = Self {
            questions: counters(
                "riveg_answers_total",
                "Questions by kind and by where the answer came from: a tier, another asker, another replica, its \
                 maker.",
                &["kind", "source"],
            ),
            negative: counters(
                "riveg_answers_negative_total",
                "Questions by kind that were answered with nothing: refused or empty.",
                &["kind"],
            ),
            renewals,
            faults: counters(
                "riveg_answer_faults_total",
                "Faults of tiers and kept answers that are refused, by class; the engine goes on without them.",
                &["tier", "class"],
            ),
            evictions: counters(
                "riveg_answer_evictions_total",
                "Answers that made room for others.",
                &["tier"],
            ),
            purged: counters(
                "riveg_answers_purged_total",
                "Answers removed because they were purged.",
                &["tier"],
            ),
            entries: gauges("riveg_answer_entries", "Answers that a tier of this engine holds."),
            bytes: gauges("riveg_answer_bytes", "What they take, in bytes."),
            age: register(registry, Histogram::with_opts(age.buckets(age_buckets()))),
        };
        for tier in [AnswerTier::Memory, AnswerTier::Disk] {
            metrics.evictions.with_label_values(&[tier.as_str()]).reset();
            metrics.purged.with_label_values(&[tier.as_str()]).reset();
            metrics.holds(tier, 0, 0);
        }
        metrics
    }

    /// Starts the series of kinds of questions.
    pub fn declare_kinds<'a>(&self, kinds: impl IntoIterator<Item = &'a str>) {
        for kind in kinds {
            self.negative.with_label_values(&[kind]).inc_by(0);
            for source in AnswerSource::ALL {
                self.questions.with_label_values(&[kind, source.as_str()]).inc_by(0);
            }
        }
    }

    /// Starts the series of the classes of a tier's faults.
    pub fn declare_faults(&self, tier: AnswerTier, classes: &[&str]) {
        classes.iter().for_each(|class| self.faults.with_label_values(&[tier.as_str(), class]).inc_by(0));
    }

    /// A question of that kind was answered from there.
    pub fn answered(&self, kind: &str, source: AnswerSource) {
        self.questions.with_label_values(&[kind, source.as_str()]).inc();
    }

    /// Questions of that kind so far whose answers came from there.
    #[must_use]
    pub fn questions(&self, kind: &str, source: AnswerSource) -> u64 {
        self.questions.with_label_values(&[kind, source.as_str()]).get()
    }

    /// What was given was that there is no answer.
    pub fn negative(&self, kind: &str) {
        self.negative.with_label_values(&[kind]).inc();
    }

    /// A tier gave an answer of that age.
    pub fn aged(&self, age: Duration) {
        self.age.observe(age.as_secs_f64());
    }

    /// A stale answer was to be renewed.
    pub fn renewal(&self, outcome: Renewal) {
        self.renewals.with_label_values(&[outcome.as_str()]).inc();
    }

    /// A tier failed.
    pub fn fault(&self, tier: AnswerTier, class: &str) {
        self.faults.with_label_values(&[tier.as_str(), class]).inc();
    }

    /// So many answers left a tier for others.
    pub fn evicted(&self, tier: AnswerTier, count: u64) {
        self.evictions.with_label_values(&[tier.as_str()]).inc_by(count);
    }

    /// So many answers have left a tier for others since the engine began.
    pub fn evicted_in_all(&self, tier: AnswerTier, count: u64) {
        catch_up((&self.evictions.with_label_values(&[tier.as_str()]), count));
    }

    /// So many answers left a tier because they were purged.
    pub fn purged(&self, tier: AnswerTier, count: u64) {
        self.purged.with_label_values(&[tier.as_str()]).inc_by(count);
    }

    /// What a tier holds now.
    pub fn holds(&self, tier: AnswerTier, entries: u64, bytes: u64) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.entries.with_label_values(&[tier.as_str()]).set(number(entries));
        self.bytes.with_label_values(&[tier.as_str()]).set(number(bytes));
    }
}

/// From a burst of one question to the longest time to live: a minute, an hour, a day, a week, a month, a season.
fn age_buckets() -> Vec<f64> {
    const HOUR: f64 = 3600.0;
    const DAY: f64 = 24.0 * HOUR;
    vec![1.0, 60.0, 600.0, HOUR, 6.0 * HOUR, DAY, 3.0 * DAY, 7.0 * DAY, 14.0 * DAY, 30.0 * DAY, 90.0 * DAY]
}
