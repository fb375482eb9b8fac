//! Service: what all requests share, and what they need once the networks are warm.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::admission::Admission;
use super::content::Parameters;
use super::element::Writing;
use super::work::Annotate;
use crate::engine::Config;
use crate::engine::config::Http;
use crate::input::formats::AUTO;
use crate::kafka::publish::formats::{DEFAULT_FORMAT, Encoder, Names};
use crate::kafka::publish::{self, OutputConfig, Provenance, Shape};
use crate::telemetry::traces::Tracer;
use crate::telemetry::{HttpMetrics, Metrics};

/// All that requests share.
pub(super) struct Service {
    pub(super) config: Http,
    pub(super) admission: Admission,
    pub(super) metrics: HttpMetrics,
    pub(super) tracer: Tracer,
    /// The names that the parameter `format` may have.
    pub(super) formats: Vec<String>,
    /// None: the networks are not warm.
    pub(super) engine: OnceLock<Engine>,
}

/// What answers posts.
pub(super) struct Engine {
    pub(super) annotate: Arc<Annotate>,
    encoding: Encoding,
}

/// How the settings write answers.
pub(super) struct Encoding {
    publish: publish::Config,
    output: OutputConfig,
    provenance: Provenance,
    names: Names,
}

impl Service {
    pub(super) fn new(config: &Config, metrics: &Metrics) -> Self {
        let formats = config.feeds().names().map(str::to_owned).chain([AUTO.to_owned()]).collect();
        Self {
            config: config.http.clone(),
            admission: Admission::new(&config.http, metrics.http(), metrics.work_progress().clone()),
            metrics: metrics.http(),
            tracer: metrics.tracing().tracer(),
            formats,
            engine: OnceLock::new(),
        }
    }

    /// From now on posts are answered.
    pub(super) fn begin(&self, annotate: Arc<Annotate>, encoding: Encoding) {
        // A second call would change nothing; there is none.
        let _ = self.engine.set(Engine { annotate, encoding });
    }
}

impl Encoding {
    /// That of the main output, in the format riveg.
    pub(super) fn new(config: &Config, bundle: &str) -> Self {
        Self {
            publish: config.publish.clone(),
            output: OutputConfig { format: DEFAULT_FORMAT.name.to_owned(), ..config.publish.main_output() },
            provenance: Provenance::of_bundle(bundle),
            names: Names::new(&config.graph),
        }
    }

    /// As a request asks for, and otherwise as the settings say.
    pub(super) fn writing(&self, asked: &Parameters, ingested: SystemTime) -> Writing {
        let mut output = self.output.clone();
        output.shape = asked.shape.unwrap_or(output.shape);
        output.masks = asked.masks.unwrap_or(output.masks);
        output.boxes = asked.boxes.unwrap_or(output.boxes);
        let encoder = Encoder::of_output(&self.publish, (&output, 0), &self.provenance, &self.names);
        Writing { encoder, has_lists: output.shape == Shape::Triple, ingested }
    }
}

impl Engine {
    pub(super) fn writing(&self, asked: &Parameters, ingested: SystemTime) -> Writing {
        self.encoding.writing(asked, ingested)
    }
}
