//! Beginning of a tagger's training: an encoder of Transformers, a bundle's tagger, or nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tch::nn::VarStore;
use tokenizers::Tokenizer;

use super::super::tokenizers::{SPECIAL_PIECES, train_unigram};
use super::bundle_network;
use super::recipe::{Frozen, NewNetwork, Recipe};
use super::texts::Texts;
use crate::domain::Stage;
use crate::networks::bundle::{Bundle, PublishedEncoder, Recognise, StoredWeights, Weights};
use crate::networks::descriptor::RecogniseDescriptor;
use crate::networks::tagger::{BERT_CRF, Positions, TaggerConfig, XLM_ROBERTA_CRF};
use crate::stages::recognise::{LabelSet, TextStyle};
use crate::stages::vocabulary;

/// Where the weights and the vocabulary come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder of Transformers: `config.json`, vocabulary, weights.
    Encoder(PathBuf),
    /// The tagger of a bundle.
    Bundle(PathBuf),
    /// Fresh weights, and a vocabulary of the data set.
    Nothing,
}

impl Origin {
    /// What is in a folder; no folder is nothing.
    #[must_use]
    pub fn of(folder: Option<&Path>) -> Self {
        match folder {
            None => Self::Nothing,
            Some(folder) if Bundle::is_in(folder) => Self::Bundle(folder.to_owned()),
            Some(folder) => Self::Encoder(folder.to_owned()),
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Encoder(folder) => format!("the encoder in `{}`", folder.display()),
            Self::Bundle(folder) => format!("the tagger of `{}`", folder.display()),
            Self::Nothing => "nothing".to_owned(),
        }
    }
}

/// A tagger before its training.
pub(super) struct Beginning {
    /// Its dimensions.
    pub(super) config: TaggerConfig,
    /// Its vocabulary.
    pub(super) tokenizer: Tokenizer,
    /// The form in which texts are read.
    pub(super) text: TextStyle,
    /// What was read, for people.
    pub(super) notes: Vec<String>,
    fill: Fill,
}

enum Fill {
    Encoder(Box<PublishedEncoder>),
    Tagger(StoredWeights),
    /// Of a tagger with other labels.
    Body(StoredWeights),
    Nothing,
}

impl Beginning {
    /// Opens what a training begins with. The labels are `labels`; `texts` give a vocabulary where there is none.
    ///
    /// # Errors
    /// A file that is missing or does not fit, or a recipe that the network cannot have.
    pub(super) fn open(origin: &Origin, recipe: &Recipe, labels: &LabelSet, texts: &Texts) -> Result<Self> {
        let mut beginning = match origin {
            Origin::Encoder(folder) => of_encoder(folder),
            Origin::Bundle(folder) => of_bundle(folder, labels),
            Origin::Nothing => of_nothing(&recipe.network, recipe.text.max_pieces, texts),
        }
        .with_context(|| format!("failed to begin with {}", origin.name()))?;
        ensure!(
            !recipe.adapters.is_wanted() || *origin != Origin::Nothing,
            "`adapters.rank` is {}, but an encoder from nothing has random weights, which would stay as they are",
            recipe.adapters.rank
        );
        // The DeBERTa of this project has no dropout.
        ensure!(beginning.config.span == 0, "{} is a DeBERTa, which is not trained here", origin.name());
        beginning.config.labels = labels.count() as i64;
        beginning.config.check()?;
        let longest = beginning.config.max_pieces();
        let asked = recipe.text.max_pieces;
        ensure!(
            asked <= longest,
            "`text.max_pieces` is {asked}, but the encoder reads {longest} pieces at most"
        );
        let (asked, layers) = (recipe.frozen.layers, beginning.config.layers);
        ensure!(asked as i64 <= layers, "`frozen.layers` is {asked}, but the encoder has {layers}");
        Ok(beginning)
    }

    /// Gives a tagger of these dimensions the weights that there are.
    ///
    /// # Errors
    /// All tensors that are missing or have another shape.
    pub(super) fn fill(&self, store: &VarStore) -> Result<()> {
        match &self.fill {
            Fill::Encoder(encoder) => encoder.fill(store)?,
            Fill::Tagger(weights) => weights.fill_tagger(store)?,
            Fill::Body(weights) => weights.fill_encoder(store)?,
            Fill::Nothing => {}
        }
        Ok(())
    }
}

/// The tagger with a CRF that has an encoder of these dimensions.
#[must_use]
pub(super) fn crf_tagger(config: &TaggerConfig) -> &'static RecogniseDescriptor {
    match config.positions {
        Positions::FromZero => &BERT_CRF,
        Positions::AfterPadding => &XLM_ROBERTA_CRF,
    }
}

/// Keeps the frozen parts of a tagger as they are.
pub(super) fn freeze(store: &VarStore, frozen: &Frozen) {
    const ENCODER: &str = "embedder.transformer_model.";
    bundle_network::freeze(store, |name| {
        let Some(name) = name.strip_prefix(ENCODER) else { return false };
        let layer = name.strip_prefix("encoder.layer.").and_then(|rest| rest.split('.').next()?.parse().ok());
        frozen.embeddings && name.starts_with("embeddings.")
            || layer.is_some_and(|layer: usize| layer < frozen.layers)
    });
}

fn of_encoder(folder: &Path) -> Result<Beginning> {
    ensure!(folder.is_dir(), "there is no folder `{}`", folder.display());
    let encoder = PublishedEncoder::open(folder)?;
    Ok(Beginning {
        config: encoder.dimensions.config(),
        tokenizer: encoder.tokenizer.clone(),
        text: encoder.text,
        notes: encoder.notes.clone(),
        fill: Fill::Encoder(Box::new(encoder)),
    })
}

fn of_bundle(folder: &Path, labels: &LabelSet) -> Result<Beginning> {
    let bundle = Bundle::open(folder)?;
    let part = bundle.recognise()?;
    let config: TaggerConfig = part.network.dimensions().config();
    let Weights::File { entry, .. } = &part.weights else {
        bail!("its tagger has no weights: they are drawn at random when it is loaded");
    };
    let weights = StoredWeights::open(&bundle.path(entry))?;
    let (_, bytes) = bundle.tokenizer(Stage::Recognise, part.tokenizer.as_ref())?;
    let tokenizer =
        vocabulary::tokenizer(&bytes).map_err(|error| anyhow::anyhow!("its tagger's vocabulary: {error}"))?;
    let is_whole =
        part.network.descriptor().has_crf && has_labels(part, &bundle.manifest().entity_types, labels);
    let (note, fill) = if is_whole {
        ("its labels are those of the data", Fill::Tagger(weights))
    } else {
        ("its labels are others: the layers that give them are new", Fill::Body(weights))
    };
    Ok(Beginning { config, tokenizer, text: part.text, notes: vec![note.to_owned()], fill })
}

/// Whether a tagger has these labels in this order.
fn has_labels(part: &Recognise, entity_types: &[String], labels: &LabelSet) -> bool {
    let names = |set: &LabelSet| (0..set.count()).map(|label| set.name(label)).collect::<Vec<_>>();
    part.label_set(entity_types).is_ok_and(|own| names(&own) == names(labels))
}

fn of_nothing(network: &NewNetwork, max_pieces: usize, texts: &Texts) -> Result<Beginning> {
    let tokenizer = train_unigram(texts.strings(), network.vocabulary)?;
    let pad = SPECIAL_PIECES.iter().position(|piece| *piece == "<pad>").unwrap_or_default() as i64;
    let NewNetwork { hidden, layers, heads, ffn, .. } = *network;
    let config = TaggerConfig {
        vocabulary: tokenizer.get_vocab_size(true) as i64,
        hidden,
        layers,
        heads,
        ffn,
        max_positions: max_pieces as i64 + pad + 1,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad,
        labels: 1,
        span: 0,
        convolution: 0,
    };
    let notes = vec![format!("vocabulary: {} pieces of the texts", config.vocabulary)];
    Ok(Beginning { config, tokenizer, text: TextStyle::default(), notes, fill: Fill::Nothing })
}
