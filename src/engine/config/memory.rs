//! Memory plan: what a process takes once it is warm, and what its settings add.

use std::fmt;

use bytesize::ByteSize;

use super::Config;

/// What the client fetches ahead of the records that are read (`queued.max.messages.kbytes` of `ingest`). An engine that
/// lags behind its topic has all of it.
const FETCHED_AHEAD: u64 = 64 << 20;

/// The allocator has four sizes for each doubling and rounds up to the next: what is kept takes a fifth more at most, and a
/// tenth on average.
const ROUNDED_UP: u64 = 10;

/// What a post has of the bytes of its text at most, while it is worked on: the text as received, without escapes, and the
/// place of each escape (32 bytes, for 3 bytes of the text at least); or, without escapes, the text in questions, names,
/// phrases and its answer.
const OF_A_TEXT: u64 = 12;

/// What a process takes, by the settings that bound it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The process with its networks, having run its largest batches, and with nothing remembered yet.
    pub warm: u64,
    /// What a feed of new pictures fills and never empties: caches by setting, what the allocator rounds their parts up by,
    /// and what is fetched ahead.
    pub kept: Vec<(&'static str, u64)>,
    /// What posts may hold while they are worked on, by setting: most feeds take a small part of it.
    pub in_flight: Vec<(&'static str, u64)>,
}

/// What is resident in a process that has just warmed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warm {
    /// All of it.
    pub resident: u64,
    /// What of it the networks remember of the pictures that they were warmed up with.
    pub remembered: u64,
}

impl Config {
    /// The memory of a process with these settings that takes so much when it is warm: which depends on the bundle, on
    /// libtorch and on the sizes of batches, and is measured.
    #[must_use]
    pub fn memory_plan(&self, warm: Warm) -> MemoryPlan {
        // On a GPU what networks remember lies in the GPU's memory.
        let on_cpu = self.device.name.on_cpu();
        let asks_models = !self.endpoints_in_use().is_empty();
        let kept = [
            ("device.trunk_cache", self.device.trunk_cache, on_cpu),
            ("device.picture_cache", self.device.picture_cache, true),
            ("decode.cache", self.decode.cache, true),
            ("answers.memory", self.answers.memory, asks_models),
            ("registry.cache", self.registry.cache, self.registry.is_set()),
        ];
        let in_flight = [
            ("decode.memory", self.decode.memory),
            ("engine.text_memory", self.engine.text_memory),
            ("texts of posts", ByteSize(self.texts())),
            ("fetch.memory", self.fetch.memory),
            ("ingest.max_bytes", self.ingest.max_bytes),
            ("http.memory", if self.http.is_on() { self.http.memory } else { ByteSize(0) }),
            ("view.memory", if self.view.is_on() { self.view.memory } else { ByteSize(0) }),
        ];
        let mut kept: Vec<(&'static str, u64)> =
            kept.into_iter().filter(|(.., held)| *held).map(|(key, size, _)| (key, size.as_u64())).collect();
        kept.extend([("rounded up", sum(0, &kept) / ROUNDED_UP), ("fetched ahead", FETCHED_AHEAD)]);
        MemoryPlan {
            warm: warm.resident.saturating_sub(if on_cpu { warm.remembered } else { 0 }),
            kept,
            in_flight: in_flight
                .map(|(key, size)| (key, size.as_u64()))
                .into_iter()
                .filter(|(_, size)| *size > 0)
                .collect(),
        }
    }

    /// The texts of all posts in flight, each as long as it may be.
    fn texts(&self) -> u64 {
        let over_http = if self.http.is_on() { self.http.posts_in_flight } else { 0 };
        let posts = self.engine.posts_in_flight.saturating_add(over_http) as u64;
        posts.saturating_mul(self.decode.max_text.as_u64()).saturating_mul(OF_A_TEXT)
    }
}

impl MemoryPlan {
    /// Where memory stays once all caches are full: what to ask a cluster for.
    #[must_use]
    pub fn settled(&self) -> u64 {
        sum(self.warm, &self.kept)
    }

    /// What posts of the largest kind can bring it to: what to be limited to.
    #[must_use]
    pub fn most(&self) -> u64 {
        sum(self.settled(), &self.in_flight)
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        write!(
            formatter,
            "{} MiB when warm, {} MiB once the caches are full, {} MiB at most",
            mib(self.warm),
            mib(self.settled()),
            mib(self.most())
        )
    }
}

fn sum(first: u64, parts: &[(&str, u64)]) -> u64 {
    parts.iter().fold(first, |sum, (_, bytes)| sum.saturating_add(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    const MIB: u64 = 1 << 20;

    fn plan(sets: &[&str]) -> MemoryPlan {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
        config.memory_plan(Warm { resident: 500 * MIB, remembered: 100 * MIB })
    }

    #[test]
    fn caches_add_to_what_is_warm_and_posts_to_both() {
        let sets = ["device.trunk_cache=200MiB", "device.picture_cache=20MiB", "decode.cache=3MiB"];
        let plan = plan(&sets);
        assert_eq!(plan.settled(), (400 + 223 + 64) * MIB + 223 * MIB / 10);
        let in_flight: u64 = plan.in_flight.iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(plan.most(), plan.settled() + in_flight);
        let larger = self::plan(&[&sets[..], &["decode.memory=1GiB"]].concat());
        assert_eq!(larger.settled(), plan.settled());
        assert!(larger.most() > plan.most());
    }

    #[test]
    fn texts_take_what_they_are_split_in_and_a_multiple_of_themselves() {
        let most = |sets: &[&str]| plan(sets).most();
        let (few, more) = ("engine.posts_in_flight=10", "engine.posts_in_flight=11");
        assert_eq!(most(&[more]) - most(&[few]), 12 * (128 << 10));
        assert_eq!(most(&["engine.text_memory=40MiB"]) - most(&[]), 8 * MIB);
        let over_http = ["http.address=127.0.0.1:0", "http.posts_in_flight=8", "http.max_posts=8"];
        let memory = [&over_http[..], &["http.memory=1GiB"]].concat();
        assert_eq!(most(&memory) - most(&[]), 1024 * MIB + 8 * 12 * (128 << 10));
    }

    #[test]
    fn the_memory_for_texts_holds_the_longest_one() {
        let engine = Config::load(&Sources::default()).unwrap().config.engine;
        assert_eq!(engine.faults(ByteSize::kib(200)).len(), 0);
        let faults = engine.faults(ByteSize::mib(1));
        let [("text_memory", said)] = &faults[..] else { panic!("{faults:?}") };
        assert_eq!(said, "must be at least 160.0 MiB, which one text of decode.max_text (1.0 MiB) can take");
    }

    #[test]
    fn what_a_gpu_remembers_and_answers_that_nobody_asks_for_are_not_this_machines() {
        let plan = plan(&["device.name=cuda:0"]);
        let keys: Vec<&str> = plan.kept.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["device.picture_cache", "decode.cache", "rounded up", "fetched ahead"]);
        assert_eq!(plan.warm, 500 * MIB);
    }
}
