//! Domain values that all rooms share: posts, pictures, mentions, phrases, masks, annotations, rejections. They import
//! nothing.
//!
//! Read `post` first (what comes in), then `annotation` (what goes out) and `rejection` (why there is no annotation).

mod annotation;
mod degradation;
mod raw_json;
mod frame;
mod geometry;
mod mention;
mod outline;
mod phrase;
mod post;
mod rejection;
mod rle;
mod run_lengths;
mod stage;
mod unescaped_text;

pub use annotation::{Annotation, GateVerdict, Region, Triple};
pub use degradation::{Degradation, DegradedCode};
pub use frame::{ContentHash, Frame};
pub use geometry::{BBox, Mask};
pub use mention::{EntityType, Mention, Span};
pub use outline::Ring;
pub use phrase::{ModelAnswer, Phrase, PhraseSource};
pub use post::{Media, Post};
pub use raw_json::RawJson;
pub use rejection::{Rejection, RejectionClass};
pub use rle::RleError;
pub use run_lengths::RunLengthBuilder;
pub use stage::Stage;
pub use unescaped_text::UnescapedText;
