//! Stage parts of a manifest: each stage's network, the files it needs, and how it is asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::proposals::Proposals;
use super::self_test_question::SelfTestQuestion;
use super::training::TrainingRecord;
use crate::common::imaging::View;
use crate::domain::Stage;
use crate::networks::blocks::crf::CrfScope;
use crate::networks::blocks::words::{Decoding, Pooling};
use crate::networks::descriptor::{
    Dimensions, EntailDescriptor, GroundDescriptor, GroundSettings, JointDescriptor, Network, Reads,
    RecogniseDescriptor, RetrieveDescriptor, SegmentDescriptor, Summary,
};
use crate::networks::weights::{FileEntry, Precision, Weights, hexadecimal};
use crate::stages::prompt::CaptionStyle;
use crate::stages::recognise::joint::Grid;
use crate::stages::recognise::{TagScheme, TextStyle};

/// The tagger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`. Without one the network can be measured, but not used.
    pub tokenizer: Option<FileEntry>,
    /// How its labels mark entities, where they are derived from the bundle's entity types.
    #[serde(default)]
    pub scheme: TagScheme,
    /// Its labels in the order of the network's rows, as its checkpoint names them; if none are given, they are derived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// The types of entities by those of labels, where they differ; `O` if such words are in no entity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, String>,
    /// The words that its CRF covers in a text with knowledge.
    #[serde(default)]
    pub crf: CrfScope,
    /// The form in which its words are read.
    #[serde(default)]
    pub text: TextStyle,
    /// How the pieces of a word decide together, without a CRF.
    #[serde(default)]
    pub pooling: Pooling,
    /// How labels are chosen, without a CRF.
    #[serde(default)]
    pub decoding: Decoding,
    /// Its network.
    pub network: Network<RecogniseDescriptor>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
    /// How it was trained, if it was by `riveg train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Box<TrainingRecord>>,
}

/// The network that stands for tagger, gate and grounder. Its requests are those of the stage `recognise`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// The probability from which a picture is taken to show an entity.
    pub threshold: f32,
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`. Without one the network can be measured, but not used.
    pub tokenizer: Option<FileEntry>,
    /// The form in which its words are read.
    #[serde(default)]
    pub text: TextStyle,
    /// The regions among which it chooses in a picture that came without boxes.
    pub candidates: Grid,
    /// The regions that the bundle's grounder proposes beside these; none: there are no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposals: Option<Proposals>,
    /// Its network.
    pub network: Network<JointDescriptor>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// The gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entail {
    /// Its prompt; `{phrase}` stands for the phrase, `{caption}` for the short caption of the picture.
    pub prompt: String,
    /// The probability of `yes` and `maybe` together from which a picture is taken to show the entity.
    pub threshold: f32,
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`. Without one the network can be measured, but not used.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: Network<EntailDescriptor>,
    /// The phrase and the caption of its self-test; without them it is asked pieces without a meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test_question: Option<SelfTestQuestion>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
    /// How it was trained, if it was by `riveg train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Box<TrainingRecord>>,
}

/// The grounder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// Its prompt; `{phrase}` stands for the phrase, `{caption}` for the short caption of the picture. A network that reads
    /// words alone has no other text in it.
    pub prompt: String,
    /// Boxes that are followed at a time while one is decoded.
    #[serde(default = "authors_beam")]
    pub beam: usize,
    /// Whether an OFA follows location bins alone. The authors' code follows all tokens: then the likeliest answer that
    /// is a box counts, and where none of the beam is one, the likeliest of bins alone.
    #[serde(default = "bins_only")]
    pub bins_only: bool,
    /// The least score of a box, 0 to 1, that is taken to show the entity; 0: every box counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub threshold: f32,
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary: `tokenizer.json`, or SeqTR's list of words, one a line; without one it can be measured, but not
    /// asked.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: Network<GroundDescriptor>,
    /// The phrase and the caption of its self-test; without them it is asked pieces without a meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test_question: Option<SelfTestQuestion>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
    /// How it was trained, if it was by `riveg train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Box<TrainingRecord>>,
}

/// The beam of OFA's authors.
fn authors_beam() -> usize {
    5
}

fn bins_only() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(threshold: &f32) -> bool {
    *threshold == 0.0
}

/// The segmenter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its network.
    pub network: Network<SegmentDescriptor>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
    /// How it was trained, if it was by `riveg train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Box<TrainingRecord>>,
}

/// The encoder of posts, by which similar examples are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieve {
    /// The precision of its network.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`. Without one the network can be measured, but not used.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: Network<RetrieveDescriptor>,
    /// Its answer to the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// What every stage has.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'manifest> {
    /// Which stage.
    pub stage: Stage,
    /// Its network.
    pub network: Summary,
    /// The network's dimensions.
    pub dimensions: &'manifest Dimensions,
    /// How it sees pictures, if it does.
    pub view: Option<View>,
    /// What it reads of texts, if it does.
    pub reads: Option<Reads>,
    /// What it is asked, if it is asked anything.
    pub prompt: Option<&'manifest str>,
    /// How phrases are cleaned for it.
    pub style: CaptionStyle,
    /// The phrase of its self-test; none: pieces without a meaning.
    pub question: Option<&'manifest SelfTestQuestion>,
    /// In what it computes.
    pub precision: Precision,
    /// Its weights.
    pub weights: &'manifest Weights,
    /// Its vocabulary.
    pub tokenizer: Option<&'manifest FileEntry>,
    /// What it answered to the request of the self-test.
    pub self_test: &'manifest [f64],
}

impl Recognise {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Recognise,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: None,
            reads: Some(self.network.reads()),
            prompt: None,
            style: CaptionStyle::default(),
            question: None,
            precision: self.precision,
            weights: &self.weights,
            tokenizer: self.tokenizer.as_ref(),
            self_test: &self.self_test,
        }
    }
}

impl Joint {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Recognise,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: Some(self.network.view()),
            reads: Some(self.network.reads()),
            prompt: None,
            style: CaptionStyle::default(),
            question: None,
            precision: self.precision,
            weights: &self.weights,
            tokenizer: self.tokenizer.as_ref(),
            self_test: &self.self_test,
        }
    }
}

impl Entail {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Entail,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: Some(self.network.view()),
            reads: Some(self.network.reads()),
            prompt: Some(&self.prompt),
            style: self.network.descriptor().style,
            question: self.self_test_question.as_ref(),
            precision: self.precision,
            weights: &self.weights,
            tokenizer: self.tokenizer.as_ref(),
            self_test: &self.self_test,
        }
    }
}

impl Ground {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Ground,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: Some(self.network.view()),
            reads: Some(self.network.reads()),
            prompt: Some(&self.prompt),
            style: self.network.descriptor().style,
            question: self.self_test_question.as_ref(),
            precision: self.precision,
            weights: &self.weights,
            tokenizer: self.tokenizer.as_ref(),
            self_test: &self.self_test,
        }
    }

    /// How the network searches.
    pub(super) fn settings(&self) -> GroundSettings {
        GroundSettings { beam: self.beam, bins_only: self.bins_only }
    }
}

impl Segment {
    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Segment,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: Some(self.network.view()),
            reads: None,
            prompt: None,
            style: CaptionStyle::default(),
            question: None,
            precision: self.precision,
            weights: &self.weights,
            tokenizer: None,
            self_test: &self.self_test,
        }
    }
}

impl Retrieve {
    /// A hash of all that decides what the network says of a post: weights, vocabulary, dimensions and precision. Vectors
    /// of two encoders cannot be compared, so what is stored of one names it by this.
    #[must_use]
    pub fn hash(&self) -> String {
        let decisive = Self { self_test: Vec::new(), ..self.clone() };
        match toml::to_string(&decisive) {
            Ok(text) => hexadecimal(Sha256::digest(text)),
            Err(error) => unreachable!("what was read from a manifest can be written again: {error}"),
        }
    }

    pub(super) fn part(&self) -> Part<'_> {
        Part {
            stage: Stage::Retrieve,
            network: self.network.summary(),
            dimensions: self.network.dimensions(),
            view: Some(self.network.view()),
            reads: Some(self.network.reads()),
            prompt: None,
            style: CaptionStyle::default(),
            question: None,
            precision: self.precision,
            weights: &self.weights,
            tokenizer: self.tokenizer.as_ref(),
            self_test: &self.self_test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Manifest, stage_template};
    use super::*;

    #[test]
    fn the_hash_is_of_what_decides_the_vectors_and_of_nothing_else() {
        let manifest = stage_template(Stage::Retrieve, "umt-base-resnet152", Precision::F32, 7).unwrap();
        let Manifest { know: Some(know), .. } = manifest else { panic!("it is a bundle of that stage") };
        let hash = know.hash();
        assert_eq!(hash.len(), 64);
        assert_eq!(Retrieve { self_test: vec![1.0], ..know.clone() }.hash(), hash);
        let mut shorter = know.network.clone();
        shorter.dimensions_mut().replace("max_pieces", 64);
        let others = [
            Retrieve { weights: Weights::Random { seed: 8 }, ..know.clone() },
            Retrieve { precision: Precision::Bf16, ..know.clone() },
            Retrieve { tokenizer: Some(FileEntry::named("tokenizer.json")), ..know.clone() },
            Retrieve { network: shorter, ..know.clone() },
        ];
        for other in others {
            assert_ne!(other.hash(), hash, "{other:?}");
        }
    }
}
