//! Word tokenizer: each word alone, in pieces of the tagger's vocabulary.

use std::path::{Path, PathBuf};

use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{PreTokenizerWrapper, Tokenizer};

use super::TextStyle;
use crate::common::plain_file;
use crate::domain::Span;
use crate::stages::prompt::SpecialPieces;
use crate::stages::vocabulary;

/// Splits words into pieces of the tagger's vocabulary.
#[derive(Debug)]
pub struct WordTokenizer {
    tokenizer: Tokenizer,
    pub(super) begin: u32,
    pub(super) end: u32,
    unknown: u32,
    /// Special pieces, which a text must not produce.
    reserved: Vec<u32>,
    pub(super) max_pieces: usize,
    /// The first id that is read as unknown; of BERTweet alone.
    first_passing: Option<u32>,
    style: TextStyle,
}

/// The tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file is missing, unreadable or not a tokenizer.
    #[error("failed to read the tagger's tokenizer `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: tokenizers::Error,
    },
    /// A required special piece is missing.
    #[error("the tagger's tokenizer has no `{0}`")]
    NoSpecialPiece(&'static str),
    /// Not even one word fits.
    #[error("the tagger's input must hold at least 3 pieces, not {0}")]
    TooShort(usize),
}

/// The code points of a word that are read. The rest does not help the tagger, and a text of 100 kB without a space must not
/// cost more than others.
const MAX_WORD_CODE_POINTS: usize = 100;

impl WordTokenizer {
    /// Reads a `tokenizer.json`. `max_pieces` is the longest input of the network, including special pieces.
    ///
    /// # Errors
    /// [`TokenizerError`]: the file, or a missing special piece.
    pub fn load(path: &Path, max_pieces: usize) -> Result<Self, TokenizerError> {
        let read_failed = |source| TokenizerError::Read { path: path.to_owned(), source };
        let bytes = plain_file::read(path).map_err(|error| read_failed(error.into()))?;
        Self::from_bytes(path, &bytes, max_pieces)
    }

    /// Parses a `tokenizer.json`; `path` is for errors.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8], max_pieces: usize) -> Result<Self, TokenizerError> {
        let read = vocabulary::tokenizer(bytes);
        let tokenizer = read.map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::new(tokenizer, max_pieces)
    }

    /// Wraps a tokenizer.
    ///
    /// # Errors
    /// [`TokenizerError`]: a missing special piece.
    pub fn new(mut tokenizer: Tokenizer, max_pieces: usize) -> Result<Self, TokenizerError> {
        if max_pieces < 3 {
            return Err(TokenizerError::TooShort(max_pieces));
        }
        // A `</s>` in a text is four characters. A unigram model may still have them as one piece, so `pieces` checks the
        // result too.
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_padding(None);
        // RoBERTa's file reads the first word of a text without a space, but a word alone is any word.
        if let Some(&PreTokenizerWrapper::ByteLevel(bytes)) = tokenizer.get_pre_tokenizer() {
            tokenizer.with_pre_tokenizer(Some(ByteLevel::new(true, bytes.trim_offsets, bytes.use_regex)));
        }
        let special =
            |piece: &'static str| tokenizer.token_to_id(piece).ok_or(TokenizerError::NoSpecialPiece(piece));
        let names = SpecialPieces::of(&tokenizer);
        let (begin, end, unknown) = (special(names.begin)?, special(names.end)?, special(names.unknown)?);
        let reserved = [names.begin, names.end, names.pad, names.mask]
            .iter()
            .filter_map(|piece| tokenizer.token_to_id(piece))
            .collect();
        let (first_passing, style) = (vocabulary::first_passing(&tokenizer), TextStyle::default());
        Ok(Self { tokenizer, begin, end, unknown, reserved, max_pieces, first_passing, style })
    }

    /// Reads words in this style.
    #[must_use]
    pub fn with_style(self, style: TextStyle) -> Self {
        Self { style, ..self }
    }

    /// The words of a text, in the style.
    #[must_use]
    pub fn words(&self, text: &str) -> Vec<Span> {
        self.style.words(text)
    }

    /// The size of the vocabulary: the network's embedding must have as many rows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.first_passing.map_or_else(|| self.tokenizer.get_vocab_size(true), |first| first as usize)
    }

    /// The pieces of one word: at least one, and at most as many as fit into a window.
    ///
    /// Only its first 100 code points are read. Text that the tokenizer cannot read is the unknown piece.
    #[must_use]
    pub fn pieces(&self, word: &str) -> Vec<u32> {
        let end = word.char_indices().nth(MAX_WORD_CODE_POINTS).map_or(word.len(), |(end, _)| end);
        let read = self.style.read(&word[..end]);
        let encoded = self.tokenizer.encode_fast(&*read, false);
        let mut pieces = encoded.map(|encoded| encoded.get_ids().to_vec()).unwrap_or_default();
        if pieces.is_empty() {
            pieces.push(self.unknown);
        }
        pieces.truncate(self.max_pieces - 2);
        for piece in &mut pieces {
            if self.reserved.contains(piece) || self.first_passing.is_some_and(|first| *piece >= first) {
                *piece = self.unknown;
            }
        }
        pieces
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tokenizers::models::wordlevel::WordLevel;
    use tokenizers::models::wordpiece::WordPiece;
    use tokenizers::normalizers::BertNormalizer;
    use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

    use super::*;

    /// A vocabulary of three words, in XLM-R's style.
    pub(in super::super) fn words(max_pieces: usize) -> WordTokenizer {
        let vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "one", "two", "."];
        let vocabulary = vocabulary.iter().zip(0..).map(|(piece, id)| ((*piece).to_owned(), id)).collect();
        let model = WordLevel::builder().vocab(vocabulary).unk_token("<unk>".to_owned()).build().unwrap();
        WordTokenizer::new(Tokenizer::new(model), max_pieces).unwrap()
    }

    /// A vocabulary of words and word ends, in BERT's style.
    pub(in super::super) fn word_pieces(max_pieces: usize) -> WordTokenizer {
        let pieces = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[", "]", "CLS", "Jordan", "##s", "'", "s", "met",
            "Kel", "##dor", "<", ">", "E", "##OS",
        ];
        let vocabulary = pieces.into_iter().zip(0u32..).map(|(piece, id)| (piece.to_owned(), id));
        let vocabulary: tokenizers::models::bpe::Vocab = vocabulary.collect();
        let model = WordPiece::builder().vocab(vocabulary).unk_token("[UNK]".to_owned()).build().unwrap();
        let mut tokenizer = Tokenizer::new(model);
        tokenizer.with_normalizer(Some(BertNormalizer::new(true, true, None, false)));
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        WordTokenizer::new(tokenizer, max_pieces).unwrap()
    }

    #[test]
    fn a_text_cannot_produce_special_pieces_and_new_words_are_unknown() {
        let tokenizer = words(16);
        assert_eq!(tokenizer.pieces("one"), [4]);
        for word in ["zwei", "", "🔥", "<s>", "</s>", "<pad>", "<unk>"] {
            assert_eq!(tokenizer.pieces(word), [3], "{word:?}");
        }
    }

    #[test]
    fn words_are_split_into_the_pieces_of_berts_vocabulary() {
        let tokenizer = word_pieces(16);
        let cases: [(&str, &[u32]); 8] = [
            ("Jordan", &[8]),
            ("Jordans", &[8, 9]),
            ("Jordan's", &[8, 10, 11]),
            ("Keldor", &[13, 14]),
            ("jordan", &[1]),
            ("[CLS]", &[5, 7, 6]),
            ("[PAD]", &[5, 1, 6]),
            ("\u{200b}", &[1]),
        ];
        for (word, pieces) in cases {
            assert_eq!(tokenizer.pieces(word), pieces, "{word:?}");
        }
    }

    #[test]
    fn an_incomplete_tokenizer_is_refused() {
        let model =
            WordLevel::builder().vocab([("<s>".to_owned(), 0)].into_iter().collect()).build().unwrap();
        let error = WordTokenizer::new(Tokenizer::new(model), 8).unwrap_err();
        assert_eq!(error.to_string(), "the tagger's tokenizer has no `</s>`");
        let error = WordTokenizer::load(Path::new("nowhere/tokenizer.json"), 8).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the tagger's tokenizer `nowhere/tokenizer.json`");
    }
}
