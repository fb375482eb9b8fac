//! Evaluation: five scores of whole posts, three scores of single stages, and readers of data sets and predictions.
//!
//! Read `scores` first, then `stages` and [`dataset`]. A mention is judged by name (MNER), by name and box (GMNER), by name
//! and box without its type (EEG), and the last two with masks (SMNER, EES). The rules are those of the evaluator
//! published with RiVEG (`NUSTM/GMNER` data): the match key is entity text and type, the first match in order counts, and
//! "no picture shows it" is an answer.

mod counts;
mod gold;
mod scores;
mod stages;

pub mod dataset;
mod files;
mod gold_file;
pub mod predictions;
mod twitter_gmner;
mod wire_mask;

pub use counts::{Counts, MeanScore};
pub use gold::{GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion};
pub use scores::{MatchKey, Rules, Scores, Threshold};
pub use stages::StageScores;
