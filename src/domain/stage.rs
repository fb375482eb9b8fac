//! The steps that need a network, in the order in which a post takes them.

use std::fmt;

/// A step of the pipeline that runs on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Which entities does the text name?
    Recognise,
    /// Does the picture show it?
    Entail,
    /// Where?
    Ground,
    /// Which pixels?
    Segment,
    /// Before them all, which examples is the post like? A bundle may lack it. It stands last so that a number counts the
    /// others.
    Retrieve,
}

impl Stage {
    /// Those that annotate a post, in order.
    pub const ALL: [Stage; 4] = [Stage::Recognise, Stage::Entail, Stage::Ground, Stage::Segment];

    /// All that may have a network, by number: those of [`Self::ALL`], and the one that no answer needs.
    pub const WITH_KNOWLEDGE: [Stage; 5] =
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
        for (number, stage) in Stage::WITH_KNOWLEDGE.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
        }
        assert_eq!(Stage::WITH_KNOWLEDGE[..4], Stage::ALL);
    }
}
