//! Endpoints: the language models of the settings, behind one cache of answers.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::common::Reloadable;
use crate::common::imaging::Workers;
use crate::domain::EntityType;
use crate::engine::Config;
use crate::llm::answers::AnswerCache;
use crate::llm::cached::{CachedEndpoint, Degrade};
use crate::llm::client::{Endpoint, LlmError, Usage};
use crate::networks::bundle::Bundle;
use crate::stages::caption::{ALT_TEXT, CaptionFile, Captioner, Captioners, file_of};
use crate::stages::expand::{ExpansionPrompt, LlmExpansion};
use crate::stages::knowledge::{self, ExampleRetriever, Examples, KnowledgeGenerator, KnowledgePrompt, Mode};
use crate::stages::link::{LinkPrompt, LlmChoice};
use crate::stages::vision::{PostReader, VisionModel, VisionPrompt};
use crate::telemetry::{Health, Metrics};

use super::error::RuntimeError;

/// The language models in use. The default: none.
#[derive(Clone, Default)]
pub struct Endpoints {
    models: BTreeMap<String, (Endpoint, CachedEndpoint)>,
    answers: Option<AnswerCache>,
    workers: Workers,
}

/// Between two checks of the language models: as frequent as probes.
const LOOK: Duration = Duration::from_secs(5);
/// Their name in health.
const NAME: &str = "llm";

impl Endpoints {
    /// Makes clients for the endpoints in use, and opens the cache of answers if there are any. None of them is asked.
    ///
    /// # Errors
    /// An endpoint's settings make no client, or the cache cannot be opened at all.
    pub async fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<Self, RuntimeError> {
        let in_use = config.endpoints_in_use();
        if in_use.is_empty() {
            return Ok(Self::default());
        }
        let answers = AnswerCache::open(&config.answers, metrics.answers()).await?;
        let workers = Workers::default();
        let mut models = BTreeMap::new();
        for (name, settings) in config.endpoints().filter(|(name, _)| in_use.contains_key(name.as_str())) {
            let endpoint = Endpoint::new(name, settings, metrics.llm(name))?;
            let cached = CachedEndpoint::new(endpoint.clone(), answers.clone(), workers.clone());
            models.insert(name.clone(), (endpoint, cached));
        }
        Ok(Self { models, answers: Some(answers), workers })
    }

    /// Requests the list of models of each endpoint: its name, its configured model, and whether it answers.
    pub async fn look(&self) -> Vec<(String, String, Result<(), LlmError>)> {
        let looks = self.models.iter().map(|(name, (endpoint, _))| async move {
            (name.clone(), endpoint.model().to_owned(), endpoint.reachable().await)
        });
        futures_util::future::join_all(looks).await
    }

    /// Limits the requests of an endpoint a minute anew. False where it is not in use, or has that limit.
    pub fn limit_rate(&self, name: &str, per_minute: Option<NonZeroU32>) -> bool {
        self.models.get(name).is_some_and(|(endpoint, _)| endpoint.limit_rate(per_minute))
    }

    /// The threads for work on pictures, which the networks of the same engine share.
    pub(super) fn workers(&self) -> Workers {
        self.workers.clone()
    }

    /// Closes the file of answers after the last question.
    pub async fn close(&self) {
        if let Some(answers) = self.answers.clone() {
            answers.close().await;
        }
    }

    /// What each endpoint was asked so far, with its name and its model.
    #[must_use]
    pub fn usage(&self) -> Vec<(String, String, Usage)> {
        let models = self.models.iter();
        models
            .map(|(name, (endpoint, _))| (name.clone(), endpoint.model().to_owned(), endpoint.usage()))
            .collect()
    }

    /// The vision model of that name.
    pub(super) fn vision(
        &self,
        name: &str,
        prompt: &Arc<Reloadable<VisionPrompt>>,
    ) -> Result<VisionModel, RuntimeError> {
        Ok(VisionModel::new(self.cached(name)?, Arc::clone(prompt)))
    }

    /// The vision model of that name, as reader of whole posts.
    pub(super) fn post_reader(
        &self,
        name: &str,
        prompt: &Arc<Reloadable<VisionPrompt>>,
        types: &[EntityType],
    ) -> Result<PostReader, RuntimeError> {
        Ok(PostReader::new(self.cached(name)?, Arc::clone(prompt), types))
    }

    fn cached(&self, name: &str) -> Result<CachedEndpoint, RuntimeError> {
        let found = self.models.get(name).map(|(_, cached)| cached.clone());
        found.ok_or_else(|| RuntimeError::UnknownEndpoint(name.to_owned()))
    }

    /// How entities are expanded; nothing where nobody is asked.
    pub(super) fn llm_expansion(&self, config: &Config) -> Result<Option<LlmExpansion>, RuntimeError> {
        let expand = &config.expand;
        let prompt = if expand.prompt.as_os_str().is_empty() {
            ExpansionPrompt::default()
        } else {
            ExpansionPrompt::load(&expand.prompt)?
        };
        let endpoints: Vec<CachedEndpoint> =
            expand.endpoints.iter().map(|name| self.cached(name)).collect::<Result<_, _>>()?;
        let expansion = LlmExpansion { endpoints, prompt, scope: expand.scope, mix: expand.mix };
        Ok((!expand.endpoints.is_empty()).then_some(expansion))
    }

    /// Who chooses among the candidates of a name.
    pub(super) fn llm_choice(&self, config: &Config) -> Result<LlmChoice, RuntimeError> {
        let link = &config.link;
        let prompt = if link.prompt.as_os_str().is_empty() {
            LinkPrompt::default()
        } else {
            LinkPrompt::load(&link.prompt)?
        };
        let endpoints = link.endpoints.iter().map(|name| self.cached(name)).collect::<Result<_, _>>()?;
        Ok(LlmChoice { endpoints, prompt })
    }

    /// Who describes pictures.
    pub(super) fn captioners<'config>(&self, config: &'config Config) -> Result<Captioners, RuntimeError> {
        let in_use = config.endpoints_in_use();
        // A file that several lists name is held once.
        let mut files: BTreeMap<&Path, Arc<CaptionFile>> = BTreeMap::new();
        let mut all = |names: &'config [String]| {
            let mut captioners = Vec::new();
            for name in names {
                captioners.push(match file_of(name) {
                    Some(path) => Captioner::File(match files.get(path) {
                        Some(file) => Arc::clone(file),
                        None => Arc::clone(files.entry(path).or_insert(CaptionFile::load(path)?.into())),
                    }),
                    None if name == ALT_TEXT => Captioner::AltText,
                    None if in_use.contains_key(name.as_str()) => Captioner::Vision(self.cached(name)?),
                    // A length that nobody reads asks nobody.
                    None => continue,
                });
            }
            Ok::<_, RuntimeError>(captioners)
        };
        let describe = &config.describe;
        let captioners = Captioners::new(all(&describe.short)?, all(&describe.detailed)?);
        Ok(captioners.with_gate(all(&describe.gate)?))
    }

    /// The source of knowledge for the tagger; none if the mode is off.
    pub(super) fn knowledge(
        &self,
        bundle: &Bundle,
        config: &Config,
        types: &[EntityType],
        retriever: Option<ExampleRetriever>,
    ) -> Result<Option<KnowledgeGenerator>, RuntimeError> {
        let settings = &config.knowledge;
        // A file that is named is read even while it is not used: a fault is found before it is needed.
        let prompt = knowledge_prompt(settings, types)?;
        if settings.mode == Mode::Off {
            return Ok(None);
        }
        Ok(Some(KnowledgeGenerator {
            endpoint: self.cached(&settings.endpoint)?,
            prompt: Reloadable::new(prompt),
            examples: match settings.shown {
                0 => Examples::none(),
                _ => Examples::load(&examples(bundle, settings)?)?,
            },
            shown: settings.shown,
            retriever,
            degrade: settings.degrade,
        }))
    }

    /// Reports endpoints that do not answer to `health`, until `ended`: not ready if posts would become dead letters, a note
    /// if posts are published without them.
    pub async fn watch(self, config: Config, health: Arc<Health>, ended: CancellationToken) {
        let strict = config.expand.degrade == Degrade::DeadLetter
            || (config.link.asks_models() && config.link.degrade == Degrade::DeadLetter)
            || (config.knowledge.mode != Mode::Off && config.knowledge.degrade == Degrade::DeadLetter)
            || (config.vision.is_used() && config.vision.degrade == Degrade::DeadLetter);
        let mut reached: BTreeMap<String, bool> = BTreeMap::new();
        while !self.models.is_empty() {
            let mut away = Vec::new();
            for (name, (endpoint, _)) in &self.models {
                let state = if reached.contains_key(name) {
                    endpoint.health()
                } else {
                    endpoint.reachable().await.map_err(|error| error.to_string())
                };
                match state {
                    Ok(()) => drop(reached.insert(name.clone(), true)),
                    Err(reason) => {
                        away.push(format!("the language model `{name}` does not answer: {reason}"))
                    }
                }
            }
            health.optional_part(NAME, strict, (!away.is_empty()).then(|| away.join(", ")));
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = ended.cancelled() => return,
            }
        }
    }
}

/// The wording of questions for knowledge.
pub(super) fn knowledge_prompt(
    settings: &knowledge::Config,
    types: &[EntityType],
) -> Result<KnowledgePrompt, RuntimeError> {
    if settings.prompt.as_os_str().is_empty() {
        return Ok(KnowledgePrompt::new(types));
    }
    Ok(KnowledgePrompt::load(&settings.prompt, types)?)
}

/// The file of examples of the settings, otherwise that of the bundle.
pub(super) fn examples(bundle: &Bundle, settings: &knowledge::Config) -> Result<PathBuf, RuntimeError> {
    let given = &settings.examples;
    match &bundle.manifest().examples {
        _ if !given.as_os_str().is_empty() => Ok(given.clone()),
        Some(entry) => Ok(bundle.path(entry)),
        None => Err(RuntimeError::NoExamples),
    }
}
