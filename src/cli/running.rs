//! What answers a record: decoder and networks of a bundle, put together; with or without Kafka.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use tracing::{debug, info};

use crate::config::{Config, MemoryPlan, Warm};
use crate::domain::{Rejection, RejectionClass};
use crate::engine::runtime::{self, Endpoints, Runtime, Variant};
use crate::input::decode::{Decoder, FrameCounts};
use crate::input::fetch::Fetcher;
use crate::kafka::publish::formats::{AnswerTimes, DEFAULT_FORMAT, Encoder};
use crate::kafka::publish::{Annotated, Include, Included, Provenance};
use crate::networks::bundle::Bundle;
use crate::scheduler::{CallError, ModelError};
use crate::stages::pipeline::AnnotateError;
use crate::telemetry::{CacheTally, Metrics, resident};

use super::degraded::explain;
use super::{Ending, Failure, with_causes};

/// A bundle at work.
pub(super) struct Running {
    pub(super) decoder: Decoder,
    pub(super) runtime: Runtime,
    pub(super) metrics: Arc<Metrics>,
    /// The networks in use.
    pub(super) bundle: Bundle,
    /// What memory the settings lead to.
    pub(super) memory: MemoryPlan,
    /// The language models in use.
    pub(super) endpoints: Endpoints,
    provenance: Provenance,
    encoder: Encoder,
    /// What answers repeat of their posts.
    include: Vec<Include>,
}

impl Running {
    /// Loads the bundle of the settings and waits until its networks are warm.
    pub(super) async fn open(
        config: &Config,
        variant: Variant,
        metrics: Arc<Metrics>,
        ending: &Ending,
    ) -> Result<Self, Failure> {
        let bundle = runtime::open(&config.bundle)?;
        let endpoints = Endpoints::open(config, &metrics).await?;
        let variant = Variant { endpoints: endpoints.clone(), ..variant };
        let runtime = Runtime::start(&bundle, config, variant, Arc::clone(&metrics))?;
        ending.stops(runtime.device.stop());
        runtime.ready(&bundle, config).await?;
        runtime.watch_remembered(&metrics);
        let memory = planned(config, &runtime);
        metrics.memory().planned(memory.settled(), memory.most());
        info!(bundle = %config.bundle.path.display(), hash = bundle.hash(), %memory, "networks are warm");
        let fetcher = Fetcher::new(&config.fetch, config.decode.max_picture.as_u64(), metrics.fetches())?;
        let decoder = Decoder::new(config.decode.clone(), fetcher);
        let decoding = decoder.clone();
        metrics.watch_cache("decoded-pictures", move || {
            let FrameCounts { hits, misses, entries, bytes } = decoding.frame_counts();
            CacheTally { hits, joins: 0, misses, entries: entries as u64, bytes }
        });
        let provenance = Provenance::of_bundle(bundle.hash());
        let encoder = (DEFAULT_FORMAT.encoder)(&provenance);
        let include = config.publish.include.clone();
        Ok(Self { decoder, runtime, metrics, bundle, memory, endpoints, provenance, encoder, include })
    }

    /// The hash of the bundle in use, as outputs name it.
    pub(super) fn hash(&self) -> &str {
        &self.provenance.bundle
    }

    /// Waits until the networks will not answer again; never ends where they stay well.
    pub(super) async fn lost(&self) -> ModelError {
        match self.runtime.device.ended().await {
            Err(lost) => lost,
            // It ends of itself only when nobody is left to call it.
            Ok(()) => std::future::pending().await,
        }
    }

    /// The answer to an input record, or why there is none.
    ///
    /// # Errors
    /// Where the device is gone: the record is not at fault, and no other would be answered either.
    pub(super) async fn annotate(&self, record: Bytes) -> Result<Result<Annotated, Rejection>, CallError> {
        let begun = Instant::now();
        let decoded = self.decoder.decode(record).await;
        self.metrics.decoded(begun.elapsed());
        let post = match decoded {
            Ok(post) => post,
            Err(rejection) => return Ok(Err(rejection)),
        };
        match self.runtime.pipeline.annotate(&post).await {
            Ok(mut annotation) => {
                annotation.degraded.extend_from_slice(post.degraded());
                self.metrics.entities().answered(&annotation);
                if !annotation.degraded.is_empty() {
                    self.metrics.degraded();
                    debug!(
                        post = post.id,
                        missing = annotation.degraded.join(", "),
                        "a post is answered in part"
                    );
                }
                post.omitted_media().iter().for_each(|medium| self.metrics.media().left_out(medium.class));
                let included = Included::of(&post, post.fetched_urls(), &self.include);
                Ok(Ok(Annotated { included, ..Annotated::new(&post, annotation) }))
            }
            Err(AnnotateError::Network(error)) if error.retry_can_help() => Err(error),
            Err(AnnotateError::Network(error)) => Ok(Err(refused_by_network(&error))),
            Err(error @ AnnotateError::NoExpansion(_)) => Ok(Err(not_told("expand", &error))),
            Err(error @ AnnotateError::NoKnowledge(_)) => Ok(Err(not_told("know", &error))),
        }
    }

    /// The same as the values of output records, one a line.
    ///
    /// # Errors
    /// As [`Self::annotate`].
    pub(super) async fn answer(&self, record: Bytes) -> Result<Result<Vec<u8>, Rejection>, CallError> {
        let ingested = SystemTime::now();
        let answer = self.annotate(record).await?;
        answer.iter().for_each(explain);
        let times = AnswerTimes { ingested, published: SystemTime::now() };
        let lines = |annotated| {
            let records = self.encoder.encode(&annotated, times);
            let values: Vec<&[u8]> = records.iter().map(|record| &*record.value).collect();
            values.join(&b'\n')
        };
        Ok(answer.map(lines))
    }
}

/// The plan of a process whose networks have just warmed up.
fn planned(config: &Config, runtime: &Runtime) -> MemoryPlan {
    let remembered = runtime.remembered.all_bytes();
    config.memory_plan(Warm { resident: resident().unwrap_or(0), remembered })
}

fn refused_by_network(error: &CallError) -> Rejection {
    Rejection {
        stage: error.stage().as_str(),
        class: RejectionClass::ModelRefused,
        message: with_causes(error),
    }
}

fn not_told(stage: &'static str, error: &AnnotateError) -> Rejection {
    Rejection { stage, class: RejectionClass::NoExpansion, message: with_causes(error) }
}
