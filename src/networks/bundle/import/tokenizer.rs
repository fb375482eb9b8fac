//! Does the vocabulary belong to the network? A wrong one gives answers too, and nobody would know why they are bad.

use tokenizers::Tokenizer;

use super::{Import, ImportError};
use crate::networks::bundle::error::Fault;
use crate::networks::bundle::stages::{EntailNetwork, GroundNetwork};
use crate::networks::bundle::{BundleError, Manifest};
use crate::networks::ofa::OfaConfig;
use crate::stages::prompt::PromptEncoder;
use crate::stages::recognise::WordTokenizer;
use crate::stages::vocabulary::{Layout, Locations, PublishedVocabulary, read};

/// What an OFA that is asked for entailment answers. Every published vocabulary has them where the network expects them,
/// so they tell a whole dictionary from part of one.
const ANSWERS: [&str; 3] = [" no", " yes", " maybe"];

/// A tokenizer that belongs to its network.
pub(super) struct Fitting {
    /// The file that the bundle holds.
    pub(super) tokenizer: Tokenizer,
    /// What asks the network its question; none for a tagger.
    pub(super) prompts: Option<PromptEncoder>,
    /// What was read, and what looks wrong, for people.
    pub(super) notes: Vec<String>,
}

impl Import {
    /// Reads the tokenizer, if one is given, and checks that the network of `alone`, a bundle of the one stage, can be
    /// asked in its pieces.
    pub(super) fn fitting_tokenizer(&self, alone: &Manifest) -> Result<Option<Fitting>, ImportError> {
        if self.tokenizer.is_empty() {
            return Ok(None);
        }
        let ofa = ofa_of(alone);
        let locations = ofa.map(|config| Locations {
            first: u32::try_from(config.first_bin).unwrap_or(u32::MAX),
            count: u32::try_from(config.bins).unwrap_or(u32::MAX),
        });
        let published = read(&self.tokenizer, locations)?;
        let asked = alone.entail.as_ref().map(|part| (&part.prompt, part.network.reads()));
        let asked = asked.or(alone.ground.as_ref().map(|part| (&part.prompt, part.network.reads())));
        let tagger = alone.recognise.as_ref().map(|part| part.network.config());
        let rows = asked.map(|(_, (rows, _))| rows).or(tagger.map(|config| config.vocabulary));

        let mut faults: Vec<Fault> = rows.and_then(|rows| too_many(&published, rows)).into_iter().collect();
        let mut notes = Vec::new();
        if let Some(config) = ofa {
            faults.extend(other_locations(&published.tokenizer, config));
            let other = other_answers(&published.tokenizer, config);
            // Who brings a tokenizer of their own may have other words for the answers.
            if published.layout != Layout::TokenizerJson {
                faults.extend(other);
            } else if alone.entail.is_some() {
                let file = published.file.display();
                notes.extend(other.iter().map(|fault| format!("warning: `{file}`: {fault}")));
            }
        }
        let spoken = published.tokenizer.clone();
        let prompts = match (asked, tagger) {
            (Some((prompt, (_, longest))), _) => match PromptEncoder::new(spoken, prompt, longest) {
                Ok(prompts) => Some(prompts),
                Err(error) => {
                    faults.push(Fault::new("its pieces", "those of the network's questions", error));
                    None
                }
            },
            (None, Some(config)) => {
                if let Err(error) = WordTokenizer::new(spoken, config.max_positions as usize) {
                    faults.push(Fault::new("its pieces", "those that every text needs", error));
                }
                None
            }
            (None, None) => None,
        };
        if !faults.is_empty() {
            return Err(BundleError::Unfit { file: published.file, faults }.into());
        }
        let pieces = published.tokenizer.get_vocab_size(true);
        notes.insert(0, format!("tokenizer: {pieces} pieces from {}", published.layout));
        Ok(Some(Fitting { tokenizer: published.tokenizer, prompts, notes }))
    }
}

/// The dimensions of the OFA in a bundle of one stage, if it is one.
pub(super) fn ofa_of(alone: &Manifest) -> Option<&OfaConfig> {
    if let Some(GroundNetwork::Ofa(dimensions)) = alone.ground.as_ref().map(|part| &part.network) {
        return Some(&dimensions.config);
    }
    match alone.entail.as_ref().map(|part| &part.network) {
        Some(EntailNetwork::Ofa(dimensions)) => Some(&dimensions.config),
        _ => None,
    }
}

/// A tokenizer may not know more pieces than its network has rows.
fn too_many(published: &PublishedVocabulary, rows: i64) -> Option<Fault> {
    let highest = published.tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
    let expected = format!("ids below {rows}, the network's rows (its `vocabulary`)");
    (i64::from(highest) >= rows).then(|| Fault::new("its pieces", expected, format!("ids up to {highest}")))
}

/// The location tokens, where the tokenizer has any, are those that the network was taught.
fn other_locations(tokenizer: &Tokenizer, config: &OfaConfig) -> Vec<Fault> {
    let last = config.bins - 1;
    let fault = |bin: i64| {
        let piece = format!("<bin_{bin}>");
        let (found, id) = (i64::from(tokenizer.token_to_id(&piece)?), config.first_bin + bin);
        let expected = format!("the id {id} by the network's `first_bin` and `bins`");
        (found != id).then(|| Fault::new(&piece, expected, found))
    };
    [0, last].into_iter().filter_map(fault).collect()
}

/// The three answers are one piece each, with the ids that the network answers with.
fn other_answers(tokenizer: &Tokenizer, config: &OfaConfig) -> Vec<Fault> {
    let fault = |(answer, expected): (&str, i64)| {
        let encoded = tokenizer.encode_fast(answer, false);
        let found = encoded.map(|encoded| encoded.get_ids().to_vec()).unwrap_or_default();
        let is_it = matches!(found[..], [id] if i64::from(id) == expected);
        let expected = format!("the one id {expected} of the network's `answers`");
        (!is_it).then(|| Fault::new(&format!("\"{answer}\""), expected, format!("{found:?}")))
    };
    ANSWERS.into_iter().zip(config.answers).filter_map(fault).collect()
}
