//! Rows of a file of pairs: question, answer and place of each. Pictures stay in the file, after each was decoded once to see
//! that it can be.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::super::damage::Damage;
use super::super::splits;
use crate::domain::{BBox, Frame};
use crate::input::decode;
use crate::lab::dataset::{DatasetError, LinePlace, Pair, PairReader, PairTask, Target};
use crate::lab::train::phrases::bins;
use crate::stages::prompt::PromptEncoder;

/// How a network reads pairs.
pub(super) struct Reading<'a> {
    /// What is learnt.
    pub(super) task: PairTask,
    /// Its questions.
    pub(super) prompts: &'a PromptEncoder,
    /// Location bins along a side.
    pub(super) bins: u32,
    /// The limits of pictures.
    pub(super) decode: &'a decode::Config,
}

/// The pairs of one split.
#[derive(Debug)]
pub(super) struct Rows {
    file: PathBuf,
    /// In the order of the file.
    pub(super) rows: Vec<Row>,
    /// The number of different pictures.
    pub(super) pictures: usize,
    /// A hash of all that the network reads.
    pub(super) hash: blake3::Hash,
}

/// One pair, without its picture.
#[derive(Debug)]
pub(super) struct Row {
    /// Where the file has it.
    pub(super) place: LinePlace,
    /// The ids of the question.
    pub(super) prompt: Vec<i64>,
    /// The right answer.
    pub(super) answer: Answer,
}

/// A right answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    /// Whether the picture shows it.
    Depicted(bool),
    /// Where.
    Box {
        /// Left, top, right, bottom in location bins.
        bins: [i64; 4],
        /// The box in pixels.
        bbox: BBox,
        /// Width and height of the picture.
        size: (u32, u32),
    },
}

impl Rows {
    /// Reads a file. Pairs of grounding with a placeholder for their box are left out and counted.
    ///
    /// # Errors
    /// All damaged lines and pictures with file and line; pairs of another task, or that teach nothing.
    pub(super) fn read(file: &Path, reading: &Reading<'_>) -> Result<Self> {
        let mut reader = PairReader::open(file)?;
        let found = reader.task();
        let (shown, wanted) = (file.display(), reading.task.network());
        ensure!(found == reading.task, "`{shown}` has pairs of a {}, not of a {wanted}", found.network());
        let mut checker = Checker { reading, damage: Damage::default(), last: None };
        let mut hasher = blake3::Hasher::new();
        let (mut rows, mut ids, mut placeholders) = (Vec::new(), HashSet::new(), 0);
        loop {
            let place = reader.place()?;
            let Some(pair) = reader.next() else { break };
            let row = pair.and_then(|pair| {
                let checked = checker.row(place, &pair, &mut hasher);
                let at_line = |message| DatasetError::Malformed {
                    file: file.to_owned(),
                    line: Some(reader.line()),
                    message: format!("pair `{}`: {message}", pair.id),
                };
                checked.map(|row| (row, pair.picture_id)).map_err(at_line)
            });
            match row {
                Ok((Some(row), id)) => {
                    rows.push(row);
                    ids.insert(id);
                }
                Ok((None, _)) => placeholders += 1,
                Err(fault) => checker.damage.note(&fault),
            }
        }
        checker.damage.refuse(&format!("`{shown}`"))?;
        if placeholders > 0 {
            tracing::warn!(file = %shown, placeholders, "pairs have a placeholder instead of a box and are left out");
        }
        ensure!(!rows.is_empty(), "`{shown}` has no pair to learn from");
        Ok(Self { file: file.to_owned(), rows, pictures: ids.len(), hash: hasher.finalize() })
    }

    /// Refuses pairs that all have the same answer.
    ///
    /// # Errors
    /// They have.
    pub(super) fn must_differ(&self) -> Result<()> {
        let depicted = self.rows.iter().filter(|row| row.answer == Answer::Depicted(true)).count();
        let (all, file) = (self.rows.len(), self.file.display());
        ensure!(
            0 < depicted && depicted < all,
            "{depicted} of {all} pairs of `{file}` are depicted: a gate learns of both"
        );
        Ok(())
    }

    /// Opens the file, to read pictures.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn open(&self) -> Result<PairReader<BufReader<File>>> {
        Ok(PairReader::open(&self.file)?)
    }
}

/// Decodes the picture of a pair.
///
/// # Errors
/// It is damaged, or beyond a limit.
pub(super) fn picture(pair: &Pair, limits: &decode::Config) -> Result<Frame, String> {
    decode::picture(&pair.picture_id, &pair.picture, limits).map_err(|rejection| rejection.message)
}

/// Makes rows of pairs. Pairs of one picture follow each other, so the last picture is remembered.
struct Checker<'a> {
    reading: &'a Reading<'a>,
    damage: Damage,
    last: Option<(blake3::Hash, (u32, u32))>,
}

impl Checker<'_> {
    /// The row of a pair; none of a placeholder.
    fn row(
        &mut self,
        place: LinePlace,
        pair: &Pair,
        hasher: &mut blake3::Hasher,
    ) -> Result<Option<Row>, String> {
        let hash = blake3::hash(&pair.picture);
        let size = match self.last {
            Some((known, size)) if known == hash => size,
            _ => {
                let frame = picture(pair, self.reading.decode)?;
                (frame.width, frame.height)
            }
        };
        self.last = Some((hash, size));
        let answer = match pair.target {
            Target::Depicted(depicted) => Answer::Depicted(depicted),
            Target::Box(None) => return Ok(None),
            Target::Box(Some(bbox)) => self.located(bbox, size)?,
        };
        let prompt: Vec<i64> =
            self.reading.prompts.encode(&pair.phrase, &pair.caption).into_iter().map(i64::from).collect();
        hasher.update(hash.as_bytes()).update(&(prompt.len() as u64).to_le_bytes());
        for id in &prompt {
            hasher.update(&id.to_le_bytes());
        }
        match answer {
            Answer::Depicted(depicted) => hasher.update(&[u8::from(depicted)]),
            Answer::Box { bins, .. } => hasher.update(&bins.map(|bin| bin.to_le_bytes()).concat()),
        };
        Ok(Some(Row { place, prompt, answer }))
    }

    /// A box within its picture.
    fn located(&self, given: BBox, size: (u32, u32)) -> Result<Answer, String> {
        let bbox = splits::within(given, size)?;
        Ok(Answer::Box { bins: bins(&bbox, size, self.reading.bins), bbox, size })
    }
}
