//! How does the tagger read a text? Each word alone in pieces of its vocabulary, in windows that the network can hold.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use super::Request;
use crate::domain::Span;

/// Cuts words into the pieces of the tagger's vocabulary.
#[derive(Debug)]
pub struct WordTokenizer {
    tokenizer: Tokenizer,
    begin: u32,
    end: u32,
    unknown: u32,
    /// Pieces that no text may contain.
    reserved: Vec<u32>,
    max_pieces: usize,
}

/// Some words of a text, as one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which words of the text.
    pub words: Range<usize>,
    /// What the tagger is asked.
    pub request: Request,
}

/// A tokenizer that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file is not there, not readable, or no tokenizer.
    #[error("failed to read the tagger's tokenizer `{path}`")]
    Read {
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: tokenizers::Error,
    },
    /// A piece that every text needs is not in the vocabulary.
    #[error("the tagger's tokenizer has no `{0}`")]
    NoSpecialPiece(&'static str),
    /// Not even one word would fit.
    #[error("the tagger's input must hold at least 3 pieces, not {0}")]
    TooShort(usize),
}

/// No word is longer than this: what follows does not help to read it, and a text of 100 kB without a space must not
/// cost the tokenizer more than its share.
const MAX_WORD_CODE_POINTS: usize = 100;

impl WordTokenizer {
    /// Reads a `tokenizer.json`. `max_pieces` is the longest input of the network, special pieces counted.
    ///
    /// # Errors
    /// [`TokenizerError`]: the file, or a special piece that it lacks.
    pub fn load(path: &Path, max_pieces: usize) -> Result<Self, TokenizerError> {
        let read_failed = |source| TokenizerError::Read { path: path.to_owned(), source };
        let bytes = fs::read(path).map_err(|error| read_failed(error.into()))?;
        Self::from_bytes(path, &bytes, max_pieces)
    }

    /// Takes the bytes of a `tokenizer.json` that was read already; `path` is for the error.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(path: &Path, bytes: &[u8], max_pieces: usize) -> Result<Self, TokenizerError> {
        let read = Tokenizer::from_bytes(bytes);
        let tokenizer = read.map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::new(tokenizer, max_pieces)
    }

    /// Takes a tokenizer that is already in memory.
    ///
    /// # Errors
    /// [`TokenizerError`]: a special piece that it lacks.
    pub fn new(mut tokenizer: Tokenizer, max_pieces: usize) -> Result<Self, TokenizerError> {
        if max_pieces < 3 {
            return Err(TokenizerError::TooShort(max_pieces));
        }
        // A text that says `</s>` says these four characters. A unigram model may know the four as one piece all the
        // same, so what comes out is looked through as well.
        tokenizer.set_encode_special_tokens(true);
        tokenizer.with_padding(None);
        let special =
            |piece: &'static str| tokenizer.token_to_id(piece).ok_or(TokenizerError::NoSpecialPiece(piece));
        let (begin, end, unknown) = (special("<s>")?, special("</s>")?, special("<unk>")?);
        let reserved = ["<s>", "</s>", "<pad>", "<mask>"]
            .iter()
            .filter_map(|piece| tokenizer.token_to_id(piece))
            .collect();
        Ok(Self { tokenizer, begin, end, unknown, reserved, max_pieces })
    }

    /// How many pieces it knows: the network's table must have as many rows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// The pieces of one word: at least one, and no more than fit into a window.
    ///
    /// Only its first 100 code points are read. What the tokenizer cannot read is the unknown piece.
    #[must_use]
    pub fn pieces(&self, word: &str) -> Vec<u32> {
        let end = word.char_indices().nth(MAX_WORD_CODE_POINTS).map_or(word.len(), |(end, _)| end);
        let encoded = self.tokenizer.encode_fast(&word[..end], false);
        let mut pieces = encoded.map(|encoded| encoded.get_ids().to_vec()).unwrap_or_default();
        if pieces.is_empty() {
            pieces.push(self.unknown);
        }
        pieces.truncate(self.max_pieces - 2);
        for piece in &mut pieces {
            if self.reserved.contains(piece) {
                *piece = self.unknown;
            }
        }
        pieces
    }

    /// The requests that read all words of a text; none for a text without words.
    ///
    /// A text that is too long for one window is cut between words: after the last word that ends a sentence where the
    /// second half of the window has one, else where it is full. Words of different windows do not see each other.
    #[must_use]
    pub fn windows(&self, text: &str, words: &[Span]) -> Vec<Window> {
        let pieces: Vec<Vec<u32>> =
            words.iter().map(|word| self.pieces(&text[word.byte_start..word.byte_end])).collect();
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        let ends_sentence = |word: usize| {
            let Span { byte_start, byte_end, .. } = words[word];
            let next = words.get(word + 1).map_or(text.len(), |next| next.byte_start);
            text[byte_start..byte_end].ends_with(['.', '!', '?', '…', '。', '！', '？'])
                || text[byte_end..next].contains('\n')
        };
        cut(&lengths, self.max_pieces - 2, ends_sentence)
            .into_iter()
            .map(|words| Window { request: self.request(&pieces[words.clone()]), words })
            .collect()
    }

    fn request(&self, words: &[Vec<u32>]) -> Request {
        let mut pieces = vec![self.begin];
        let mut first_pieces = Vec::with_capacity(words.len());
        for word in words {
            first_pieces.push(u32::try_from(pieces.len()).unwrap_or(u32::MAX));
            pieces.extend(word);
        }
        pieces.push(self.end);
        Request { pieces, first_pieces }
    }
}

/// Cuts words of the given lengths, none above `room`, into windows of at most `room`.
fn cut(lengths: &[usize], room: usize, ends_sentence: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut start = 0;
    while start < lengths.len() {
        let mut used = 0;
        let mut end = start;
        let mut sentence_end = None;
        while end < lengths.len() && used + lengths[end] <= room {
            used += lengths[end];
            if used * 2 >= room && ends_sentence(end) {
                sentence_end = Some(end + 1);
            }
            end += 1;
        }
        if end < lengths.len() {
            end = sentence_end.unwrap_or(end);
        }
        // A word is never longer than the room, so this only keeps a wrong length from turning into a loop.
        end = end.max(start + 1);
        windows.push(start..end);
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use tokenizers::models::wordlevel::WordLevel;

    use super::super::split_words;
    use super::*;

    /// Knows three words.
    fn tokenizer(max_pieces: usize) -> WordTokenizer {
        let vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "one", "two", "."];
        let vocabulary = vocabulary.iter().zip(0..).map(|(piece, id)| ((*piece).to_owned(), id)).collect();
        let model = WordLevel::builder().vocab(vocabulary).unk_token("<unk>".to_owned()).build().unwrap();
        WordTokenizer::new(Tokenizer::new(model), max_pieces).unwrap()
    }

    #[test]
    fn a_text_is_read_between_its_special_pieces() {
        let text = "one two.";
        let windows = tokenizer(16).windows(text, &split_words(text));
        let request = Request { pieces: vec![0, 4, 5, 6, 2], first_pieces: vec![1, 2, 3] };
        assert_eq!(windows, [Window { words: 0..3, request }]);
        assert!(tokenizer(16).windows(" \n", &[]).is_empty());
    }

    #[test]
    fn special_pieces_cannot_be_written_and_strange_words_are_unknown() {
        let tokenizer = tokenizer(16);
        assert_eq!(tokenizer.pieces("one"), [4]);
        for word in ["zwei", "", "🔥", "<s>", "</s>", "<pad>", "<unk>"] {
            assert_eq!(tokenizer.pieces(word), [3], "{word:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_at_sentences_and_no_word_is_lost() {
        let sentence = [1, 2, 1, 1, 3];
        let lengths: Vec<usize> = sentence.repeat(3);
        let ends = |word: usize| word % 5 == 4;
        let cases = [
            ("all fits", 24, std::iter::once(0..15).collect()),
            ("a sentence each", 9, vec![0..5, 5..10, 10..15]),
            ("a sentence and a half", 12, vec![0..5, 5..10, 10..15]),
            ("no sentence fits", 4, vec![0..3, 3..5, 5..8, 8..10, 10..13, 13..15]),
        ];
        for (case, room, expected) in cases {
            assert_eq!(cut(&lengths, room, ends), expected, "{case}");
        }
    }

    #[test]
    fn a_text_of_100_kb_fits_in_windows_of_the_network() {
        for text in ["one two. ".repeat(11_200), "x".repeat(100_000), "火".repeat(33_000)] {
            let words = split_words(&text);
            let windows = tokenizer(512).windows(&text, &words);
            assert!(windows.iter().all(|window| window.request.pieces.len() <= 512));
            assert_eq!(windows.iter().map(|window| window.words.len()).sum::<usize>(), words.len());
        }
    }

    #[test]
    fn a_tokenizer_that_lacks_something_is_refused() {
        let model =
            WordLevel::builder().vocab([("<s>".to_owned(), 0)].into_iter().collect()).build().unwrap();
        let error = WordTokenizer::new(Tokenizer::new(model), 8).unwrap_err();
        assert_eq!(error.to_string(), "the tagger's tokenizer has no `</s>`");
        let error = WordTokenizer::load(Path::new("nowhere/tokenizer.json"), 8).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the tagger's tokenizer `nowhere/tokenizer.json`");
    }
}
