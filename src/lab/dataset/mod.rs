//! Data sets: posts with gold from files of the field, answers to compare with them, statistics, and other layouts.
//!
//! Read `mentions` first (gold and answers), then `reading` (what a reader returns) and `layout` (which reader reads a
//! folder). A damaged file is reported with its line, and reading goes on behind it.

mod mentions;
mod files;
mod reading;
mod stored_pictures;
mod wire_mask;
mod tagged_words;
mod voc;
mod polygons;
mod labelme;
mod gold_file;
mod coco;
mod label_studio;
mod twitter;
mod layout;
mod riveg_text;
mod h_index;
pub mod predictions;
mod pairs;
mod statistics;
mod written;

pub use files::DatasetError;
pub use layout::{Layout, read, read_all, read_gold_file};
pub use mentions::{GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion, Predictions};
pub use pairs::{LinePlace, Pair, PairReader, PairTask, Target};
pub use reading::{Example, Reading};
pub use statistics::Statistics;
pub use stored_pictures::{StoredPicture, pictures};
pub use written::{Form, PairCounts, PairSources, WriteError, write, write_pairs};
