//! Vision stage: a vision model answers in place of the gate, the grounder or all networks before the segmenter.
//!
//! Read [`model`] first: it asks one question for each pair of phrase and picture, with the wording of [`prompt`]. The picture
//! stands before the phrase, so that servers that cache prefixes encode it once for all its phrases; a pair's answer holds
//! for every post with that pair, a wrong answer costs one pair, and a phrase can influence no answer but its own. [`shapes`]
//! reads what a model writes, [`box_rule`] decides which boxes are valid, and [`depiction`] is what is stored and used.
//!
//! [`post_reader`] asks one question about a whole post instead: [`extraction`] is the answer, [`spans`] finds its names in the
//! text.

mod box_rule;
mod config;
mod depiction;
mod extraction;
mod model;
mod post_reader;
mod prompt;
mod shapes;
mod spans;

pub use config::Config;
pub use depiction::{Depiction, Look};
pub use model::{VisionModel, read_depiction};
pub use post_reader::{EntityReading, PostReader, PostReading};
pub use prompt::{PromptFileError, VisionPrompt};
