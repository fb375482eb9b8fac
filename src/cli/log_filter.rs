//! Log filter: that of `--log`, which stays, or that of the settings, which changes at run time.

use std::fmt;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;

use super::Failure;
use super::failure::UsageError;
use super::logging::FAILURE_TARGET;

/// Puts a filter into force.
type Apply = dyn Fn(EnvFilter) -> Result<(), Failure> + Send + Sync;

/// The filter of this process's log. Clones change the same.
#[derive(Clone)]
pub struct LogFilter {
    apply: Arc<Apply>,
    is_fixed: bool,
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LogFilter").field("is_fixed", &self.is_fixed).finish_non_exhaustive()
    }
}

impl LogFilter {
    /// A filter that `apply` changes. One that the command line sets is fixed: the settings do not change it.
    pub fn new(
        is_fixed: bool,
        apply: impl Fn(EnvFilter) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { apply: Arc::new(apply), is_fixed }
    }

    /// Puts the filter of the settings into force, where the command line has none; empty stands for `info`. The words are
    /// for the log.
    ///
    /// # Errors
    /// The text is not a filter.
    pub(super) fn set(&self, filter: &str) -> Result<String, Failure> {
        if self.is_fixed {
            return Ok("telemetry.log is not used: `--log` is given".to_owned());
        }
        let filter = if filter.is_empty() { DEFAULT } else { filter };
        (self.apply)(parse("telemetry.log", filter)?)?;
        Ok(format!("telemetry.log `{filter}`"))
    }
}

/// The filter where nobody sets one.
const DEFAULT: &str = "info";

/// A filter from its text, which always admits the reason of a failure.
///
/// # Errors
/// The text is not a filter; `source` names where it is from.
pub fn parse(source: &str, filter: &str) -> Result<EnvFilter, Failure> {
    let parsed = EnvFilter::try_new(filter).map_err(|error| {
        UsageError(format!("{source} `{filter}` is not a filter such as `info` or `riveg=debug`: {error}"))
    })?;
    Ok(parsed.add_directive(format!("{FAILURE_TARGET}=error").parse()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn the_command_lines_filter_wins_and_an_invalid_one_changes_nothing() {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let filter = |is_fixed| {
            let applied = Arc::clone(&applied);
            LogFilter::new(is_fixed, move |filter| {
                applied.lock().unwrap().push(filter.to_string());
                Ok(())
            })
        };
        assert!(filter(true).set("debug").unwrap().contains("`--log` is given"));
        assert!(filter(false).set("riveg=[").unwrap_err().to_string().contains("is not a filter"));
        assert!(applied.lock().unwrap().is_empty());
        assert_eq!(filter(false).set("").unwrap(), "telemetry.log `info`");
        filter(false).set("warn,riveg::kafka=debug").unwrap();
        let applied = applied.lock().unwrap();
        assert!(applied[0].contains("info") && applied[0].contains("riveg::failure=error"), "{applied:?}");
        assert!(applied[1].contains("riveg::kafka=debug"), "{applied:?}");
    }
}
