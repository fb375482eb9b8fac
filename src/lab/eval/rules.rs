//! Rules of matching: the key of a mention, the overlap of regions, and how answers and gold are paired.

/// The rules of matching.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rules {
    /// Key of matching mentions.
    pub key: MatchKey,
    /// Minimum overlap of matching regions.
    pub threshold: Threshold,
    /// How answers are paired with gold.
    pub assignment: Assignment,
}

impl Rules {
    /// As the script that RiVEG's authors published: by text, first fit, from an IoU of 0.5 on.
    pub const RIVEG: Self =
        Self { key: MatchKey::Text, threshold: Threshold::AtLeast(0.5), assignment: Assignment::FirstFit };

    /// As their paper words it: above an IoU of 0.5.
    pub const PAPER: Self =
        Self { key: MatchKey::Text, threshold: Threshold::Above(0.5), assignment: Assignment::FirstFit };

    /// By span, with as many pairs as possible.
    pub const SPAN: Self =
        Self { key: MatchKey::Span, threshold: Threshold::AtLeast(0.5), assignment: Assignment::Most };

    /// The same rules at another overlap.
    #[must_use]
    pub fn at(self, iou: f64) -> Self {
        let threshold = match self.threshold {
            Threshold::AtLeast(_) => Threshold::AtLeast(iou),
            Threshold::Above(_) => Threshold::Above(iou),
        };
        Self { threshold, ..self }
    }
}

/// The overlap at which two regions match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// IoU of at least this.
    AtLeast(f64),
    /// IoU above this.
    Above(f64),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::AtLeast(0.5)
    }
}

impl Threshold {
    /// Whether an overlap is sufficient.
    #[must_use]
    pub fn accepts(self, iou: impl Into<f64>) -> bool {
        match self {
            Self::AtLeast(limit) => iou.into() >= limit,
            Self::Above(limit) => iou.into() > limit,
        }
    }
}

/// The key by which predicted and gold mentions of a post match. The type must match too, except for EEG and EES.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MatchKey {
    /// The entity's text.
    #[default]
    Text,
    /// The entity's place in the text.
    Span,
}

/// How the predictions of a post are paired with its gold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Assignment {
    /// Each prediction takes the first gold that is left and agrees.
    #[default]
    FirstFit,
    /// The most pairs that are possible (bipartite matching).
    Most,
}
