//! The plain values that the engine speaks of. They import nothing, and everything else may import them.

mod annotation;
mod carried;
mod frame;
mod geometry;
mod mention;
mod phrase;
mod post;
mod rejection;
mod rle;
mod run_lengths;
mod stage;
mod unescaped;

pub use annotation::{Annotation, GateVerdict, Region, Triple};
pub use carried::Carried;
pub use frame::{ContentHash, Frame};
pub use geometry::{BBox, Mask};
pub use mention::{EntityType, Mention, Span};
pub use phrase::{Phrase, PhraseSource, Told};
pub use post::{Media, Post};
pub use rejection::{Rejection, RejectionClass};
pub use rle::RleError;
pub use run_lengths::RunLengths;
pub use stage::Stage;
pub use unescaped::Unescaped;
