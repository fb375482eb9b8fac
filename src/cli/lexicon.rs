//! Lexicon in use: the `--lexicon` argument, and log lines about the lexicon of a file of posts.

use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::{Failure, Settings, UsageError};
use crate::config::Config;
use crate::stages::expand::{Expander, SourceName};

/// The argument of commands that annotate files of posts.
#[derive(Debug, clap::Args)]
pub(super) struct LexiconArgument {
    /// A lexicon (JSON lines: surface, type, expansion) to use instead of the bundle's, as the setting expand.lexicon.
    #[arg(long, value_name = "FILE")]
    lexicon: Option<PathBuf>,
}

impl LexiconArgument {
    /// Puts the lexicon of the command line into the settings.
    ///
    /// # Errors
    /// The settings do not use a lexicon.
    pub(super) fn apply(&self, config: &mut Config) -> Result<(), Failure> {
        let Some(lexicon) = &self.lexicon else { return Ok(()) };
        if !config.expand.sources.contains(&SourceName::Lexicon) {
            let message = "--lexicon is not used: expand.sources does not name \"lexicon\"".to_owned();
            return Err(UsageError(message).into());
        }
        config.expand.lexicon.clone_from(lexicon);
        Ok(())
    }
}

impl LexiconArgument {
    /// The settings with the lexicon of the command line, which wins over theirs whenever they are read again.
    ///
    /// # Errors
    /// The path cannot be a setting, because it is not Unicode.
    pub(super) fn in_settings(&self, settings: Settings) -> Result<Settings, UsageError> {
        let Some(lexicon) = &self.lexicon else { return Ok(settings) };
        let path = lexicon.to_str().ok_or_else(|| UsageError("--lexicon is not Unicode".to_owned()))?;
        Ok(settings.with("expand.lexicon", path))
    }
}

/// Names of a lexicon beside a feed.
const NAMES: [&str; 2] = ["lexicon.jsonl", "lexicon.json"];

/// Logs the lexicon in use, and an unused lexicon in the folder of the feed.
pub(super) fn log_in_use(expander: &Expander, folder: Option<&Path>) {
    let lexicon = expander.lexicon();
    match lexicon {
        Some(lexicon) => {
            info!(lexicon = %lexicon.origin().display(), names = lexicon.len(), "names are looked up in a lexicon")
        }
        None => info!("names are looked up in no lexicon"),
    }
    if let Some(beside) = folder.and_then(|folder| unused(folder, lexicon.map(|lexicon| lexicon.origin()))) {
        warn!(
            beside = %beside.display(),
            "a lexicon lies beside the posts and is not used; `--lexicon {}` uses it",
            beside.display()
        );
    }
}

/// Logs how many names were found. None is a sign of the wrong lexicon.
pub(super) fn log_hits(expander: &Expander) {
    let Some(lexicon) = expander.lexicon() else { return };
    let (looked_up, known) = (lexicon.counts().all(), lexicon.counts().hits());
    let lexicon = lexicon.origin().display();
    if known == 0 && looked_up > 0 {
        warn!(looked_up, known, %lexicon, "the lexicon knows none of the names");
    } else {
        info!(looked_up, known, %lexicon, "names were looked up in the lexicon");
    }
}

/// The lexicon of a folder if it is not the one in use.
fn unused(folder: &Path, in_use: Option<&Path>) -> Option<PathBuf> {
    let whole = |path: &Path| path.canonicalize().ok();
    let beside = NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())?;
    (in_use.and_then(whole) != whole(&beside)).then_some(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lexicon_beside_the_posts_is_unused_unless_it_is_the_one_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("lexicon.jsonl");
        assert_eq!(unused(folder.path(), None), None, "there is none");
        std::fs::write(&beside, "").unwrap();
        assert_eq!(unused(folder.path(), None), Some(beside.clone()));
        assert_eq!(unused(folder.path(), Some(Path::new("nowhere"))), Some(beside));
        let same = folder.path().join(".").join("lexicon.jsonl");
        assert_eq!(unused(folder.path(), Some(&same)), None);
    }
}
