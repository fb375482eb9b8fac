//! How right are the answers? Five scores for whole posts, three for single stages, and readers of what they compare.
//!
//! A mention is judged by name (MNER), by name and box (GMNER), by name and box whatever its type (EEG), and the same
//! two by mask (SMNER, EES). The rules are those of the evaluator published with RiVEG (`NUSTM/GMNER` data): a match
//! key of entity text and type, first fit in order, and "no picture shows it" counts as an answer.

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
