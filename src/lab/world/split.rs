//! Splits of the world: training, development and test posts share no entity names.

use std::str::FromStr;

use super::difficulty::Difficulty;

/// Which names may be used: the three share none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Dev,
    /// To report on.
    Test,
    /// Harder posts with the names of tests: [`Difficulty::HARD`].
    Hard,
}

impl Split {
    /// Its name in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
            Self::Hard => "hard",
        }
    }

    /// The split whose names its posts have.
    #[must_use]
    pub fn names(self) -> Self {
        if self == Self::Hard { Self::Test } else { self }
    }

    /// How hard its posts are.
    #[must_use]
    pub fn difficulty(self) -> &'static Difficulty {
        if self == Self::Hard { &Difficulty::HARD } else { &Difficulty::PLAIN }
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Train, Self::Dev, Self::Test, Self::Hard]
            .into_iter()
            .find(|split| split.as_str() == name)
            .ok_or_else(|| format!("`{name}` is not a split: train, dev, test or hard"))
    }
}
