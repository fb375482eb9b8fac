//! MQSPN, which finds the entities of a text with their types and their regions of a picture in one pass.
//!
//! Tang et al., "Multi-Grained Query-Guided Set Prediction Network for Grounded Multimodal Named Entity Recognition" (2024).
//! Learnt queries, each begun from the prompt of an entity type, read the text and look at candidate regions; each answers
//! with at most one entity: its first and last word, its type, and its region or none. BERT reads the text and CLIP's vision
//! transformer the picture; in their last layers the text's keys and values stand before the picture's, and the picture
//! is added inside the text's feed-forward layers ([`encoders`]). In the layers after that, words, regions and queries see
//! each other ([`fusion`]).
//!
//! The authors publish no weights, so nothing has to agree with their code to the last digit. The names of parameters are those
//! of BERT and CLIP where these have some, and our own elsewhere. Differences from their code that matter: regions are seen
//! through the patches under them, not by the features of a detector ([`regions`]); in the fusion queries look at regions,
//! not at words alone; prompts of types are learnt, not read by a frozen BERT; and queries see each other only in the
//! fusion. Patches may be cut from the cells of a ResNet ([`picture`]).

mod config;
mod decode;
mod descriptor;
mod encoders;
mod fusion;
mod heads;
mod picture;
mod queries;
mod regions;
mod serve;
#[cfg(test)]
mod tests;
mod text;

use tch::nn;
use tch::{Device, Kind, Tensor};

pub use config::{MqspnConfig, MqspnConfigError};
pub use decode::{NUMBERS, QueryAnswer, best, found, query_answers};
pub use descriptor::JOINT;
pub use heads::Predictions;
pub use serve::MqspnReader;
pub use text::Text;

use crate::networks::blocks::bert::open_to_all;
use encoders::Encoders;
use fusion::{FusionLayer, Open, States};
use heads::Heads;
use queries::Queries;
use regions::Regions;

/// Mean and standard deviation of red, green and blue in CLIP's pictures, of levels from 0 to 1.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
/// Both in pictures that a ResNet sees, as in OFA's.
const HALF: [f32; 3] = [0.5; 3];

/// The network.
#[derive(Debug)]
pub struct Mqspn {
    encoders: Encoders,
    queries: Queries,
    regions: Regions,
    fusion: Vec<FusionLayer>,
    heads: Heads,
    /// `[1, 3, 1, 1]` each.
    normalisation: [Tensor; 2],
    config: MqspnConfig,
    device: Device,
}

/// Pictures of a batch with their candidate regions.
#[derive(Debug)]
pub struct Scene {
    /// `[B, 1 + patches, d]`, as [`Mqspn::see`] gives it.
    pub seen: Tensor,
    /// `[B]` of `Bool`: whether there is a picture. Where there is none, what is seen counts for nothing but its first
    /// vector.
    pub shown: Tensor,
    /// `[B, R, 4]` of `Float`: left, top, right and bottom as fractions of the picture.
    pub boxes: Tensor,
    /// `[B, R]` of `Bool`: which boxes are candidates; without a picture none is.
    pub is_candidate: Tensor,
}

/// A text and its picture after the encoders.
#[derive(Debug)]
pub struct Read {
    /// `[B, W, d]`.
    pub words: Tensor,
    /// `[B, 1 + patches, d]`, of which the first stands for the whole picture.
    pub patches: Tensor,
    /// `[B, Q, d]`.
    queries: Tensor,
}

impl Mqspn {
    /// Registers the parameters under `vs`, with fresh values.
    ///
    /// # Panics
    /// Where [`MqspnConfig::check`] would have refused.
    #[must_use]
    pub fn new(vs: &nn::Path, config: &MqspnConfig) -> Self {
        let levels = |values: &[f32]| Tensor::from_slice(values).view([1, 3, 1, 1]).to_device(vs.device());
        let layer = |index: i64| FusionLayer::new(&(vs / "fusion" / index), config);
        let (mean, deviation) = if config.has_resnet() { (HALF, HALF) } else { (MEAN, DEVIATION) };
        Self {
            encoders: Encoders::new(vs, config),
            queries: Queries::new(&(vs / "queries"), config),
            regions: Regions::new(&(vs / "regions"), config),
            fusion: (0..config.fusion_layers).map(layer).collect(),
            heads: Heads::new(&(vs / "heads"), config),
            normalisation: [levels(&mean), levels(&deviation)],
            config: config.clone(),
            device: vs.device(),
        }
    }

    /// Pixels as the network was taught them: `levels` `[B, 3, S, S]` from 0 to 255, whatever their kind.
    pub fn pixels(&self, levels: &Tensor) -> Tensor {
        let [mean, deviation] = &self.normalisation;
        (levels.to_kind(Kind::Float) / 255.0 - mean) / deviation
    }

    /// What the picture shows, whatever the text says: `[B, 1 + patches, d]` of [`Mqspn::pixels`]. The norms of a ResNet use
    /// what they remember, in training too.
    pub fn see(&self, pixels: &Tensor) -> Tensor {
        self.encoders.see(pixels)
    }

    /// Texts and pictures after the encoders, which have exchanged what they know. `dropout` is 0 outside training.
    pub fn read(&self, text: &Text, scene: &Scene, dropout: f64) -> Read {
        let (asked, positions) = (self.queries.states(), self.queries.positions());
        let open_patches = picture::open_patches(&scene.shown, self.config.patches());
        let looked = (&scene.seen, &open_patches);
        let encoded = self.encoders.read(text, looked, (&asked, &positions), dropout);
        Read { words: words(&encoded.pieces, text), patches: encoded.patches, queries: encoded.queries }
    }

    /// What the queries answer after each layer of the fusion; the last is the network's answer. `read` is what [`Self::read`]
    /// gives of the same texts and pictures.
    pub fn answers(&self, read: Read, text: &Text, scene: &Scene, dropout: f64) -> Vec<Predictions> {
        let positions = self.queries.positions();
        let open = Open::of(text, scene);
        let mut states = States {
            words: read.words,
            regions: self.regions.forward(&read.patches, &scene.boxes),
            queries: read.queries,
        };
        let mut answers = Vec::with_capacity(self.fusion.len());
        for layer in &self.fusion {
            states = layer.forward(&states, &positions, &open, dropout);
            answers.push(self.heads.forward(&states, &open));
        }
        answers
    }

    /// Ends training: what depends on the parameters alone is computed once, so later changes of parameters may go unseen.
    /// Call it after loading.
    #[must_use]
    pub fn freeze(mut self) -> Self {
        self.encoders.freeze();
        self
    }

    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &MqspnConfig {
        &self.config
    }
}

impl Open {
    fn of(text: &Text, scene: &Scene) -> Self {
        // No region is always a candidate.
        let none = Tensor::ones([scene.shown.size()[0], 1], (Kind::Bool, scene.shown.device()));
        let regions = Tensor::cat(&[&none, &scene.is_candidate], 1);
        let both = Tensor::cat(&[&text.is_word, &regions], 1);
        Self { words: open_to_all(&text.is_word), regions: open_to_all(&regions), both: open_to_all(&both) }
    }
}

/// The largest of each number among the pieces of a word, `[B, W, d]`; 0 where there is no piece.
fn words(pieces: &Tensor, text: &Text) -> Tensor {
    let (words, width) = (text.is_word.size()[1], pieces.size()[2]);
    let slots = Tensor::zeros([pieces.size()[0], words + 1, width], (pieces.kind(), pieces.device()));
    let index = text.word_of.unsqueeze(-1).expand([-1, -1, width], false);
    // Of the two functions of that name in libtorch, the one that is told how.
    slots.internal_scatter_reduce(1, &index, pieces, "amax", false).narrow(1, 0, words)
}
