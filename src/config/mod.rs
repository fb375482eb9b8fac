//! What is the engine told? Composes each module's own settings: layered, typed, and refused with all faults at once.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::domain::Stage;
use crate::kafka::client::Connection;
use crate::kafka::ingest::{DataLoss, GroupProtocol, Start, Tombstones};
use crate::scheduler::Budget;
use crate::stages::caption::ALT_TEXT;
use crate::stages::expand::{Scope, SourceName};
use crate::stages::knowledge::Mode;

mod effective;
mod engine;
mod layers;
mod lines;
mod memory;
mod publish;
mod references;
mod sources;
mod words;

pub use effective::Effective;
pub use engine::Engine;
pub use memory::{MemoryPlan, Warm};
pub use publish::{DeliveryMode, Publish};
pub use sources::Sources;

/// The defaults, every key of them: the file `config/default.toml` as it was compiled in.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// The endpoint that nobody asks: it tells what the others do not say themselves.
const UNNAMED: &str = "default";

/// All settings. `config/default.toml` says what each is for and what it is unless told otherwise.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the sections are documented where they are defined")]
pub struct Config {
    pub kafka: Connection,
    pub ingest: Ingest,
    pub publish: Publish,
    pub engine: Engine,
    pub fetch: crate::input::fetch::Config,
    pub decode: crate::input::decode::Config,
    pub bundle: Bundle,
    pub llm: BTreeMap<String, crate::llm::client::Config>,
    pub answers: crate::llm::answers::Config,
    pub describe: crate::stages::caption::Config,
    pub knowledge: crate::stages::knowledge::Config,
    pub expand: crate::stages::expand::Config,
    pub device: Device,
    pub scheduler: Scheduler,
    pub telemetry: Telemetry,
}

/// Where posts come from.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// The topic of posts.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Records read and not answered, for each one worked on.
    pub read_ahead: NonZeroUsize,
    /// Records read and not answered, in bytes.
    pub max_bytes: ByteSize,
    /// How often offsets are committed.
    #[serde(with = "humantime_serde")]
    pub commit_interval: Duration,
    /// How long a partition that is taken away may finish what was read of it.
    #[serde(with = "humantime_serde")]
    pub revoke_deadline: Duration,
    /// How the group shares out partitions.
    pub protocol: GroupProtocol,
    /// A name in the group that outlives the process; empty: none.
    pub instance: String,
    /// How long the group waits for a member that is silent.
    #[serde(with = "humantime_serde")]
    pub session_timeout: Duration,
    /// Where a group begins that has committed nothing yet.
    pub start: Start,
    /// What follows when posts were deleted before they were read.
    pub on_data_loss: DataLoss,
    /// What becomes of records without a value.
    pub tombstones: Tombstones,
}

/// Which networks.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The bundle's folder.
    pub path: PathBuf,
    /// The folder of the bundle whose tagger is used; empty: that of `path`.
    pub recognise: PathBuf,
    /// As `recognise`, for the gate.
    pub entail: PathBuf,
    /// As `recognise`, for the grounder.
    pub ground: PathBuf,
    /// As `recognise`, for the segmenter; `none`: there is none.
    pub segment: PathBuf,
}

/// What stands for no network in place of a bundle's folder.
const NONE: &str = "none";

impl Bundle {
    /// The stages that come from other bundles, with the folders of these.
    #[must_use]
    pub fn elsewhere(&self) -> Vec<(Stage, &Path)> {
        let folders = [&self.recognise, &self.entail, &self.ground, &self.segment].map(PathBuf::as_path);
        let named = Stage::ALL.into_iter().zip(folders).filter(|(_, folder)| !folder.as_os_str().is_empty());
        named.filter(|&(stage, _)| stage != Stage::Segment || self.has_segmenter()).collect()
    }

    /// Whether there shall be a segmenter.
    #[must_use]
    pub fn has_segmenter(&self) -> bool {
        self.segment != Path::new(NONE)
    }
}

/// Where the networks run.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// `cpu`, or `cuda:` and an index.
    pub name: String,
    /// Threads of one operator on the CPU; 0: as many as there are cores.
    pub threads: usize,
    /// What all networks together may remember of pictures, in bytes of the device's memory.
    pub trunk_cache: ByteSize,
    /// Pictures kept at the sizes of the networks, in bytes.
    pub picture_cache: ByteSize,
}

/// What each stage may put into one batch.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "a field is a stage, and a Budget says the rest")]
pub struct Scheduler {
    pub recognise: Budget,
    pub entail: Budget,
    pub ground: Budget,
    pub segment: Budget,
    pub know: Budget,
}

/// Where metrics and probes answer.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// `host:port`; empty: nowhere.
    pub address: String,
    /// How often the log says how it goes; nothing: never.
    #[serde(with = "humantime_serde")]
    pub progress: Duration,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's whole path, or what else of a layer is wrong.
    pub key: String,
    /// Which layer says so: a file with its line, the environment variable, the flag.
    pub layer: String,
    /// What was expected, what was found, what to do.
    pub message: String,
}

/// All that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(formatter, "the configuration has {count} {}:", if count == 1 { "fault" } else { "faults" })?;
        self.0
            .iter()
            .try_for_each(|fault| write!(formatter, "\n  {}: {}: {}", fault.layer, fault.key, fault.message))
    }
}

impl Config {
    /// Layers the sources over the defaults and checks everything.
    ///
    /// # Errors
    /// All that is wrong, in all layers, at once.
    pub fn load(sources: &Sources) -> Result<Effective, Faults> {
        layers::load(sources)
    }

    /// The language models that have names, in the order of these.
    pub fn endpoints(&self) -> impl Iterator<Item = (&String, &crate::llm::client::Config)> {
        self.llm.iter().filter(|(name, _)| name.as_str() != UNNAMED)
    }

    /// The endpoints that are asked at all, each with the key that names it first.
    #[must_use]
    pub fn endpoints_in_use(&self) -> BTreeMap<&str, &'static str> {
        let expanding = self.expand.sources.contains(&SourceName::Llm);
        let knowing = self.knowledge.mode != Mode::Off;
        let posts_are_shown =
            expanding && !self.expand.endpoints.is_empty() && self.expand.scope == Scope::Post;
        let told = [
            (expanding, "expand.endpoints", self.expand.endpoints.as_slice()),
            (knowing, "knowledge.endpoint", std::slice::from_ref(&self.knowledge.endpoint)),
            (knowing, "describe.short", &self.describe.short),
            (posts_are_shown, "describe.detailed", &self.describe.detailed),
        ];
        let mut in_use = BTreeMap::new();
        for (_, key, names) in told.into_iter().filter(|(is_asked, ..)| *is_asked) {
            for name in names.iter().filter(|name| name.as_str() != ALT_TEXT) {
                in_use.entry(name.as_str()).or_insert(key);
            }
        }
        in_use
    }

    /// What is out of range: the key's path, and the bound that it breaks.
    fn out_of_range(&self) -> Vec<(String, String)> {
        let mut faults: Vec<_> = self
            .decode
            .faults()
            .into_iter()
            .map(|(key, message)| (format!("decode.{key}"), message))
            .chain(self.kafka.faults().into_iter().map(|(key, message)| (format!("kafka.{key}"), message)))
            .collect();
        let most_of_a_post = self.decode.max_picture.as_u64().saturating_mul(self.decode.max_media as u64);
        let fetch = self.fetch.faults(most_of_a_post).into_iter();
        faults.extend(fetch.map(|(key, message)| (format!("fetch.{key}"), message)));
        faults.extend(
            self.answers.faults().into_iter().map(|(key, message)| (format!("answers.{key}"), message)),
        );
        for (name, endpoint) in self.endpoints() {
            let found = endpoint.faults().into_iter();
            faults.extend(found.map(|(key, message)| (format!("llm.{name}.{key}"), message)));
        }
        faults.extend(
            self.publish.faults().into_iter().map(|(key, message)| (format!("publish.{key}"), message)),
        );
        let mut hold = |key: &str, holds: bool, message: &str| {
            if !holds {
                faults.push((key.to_owned(), message.to_owned()));
            }
        };
        for (name, key) in self.endpoints_in_use() {
            let message = match name {
                "" => "is empty; it must name an endpoint, `[llm.NAME]`".to_owned(),
                name => format!("names `{name}`, and there is no `[llm.{name}]`"),
            };
            hold(key, name != UNNAMED && self.llm.contains_key(name), &message);
        }
        let shown = self.knowledge.shown;
        hold("knowledge.shown", (1..=50).contains(&shown), "must be 1 to 50");
        self.engine.check(&mut hold);
        let ingest = &self.ingest;
        hold("ingest.read_ahead", ingest.read_ahead.get() <= 1_000, "must be 1 to 1000");
        hold("ingest.commit_interval", !ingest.commit_interval.is_zero(), "must be longer than nothing");
        hold(
            "ingest.revoke_deadline",
            ingest.revoke_deadline <= Duration::from_secs(240),
            "must be 4m or less",
        );
        hold(
            "ingest.session_timeout",
            (Duration::from_secs(1)..=Duration::from_secs(300)).contains(&ingest.session_timeout),
            "must be 1s to 5m",
        );
        hold("device.name", is_device(&self.device.name), "must be `cpu`, `cuda` or `cuda:` and an index");
        hold("device.threads", self.device.threads <= 1024, "must be 0 (all cores) to 1024");
        hold(
            "bundle.path",
            !self.bundle.path.as_os_str().is_empty(),
            "is empty; it must name the bundle's folder",
        );
        for (stage, folder) in self.bundle.elsewhere() {
            let key = format!("bundle.{stage}");
            hold(&key, folder != Path::new(NONE), "cannot be `none`: only the segmenter can be left out");
        }
        hold("ingest.group", !self.ingest.group.is_empty(), "is empty; offsets are kept by group");
        let topics = BTreeMap::from([
            ("ingest.topic", &self.ingest.topic),
            ("publish.topic", &self.publish.topic),
            ("publish.dead_letter_topic", &self.publish.dead_letter_topic),
        ]);
        for (key, topic) in &topics {
            hold(key, is_topic(topic), "must be 1 to 249 letters, digits, `.`, `_` or `-`");
            let first = topics.iter().find(|(_, other)| other == &topic).map(|(key, _)| key);
            hold(key, first == Some(key), "is the name of another topic of this configuration too");
        }
        let budgets = &self.scheduler;
        for (stage, budget) in [
            ("recognise", budgets.recognise),
            ("entail", budgets.entail),
            ("ground", budgets.ground),
            ("segment", budgets.segment),
            ("know", budgets.know),
        ] {
            hold(&format!("scheduler.{stage}.max_tokens"), budget.max_tokens > 0, "must be at least 1");
        }
        let address = &self.telemetry.address;
        let bindable = address.is_empty()
            || address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        hold("telemetry.address", bindable, "must be `host:port`, or empty for none");
        faults
    }
}

/// The names that Kafka allows.
fn is_topic(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&name.len()) && name.bytes().all(allowed) && name != "." && name != ".."
}

fn is_device(name: &str) -> bool {
    matches!(name, "cpu" | "cuda")
        || name.strip_prefix("cuda:").is_some_and(|index| index.parse::<u8>().is_ok())
}

#[cfg(test)]
mod extra_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
