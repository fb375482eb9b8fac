//! Outcome of a training on labelled data, as it is printed.

use std::io::Write;
use std::path::Path;

use crate::lab::train::Trained;

/// Prints the score of what was trained, and where it is.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print(out: &Path, trained: &Trained) -> std::io::Result<()> {
    let Trained { steps, score, measure, best_step, plot } = trained;
    writeln!(
        std::io::stdout().lock(),
        "{}: {measure} {score:.4} on the dev split after {best_step} of {steps} steps\nplot: {}",
        out.display(),
        plot.display()
    )
}
