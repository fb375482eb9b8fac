//! Expander of the settings: the lexicon and language models that describe entities.

use crate::engine::Config;
use crate::networks::bundle::Bundle;
use crate::stages::expand::{Expander, Lexicon, Source, SourceName};

use super::endpoints::Endpoints;
use super::error::RuntimeError;
use super::expansions::Expansions;

pub(super) fn expander(
    bundle: &Bundle,
    config: &Config,
    expansions: Expansions,
    endpoints: &Endpoints,
) -> Result<Expander, RuntimeError> {
    let template = bundle.manifest().phrase.clone();
    let mut given = match expansions {
        Expansions::Disabled => return Ok(Expander::new(Vec::new(), template, config.expand.degrade)),
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
    Ok(Expander::new(sources, template, config.expand.degrade).linked_by(config.link.clone()))
}

/// The lexicon of the settings, or else the bundle's.
fn lexicon(bundle: &Bundle, config: &Config) -> Result<Option<Lexicon>, RuntimeError> {
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Some(Lexicon::load(&config.expand.lexicon)?));
    }
    let Some(entry) = &bundle.manifest().lexicon else { return Ok(None) };
    Ok(Some(Lexicon::read(bundle.read(entry)?.as_slice(), &bundle.path(entry))?))
}
