//! Evaluation: scores of whole posts and of single stages, where points are lost, and how sure a figure is.
//!
//! Read `rules` first (which answers match), then `scores`, [`StageScores`] and `faults`. A mention is judged by name and
//! type (MNER), by name, type and box (GMNER), by name and box without its type (EEG), and the last two with masks (SMNER,
//! EES). "No picture shows it" is an answer.

mod counts;
mod rules;
mod matcher;
mod regions;
mod gold_boxes;
mod scores;
mod types;
mod sweep;
mod matched;
mod stages;
mod faults;
mod lost_points;
mod resampling;
mod comparison;

pub use comparison::{Comparison, Difference};
pub use counts::{Counts, MeanScore};
pub use faults::{Fault, JudgedPair, Part, judge};
pub use gold_boxes::with_gold_boxes;
pub use lost_points::LostPoints;
pub use matched::{Confusion, MatchedScores};
pub use regions::without_doubtful_masks;
pub use resampling::{Interval, Intervals, Resampling};
pub use rules::{Assignment, MatchKey, Rules, Threshold};
pub use scores::{Score, Scores};
pub use stages::StageScores;
pub use sweep::{Row as SweepRow, Sweep};
pub use types::TypeScores;
