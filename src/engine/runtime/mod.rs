//! Runtime: the networks of a bundle, loaded and warmed up on the thread of a device, and the pipeline that calls them.

use std::sync::Arc;

use bytesize::ByteSize;
use tracing::{info, warn};

use crate::common::Reloadable;
use crate::domain::{EntityType, Stage};
use crate::engine::Config;
use crate::networks::blocks::device::{find, tune};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::Bundle;
use crate::networks::served::Served;
use crate::scheduler::{DeviceHandle, Flows, ModelError};
use crate::stages::knowledge::{ExampleRetriever, Index, IndexError, ReplayedKnowledge};
use crate::stages::pipeline::{EntitiesBy, Gate, Limits, Names, Pictures, Pipeline};
use crate::stages::prompt::TextMemory;
use crate::stages::recognise::Recogniser;
use crate::stages::segment::Segmenter;
use crate::stages::vision::VisionPrompt;
use crate::telemetry::{Causes, Metrics};

mod vocabularies;
mod endpoints;
mod error;
mod executors;
mod expander_and_linker;
mod expansions;
mod joint;
mod looks;
mod open_bundle;
mod picture_runs;
mod replacement;
mod precision;
mod example_index;
mod warm_up;
mod runtime_metrics;
#[cfg(test)]
mod tests;

pub use endpoints::Endpoints;
pub use error::RuntimeError;
use example_index::post_encoder;
pub use example_index::{IndexingError, index_examples, retriever_device};
use executors::Executors;
use expander_and_linker::expander_and_linker;
pub use expansions::Expansions;
pub use open_bundle::open;
pub use picture_runs::{PictureCount, PictureRuns};
pub use replacement::Replacement;
pub use vocabularies::check_vocabulary;

/// The running networks of a bundle. The device ends when the last holder drops the pipeline.
pub struct Runtime {
    /// The pipeline of all stages.
    pub pipeline: Arc<Pipeline>,
    /// The device, which warms up first: wait for [`DeviceHandle::ready`].
    pub device: DeviceHandle,
    /// Pictures that the networks computed, warm-up included.
    pub picture_runs: PictureRuns,
    /// Features of pictures that are cached on the device.
    pub remembered: Remembered,
    vision_prompt: Arc<Reloadable<VisionPrompt>>,
}

/// Differences from the settings, for ablations and other lexicons.
#[derive(Default)]
pub struct Variant {
    /// Whether the entailer decides which pictures are grounded.
    pub gate: Gate,
    /// The sources of expansions.
    pub expansions: Expansions,
    /// The language models of the settings.
    pub endpoints: Endpoints,
}

impl Runtime {
    /// Loads a bundle's networks onto the device of the settings and starts it; calls queue while it warms up.
    ///
    /// # Errors
    /// Which part of bundle or settings cannot be used.
    pub fn start(
        bundle: &Bundle,
        config: &Config,
        variant: Variant,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RuntimeError> {
        looks::no_second_answers(bundle, &config.vision)?;
        tune(find(config.device.name.first())?, bundle.reads_one_size());
        metrics.bundle(bundle.hash());
        metrics.entities().declare_types(bundle.manifest().entity_types.iter().map(String::as_str));
        let segment = match config.vision.endpoint_of(Stage::Ground) {
            None => bundle.segment_or_outlines()?,
            // A vision model gives boxes alone.
            Some(_) => Some(bundle.segment()?),
        };
        let prompt = Arc::new(Reloadable::new(looks::prompt(&config.vision)?));
        let types: Vec<EntityType> =
            bundle.manifest().entity_types.iter().map(|name| EntityType::new(name)).collect();
        let endpoints = variant.endpoints;
        let workers = endpoints.workers();
        let texts = TextMemory::new(config.engine.text_memory.as_u64());
        let (expander, linker) = expander_and_linker(bundle, config, variant.expansions, &endpoints)?;
        let captioners = endpoints.captioners(config)?;

        let budgets = &config.scheduler;
        let mut picture_runs = PictureRuns::default();
        let remembered = Remembered::within(bytes(config.device.trunk_cache));
        let watch = Arc::clone(&metrics);
        let (mut device, executors) = Executors::new(&config.device, &remembered, metrics)?;
        let bundle = &bundle.sharing_weights();
        let entities = match config.vision.endpoint_of(Stage::Recognise) {
            Some(name) => EntitiesBy::Endpoint(endpoints.post_reader(name, &prompt, &types)?),
            None if bundle.joint().is_some() => {
                let asked = (types.clone(), variant.gate, texts.clone());
                let lanes = (&mut device, &mut picture_runs);
                EntitiesBy::Joint(joint::reading(bundle, asked, &executors, budgets, lanes)?)
            }
            None => {
                let words = vocabularies::words(bundle)?;
                let samples = warm_up::recognise(&words);
                let models = executors.each(|place, _| bundle.tagger(place))?;
                let handle = device.warmed_lane(Stage::Recognise, models, budgets.recognise, samples);
                let recogniser = Recogniser::new(handle, words, vocabularies::labels(bundle)?);
                EntitiesBy::Tagger(recogniser.within(texts.clone()))
            }
        };
        let looks = looks::looks(
            bundle,
            config,
            (&endpoints, &prompt, variant.gate),
            &executors,
            (&mut device, &mut picture_runs),
        )?;
        let segmenter = match segment {
            Some(segment) => {
                let view = segment.network.view();
                let samples = warm_up::segment(view);
                let models =
                    executors.each(|place, remembered| bundle.segmenter(place, remembered.clone()))?;
                picture_runs.segment = models.iter().map(Served::pictures_read).collect();
                Some(Segmenter::new(
                    device.warmed_lane(Stage::Segment, models, budgets.segment, samples),
                    view,
                    workers.clone(),
                ))
            }
            None => None,
        };
        let retriever = if config.knowledge.retrieves() {
            let encoder = post_encoder(bundle, budgets.know, &executors, &mut device)?;
            Some(ExampleRetriever::new(encoder.within(texts)))
        } else {
            None
        };
        let knowledge = endpoints.knowledge(bundle, config, &types, retriever)?;
        let file = &config.knowledge.file;
        let is_named = !file.as_os_str().is_empty();
        let replayed = is_named.then(|| ReplayedKnowledge::load(file)).transpose()?;
        let device = device.start().map_err(RuntimeError::Thread)?;

        let pipeline = Pipeline {
            captioners,
            knowledge,
            replayed,
            entities,
            names: Reloadable::new(Names { linker, expander }),
            looks,
            segmenter,
            min_mask_score: config.segment.minimum_mask_score,
            pictures: Pictures::new(bytes(config.device.picture_cache), workers.clone()),
            limits: Limits {
                entities: config.engine.max_entities,
                looks: config.engine.max_looks,
                mask_pixels: config.engine.max_mask_pixels,
            },
            flows: Flows::default(),
            workers,
        };
        let pipeline = Arc::new(pipeline);
        let runtime = Self { pipeline, device, picture_runs, remembered, vision_prompt: prompt };
        runtime.watch(&watch, config);
        Ok(runtime)
    }
}

impl Runtime {
    /// Waits until the networks are warm, and loads the index of the examples for language models. A missing or outdated
    /// index is computed and stored beside the examples.
    ///
    /// # Errors
    /// A network failed, or an example cannot be read.
    pub async fn ready(&self, bundle: &Bundle, config: &Config) -> Result<(), NotReady> {
        self.device.ready().await?;
        let Some(knowledge) = &self.pipeline.knowledge else { return Ok(()) };
        let Some(retriever) = &knowledge.retriever else { return Ok(()) };
        let file = endpoints::examples(bundle, &config.knowledge).map_err(Box::new)?;
        let (path, encoder) =
            (Index::path(&file), bundle.retrieve().map_err(RuntimeError::from).map_err(Box::new)?.hash());
        let index = match Index::load(&path, &encoder, &knowledge.examples.hash) {
            Ok(index) => index,
            Err(error) if error.can_be_rebuilt() => {
                info!(error = %Causes(&error), examples = knowledge.examples.list.len(), "the index of all examples is computed");
                let index = index_examples(
                    &knowledge.examples,
                    &retriever.encoder,
                    &config.decode,
                    &self.pipeline.workers,
                    || (),
                )
                .await?;
                if let Err(error) = index.save(&path, &encoder, &knowledge.examples.hash) {
                    warn!(error = %Causes(&error), "the index of the examples cannot be stored and is computed again next time");
                }
                index
            }
            Err(error) => return Err(error.into()),
        };
        retriever.set_index(index);
        Ok(())
    }
}

/// Why a runtime is not ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// A network failed during warm-up.
    #[error(transparent)]
    Device(#[from] ModelError),
    /// A file is missing.
    #[error(transparent)]
    Missing(#[from] Box<RuntimeError>),
    /// The stored index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index cannot be computed.
    #[error(transparent)]
    Indexing(#[from] IndexingError),
}

/// A size of the settings as a size in memory.
fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
