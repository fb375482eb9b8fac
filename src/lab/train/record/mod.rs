//! Records of a training in its folder: figures a line a step, TensorBoard's events, and a plot of both.
//!
//! A resumed training takes back what was recorded behind its checkpoint, so that each step is recorded once.

mod events;
mod lines;
mod plot;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::training_loop::{Taken, Validation, Watch};
use events::Events;
use lines::Line;

/// The figures: one JSON object a line.
const FIGURES: &str = "metrics.jsonl";
/// The plot.
const PLOT: &str = "training.svg";

/// Writes the records, and passes all reports on.
pub(super) struct Records<'w> {
    folder: PathBuf,
    open: Option<(File, Events)>,
    next: &'w mut dyn Watch,
}

impl<'w> Records<'w> {
    /// Records in `folder`; reports go on to `next`.
    #[must_use]
    pub(super) fn new(folder: &Path, next: &'w mut dyn Watch) -> Self {
        Self { folder: folder.to_owned(), open: None, next }
    }

    /// Draws the plot of all that was recorded; returns its file.
    ///
    /// # Errors
    /// The figures cannot be read, or the plot cannot be written.
    pub(super) fn draw(&self, title: &str) -> Result<PathBuf> {
        let lines = read(&self.folder.join(FIGURES))?;
        let file = self.folder.join(PLOT);
        fs::write(&file, plot::svg(title, &lines)).with_context(|| failed(&file))?;
        Ok(file)
    }

    fn record(&mut self, line: &Line) -> Result<()> {
        let file = self.folder.join(FIGURES);
        if let Some((figures, events)) = &mut self.open {
            // Without a buffer: what a checkpoint counts is on the disk before it.
            figures.write_all(line.json().as_bytes()).with_context(|| failed(&file))?;
            events.write(line)?;
        }
        Ok(())
    }
}

impl Watch for Records<'_> {
    fn begins(&mut self, step: i64, of: i64) -> Result<()> {
        let file = self.folder.join(FIGURES);
        let mut kept = if file.exists() { read(&file)? } else { Vec::new() };
        kept.retain(|line| line.step <= step);
        let text: String = kept.iter().map(Line::json).collect();
        let unfinished = file.with_extension("unfinished");
        fs::write(&unfinished, text).with_context(|| failed(&unfinished))?;
        fs::rename(&unfinished, &file).with_context(|| failed(&file))?;
        let figures = OpenOptions::new().append(true).open(&file).with_context(|| failed(&file))?;
        let mut events = Events::create(&self.folder, kept.first().map_or_else(now, |line| line.time))?;
        for line in &kept {
            events.write(line)?;
        }
        self.open = Some((figures, events));
        self.next.begins(step, of)
    }

    fn taken(&mut self, taken: &Taken) -> Result<()> {
        self.record(&Line::of_step(taken, now()))?;
        self.next.taken(taken)
    }

    fn validated(&mut self, step: i64, validation: &Validation, is_best: bool) -> Result<()> {
        self.record(&Line::of_validation(step, validation, now()))?;
        self.next.validated(step, validation, is_best)
    }
}

fn read(file: &Path) -> Result<Vec<Line>> {
    let text = fs::read_to_string(file).with_context(|| format!("failed to read `{}`", file.display()))?;
    Ok(lines::parse(&text))
}

fn failed(file: &Path) -> String {
    format!("failed to write `{}`", file.display())
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
