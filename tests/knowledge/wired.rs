//! Test pipeline: the pocket bundle with language models.

use std::sync::Arc;

use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, Post};
use riveg::engine::runtime::{Endpoints, Runtime, Variant};
use riveg::lab::world::{LexiconEntry, Split, World, lexicon};
use riveg::networks::bundle::Bundle;
use riveg::stages::pipeline::AnnotateError;
use riveg::telemetry::Metrics;

use crate::support::llm::PocketLlm;
use crate::support::pocket_bundle;

/// The text around the entity in a question.
pub(crate) const ENTITY_BETWEEN: (&str, &str) = ("what is '", "' here?");

/// A pipeline with the language models of the settings.
pub(crate) struct Wired {
    runtime: Runtime,
}

/// Settings with a model `pocket` at this URL, no disk tier and no retries.
pub(crate) fn settings(url: &str, more: &[&str]) -> Config {
    let mut sets = endpoint("pocket", url);
    sets.extend(["answers.disk_path=none", "expand.sources=[\"llm\"]"].map(str::to_owned));
    sets.extend(more.iter().map(|&set| set.to_owned()));
    Config::load(&Sources { sets, ..Sources::default() }).unwrap().config
}

/// The settings of an endpoint without retries.
pub(crate) fn endpoint(name: &str, url: &str) -> Vec<String> {
    // Two models of one name would share answers.
    [("url", url), ("model", name), ("retries", "0")]
        .map(|(key, value)| format!("llm.{name}.{key}={value}"))
        .to_vec()
}

impl Wired {
    pub(crate) async fn new(config: &Config) -> Self {
        let metrics = Arc::new(Metrics::new());
        let bundle = Bundle::open(pocket_bundle()).unwrap();
        let endpoints = Endpoints::open(config, &metrics).await.unwrap();
        let runtime =
            Runtime::start(&bundle, config, Variant { endpoints, ..Variant::default() }, metrics).unwrap();
        runtime.ready(&bundle, config).await.unwrap();
        Self { runtime }
    }

    pub(crate) async fn annotate(&self, post: &Post) -> Result<Annotation, AnnotateError> {
        self.runtime.pipeline.annotate(post).await
    }
}

/// A model that knows the entities of the first posts.
pub(crate) fn knowing(posts: u64) -> PocketLlm {
    let fact = |entry: LexiconEntry| ((entry.surface, entry.entity_type), entry.expansion);
    let facts = lexicon(&World::new(1, Split::Test), posts).into_iter().map(fact);
    PocketLlm::new(facts, ENTITY_BETWEEN)
}
