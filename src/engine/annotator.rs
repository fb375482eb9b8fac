//! Annotator: the bytes of one input record in, its annotation or its rejection out, without Kafka.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tracing::{Instrument as _, debug, error_span, info};

use super::event_answer::EventAnswer;
use super::{Config, MemoryPlan, Warm};
use crate::common::registry::{RegistryError, Schemas};
use crate::domain::{Annotation, Post, Rejection, RejectionClass};
use crate::input::decode::{Decoder, FrameCounts, ReadEvent, UndecodedPost};
use crate::input::fetch::{Fetcher, FetcherError};
use crate::input::formats::{Feeds, InputRecord, format_key};
use crate::kafka::publish::formats::{AnswerTimes, EncodedRecord, Encoder, Names};
use crate::kafka::publish::{Annotated, Provenance};
use crate::networks::bundle::{Bundle, BundleError};
use crate::scheduler::{CallError, ModelError, Stop};
use crate::stages::pipeline::AnnotateError;
use crate::telemetry::traces::PostTrace;
use crate::telemetry::{CacheTally, Causes, Metrics, resident};

use super::runtime::{self, Endpoints, NotReady, Runtime, RuntimeError, Variant};

/// Decoder, pipeline and networks of one bundle, ready to annotate records.
///
/// ```no_run
/// use bytes::Bytes;
/// use riveg::config::{Config, Sources};
/// use riveg::engine::Annotator;
///
/// # async fn annotate() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::load(&Sources::default())?.config;
/// let annotator = Annotator::open(&config).await?;
/// let record = Bytes::from_static(br#"{"id": "17", "text": "Ada Lovelace is in Oslo"}"#);
/// match annotator.annotate(record).await? {
///     Ok(annotated) => println!("{} entities", annotated.annotation.triples.len()),
///     Err(rejection) => println!("rejected: {rejection}"),
/// }
/// annotator.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct Annotator {
    decoder: Decoder,
    runtime: Runtime,
    bundle: Bundle,
    endpoints: Endpoints,
    metrics: Arc<Metrics>,
    memory: MemoryPlan,
    encoder: Encoder,
}

/// Posts of one record that are worked on at one time: a record of many posts has a share of the engine, not all of it.
const POSTS_OF_ONE_RECORD: usize = 4;

/// Why an annotator cannot be opened.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the part it names")]
pub enum OpenError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    NotReady(#[from] NotReady),
    #[error(transparent)]
    Fetcher(#[from] FetcherError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// An annotator whose networks are loaded and warm up on the device's thread.
pub struct Warming {
    bundle: Bundle,
    runtime: Runtime,
    endpoints: Endpoints,
    metrics: Arc<Metrics>,
}

impl Warming {
    /// Stops the device before its callers have left.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.runtime.device.stop()
    }

    /// Waits until the networks are warm.
    ///
    /// # Errors
    /// A network failed on its warm-up requests, or the examples of language models cannot be indexed.
    pub async fn ready(self, config: &Config) -> Result<Annotator, OpenError> {
        let Self { bundle, runtime, endpoints, metrics } = self;
        runtime.ready(&bundle, config).await?;
        runtime.watch_remembered(&metrics);
        let warm = Warm { resident: resident().unwrap_or(0), remembered: runtime.remembered.all_bytes() };
        let memory = config.memory_plan(warm);
        metrics.memory().planned(memory.settled(), memory.most());
        info!(bundle = %config.bundle.path.display(), hash = bundle.hash(), %memory, "networks are warm");
        let decoder = decoder(config, &metrics)?;
        let decoding = decoder.clone();
        metrics.watch_cache("decoded-pictures", move || {
            let FrameCounts { hits, misses, entries, bytes } = decoding.frame_counts();
            CacheTally { hits, joins: 0, misses, entries: entries as u64, bytes }
        });
        let (provenance, names) = (Provenance::of_bundle(bundle.hash()), Names::new(&config.graph));
        let encoder = config.publish.line_encoder(&provenance, &names);
        Ok(Annotator { decoder, runtime, bundle, endpoints, metrics, memory, encoder })
    }
}

impl Annotator {
    /// Opens the bundle of the settings and waits until its networks are warm.
    ///
    /// # Errors
    /// The bundle or the settings cannot be used, or a network failed while it warmed up.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let bundle = runtime::open(config)?;
        Self::load(bundle, config, Variant::default(), Arc::default()).await?.ready(config).await
    }

    /// Loads the networks of a bundle and starts to warm them up.
    ///
    /// # Errors
    /// The bundle or the settings cannot be used.
    pub async fn load(
        bundle: Bundle,
        config: &Config,
        variant: Variant,
        metrics: Arc<Metrics>,
    ) -> Result<Warming, OpenError> {
        let endpoints = Endpoints::open(config, &metrics).await?;
        let variant = Variant { endpoints: endpoints.clone(), ..variant };
        let runtime = Runtime::start(&bundle, config, variant, Arc::clone(&metrics))?;
        Ok(Warming { bundle, runtime, endpoints, metrics })
    }

    /// Annotates a record that says one post and nothing else. The inner error is a rejection: the record is at fault.
    ///
    /// # Errors
    /// The device is lost: the record is not at fault, and no other record would be annotated.
    pub async fn annotate(&self, record: Bytes) -> Result<Result<Annotated, Rejection>, CallError> {
        let mut answers = self.answer(InputRecord { payload: record, ..InputRecord::default() }).await?;
        let count = answers.len();
        Ok(match (answers.pop(), count) {
            (Some(EventAnswer::Annotated(annotated)), 1) => Ok(*annotated),
            (Some(EventAnswer::Rejected(rejection)), 1) => Err(rejection),
            _ => Err(Rejection {
                stage: "decode",
                class: RejectionClass::UnknownEvent,
                message: format!("the record is not one post: it says {count} things"),
            }),
        })
    }

    /// Answers everything that a record says, in its order.
    ///
    /// # Errors
    /// As [`Self::annotate`].
    pub async fn answer(&self, record: InputRecord) -> Result<Vec<EventAnswer>, CallError> {
        let begun = Instant::now();
        let format_key = format_key(&record);
        let trace = record.trace.clone();
        let read = match trace.stage("decode").during(self.decoder.read(record)).await {
            Ok(read) => read,
            Err(rejection) => {
                self.metrics.decoded(begun.elapsed());
                trace.failed(rejection.class.as_str());
                return Ok(vec![EventAnswer::Rejected(rejection)]);
            }
        };
        let format = read.format;
        read.events.iter().for_each(|event| self.metrics.ingest().event(format, event.kind()));
        let posts = read.events.len();
        let answers = read.events.into_iter().map(|event| async {
            Ok(match event {
                ReadEvent::Post(post) => {
                    let answer = self.answer_post(*post, begun, (&trace, posts)).await?;
                    if let Err(rejection) = &answer {
                        trace.failed(rejection.class.as_str());
                    }
                    answer.into()
                }
                ReadEvent::Deletion { id } => EventAnswer::Deleted { id },
                ReadEvent::Faulty(rejection) => EventAnswer::Rejected(rejection),
                ReadEvent::Ignored { .. } => EventAnswer::Skipped,
                ReadEvent::Unknown { what } => self.unknown(&what, format, &format_key),
            })
        });
        futures_util::stream::iter(answers).buffered(POSTS_OF_ONE_RECORD).try_collect().await
    }

    /// The answer to an event that its format does not know, as the settings say.
    fn unknown(&self, what: &str, format: &str, format_key: &str) -> EventAnswer {
        if self.decoder.skips_unknown() {
            return EventAnswer::Skipped;
        }
        // It may quote the record, which must not steer a terminal.
        let what: String = what.chars().take(200).flat_map(char::escape_debug).collect();
        let message = format!(
            "the record is {what}, which the format `{format}` does not turn into a post; set ingest.unknown_events \
             to `skip`, or {format_key} to the format of this feed"
        );
        EventAnswer::Rejected(Rejection { stage: "decode", class: RejectionClass::UnknownEvent, message })
    }

    /// Decodes and annotates a post of a record whose reading began at `begun`.
    async fn answer_post(
        &self,
        post: UndecodedPost,
        begun: Instant,
        (trace, posts): (&PostTrace, usize),
    ) -> Result<Result<Annotated, Rejection>, CallError> {
        let decoded = trace.stage("pictures").during(self.decoder.decode_post(post)).await;
        self.metrics.decoded(begun.elapsed());
        let post = match decoded {
            Ok(post) => post,
            Err(rejection) => return Ok(Err(rejection)),
        };
        // The trace of a record of one post is that of the post.
        let trace = if posts == 1 { trace.clone() } else { trace.of_post(&post.id) };
        if posts == 1 {
            trace.set("riveg.post.id", post.id.as_str());
        }
        // Log lines of the pipeline have both ids.
        let span = error_span!("post", id = post.id, trace_id = trace.id());
        let mut annotation = match self.annotate_traced(&post, &trace).instrument(span).await? {
            Ok(annotation) => annotation,
            Err(rejection) => return Ok(Err(rejection)),
        };
        annotation.degraded.extend_from_slice(post.degraded());
        self.metrics.entities().answered(&annotation);
        if !annotation.degraded.is_empty() {
            self.metrics.degraded();
            let missing = annotation.missing().join(", ");
            debug!(post = post.id, missing, "a post is answered in part");
        }
        post.omitted_media().iter().for_each(|medium| self.metrics.media().left_out(medium.class));
        Ok(Ok(Annotated::new(&post, annotation, post.fetched_urls())))
    }

    /// Annotates a post that is decoded already.
    ///
    /// # Errors
    /// As [`Self::annotate`].
    pub async fn annotate_post(&self, post: &Post) -> Result<Result<Annotation, Rejection>, CallError> {
        self.annotate_traced(post, &PostTrace::default()).await
    }

    async fn annotate_traced(
        &self,
        post: &Post,
        trace: &PostTrace,
    ) -> Result<Result<Annotation, Rejection>, CallError> {
        match self.runtime.pipeline.annotate_traced(post, trace).await {
            Ok(annotation) => Ok(Ok(annotation)),
            Err(AnnotateError::Network(error)) if error.retry_can_help() => Err(error),
            Err(error) => Ok(Err(rejection(&error))),
        }
    }

    /// The records of the main output for an annotation whose input was read at `ingested`, as lines of text: JSON where
    /// the output is Avro or Protobuf.
    #[must_use]
    pub fn encode(&self, annotated: &Annotated, ingested: SystemTime) -> Vec<EncodedRecord> {
        self.encoder.encode(annotated, AnswerTimes { ingested, published: SystemTime::now() })
    }

    /// Waits until the device is lost; never returns while it works.
    pub async fn device_lost(&self) -> ModelError {
        match self.runtime.device.ended().await {
            Err(lost) => lost,
            // The device ends without an error only after its callers, and this is one of them.
            Ok(()) => std::future::pending().await,
        }
    }

    /// Ends the device and closes the cache of answers.
    ///
    /// # Errors
    /// The device is lost.
    pub async fn close(self) -> Result<(), ModelError> {
        let Self { runtime: Runtime { pipeline, device, .. }, endpoints, .. } = self;
        drop(pipeline);
        let ended = device.ended().await;
        endpoints.close().await;
        ended
    }

    /// The bundle in use.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The pipeline, its networks and their device.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The decoder of records.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The language models in use.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The metrics of this annotator.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The memory that the settings lead to.
    #[must_use]
    pub fn memory(&self) -> &MemoryPlan {
        &self.memory
    }
}

/// The decoder of the settings.
///
/// # Errors
/// The settings of `fetch` or `registry` cannot be used.
pub fn decoder(config: &Config, metrics: &Metrics) -> Result<Decoder, OpenError> {
    let fetcher = Fetcher::new(&config.fetch, config.decode.max_picture.as_u64(), metrics.fetches())?;
    let schemas = Schemas::new(&config.registry)?;
    Ok(Decoder::of_feeds(config.decode.clone(), fetcher, (Feeds::new(&config.feeds()), schemas)))
}

fn rejection(error: &AnnotateError) -> Rejection {
    let (stage, class) = match error {
        AnnotateError::Network(error) => {
            let message = Causes(error).to_string();
            return Rejection { stage: error.stage().as_str(), class: RejectionClass::ModelRefused, message };
        }
        AnnotateError::NoExpansion(_) => ("expand", RejectionClass::NoExpansion),
        AnnotateError::NoLink(_) => ("link", RejectionClass::NoExpansion),
        AnnotateError::NoKnowledge(_) => ("know", RejectionClass::NoExpansion),
        AnnotateError::NoLook(error) => (error.stage.as_str(), RejectionClass::NoExpansion),
    };
    Rejection { stage, class, message: Causes(error).to_string() }
}
