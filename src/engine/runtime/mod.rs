//! From a bundle on disk to a pipeline that answers: networks loaded, lanes warm, the device's thread running.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytesize::ByteSize;
use tracing::{info, warn};

use crate::domain::{EntityType, Stage};
use crate::engine::Config;
use crate::llm::answers::AnswersError;
use crate::llm::client::EndpointError;
use crate::networks::blocks::device::{NoDevice, find, use_threads};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::{Bundle, BundleError};
use crate::scheduler::{Device, DeviceHandle, Flows, ModelError};
use crate::stages::entail::Entailer;
use crate::stages::expand::{Expander, Lexicon, LexiconError, Source, SourceName};
use crate::stages::ground::Grounder;
use crate::stages::knowledge::{ExampleRetriever, ExamplesError, Index, IndexError, Mode};
use crate::stages::pipeline::{Gate, Limits, Pictures, Pipeline, Views};
use crate::stages::prompt::{PromptError, WordListError};
use crate::stages::recognise::{LabelSet, Recogniser, TokenizerError};
use crate::stages::segment::Segmenter;
use crate::telemetry::{Causes, Metrics};

mod asking;
mod endpoints;
mod opened;
mod similar;
pub mod untrained;
mod warm_up;
mod watching;
#[cfg(test)]
mod tests;

pub use asking::check_vocabulary;
pub use endpoints::Endpoints;
pub use opened::open;
pub use similar::{IndexedError, indexed, similar};

/// A bundle at work. The device ends when the last holder of the pipeline lets go of it.
pub struct Runtime {
    /// What answers.
    pub pipeline: Arc<Pipeline>,
    /// The device's thread, which warms up first: wait for [`DeviceHandle::ready`].
    pub device: DeviceHandle,
    /// What the networks did not remember, counted from their warming up on.
    pub picture_runs: PictureRuns,
    /// What they remember.
    pub remembered: Remembered,
}

/// Pictures that went through the part of a network that reads pictures alone; all other requests found it remembered.
#[derive(Debug, Clone, Default)]
pub struct PictureRuns {
    /// The entailer's trunk.
    pub entail: Arc<AtomicU64>,
    /// The grounder's trunk: mostly none where it is the entailer's, which is asked first.
    pub ground: Arc<AtomicU64>,
    /// The segmenter's encoder.
    pub segment: Arc<AtomicU64>,
}

/// What is different from an ordinary run: to see what each part is worth, or to know other names.
#[derive(Default)]
pub struct Variant {
    /// Whether the entailer decides.
    pub gate: Gate,
    /// Who knows what entities look like.
    pub expansions: Expansions,
    /// The language models of the settings.
    pub endpoints: Endpoints,
}

/// Who knows what entities look like.
#[derive(Debug, Default)]
pub enum Expansions {
    /// The sources of the settings; the lexicon is that of the settings, or else the bundle's.
    #[default]
    Configured,
    /// The sources of the settings with this lexicon.
    Given(Lexicon),
    /// Nobody: phrases are names and types.
    Nobody,
}

/// Why a bundle cannot be put to work.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Its files are not whole, or its weights do not fit its networks.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The settings name a device that is not here.
    #[error(transparent)]
    Device(#[from] NoDevice),
    /// The tagger's tokenizer cannot be used.
    #[error("the bundle's tagger has no tokenizer")]
    WordTokenizer(#[source] TokenizerError),
    /// The tokenizer of the encoder of posts cannot be used.
    #[error("the bundle's encoder of posts has no tokenizer")]
    TextTokenizer(#[source] TokenizerError),
    /// The tokenizer of the entailer or the grounder cannot be used.
    #[error("the bundle's network for `{stage}` cannot be asked")]
    Prompt {
        /// Whose.
        stage: Stage,
        /// Why.
        #[source]
        source: PromptError,
    },
    /// A tokenizer knows more pieces than its network.
    #[error("`{}` knows {pieces} pieces, but the network of stage `{stage}` has {rows}", file.display())]
    Vocabulary {
        /// The tokenizer.
        file: PathBuf,
        /// Whose.
        stage: Stage,
        /// Pieces of the tokenizer.
        pieces: usize,
        /// Rows of the network's table.
        rows: i64,
    },
    /// The grounder's list of words cannot be used.
    #[error("the bundle's network for `{stage}` cannot be asked")]
    WordList {
        /// Whose.
        stage: Stage,
        /// Why.
        #[source]
        source: WordListError,
    },
    /// A list of words is another network's.
    #[error("`{}` has {words} words, but the network of stage `{stage}` has {rows}", file.display())]
    Words {
        /// The list.
        file: PathBuf,
        /// Whose.
        stage: Stage,
        /// Its words.
        words: usize,
        /// Rows of the network's table.
        rows: i64,
    },
    /// The lexicon cannot be read.
    #[error(transparent)]
    Lexicon(#[from] LexiconError),
    /// The examples for language models cannot be read.
    #[error(transparent)]
    Examples(#[from] ExamplesError),
    /// There are no examples.
    #[error("the bundle has no annotated examples, and knowledge.examples names none")]
    NoExamples,
    /// A language model's settings make no client.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The cache of answers cannot be opened.
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// The settings ask a language model that whoever starts this did not open.
    #[error("the language model `{0}` was not opened")]
    UnknownEndpoint(String),
    /// The operating system has no thread for the device.
    #[error("cannot start the device's thread")]
    Thread(#[source] io::Error),
}

impl Runtime {
    /// Loads a bundle's networks onto the device of the settings and starts it; calls queue while it warms up.
    ///
    /// # Errors
    /// Whatever is not whole, not here or does not fit, by name.
    pub fn start(
        bundle: &Bundle,
        config: &Config,
        variant: Variant,
        metrics: Arc<Metrics>,
    ) -> Result<Self, RuntimeError> {
        let place = find(&config.device.name)?;
        metrics.bundle(bundle.hash());
        metrics.entities().declare_types(bundle.manifest().entity_types.iter().map(String::as_str));
        let words = asking::words(bundle)?;
        let (entail, ground, segment) = (bundle.entail()?, bundle.ground()?, bundle.segment_or_outlines()?);
        let entail_prompts = asking::entail_prompts(bundle)?;
        let ground_phrases = asking::ground_phrases(bundle)?;
        let types: Vec<EntityType> =
            bundle.manifest().entity_types.iter().map(|name| EntityType::new(name)).collect();
        let endpoints = variant.endpoints;
        let workers = endpoints.workers();
        let expander = expander(bundle, config, variant.expansions, &endpoints)?;
        let captioners = endpoints.captioners(config)?;

        let views = Views { entail: entail.network.view(), ground: ground.network.view() };
        let budgets = &config.scheduler;
        let mut picture_runs = PictureRuns::default();
        let remembered = Remembered::within(bytes(config.device.trunk_cache));
        let watch = Arc::clone(&metrics);
        let mut device = Device::new("riveg-device", metrics);
        let threads = config.device.threads;
        device.begin_with(move || use_threads(threads));
        let recogniser = {
            let samples = warm_up::recognise(&words);
            let model = bundle.tagger(place)?;
            device.warmed_lane(Stage::Recognise, model, budgets.recognise, samples)
        };
        let (entailing, grounding) = bundle.entailer_and_grounder(place, &remembered)?;
        let entailer = {
            let samples = warm_up::entail(&entail_prompts, views.entail);
            picture_runs.entail = entailing.pictures_read();
            device.warmed_lane(Stage::Entail, entailing, budgets.entail, samples)
        };
        let grounder = {
            let samples = warm_up::ground(&ground_phrases, views.ground);
            picture_runs.ground = grounding.pictures_read();
            device.warmed_lane(Stage::Ground, grounding, budgets.ground, samples)
        };
        let segmenter = match segment {
            Some(segment) => {
                let side = segment.network.config().image_size as u32;
                let samples = warm_up::segment(side);
                let model = bundle.segmenter(place, remembered.clone())?;
                picture_runs.segment = model.encodings();
                Some(Segmenter::new(
                    device.warmed_lane(Stage::Segment, model, budgets.segment, samples),
                    side,
                    workers.clone(),
                ))
            }
            None => None,
        };
        let retriever = match config.knowledge.mode {
            Mode::Similar => Some(ExampleRetriever::new(similar(
                bundle,
                &config.device,
                budgets.know,
                &remembered,
                &mut device,
            )?)),
            Mode::Fixed | Mode::Off => None,
        };
        let knowledge = endpoints.knowledge(bundle, config, &types, retriever)?;
        let device = device.start().map_err(RuntimeError::Thread)?;

        let labels = LabelSet::new(types).with_scheme(bundle.recognise()?.scheme);
        let pipeline = Pipeline {
            captioners,
            knowledge,
            recogniser: Recogniser::new(recogniser, words, labels),
            expander,
            entailer: Entailer::new(entailer, entail_prompts, entail.threshold),
            grounder: Grounder::new(grounder, ground_phrases),
            segmenter,
            pictures: Pictures::new(bytes(config.device.picture_cache), workers.clone()),
            views,
            gate: variant.gate,
            limits: Limits {
                entities: config.engine.max_entities,
                looks: config.engine.max_looks,
                mask_pixels: config.engine.max_mask_pixels,
            },
            flows: Flows::default(),
            workers,
        };
        let pipeline = Arc::new(pipeline);
        let runtime = Self { pipeline, device, picture_runs, remembered };
        runtime.watch(&watch, config);
        Ok(runtime)
    }
}

impl Runtime {
    /// Waits until the networks are warm, and knows what the examples for language models are about: as it is kept beside
    /// them, or else asked now and kept.
    ///
    /// # Errors
    /// The networks did not answer, or an example cannot be read.
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
                info!(error = %Causes(&error), examples = knowledge.examples.list.len(), "the encoder is asked about all examples");
                let index = indexed(
                    &knowledge.examples,
                    &retriever.encoder,
                    &config.decode,
                    &self.pipeline.workers,
                    || (),
                )
                .await?;
                if let Err(error) = index.save(&path, &encoder, &knowledge.examples.hash) {
                    warn!(error = %Causes(&error), "what the encoder says of the examples is not kept, and asked again next time");
                }
                index
            }
            Err(error) => return Err(error.into()),
        };
        retriever.set_index(index);
        Ok(())
    }
}

/// Why a runtime cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// A network did not answer its samples.
    #[error(transparent)]
    Device(#[from] ModelError),
    /// A file that is needed is not there.
    #[error(transparent)]
    Missing(#[from] Box<RuntimeError>),
    /// What is kept of the examples cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The examples could not be asked about.
    #[error(transparent)]
    Indexed(#[from] IndexedError),
}

/// A size of the settings as a size in memory.
fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

fn expander(
    bundle: &Bundle,
    config: &Config,
    expansions: Expansions,
    endpoints: &Endpoints,
) -> Result<Expander, RuntimeError> {
    let template = bundle.manifest().phrase.clone();
    let mut given = match expansions {
        Expansions::Nobody => return Ok(Expander::new(Vec::new(), template, config.expand.degrade)),
        Expansions::Given(lexicon) => Some(lexicon),
        Expansions::Configured => None,
    };
    let mut sources = Vec::new();
    for source in &config.expand.sources {
        sources.extend(match source {
            SourceName::Lexicon => match given.take() {
                Some(lexicon) => Some(lexicon),
                None => lexicon(bundle, config)?,
            }
            .map(Source::Lexicon),
            SourceName::Llm => endpoints.llm_expansion(config)?.map(Source::Llm),
        });
    }
    Ok(Expander::new(sources, template, config.expand.degrade))
}

/// The lexicon of the settings, or else the bundle's.
fn lexicon(bundle: &Bundle, config: &Config) -> Result<Option<Lexicon>, RuntimeError> {
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Some(Lexicon::load(&config.expand.lexicon)?));
    }
    let Some(entry) = &bundle.manifest().lexicon else { return Ok(None) };
    Ok(Some(Lexicon::read(bundle.read(entry)?.as_slice(), &bundle.path(entry))?))
}
