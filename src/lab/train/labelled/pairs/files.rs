//! Files of pairs: those that a folder has, or those of a data set, written into the folder of work by the paper's rules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::super::splits;
use crate::lab::dataset::{PairCounts, PairSources, PairTask, write_pairs};

/// Where pairs come from, and where they are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    /// A data set, or files of pairs.
    pub(super) data: &'a Path,
    /// The folder of the training.
    pub(super) work: &'a Path,
}

impl Folders<'_> {
    /// The file of a split's pairs.
    ///
    /// # Errors
    /// All damaged places and missing pictures of a data set, or files that the pairs have no use for.
    pub(super) fn file(self, split: &str, task: PairTask, sources: &PairSources) -> Result<PathBuf> {
        let name = format!("{}-{split}.tsv", task.as_str());
        let given = self.data.join(&name);
        if !given.is_file() {
            let file = self.work.join(name);
            self.write(split, task, sources, &file)?;
            return Ok(file);
        }
        ensure!(
            sources.captions.is_empty() && sources.expressions.is_empty(),
            "`{}` has its captions and expressions; others are for a data set of posts",
            given.display()
        );
        Ok(given)
    }

    fn write(self, split: &str, task: PairTask, sources: &PairSources, file: &Path) -> Result<()> {
        let examples = splits::posts(self.data, split)?;
        let unfinished = file.with_extension("unfinished");
        let counts = write_pairs(&examples, task, sources, &unfinished)
            .with_context(|| format!("failed to write the pairs of the split `{split}`"))?;
        fs::rename(&unfinished, file)
            .with_context(|| format!("failed to put `{}` in its place", file.display()))?;
        let PairCounts { pairs, depicted, without_expression, without_caption } = counts;
        tracing::info!(split, posts = examples.len(), pairs, depicted, "pairs are written");
        if without_expression > 0 {
            tracing::warn!(split, without_expression, "expressions are missing: they make no pairs");
        }
        if without_caption > 0 && !sources.captions.is_empty() {
            tracing::warn!(split, without_caption, "pictures have no caption");
        }
        Ok(())
    }
}
