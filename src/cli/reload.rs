//! Reload at SIGHUP: a running engine takes in what it can of new settings, and says what it takes in and what it does not.

use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{Failure, LogFilter, Settings};
use crate::config::{Config, Difference, Effective};
use crate::engine::Annotator;
use crate::engine::config::is_reloaded;
use crate::telemetry::{Causes, Metrics, Reload};

/// What a running engine's settings are read from, and what they were.
pub(super) struct Reloader {
    settings: Settings,
    /// Those of the start: what is not reloaded has these values until the end.
    started: Effective,
    log: LogFilter,
}

impl Reloader {
    /// The settings of an engine that starts with `started`.
    pub(super) fn new(settings: Settings, started: Effective, log: LogFilter) -> Self {
        Self { settings, started, log }
    }

    /// Reloads at each hang-up until `stop` is cancelled.
    pub(super) async fn follow(
        self,
        mut hang_ups: Receiver<()>,
        (annotator, metrics): (Arc<Annotator>, Arc<Metrics>),
        stop: CancellationToken,
    ) {
        let reloader = Arc::new(self);
        loop {
            tokio::select! {
                hang_up = hang_ups.recv() => if hang_up.is_none() { return },
                () = stop.cancelled() => return,
            }
            let (reloader, annotator) = (Arc::clone(&reloader), Arc::clone(&annotator));
            // A large lexicon takes seconds to read.
            let reloaded = tokio::task::spawn_blocking(move || reloader.reload(&annotator)).await;
            let outcome = match reloaded.map_err(Failure::from).and_then(|reloaded| reloaded) {
                Ok((reloaded, kept)) => {
                    info!(reloaded, not_reloaded = kept, "settings are reloaded");
                    Reload::Applied
                }
                Err(failure) => {
                    error!(error = %Causes(&*failure), "settings are not reloaded: the old ones stay in force");
                    Reload::Refused
                }
            };
            metrics.reloaded(outcome);
        }
    }

    /// Reads the settings and their files again, and puts them into force. What was reloaded and what was not, in words.
    fn reload(&self, annotator: &Annotator) -> Result<(String, String), Failure> {
        let new = self.settings.load()?;
        let config = self.started.config.reloaded(&new.config);
        super::log_filter::parse("telemetry.log", &config.telemetry.log)?;
        let mut reloaded = annotator.reload(&config)?.0;
        reloaded.push(self.log.set(&config.telemetry.log)?);
        Ok((reloaded.join("; "), in_words(&kept(&new, &self.started))))
    }
}

/// The changed settings that take effect at the next start.
fn kept(new: &Effective, started: &Effective) -> Vec<Difference> {
    let changed = new.differences(started).into_iter();
    changed.filter(|difference| !is_reloaded(&difference.key)).collect()
}

fn in_words(kept: &[Difference]) -> String {
    if kept.is_empty() {
        return "nothing else has changed".to_owned();
    }
    let keys: Vec<&str> = kept.iter().map(|difference| difference.key.as_str()).collect();
    format!("{}: changes of these take effect at the next start", keys.join(", "))
}

/// Puts the log filter of the settings into force at the start of an engine.
///
/// # Errors
/// It is not a filter.
pub(super) fn apply_log_filter(config: &Config, log: &LogFilter) -> Result<(), Failure> {
    log.set(&config.telemetry.log).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn with(sets: &[&str]) -> Effective {
        let sets = sets.iter().map(|&set| set.to_owned()).collect();
        Config::load(&Sources { sets, ..Sources::default() }).unwrap()
    }

    #[test]
    fn settings_that_are_not_reloaded_are_named_and_keep_their_values() {
        let model = ["llm.local.url=http://localhost:1/v1", "llm.local.model=m"];
        let started = with(&model);
        let changed = ["llm.local.requests_per_minute=60", "ingest.group=other", "telemetry.log=debug"];
        let new = with(&[&model[..], &changed[..]].concat());
        assert_eq!(
            in_words(&kept(&new, &started)),
            "ingest.group: changes of these take effect at the next start"
        );
        let config = started.config.reloaded(&new.config);
        assert_eq!((config.llm["local"].requests_per_minute, config.telemetry.log.as_str()), (60, "debug"));
        assert_eq!(config.ingest.group, started.config.ingest.group);
        assert_eq!(in_words(&kept(&started, &started)), "nothing else has changed");
    }
}
