//! Stages: the steps that need a network, in the order in which a post takes them.

use std::fmt;

/// A step of the pipeline that runs on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Finds the named entities of the text.
    Recognise,
    /// Decides whether a picture shows an entity.
    Entail,
    /// Finds the box of an entity in a picture.
    Ground,
    /// Finds the pixels in a box.
    Segment,
    /// Finds examples that are similar to the post, before all other stages. A bundle may lack it. It is last so that
    /// the numbers of the others are their places in [`Self::ALL`].
    Retrieve,
}

impl Stage {
    /// Those that annotate a post, in order.
    pub const ALL: [Stage; 4] = [Stage::Recognise, Stage::Entail, Stage::Ground, Stage::Segment];

    /// All stages that may have a network, by number: those of [`Self::ALL`], and retrieval, which is optional.
    pub const WITH_RETRIEVAL: [Stage; 5] =
        [Stage::Recognise, Stage::Entail, Stage::Ground, Stage::Segment, Stage::Retrieve];

    /// Its name in configuration, metrics and manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recognise => "recognise",
            Self::Entail => "entail",
            Self::Ground => "ground",
            Self::Segment => "segment",
            Self::Retrieve => "know",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_finds_a_stage_in_both_lists() {
        for (number, stage) in Stage::WITH_RETRIEVAL.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
        }
        assert_eq!(Stage::WITH_RETRIEVAL[..4], Stage::ALL);
    }
}
