//! Stage descriptors: how a network serves a stage, as plain functions of its dimensions.

use super::architecture::Architecture;
use super::dimensions::Dimensions;
use super::import::Importing;
use super::network::Network;
use super::reads::Reads;
use crate::common::imaging::View;
use crate::networks::blocks::crf::{Chain, CrfScope};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::blocks::words::Pooling;
use crate::networks::served::{Encoder, Entailer, Grounder, JointNetwork, Segmenter, Tagger};
use crate::networks::weights::{BundleError, WeightSource};
use crate::stages::prompt::CaptionStyle;

/// A network that tags.
#[derive(Debug)]
pub struct RecogniseDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// What it reads of a text.
    pub reads: fn(&Dimensions) -> Reads,
    /// The labels of a word.
    pub labels: fn(&Dimensions) -> i64,
    /// Whether its labels are those of a CRF; else a softmax gives each piece its own.
    pub has_crf: bool,
    /// The network at work.
    pub serve: fn(&WeightSource<'_>, &Dimensions, &TaggerSettings) -> Result<Tagger, BundleError>,
}

/// How a tagger labels words, as a manifest says.
#[derive(Debug, Clone, Default)]
pub struct TaggerSettings {
    /// The words that a CRF covers.
    pub scope: CrfScope,
    /// How the pieces of a word decide together, without a CRF.
    pub pooling: Pooling,
    /// Which labels may follow each other, without a CRF.
    pub rules: Option<Chain>,
}

/// A network that finds entities with their types and their regions of a picture.
#[derive(Debug)]
pub struct JointDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// How it sees pictures.
    pub view: fn(&Dimensions) -> View,
    /// What it reads of a text.
    pub reads: fn(&Dimensions) -> Reads,
    /// The entity types that it tells apart.
    pub types: fn(&Dimensions) -> i64,
    /// The network at work.
    pub serve: fn(&WeightSource<'_>, &Dimensions, Remembered) -> Result<JointNetwork, BundleError>,
}

/// A network that says whether a picture shows a phrase.
#[derive(Debug)]
pub struct EntailDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// How it sees pictures.
    pub view: fn(&Dimensions) -> View,
    /// What it reads of a prompt.
    pub reads: fn(&Dimensions) -> Reads,
    /// How phrases are cleaned for it.
    pub style: CaptionStyle,
    /// The question for which it was published; `{phrase}` stands for the phrase.
    pub prompt: &'static str,
    /// The probability from which a picture is taken to show a phrase, where a manifest is made anew.
    pub threshold: f32,
    /// The network at work.
    pub serve: fn(&WeightSource<'_>, &Dimensions, Remembered) -> Result<Entailer, BundleError>,
    /// The network at work for both this stage and grounding, where it can do both: it lies in memory once.
    pub serve_both: Option<ServeBoth>,
}

/// Serves one network for entailment and grounding.
pub type ServeBoth = fn(
    &WeightSource<'_>,
    &Dimensions,
    GroundSettings,
    Remembered,
) -> Result<(Entailer, Grounder), BundleError>;

/// A network that finds a phrase in a picture.
#[derive(Debug)]
pub struct GroundDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// How it sees pictures.
    pub view: fn(&Dimensions) -> View,
    /// What it reads of a prompt.
    pub reads: fn(&Dimensions) -> Reads,
    /// How phrases are cleaned for it, unless it reads words.
    pub style: CaptionStyle,
    /// The question for which it was published; `{phrase}` stands for the phrase.
    pub prompt: &'static str,
    /// The authors' beam.
    pub beam: usize,
    /// The widest beam that is served.
    pub widest_beam: fn(&Dimensions) -> usize,
    /// Dimensions of its presets that are others for this stage.
    pub differing: &'static [(&'static str, i64)],
    /// Whether it draws outlines, which can stand for a segmenter's masks.
    pub draws_outlines: fn(&Dimensions) -> bool,
    /// The network at work.
    pub serve:
        fn(&WeightSource<'_>, &Dimensions, GroundSettings, Remembered) -> Result<Grounder, BundleError>,
}

/// How a grounder searches, as a manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroundSettings {
    /// Boxes that are followed at a time while one is decoded.
    pub beam: usize,
    /// Whether location bins alone are followed.
    pub bins_only: bool,
}

/// A network that segments.
#[derive(Debug)]
pub struct SegmentDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// How it sees pictures.
    pub view: fn(&Dimensions) -> View,
    /// The network at work.
    pub serve: fn(&WeightSource<'_>, &Dimensions, Remembered) -> Result<Segmenter, BundleError>,
}

/// A network that says what posts are about.
#[derive(Debug)]
pub struct RetrieveDescriptor {
    /// Name and sizes.
    pub architecture: Architecture,
    /// Published checkpoints.
    pub importing: Importing,
    /// How it sees pictures.
    pub view: fn(&Dimensions) -> View,
    /// What it reads of a text.
    pub reads: fn(&Dimensions) -> Reads,
    /// The network at work.
    pub serve: fn(&WeightSource<'_>, &Dimensions, Remembered) -> Result<Encoder, BundleError>,
}

impl Network<RecogniseDescriptor> {
    /// What it reads of a text.
    #[must_use]
    pub fn reads(&self) -> Reads {
        (self.descriptor().reads)(self.dimensions())
    }

    /// The labels of a word.
    #[must_use]
    pub fn labels(&self) -> i64 {
        (self.descriptor().labels)(self.dimensions())
    }
}

impl Network<JointDescriptor> {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        (self.descriptor().view)(self.dimensions())
    }

    /// What it reads of a text.
    #[must_use]
    pub fn reads(&self) -> Reads {
        (self.descriptor().reads)(self.dimensions())
    }

    /// The entity types that it tells apart.
    #[must_use]
    pub fn types(&self) -> i64 {
        (self.descriptor().types)(self.dimensions())
    }
}

impl Network<EntailDescriptor> {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        (self.descriptor().view)(self.dimensions())
    }

    /// What it reads of a prompt.
    #[must_use]
    pub fn reads(&self) -> Reads {
        (self.descriptor().reads)(self.dimensions())
    }
}

impl Network<GroundDescriptor> {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        (self.descriptor().view)(self.dimensions())
    }

    /// What it reads of a prompt.
    #[must_use]
    pub fn reads(&self) -> Reads {
        (self.descriptor().reads)(self.dimensions())
    }

    /// Whether it draws outlines, which can stand for a segmenter's masks.
    #[must_use]
    pub fn draws_outlines(&self) -> bool {
        (self.descriptor().draws_outlines)(self.dimensions())
    }

    /// The widest beam that is served.
    #[must_use]
    pub fn widest_beam(&self) -> usize {
        (self.descriptor().widest_beam)(self.dimensions())
    }
}

impl Network<SegmentDescriptor> {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        (self.descriptor().view)(self.dimensions())
    }
}

impl Network<RetrieveDescriptor> {
    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        (self.descriptor().view)(self.dimensions())
    }

    /// What it reads of a text.
    #[must_use]
    pub fn reads(&self) -> Reads {
        (self.descriptor().reads)(self.dimensions())
    }
}
