//! Reload: lexicon, wordings and rates of a running annotator are replaced by those of new settings, all or none.

use std::num::NonZeroU32;

use super::annotator::Annotator;
use super::config::Config;
use super::runtime::{Expansions, Replacement, RuntimeError};

/// What a reload has put into force, in words for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded(pub Vec<String>);

impl Annotator {
    /// Reads the files of `config` that a running engine reloads, and puts them and the rates into force. Posts that are
    /// worked on keep what they began with. May take as long as a lexicon takes to read: not for a thread of the runtime.
    ///
    /// # Errors
    /// Which file cannot be used. Nothing has changed then.
    pub fn reload(&self, config: &Config) -> Result<Reloaded, RuntimeError> {
        let replacement = Replacement::read(self.bundle(), config, Expansions::Configured, self.endpoints())?;
        let mut said = vec![match replacement.names.expander.lexicon() {
            Some(lexicon) => format!("lexicon `{}` of {} names", lexicon.origin().display(), lexicon.len()),
            None => "no lexicon".to_owned(),
        }];
        let files = replacement.names.expander.files();
        said.extend(
            files.map(|file| format!("expansions `{}` of {} names", file.origin().display(), file.len())),
        );
        let prompts = [
            ("expand", &config.expand.prompt),
            ("link", &config.link.prompt),
            ("knowledge", &config.knowledge.prompt),
            ("vision", &config.vision.prompt),
        ];
        let named = prompts.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
        said.extend(named.map(|(section, path)| format!("{section}.prompt `{}`", path.display())));
        self.runtime().replace(replacement);
        let tracer = self.metrics().tracing().tracer();
        if tracer.is_on() {
            let share = config.telemetry.traces.sample;
            tracer.sample(share);
            said.push(format!("telemetry.traces.sample {share}"));
        }
        for (name, settings) in config.endpoints() {
            let rate = NonZeroU32::new(settings.requests_per_minute);
            if self.endpoints().limit_rate(name, rate) {
                let rate = rate.map_or_else(|| "no limit".to_owned(), |rate| rate.to_string());
                said.push(format!("llm.{name}.requests_per_minute: {rate}"));
            }
        }
        Ok(Reloaded(said))
    }
}
