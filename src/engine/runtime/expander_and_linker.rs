//! Expander and linker of the settings: the lexicon that both read, and the language models that they ask.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::Config;
use crate::networks::bundle::Bundle;
use crate::stages::expand::{self, Expander, ExpansionFile, SourceName};
use crate::stages::lexicon::Lexicon;
use crate::stages::link::{self, LinkSource, Linker};

use super::endpoints::Endpoints;
use super::error::RuntimeError;
use super::expansions::Expansions;

/// The expander, and the linker.
pub(super) fn expander_and_linker(
    bundle: &Bundle,
    config: &Config,
    expansions: Expansions,
    endpoints: &Endpoints,
) -> Result<(Expander, Linker), RuntimeError> {
    let template = bundle.manifest().phrase.clone();
    let degrade = config.expand.degrade;
    let is_looked_up =
        config.expand.sources.contains(&SourceName::Lexicon) || !config.link.sources.is_empty();
    let lexicon = match expansions {
        Expansions::Disabled => return Ok((Expander::new(Vec::new(), template, degrade), Linker::default())),
        Expansions::Given(lexicon) => Some(Arc::new(lexicon)),
        Expansions::Configured if is_looked_up => lexicon(bundle, config)?.map(Arc::new),
        Expansions::Configured => None,
    };
    let mut sources = Vec::new();
    for source in &config.expand.sources {
        match source {
            SourceName::Lexicon => sources.extend(lexicon.clone().map(expand::Source::Lexicon)),
            SourceName::File => sources.extend(files(&config.expand.files)?),
            SourceName::Llm => sources.extend(endpoints.llm_expansion(config)?.map(expand::Source::Llm)),
        }
    }
    let mut links = Vec::new();
    for source in &config.link.sources {
        links.push(match source {
            LinkSource::Lexicon => link::Source::Lexicon,
            LinkSource::Llm => link::Source::Llm(endpoints.llm_choice(config)?),
        });
    }
    Ok((Expander::new(sources, template, degrade), Linker::new(lexicon, links, config.link.degrade)))
}

fn files(paths: &[PathBuf]) -> Result<Vec<expand::Source>, RuntimeError> {
    paths.iter().map(|path| Ok(expand::Source::File(ExpansionFile::load(path)?))).collect()
}

/// The lexicon of the settings, or else the bundle's.
fn lexicon(bundle: &Bundle, config: &Config) -> Result<Option<Lexicon>, RuntimeError> {
    if !config.expand.lexicon.as_os_str().is_empty() {
        return Ok(Some(Lexicon::load(&config.expand.lexicon)?));
    }
    let Some(entry) = &bundle.manifest().lexicon else { return Ok(None) };
    Ok(Some(Lexicon::read(bundle.read(entry)?.as_slice(), &bundle.path(entry))?))
}
