//! Sources of expansions: those of the settings, a given lexicon, or none.

use crate::stages::lexicon::Lexicon;

/// The sources of expansions.
#[derive(Debug, Default)]
pub enum Expansions {
    /// The sources of the settings; the lexicon is that of the settings, or else the bundle's.
    #[default]
    Configured,
    /// The sources of the settings with this lexicon.
    Given(Lexicon),
    /// No expansions and no links: phrases are names and types.
    Disabled,
}
