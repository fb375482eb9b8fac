//! Vocabularies: trains the tokenizers of the tagger and of OFA.

use std::collections::BTreeMap;
use std::path::Path;

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::normalizers::unicode::NFKC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{
    AddedToken, Error, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, Tokenizer, TokenizerImpl,
};

use crate::stages::recognise::split_words;

/// The pieces with ids 0 to 3, in XLM-R and in OFA.
pub const SPECIAL_PIECES: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// A tokenizer that could not be trained or written.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation} the tokenizer of {network}")]
pub struct TokenizerTrainingError {
    operation: &'static str,
    network: &'static str,
    #[source]
    source: Error,
}

/// The vocabulary of an OFA network.
#[derive(Debug)]
pub struct OfaTokenizer {
    /// Encodes text as ids.
    pub tokenizer: Tokenizer,
    /// Number of ids, location tokens included.
    pub vocabulary: usize,
    /// The id of `<bin_0>`; the other location tokens follow it.
    pub first_bin: u32,
}

/// Trains the tagger's vocabulary like that of XLM-R: unigram, a leading `▁` per word, NFKC normalisation. `vocabulary` is
/// the number of pieces with the special ones; few texts may yield fewer.
///
/// # Errors
/// Those of the trainer, such as more different characters than pieces.
pub fn train_unigram<S: AsRef<str>>(
    texts: impl IntoIterator<Item = S>,
    vocabulary: u32,
) -> Result<Tokenizer, TokenizerTrainingError> {
    let failed = |source| TokenizerTrainingError { operation: "train", network: "the tagger", source };
    let metaspace = Metaspace::new('▁', PrependScheme::Always, true);
    let counts = count_words(texts, &metaspace).map_err(failed)?;
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(vocabulary)
        .special_tokens(special_tokens(&SPECIAL_PIECES))
        .unk_token(Some("<unk>".to_owned()))
        .build()
        .map_err(|error| failed(error.into()))?;
    let mut model = Unigram::default();
    let special = trainer.do_train(counts, &mut model).map_err(failed)?;
    let mut tokenizer = Tokenizer::new(with_stable_order(&model).map_err(failed)?);
    tokenizer.with_normalizer(Some(NFKC));
    tokenizer.with_pre_tokenizer(Some(metaspace.clone()));
    tokenizer.with_decoder(Some(metaspace));
    tokenizer.add_special_tokens(&special);
    Ok(tokenizer)
}

/// Trains OFA's vocabulary: byte-level BPE, so that no text is unknown; then `<mask>` and `bins` location tokens.
///
/// `pieces` is the number of pieces before `<mask>`, with the special ones and all 256 bytes; few texts may yield fewer.
///
/// # Errors
/// Those of the trainer.
pub fn train_byte_pairs<S: AsRef<str> + Send>(
    texts: impl Iterator<Item = S> + Send,
    pieces: usize,
    bins: usize,
) -> Result<OfaTokenizer, TokenizerTrainingError> {
    let failed = |source| TokenizerTrainingError { operation: "train", network: "OFA", source };
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(pieces)
        .special_tokens(special_tokens(&SPECIAL_PIECES))
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut tokenizer: TokenizerImpl<BPE, NFKC, ByteLevel, ByteLevel, ByteLevel> =
        TokenizerImpl::new(BPE::default());
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
    tokenizer.with_decoder(Some(ByteLevel::new(false, false, true)));
    tokenizer.train(&mut trainer, texts).map_err(failed)?;

    let first_bin = tokenizer.get_vocab_size(true) + 1;
    let names: Vec<String> =
        std::iter::once("<mask>".to_owned()).chain((0..bins).map(|bin| format!("<bin_{bin}>"))).collect();
    tokenizer.add_special_tokens(&special_tokens(&names));
    let vocabulary = tokenizer.get_vocab_size(true);
    let first_bin = u32::try_from(first_bin).map_err(|error| failed(error.into()))?;
    Ok(OfaTokenizer { tokenizer: as_loaded(&tokenizer), vocabulary, first_bin })
}

/// Writes a `tokenizer.json`.
///
/// # Errors
/// That of the file system.
pub fn save(tokenizer: &Tokenizer, path: &Path) -> Result<(), TokenizerTrainingError> {
    let network = "a network";
    tokenizer.save(path, false).map_err(|source| TokenizerTrainingError {
        operation: "write",
        network,
        source,
    })
}

/// Counts of normalised words. Sorted, so that the same texts give the same vocabulary.
fn count_words<S: AsRef<str>>(
    texts: impl IntoIterator<Item = S>,
    metaspace: &Metaspace,
) -> Result<Vec<(String, u32)>, Error> {
    let mut raw: BTreeMap<String, u32> = BTreeMap::new();
    for text in texts {
        let text = text.as_ref();
        for word in split_words(text) {
            *raw.entry(text[word.byte_start..word.byte_end].to_owned()).or_default() += 1;
        }
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for (word, count) in raw {
        let mut normalised = NormalizedString::from(word);
        NFKC.normalize(&mut normalised)?;
        let mut split = PreTokenizedString::from(normalised);
        metaspace.pre_tokenize(&mut split)?;
        for (piece, ..) in split.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            *seen.entry(piece.to_owned()).or_default() += count;
        }
    }
    Ok(seen.into_iter().collect())
}

/// The same model in a stable order. The trainer leaves pieces of equal score in the order of a random hash, and gives
/// characters that are too rare for a piece an arbitrary score just above the lowest.
fn with_stable_order(model: &Unigram) -> Result<Unigram, Error> {
    const STEP_OF_RARE_CHARACTERS: f64 = 1e-4;
    // Further digits depend on the order of summation.
    const SCALE: f64 = 1e6;
    let (special, pieces): (Vec<_>, Vec<_>) =
        model.iter().cloned().partition(|(piece, _)| SPECIAL_PIECES.contains(&piece.as_str()));
    let lowest = pieces.iter().map(|(_, score)| *score).fold(0.0, f64::min);
    let is_character = |piece: &str| piece.chars().nth(1).is_none();
    let characters = pieces.iter().filter(|(piece, _)| is_character(piece)).count();
    let rare = lowest + STEP_OF_RARE_CHARACTERS * (characters + 1) as f64;
    let mut pieces: Vec<_> = pieces
        .into_iter()
        .map(|(piece, score)| {
            let score = if is_character(&piece) && score < rare { lowest } else { score };
            (piece, (score * SCALE).round() / SCALE)
        })
        .collect();
    pieces.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    let unknown = special.iter().position(|(piece, _)| piece == "<unk>");
    Unigram::from(special.into_iter().chain(pieces).collect(), unknown, false)
}

fn special_tokens<S: AsRef<str>>(names: &[S]) -> Vec<AddedToken> {
    names.iter().map(|name| AddedToken::from(name.as_ref(), true)).collect()
}

/// The same tokenizer with the types of a loaded one.
fn as_loaded(trained: &TokenizerImpl<BPE, NFKC, ByteLevel, ByteLevel, ByteLevel>) -> Tokenizer {
    let mut tokenizer = Tokenizer::new(trained.get_model().clone());
    tokenizer.with_pre_tokenizer(trained.get_pre_tokenizer().copied());
    tokenizer.with_decoder(trained.get_decoder().copied());
    tokenizer.with_added_vocabulary(trained.get_added_vocabulary().clone());
    tokenizer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::recognise::WordTokenizer;

    fn texts() -> Vec<String> {
        let names = ["Vorlan", "Keldor", "Miravel", "Tasqua", "Ondrick"];
        let places = ["harbour", "bridge", "tower", "station"];
        let mut texts = Vec::new();
        for name in names {
            for place in places {
                texts.push(format!("RT @fan: {name}'s new shoes at the {place}!! #{name} 🔥"));
            }
        }
        texts
    }

    #[test]
    fn the_tagger_has_the_special_ids_of_xlm_r_and_survives_a_file() {
        let tokenizer = train_unigram(texts(), 120).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        save(&tokenizer, &path).unwrap();
        for (id, piece) in (0..).zip(SPECIAL_PIECES) {
            assert_eq!(tokenizer.token_to_id(piece), Some(id));
        }
        let words = WordTokenizer::load(&path, 64).unwrap();
        assert!(words.vocabulary() <= 120 && words.vocabulary() > 40, "{}", words.vocabulary());
        assert_eq!(words.pieces("龍"), [tokenizer.token_to_id("▁").unwrap(), 3], "a character never seen");
        assert_eq!(words.pieces("𝐛𝐫𝐢𝐝𝐠𝐞"), words.pieces("bridge"), "letters in fancy dress");
        let first = tokenizer.id_to_token(words.pieces("bridge")[0]).unwrap();
        assert!(first.starts_with('▁'), "{first}");
        for spelled in ["<pad>", "</s>", "<unk>"] {
            assert!(
                !words.pieces(spelled).iter().any(|&id| id < 3),
                "{spelled} in a text is no special piece"
            );
        }
    }

    #[test]
    fn the_same_texts_make_the_same_tagger_vocabulary() {
        let train = || train_unigram(texts(), 100).unwrap().to_string(false).unwrap();
        assert_eq!(train(), train());
    }

    #[test]
    fn ofa_knows_every_byte_and_its_bins_come_last() {
        let trained = train_byte_pairs(texts().iter(), 300, 64).unwrap();
        let reloaded = Tokenizer::from_bytes(trained.tokenizer.to_string(false).unwrap()).unwrap();
        for (id, piece) in (0..).zip(SPECIAL_PIECES) {
            assert_eq!(reloaded.token_to_id(piece), Some(id));
        }
        assert_eq!(trained.vocabulary, 300 + 1 + 64);
        assert_eq!(reloaded.get_vocab_size(true), trained.vocabulary);
        assert_eq!(reloaded.token_to_id("<mask>"), Some(trained.first_bin - 1));
        assert_eq!(reloaded.token_to_id("<bin_0>"), Some(trained.first_bin));
        assert_eq!(reloaded.token_to_id("<bin_63>"), Some(trained.vocabulary as u32 - 1));
        for text in [" which region does the text \" Vorlan \" describe?", "龍🔥\u{0}é"] {
            let ids = reloaded.encode_fast(text, false).unwrap();
            assert!(!ids.get_ids().contains(&3));
            assert_eq!(reloaded.decode(ids.get_ids(), true).unwrap(), text);
        }
    }
}
