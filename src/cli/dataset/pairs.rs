//! `riveg dataset` for pairs: writes the training files of gate and grounder, and checks and counts such files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::{Failure, UsageError, with_causes};
use crate::lab::dataset::{Example, PairReader, PairSources, PairTask, Target, write_pairs};
use crate::stages::caption::CaptionFile;
use crate::stages::expand::ExpansionFile;

/// Faults and remarks of each kind that are printed; a damaged file may have one in every line.
pub(super) const SHOWN: usize = 50;

// What is told of posts beside the data set.
#[derive(Debug, clap::Args)]
pub(super) struct Told {
    /// A file of captions for ve-tsv; may be repeated, and the first with a caption counts.
    #[arg(long, value_name = "FILE")]
    captions: Vec<PathBuf>,
    /// A file of expressions for ve-tsv and vg-tsv, one a language model: each makes a pair of its own. None: phrases are
    /// entity and type.
    #[arg(long, value_name = "FILE")]
    expressions: Vec<PathBuf>,
}

impl Told {
    /// Reads the files.
    pub(super) fn read(&self) -> Result<PairSources, Failure> {
        let captions = self.captions.iter().map(|file| CaptionFile::load(file)).collect::<Result<_, _>>()?;
        let expressions =
            self.expressions.iter().map(|file| ExpansionFile::load(file)).collect::<Result<_, _>>()?;
        Ok(PairSources { captions, expressions })
    }

    /// Refuses files that the layout has no place for.
    pub(super) fn must_be_empty(&self) -> Result<(), UsageError> {
        if self.captions.is_empty() && self.expressions.is_empty() {
            return Ok(());
        }
        Err(UsageError("--captions and --expressions belong to `--to ve-tsv` and `--to vg-tsv`".to_owned()))
    }
}

/// Writes the pairs of a split to `<task>-<split>.tsv`, and says what is missing.
pub(super) fn write(
    examples: &[Example],
    (task, sources): (PairTask, &PairSources),
    split: &str,
    folder: &Path,
) -> Result<(), Failure> {
    let failed = |error| format!("failed to create `{}`: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let file = folder.join(format!("{}-{split}.tsv", task.as_str()));
    let counts = write_pairs(examples, task, sources, &file)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {} pairs, {} of them depicted", file.display(), counts.pairs, counts.depicted)?;
    for (missing, what) in
        [(counts.without_expression, "expressions"), (counts.without_caption, "captions of pictures")]
    {
        if missing > 0 {
            writeln!(out, "  {missing} {what} are missing")?;
        }
    }
    Ok(())
}

/// What a file of pairs has.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pairs: usize,
    depicted: usize,
    /// Pairs of grounding with a placeholder in place of a box.
    without_box: usize,
    /// Damaged lines.
    pub(super) damaged: usize,
}

impl Counted {
    pub(super) fn json(&self) -> Value {
        json!({ "pairs": self.pairs, "depicted": self.depicted, "without_box": self.without_box })
    }
}

/// Reads a file of pairs and prints its counts and the first damaged lines.
pub(super) fn count(file: &Path) -> Result<Counted, Failure> {
    let reader = PairReader::open(file)?;
    let task = reader.task();
    let (mut counted, mut shown) = (Counted::default(), Vec::new());
    for pair in reader {
        match pair {
            Ok(pair) => {
                counted.pairs += 1;
                counted.depicted +=
                    usize::from(matches!(pair.target, Target::Depicted(true) | Target::Box(Some(_))));
                counted.without_box += usize::from(pair.target == Target::Box(None));
            }
            Err(fault) => {
                counted.damaged += 1;
                if counted.damaged <= SHOWN {
                    shown.push(format!("  damaged: {}", with_causes(&fault)));
                }
            }
        }
    }
    let mut out = std::io::stdout().lock();
    let Counted { pairs, depicted, without_box, damaged } = &counted;
    let rest = match task {
        PairTask::Entailment => format!("{depicted} entailed, {} contradicted", pairs - depicted),
        PairTask::Grounding => format!("{depicted} with a box, {without_box} with a placeholder"),
    };
    writeln!(out, "{}: {pairs} pairs of {}, {rest}, {damaged} damaged lines", file.display(), name(task))?;
    for line in &shown {
        writeln!(out, "{line}")?;
    }
    if *damaged > shown.len() {
        writeln!(out, "  and {} more", damaged - shown.len())?;
    }
    Ok(counted)
}

fn name(task: PairTask) -> &'static str {
    match task {
        PairTask::Entailment => "entailment",
        PairTask::Grounding => "grounding",
    }
}
