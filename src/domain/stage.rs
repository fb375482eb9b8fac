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
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 4] = [Stage::Recognise, Stage::Entail, Stage::Ground, Stage::Segment];

    /// Its name in configuration, metrics and manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recognise => "recognise",
            Self::Entail => "entail",
            Self::Ground => "ground",
            Self::Segment => "segment",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
