//! Names: linker and expander, which read one lexicon and are replaced together.

use crate::stages::expand::Expander;
use crate::stages::link::Linker;

/// What turns a name into an entity and a phrase.
pub struct Names {
    /// Says which real entity a name means.
    pub linker: Linker,
    /// Makes a phrase of an entity.
    pub expander: Expander,
}
