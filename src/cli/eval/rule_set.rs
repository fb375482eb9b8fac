//! Rule sets of `--rules`: which answers count as right.

use clap::ValueEnum;

use crate::lab::eval::Rules;

/// A named set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RuleSet {
    /// As the script of RiVEG's authors: names by their words, the first fit, boxes and masks from an IoU of 0.5 on.
    Riveg,
    /// As their paper words it: the same above an IoU of 0.5.
    Paper,
    /// Names by their place in the text, the most pairs that are possible, from an IoU of 0.5 on.
    Span,
}

impl RuleSet {
    pub(super) fn rules(self) -> Rules {
        match self {
            Self::Riveg => Rules::RIVEG,
            Self::Paper => Rules::PAPER,
            Self::Span => Rules::SPAN,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Riveg => "riveg",
            Self::Paper => "paper",
            Self::Span => "span",
        }
    }
}
