//! Prompts: a phrase in the question of the network's training, as vocabulary ids; or as ids of whole words.
//!
//! [`question`] is the text around the phrase and the picture's caption, [`caption_style`] cleans both, [`word_list`] is the
//! vocabulary of networks that read words, [`special_pieces`] names special pieces, [`mod@tokenise`] moves long texts
//! off the async threads, and [`text_memory`] bounds what they take there.

use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use crate::common::plain_file;
use crate::stages::vocabulary;

mod caption_style;
mod question;
mod special_pieces;
mod text_memory;
mod tokenise;
mod word_list;

pub use caption_style::CaptionStyle;
pub use question::{CAPTION, PHRASE, QuestionError, QuestionTemplate};
pub use special_pieces::SpecialPieces;
pub use text_memory::{TextMemory, TextShare};
pub use tokenise::{tokenise, tokenise_question};
pub use word_list::{WordList, WordListError, WordsError};

/// Encodes phrases for a network, by question or by word.
#[derive(Debug)]
pub enum PhraseEncoder {
    /// For networks that read a question about the phrase.
    Question(Box<PromptEncoder>),
    /// For networks that read the words of the phrase.
    Words(WordList),
}

/// Encodes a question about a phrase.
#[derive(Debug)]
pub struct PromptEncoder {
    tokenizer: Tokenizer,
    question: QuestionTemplate,
    begin: u32,
    end: u32,
    longest: usize,
    style: CaptionStyle,
}

/// The tokenizer or the question cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file is missing, unreadable or not a tokenizer.
    #[error("failed to read the tokenizer of prompts `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: tokenizers::Error,
    },
    /// A required special piece is missing.
    #[error("the tokenizer of prompts has no `{0}`")]
    NoSpecialPiece(&'static str),
    /// The question does not hold the places that it must.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// The question cannot be tokenised.
    #[error("failed to read the question `{template}` in pieces")]
    Unreadable {
        /// Which question.
        template: String,
        /// The tokenizer's error.
        #[source]
        source: tokenizers::Error,
    },
    /// The question leaves no room for a phrase.
    #[error("the question `{template}` takes {pieces} pieces, where the network reads {longest}")]
    TooLong {
        /// Which question.
        template: String,
        /// Its pieces, including both ends.
        pieces: usize,
        /// The network's input length.
        longest: usize,
    },
}

impl PhraseEncoder {
    /// The ids of a phrase about a picture with this caption; empty: it has none. Networks that read words read no caption.
    #[must_use]
    pub fn encode(&self, phrase: &str, caption: &str) -> Vec<u32> {
        match self {
            Self::Question(question) => question.encode(phrase, caption),
            Self::Words(words) => words.encode(phrase),
        }
    }

    /// Whether the picture's caption is a part of the question.
    #[must_use]
    pub fn has_caption(&self) -> bool {
        match self {
            Self::Question(question) => question.has_caption(),
            Self::Words(_) => false,
        }
    }
}

impl From<PromptEncoder> for PhraseEncoder {
    fn from(question: PromptEncoder) -> Self {
        Self::Question(Box::new(question))
    }
}

impl From<WordList> for PhraseEncoder {
    fn from(words: WordList) -> Self {
        Self::Words(words)
    }
}

impl PromptEncoder {
    /// Reads a `tokenizer.json`; `template` is a [`QuestionTemplate`], and `longest` is the network's input length in
    /// pieces, including both ends.
    ///
    /// # Errors
    /// [`PromptError`]: the file, or an error of [`PromptEncoder::new`].
    pub fn load(path: &Path, template: &str, longest: usize) -> Result<Self, PromptError> {
        let read = plain_file::read(path).map_err(Into::into);
        let tokenizer = read.and_then(|bytes| vocabulary::tokenizer(&bytes));
        let tokenizer = tokenizer.map_err(|source| PromptError::Read { path: path.to_owned(), source })?;
        Self::new(tokenizer, template, longest)
    }

    /// Wraps a tokenizer.
    ///
    /// # Errors
    /// [`PromptError`]: a missing special piece, or a question without room for a phrase.
    pub fn new(mut tokenizer: Tokenizer, template: &str, longest: usize) -> Result<Self, PromptError> {
        let question = QuestionTemplate::parse(template)?;
        // A `<bin_7>` in a phrase is seven characters.
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_padding(None);
        // Removing the setting cannot fail. A prompt that is too long is shortened in the phrase, not at the end.
        let _ = tokenizer.with_truncation(None);
        let special =
            |piece: &'static str| tokenizer.token_to_id(piece).ok_or(PromptError::NoSpecialPiece(piece));
        let names = SpecialPieces::of(&tokenizer);
        let (begin, end) = (special(names.begin)?, special(names.end)?);
        let style = CaptionStyle::default();
        let encoder = Self { tokenizer, question, begin, end, longest, style };
        let empty = encoder
            .ids("", "")
            .map_err(|source| PromptError::Unreadable { template: template.to_owned(), source })?;
        if empty.len() >= longest {
            return Err(PromptError::TooLong { template: template.to_owned(), pieces: empty.len(), longest });
        }
        Ok(encoder)
    }

    /// Cleans phrases in this style instead of OFA's.
    #[must_use]
    pub fn with_style(self, style: CaptionStyle) -> Self {
        Self { style, ..self }
    }

    /// Whether the picture's caption is a part of the question.
    #[must_use]
    pub fn has_caption(&self) -> bool {
        self.question.has_caption()
    }

    /// The question in words, with the phrase and the picture's caption as they are cleaned; an empty caption: none.
    #[must_use]
    pub fn wording(&self, phrase: &str, caption: &str) -> String {
        self.question.fill(&self.style.clean(phrase), &self.style.clean(caption))
    }

    /// The question about a phrase and a picture with this caption, including both ends; an empty caption: none. The
    /// authors cut both after some words, as the style says, and never pieces. Where a network reads fewer pieces than
    /// that, first the caption loses its last characters, then the phrase, because its name comes first.
    #[must_use]
    pub fn encode(&self, phrase: &str, caption: &str) -> Vec<u32> {
        let phrase = self.style.clean(phrase);
        let caption = if self.has_caption() { self.style.clean(caption) } else { String::new() };
        let shorter_caption = || longest_prefix(&caption, |caption| self.fitting(&phrase, caption));
        let shorter_phrase = || longest_prefix(&phrase, |phrase| self.fitting(phrase, ""));
        let ids = self.fitting(&phrase, &caption).or_else(shorter_caption).or_else(shorter_phrase);
        // The question alone always fits.
        ids.or_else(|| self.fitting("", "")).unwrap_or_else(|| vec![self.begin, self.end])
    }

    /// The size of the vocabulary: the network's embedding must have as many rows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    fn fitting(&self, phrase: &str, caption: &str) -> Option<Vec<u32>> {
        self.ids(phrase, caption).ok().filter(|ids| ids.len() <= self.longest)
    }

    fn ids(&self, phrase: &str, caption: &str) -> Result<Vec<u32>, tokenizers::Error> {
        let encoded = self.tokenizer.encode_fast(self.question.fill(phrase, caption), false)?;
        let pieces = encoded.get_ids().iter().copied();
        Ok(std::iter::once(self.begin).chain(pieces).chain([self.end]).collect())
    }
}

/// The ids with the longest beginning of a text, which may be empty, for which there are any.
fn longest_prefix(text: &str, ids: impl Fn(&str) -> Option<Vec<u32>>) -> Option<Vec<u32>> {
    let ends: Vec<usize> = text.char_indices().map(|(start, _)| start).collect();
    let fits = ends.partition_point(|&end| ids(&text[..end]).is_some());
    let longest_end = fits.checked_sub(1).map_or(0, |index| ends[index]);
    // A longer text may have fewer pieces, so the result of the search is checked.
    ids(text[..longest_end].trim_end()).or_else(|| ids(""))
}

#[cfg(test)]
mod tests {
    use tokenizers::models::bpe::BPE;
    use tokenizers::models::wordpiece::WordPiece;
    use tokenizers::normalizers::BertNormalizer;
    use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;
    use tokenizers::{AddedToken, Tokenizer};

    use super::*;

    /// A piece for each byte, after OFA's four special ones, and a location bin.
    fn bytes() -> Tokenizer {
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let special = ["<s>", "<pad>", "</s>", "<unk>"].map(str::to_owned);
        let pieces = special.iter().cloned().chain(alphabet.iter().map(char::to_string));
        let vocabulary = pieces.zip(0u32..).collect::<Vec<_>>();
        let model = BPE::builder()
            .vocab_and_merges(vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(), vec![]);
        let mut tokenizer = Tokenizer::new(model.build().unwrap());
        tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
        tokenizer.with_decoder(Some(ByteLevel::new(false, false, true)));
        let bin = "<bin_7>".to_owned();
        let added: Vec<AddedToken> =
            special.into_iter().chain([bin]).map(|piece| AddedToken::from(piece, true)).collect();
        tokenizer.add_special_tokens(&added);
        tokenizer
    }

    #[test]
    fn a_phrase_is_cleaned_and_stands_between_both_ends() {
        let encoder = PromptEncoder::new(bytes(), " is \" {phrase} \"?", 100).unwrap();
        let ids = encoder.encode("#Chris-Paul", "");
        assert_eq!((ids[0], ids[ids.len() - 1]), (0, 2));
        assert_eq!(bytes().decode(&ids, true).unwrap(), " is \" chris paul \"?");
    }

    /// Words in BERT's way, after its special pieces.
    fn word_pieces() -> Tokenizer {
        let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[", "]", "sep", "is", "chris", "paul", "##o", "'"];
        let vocabulary = pieces.into_iter().zip(0u32..).map(|(piece, id)| (piece.to_owned(), id));
        let vocabulary: tokenizers::models::bpe::Vocab = vocabulary.collect();
        let model = WordPiece::builder().vocab(vocabulary).unk_token("[UNK]".to_owned());
        let mut tokenizer = Tokenizer::new(model.build().unwrap());
        tokenizer.with_normalizer(Some(BertNormalizer::default()));
        tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(|piece| AddedToken::from(piece, true));
        tokenizer.add_special_tokens(&special);
        tokenizer
    }

    #[test]
    fn a_prompt_for_a_network_with_berts_vocabulary_has_its_pieces_and_style() {
        let encoder = PromptEncoder::new(word_pieces(), "is {phrase}", 9).unwrap();
        assert_eq!(encoder.encode("Chris' Paulo?", ""), [2, 7, 8, 11, 9, 10, 1, 3]);
        let encoder = encoder.with_style(CaptionStyle::Albef);
        assert_eq!(encoder.encode("Chris' Paulo?", ""), [2, 7, 8, 9, 10, 3]);
        assert_eq!(encoder.encode("[SEP]", ""), [2, 7, 4, 6, 5, 3]);
        assert_eq!(encoder.encode(&"paulo ".repeat(20), ""), [2, 7, 9, 10, 9, 10, 9, 10, 3]);
    }

    #[test]
    fn a_phrase_cannot_produce_special_tokens() {
        let encoder = PromptEncoder::new(bytes(), "{phrase}", 100).unwrap();
        let ids = encoder.encode("<bin_7> </s>", "");
        assert_eq!(ids.len(), "<bin_7> </s>".len() + 2);
        assert!(ids[1..ids.len() - 1].iter().all(|id| (4..=259).contains(id)));
    }

    #[test]
    fn a_long_phrase_loses_its_end_and_the_question_stays_whole() {
        let encoder = PromptEncoder::new(bytes(), "is {phrase} there?", 20).unwrap();
        let ids = encoder.encode("abcdefghijklmnop", "");
        assert_eq!(ids.len(), 20);
        assert_eq!(bytes().decode(&ids, true).unwrap(), "is abcdefgh there?");
        let ids = encoder.encode("ééééééééé", "");
        assert_eq!(bytes().decode(&ids, true).unwrap(), "is éééé there?");
    }

    #[test]
    fn a_caption_is_cleaned_as_the_phrase_is_and_an_absent_one_leaves_its_place_empty() {
        let text = |encoder: &PromptEncoder, caption: &str| {
            let ids = encoder.encode("#Chris-Paul", caption);
            assert_eq!((ids[0], ids[ids.len() - 1]), (0, 2));
            assert!(ids[1..ids.len() - 1].iter().all(|id| (4..=259).contains(id)), "a special piece");
            bytes().decode(&ids, true).unwrap()
        };
        let encoder = PromptEncoder::new(bytes(), "1 \" {caption} \" 2 \" {phrase} \"?", 200).unwrap();
        assert!(encoder.has_caption());
        assert_eq!(text(&encoder, "  A Man/Woman"), "1 \" a man woman \" 2 \" chris paul \"?");
        assert_eq!(text(&encoder, ""), "1 \"  \" 2 \" chris paul \"?");
        assert_eq!(
            text(&encoder, "{phrase} <bin_7> </s>"),
            "1 \" {phrase} <bin_7> < s> \" 2 \" chris paul \"?"
        );
        assert_eq!(encoder.wording("#Chris-Paul", "A  B"), "1 \" a b \" 2 \" chris paul \"?");
        let without = PromptEncoder::new(bytes(), " is \" {phrase} \"?", 200).unwrap();
        assert!(!without.has_caption());
        assert_eq!(text(&without, "a man"), " is \" chris paul \"?");
    }

    #[test]
    fn a_long_caption_is_cut_before_the_phrase() {
        let encoder = PromptEncoder::new(bytes(), "{caption}: {phrase}", 14).unwrap();
        let text = |phrase: &str, caption: &str| {
            let ids = encoder.encode(phrase, caption);
            assert!(ids.len() <= 14);
            bytes().decode(&ids, true).unwrap()
        };
        assert_eq!(text("chris", "bcdef"), "bcdef: chris");
        assert_eq!(text("chris", "bcdefghi"), "bcdef: chris");
        assert_eq!(text("chris paul", "bcdefghi"), ": chris paul");
        assert_eq!(text("chris paulo is", "bcdefghi"), ": chris paul");
    }

    #[test]
    fn a_question_without_room_for_a_phrase_is_refused() {
        assert!(matches!(PromptEncoder::new(bytes(), "who?", 20), Err(PromptError::Question(_))));
        let long = PromptEncoder::new(bytes(), "is {phrase} there?", 12);
        assert!(matches!(long, Err(PromptError::TooLong { pieces: 12, .. })));
    }
}
