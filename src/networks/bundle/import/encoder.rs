//! Published encoder: a folder of Transformers from which a tagger's training begins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tch::nn::VarStore;
use tch::no_grad;
use tokenizers::Tokenizer;

use super::config::is_of;
use super::folder::{CONFIG, weights};
use super::tokenizer::too_many;
use crate::networks::checkpoint::{Checkpoint, Family, Renamed};
use crate::networks::descriptor::{
    ConfigJson, Descriptor, Dimensions, ImportError, RecogniseDescriptor, read_floats,
};
use crate::networks::registry::family_of;
use crate::networks::weights::{BundleError, Fault};
use crate::stages::recognise::TextStyle;
use crate::stages::vocabulary::{self, Layout};

/// An encoder with its vocabulary.
#[derive(Debug)]
pub struct PublishedEncoder {
    /// Its dimensions, as those of a tagger whose labels mean nothing.
    pub dimensions: Dimensions,
    /// Its vocabulary.
    pub tokenizer: Tokenizer,
    /// The form in which texts are read that go with the vocabulary.
    pub text: TextStyle,
    /// What was read, for people.
    pub notes: Vec<String>,
    weights: StoredWeights,
}

/// The weights of a file, by the names that the tagger gives them.
#[derive(Debug)]
pub struct StoredWeights {
    checkpoint: Checkpoint,
    family: &'static Family,
}

/// What the names of the encoder's parameters begin with.
const ENCODER: &str = "embedder.";

impl PublishedEncoder {
    /// Opens the encoder in a folder: `config.json`, weights, vocabulary. Nothing of them may be missing.
    ///
    /// # Errors
    /// Names the file or the key that is missing or does not fit.
    pub fn open(folder: &Path) -> Result<Self, ImportError> {
        let file = folder.join(CONFIG);
        if !file.is_file() {
            let fault = Fault::new(CONFIG, "the dimensions of an encoder", "no such file");
            return Err(BundleError::Unfit { file: folder.to_owned(), faults: vec![fault] }.into());
        }
        let (descriptor, dimensions) = described(&ConfigJson::read(&file)?)?;
        let (path, note) = weights(folder)?;
        let weights = StoredWeights::open(&path)?;
        let published = vocabulary::read(&[folder.to_owned()], None)?;
        if let Some(fault) = too_many(&published, (descriptor.reads)(&dimensions).rows) {
            return Err(BundleError::Unfit { file: published.file, faults: vec![fault] }.into());
        }
        let text = match published.layout {
            Layout::Bertweet => TextStyle::Bertweet,
            _ => TextStyle::default(),
        };
        let mut notes = vec![
            format!("weights: {} in `{}`", weights.family, path.display()),
            format!("vocabulary: {}", published.layout),
        ];
        notes.extend(note);
        Ok(Self { dimensions, tokenizer: published.tokenizer, text, notes, weights })
    }

    /// Gives a tagger the weights of the encoder; the rest of it stays as it is.
    ///
    /// # Errors
    /// All parameters of the encoder without a tensor of their shape; then nothing has changed.
    pub fn fill(&self, store: &VarStore) -> Result<(), ImportError> {
        self.weights.fill_encoder(store)
    }
}

impl StoredWeights {
    /// Opens a file of weights.
    ///
    /// # Errors
    /// It cannot be read, or is of no known network.
    pub fn open(file: &Path) -> Result<Self, ImportError> {
        let checkpoint = Checkpoint::open(file)?;
        let family = family_of(&checkpoint)?;
        Ok(Self { checkpoint, family })
    }

    /// Gives a tagger the weights of its encoder; the rest of it stays as it is.
    ///
    /// # Errors
    /// As [`PublishedEncoder::fill`].
    pub fn fill_encoder(&self, store: &VarStore) -> Result<(), ImportError> {
        self.fill(store, |name| name.starts_with(ENCODER))
    }

    /// Gives a tagger all its weights.
    ///
    /// # Errors
    /// As [`PublishedEncoder::fill`], of all parameters.
    pub fn fill_tagger(&self, store: &VarStore) -> Result<(), ImportError> {
        self.fill(store, |_| true)
    }

    fn fill(&self, store: &VarStore, is_wanted: impl Fn(&str) -> bool) -> Result<(), ImportError> {
        let kept = self.checkpoint.names().filter_map(|name| match self.family.rename(name) {
            Renamed::Keep(ours) => Some((ours, name)),
            Renamed::Split(_) | Renamed::Drop(_) => None,
        });
        let published: BTreeMap<String, &str> = kept.collect();
        let variables: BTreeMap<String, tch::Tensor> =
            store.variables().into_iter().filter(|(name, _)| is_wanted(name)).collect();
        let mut faults = Vec::new();
        let mut found = Vec::new();
        for (name, variable) in &variables {
            let shape = |sizes: &[i64]| format!("shape {sizes:?}");
            let expected = shape(&variable.size());
            let tensor = published.get(name).map(|own| read_floats(&self.checkpoint, own)).transpose()?;
            match tensor.flatten() {
                Some(tensor) if tensor.size() == variable.size() => found.push((variable, tensor)),
                Some(tensor) => faults.push(Fault::new(name, expected, shape(&tensor.size()))),
                None => faults.push(Fault::new(name, expected, "no such tensor")),
            }
        }
        if !faults.is_empty() {
            let file: PathBuf = self.checkpoint.path().to_owned();
            return Err(BundleError::Unfit { file, faults }.into());
        }
        for (variable, tensor) in found {
            no_grad(|| variable.shallow_clone().copy_(&tensor));
        }
        Ok(())
    }
}

/// The tagger that has the encoder which a `config.json` describes, and its dimensions.
fn described(config: &ConfigJson) -> Result<(&'static RecogniseDescriptor, Dimensions), BundleError> {
    let unfit = |fault| BundleError::Unfit { file: config.file().to_owned(), faults: vec![fault] };
    let known = RecogniseDescriptor::ALL.iter().copied();
    let published = known.filter_map(|known| Some((known, known.importing().config.as_ref()?)));
    let published: Vec<_> = published.collect();
    let found = published.iter().find(|(_, published)| is_of(config, published.model_types));
    let Some((descriptor, published)) = found else {
        let types: BTreeSet<&str> =
            published.iter().flat_map(|(_, published)| published.model_types).copied().collect();
        let expected = types.into_iter().collect::<Vec<_>>().join("` or `");
        let found = config.model_type().unwrap_or("none").escape_debug().to_string();
        return Err(unfit(Fault::new("model_type", format!("`{expected}`"), format!("`{found}`"))));
    };
    Ok((*descriptor, (published.dimensions)(config).map_err(unfit)?))
}
