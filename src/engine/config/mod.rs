//! Settings of the whole engine: each room's own `Config`, composed, with the checks that concern several rooms.
//!
//! A key has its default, unit and reason in `config/default.toml`, and its type and range in the `config.rs` of the
//! module that uses it. The room `config` reads this struct from files, environment and command line.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde::Deserialize;

use crate::common::registry;
use crate::input::formats::FeedSettings;
use crate::kafka::ingest::{GroupProtocol, UnknownEvents};
use crate::kafka::publish::MAIN_OUTPUT;
use crate::stages::caption::{self, is_endpoint};
use crate::stages::expand::{self, Scope, SourceName};
use crate::stages::knowledge::{self, Mode};
use crate::stages::link;
use crate::stages::segment;
use crate::stages::vision;
use crate::{input, kafka, llm, networks, scheduler, telemetry};

mod address;
mod engine;
mod http;
mod memory;
mod reloaded;
mod view;

pub use engine::Engine;
pub use http::Http;
pub use memory::{MemoryPlan, Warm};
pub use reloaded::{RELOADED, is_reloaded};
pub use view::View;

/// The endpoint that is never asked: it holds what the others do not set themselves.
const TEMPLATE: &str = "default";

/// All settings, by section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the sections are documented where they are defined")]
pub struct Config {
    pub kafka: kafka::client::Connection,
    pub ingest: kafka::ingest::Config,
    pub publish: kafka::publish::Config,
    pub graph: kafka::publish::formats::graph::Config,
    pub engine: Engine,
    pub http: Http,
    pub view: View,
    pub registry: registry::Config,
    pub fetch: input::fetch::Config,
    pub decode: input::decode::Config,
    pub bundle: networks::bundle::Config,
    pub llm: BTreeMap<String, llm::client::Config>,
    pub answers: llm::answers::Config,
    pub describe: caption::Config,
    pub knowledge: knowledge::Config,
    pub expand: expand::Config,
    pub link: link::LinkConfig,
    pub vision: vision::Config,
    pub segment: segment::Config,
    pub device: networks::blocks::device::Config,
    pub scheduler: scheduler::Config,
    pub telemetry: telemetry::Config,
}

impl Config {
    /// The language models that have names, in the order of these.
    pub fn endpoints(&self) -> impl Iterator<Item = (&String, &llm::client::Config)> {
        self.llm.iter().filter(|(name, _)| name.as_str() != TEMPLATE)
    }

    /// The endpoints that are asked at all, each with the key that names it first.
    #[must_use]
    pub fn endpoints_in_use(&self) -> BTreeMap<&str, &'static str> {
        // A vision model that reads whole posts leaves nothing to expand.
        let expands = self.expand.sources.contains(&SourceName::Llm) && !self.vision.is_end_to_end();
        let has_knowledge = self.knowledge.mode != Mode::Off;
        let shows_posts = expands && !self.expand.endpoints.is_empty() && self.expand.scope == Scope::Post;
        let settings = [
            (expands, "expand.endpoints", self.expand.endpoints.as_slice()),
            (self.link.asks_models(), "link.endpoints", self.link.endpoints.as_slice()),
            (has_knowledge, "knowledge.endpoint", std::slice::from_ref(&self.knowledge.endpoint)),
            (has_knowledge, "describe.short", &self.describe.short),
            (shows_posts, "describe.detailed", &self.describe.detailed),
            (self.vision.is_end_to_end(), "vision.post", std::slice::from_ref(&self.vision.post)),
            (!self.vision.entail.is_empty(), "vision.entail", std::slice::from_ref(&self.vision.entail)),
            (!self.vision.ground.is_empty(), "vision.ground", std::slice::from_ref(&self.vision.ground)),
            // Whether a prompt has a place for it is known to the bundle alone; a name here is meant to be asked.
            (true, "describe.gate", &self.describe.gate),
        ];
        let mut in_use = BTreeMap::new();
        for (_, key, names) in settings.into_iter().filter(|(is_asked, ..)| *is_asked) {
            for name in names.iter().filter(|name| is_endpoint(name)) {
                in_use.entry(name.as_str()).or_insert(key);
            }
        }
        in_use
    }

    /// All values that are out of range: the key's path, and the bound that it breaks.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let bytes_of_a_post = self.decode.max_picture.as_u64().saturating_mul(self.decode.max_media as u64);
        let mut faults = Vec::new();
        add(&mut faults, "decode", self.decode.faults());
        add(&mut faults, "kafka", self.kafka.faults());
        add(&mut faults, "fetch", self.fetch.faults(bytes_of_a_post));
        add(&mut faults, "answers", self.answers.faults());
        for (name, endpoint) in self.endpoints() {
            add(&mut faults, &format!("llm.{name}"), endpoint.faults());
        }
        add(&mut faults, "publish", self.publish.faults());
        add(&mut faults, "graph", self.graph.faults());
        add(&mut faults, "registry", self.registry.faults());
        if !self.registry.is_set() {
            add(&mut faults, "publish", self.publish.without_registry());
        }
        faults.extend(self.missing_endpoints());
        add(&mut faults, "knowledge", self.knowledge.faults());
        add(&mut faults, "vision", self.vision.faults());
        add(&mut faults, "segment", self.segment.faults());
        if self.vision.is_end_to_end() && self.knowledge.mode != Mode::Off {
            let message = "must be `off` with `vision.post`: there is no tagger to tell";
            faults.push(("knowledge.mode".to_owned(), message.to_owned()));
        }
        if self.vision.is_end_to_end()
            && self.expand.sources.contains(&SourceName::Llm)
            && !self.expand.endpoints.is_empty()
        {
            let message =
                "must be empty with `vision.post`: its model reads the post, and no name is expanded";
            faults.push(("expand.endpoints".to_owned(), message.to_owned()));
        }
        if self.link.asks_models() && self.link.endpoints.is_empty() {
            let message = "is empty, and `link.sources` has \"llm\": name an endpoint, `[llm.NAME]`";
            faults.push(("link.endpoints".to_owned(), message.to_owned()));
        }
        add(&mut faults, "engine", self.engine.faults());
        add(&mut faults, "http", self.http.faults());
        add(&mut faults, "view", self.view.faults());
        add(&mut faults, "ingest", self.ingest.faults());
        add(&mut faults, "ingest", self.feeds().faults());
        add(&mut faults, "device", self.device.faults());
        add(&mut faults, "bundle", self.bundle.faults());
        faults.extend(self.shared_topics());
        add(&mut faults, "scheduler", self.scheduler.faults());
        add(&mut faults, "telemetry", self.telemetry.faults());
        faults
    }

    /// The settings of feeds.
    #[must_use]
    pub fn feeds(&self) -> FeedSettings<'_> {
        FeedSettings {
            format: &self.ingest.format,
            formats: &self.ingest.formats,
            mappings: &self.ingest.mappings,
            skip_unknown: self.ingest.unknown_events == UnknownEvents::Skip,
            bluesky_pictures: &self.ingest.bluesky_pictures,
        }
    }

    /// Keys that name an endpoint without a section.
    fn missing_endpoints(&self) -> Vec<(String, String)> {
        let in_use = self.endpoints_in_use().into_iter();
        let missing = in_use.filter(|(name, _)| *name == TEMPLATE || !self.llm.contains_key(*name));
        let fault = |(name, key): (&str, &str)| {
            let message = match name {
                "" => "is empty; it must name an endpoint, `[llm.NAME]`".to_owned(),
                name => format!("names `{name}`, and there is no `[llm.{name}]`"),
            };
            (key.to_owned(), message)
        };
        missing.map(fault).collect()
    }

    /// Keys that name a topic that another key names too.
    fn shared_topics(&self) -> Vec<(String, String)> {
        let input = "ingest.topic";
        let mut topics: Vec<(String, String)> =
            self.ingest.topic.names().map(|topic| (input.to_owned(), topic.to_owned())).collect();
        topics.push(("publish.dead_letter_topic".to_owned(), self.publish.dead_letter_topic.clone()));
        topics.extend(self.publish.all_outputs().map(|(name, output)| match name {
            MAIN_OUTPUT => ("publish.topic".to_owned(), output.topic),
            name => (format!("publish.outputs.{name}.topic"), output.topic),
        }));
        let shared = topics.iter().enumerate().filter_map(|(place, (key, topic))| {
            // A topic that the input names twice is a fault of the input.
            let (first, _) = topics[..place].iter().find(|(_, other)| other == topic && key != input)?;
            let message = format!("is the name of another topic of this configuration too, `{first}`");
            Some((key.clone(), message))
        });
        shared.chain(self.topics_of_brokers()).collect()
    }

    /// Patterns by which the brokers themselves choose topics, and which match one that the engine writes.
    fn topics_of_brokers(&self) -> Option<(String, String)> {
        let written = self.publish.topics();
        let matched = written.iter().find(|topic| self.ingest.topic.is_matched(topic))?;
        let is_fault = self.ingest.protocol == GroupProtocol::Consumer;
        let message = format!(
            "has a pattern that matches `{matched}`, which the engine writes: with ingest.protocol `consumer` the brokers \
             choose the topics and leave none out; narrow the pattern, or use the protocol `classic`"
        );
        is_fault.then(|| ("ingest.topic".to_owned(), message))
    }
}

/// Adds a section's faults, each under its key's whole path.
fn add<K: Display>(faults: &mut Vec<(String, String)>, section: &str, found: Vec<(K, String)>) {
    faults.extend(found.into_iter().map(|(key, message)| (format!("{section}.{key}"), message)));
}
