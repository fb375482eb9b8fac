//! Windows: a text in requests of the network's input length, each followed by knowledge as far as it fits.

use std::ops::Range;

use super::{Request, WordTokenizer};
use crate::domain::Span;

/// Some words of a text, as one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which words of the text.
    pub words: Range<usize>,
    /// The request.
    pub request: Request,
}

/// Separates text and knowledge, as in the data of PGIM and RiVEG. It is read as an ordinary word.
const SEPARATOR: &str = "<EOS>";

impl WordTokenizer {
    /// The windows of a text; none for a text without words.
    ///
    /// A longer text is cut between words: after the last end of a sentence in the second half of the window, else where
    /// the window is full. Words of different windows do not see each other.
    #[must_use]
    pub fn windows(&self, text: &str, words: &[Span]) -> Vec<Window> {
        self.windows_with_knowledge(text, words, "")
    }

    /// As [`Self::windows`], each window followed by as much of `knowledge` as fits.
    ///
    /// The text is cut as without knowledge. A separator and the words of the knowledge, split at white space, follow; the
    /// last word may be cut.
    #[must_use]
    pub fn windows_with_knowledge(&self, text: &str, words: &[Span], knowledge: &str) -> Vec<Window> {
        let pieces: Vec<Vec<u32>> =
            words.iter().map(|word| self.pieces(&text[word.byte_start..word.byte_end])).collect();
        let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
        let ends_sentence = |word: usize| {
            let Span { byte_start, byte_end, .. } = words[word];
            let next = words.get(word + 1).map_or(text.len(), |next| next.byte_start);
            text[byte_start..byte_end].ends_with(['.', '!', '?', '…', '。', '！', '？'])
                || text[byte_end..next].contains('\n')
        };
        let windows = cut(&lengths, self.max_pieces - 2, ends_sentence);
        let knowledge = self.knowledge(knowledge);
        windows
            .into_iter()
            .map(|words| Window { request: self.request(&pieces[words.clone()], &knowledge), words })
            .collect()
    }

    /// The pieces of a whole text, cut at the network's input length, for networks that read a text as a whole.
    #[must_use]
    pub fn encode_text(&self, text: &str, words: &[Span]) -> Vec<u32> {
        let mut pieces = vec![self.begin];
        for word in words {
            let room = self.max_pieces.saturating_sub(pieces.len() + 1);
            if room == 0 {
                break;
            }
            pieces.extend(self.pieces(&text[word.byte_start..word.byte_end]).into_iter().take(room));
        }
        pieces.push(self.end);
        pieces
    }

    /// The pieces of the words of the knowledge, after the separator: at most one window.
    fn knowledge(&self, knowledge: &str) -> Vec<Vec<u32>> {
        let mut words = knowledge.split_whitespace().peekable();
        let separator = words.peek().map(|_| SEPARATOR);
        let mut room = self.max_pieces;
        separator
            .into_iter()
            .chain(words)
            .map_while(|word| {
                let pieces = (room > 0).then(|| self.pieces(word))?;
                room = room.saturating_sub(pieces.len());
                Some(pieces)
            })
            .collect()
    }

    fn request(&self, words: &[Vec<u32>], knowledge: &[Vec<u32>]) -> Request {
        let mut pieces = vec![self.begin];
        let mut first_pieces = Vec::with_capacity(words.len());
        for word in words {
            first_pieces.push(index(&pieces));
            pieces.extend(word);
        }
        let mut context_first_pieces = Vec::new();
        for word in knowledge {
            let room = self.max_pieces.saturating_sub(pieces.len() + 1);
            if room == 0 {
                break;
            }
            context_first_pieces.push(index(&pieces));
            pieces.extend(word.iter().take(room));
        }
        pieces.push(self.end);
        Request { pieces, first_pieces, context_first_pieces }
    }
}

/// The index of the next piece.
fn index(pieces: &[u32]) -> u32 {
    u32::try_from(pieces.len()).unwrap_or(u32::MAX)
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
        // No word is longer than the room; this prevents an endless loop if one were.
        end = end.max(start + 1);
        windows.push(start..end);
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::super::split_words;
    use super::super::word_tokenizer::tests::{word_pieces, words};
    use super::*;

    #[test]
    fn a_text_stands_between_special_pieces() {
        let text = "one two.";
        let windows = words(16).windows(text, &split_words(text));
        let request = Request {
            pieces: vec![0, 4, 5, 6, 2],
            first_pieces: vec![1, 2, 3],
            context_first_pieces: vec![],
        };
        assert_eq!(windows, [Window { words: 0..3, request }]);
        assert!(words(16).windows(" \n", &[]).is_empty());
    }

    #[test]
    fn a_whole_text_has_the_pieces_of_its_words_as_far_as_they_fit() {
        let text = "Jordans met Keldor's";
        for (max_pieces, expected) in
            [(9, vec![2, 8, 9, 12, 13, 14, 10, 11, 3]), (6, vec![2, 8, 9, 12, 13, 3]), (3, vec![2, 8, 3])]
        {
            assert_eq!(word_pieces(max_pieces).encode_text(text, &split_words(text)), expected);
        }
        assert_eq!(word_pieces(9).encode_text("", &[]), [2, 3]);
        let long = "x".repeat(100_000);
        assert_eq!(word_pieces(9).encode_text(&long, &split_words(&long)).len(), 3);
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
            let spans = split_words(&text);
            let windows = words(512).windows(&text, &spans);
            assert!(windows.iter().all(|window| window.request.pieces.len() <= 512));
            assert_eq!(windows.iter().map(|window| window.words.len()).sum::<usize>(), spans.len());
        }
    }

    #[test]
    fn a_word_of_several_pieces_has_the_index_of_its_first() {
        let text = "Jordans met Keldor's";
        let windows = word_pieces(16).windows(text, &split_words(text));
        let request = Request {
            pieces: vec![2, 8, 9, 12, 13, 14, 10, 11, 3],
            first_pieces: vec![1, 3, 4, 6],
            context_first_pieces: vec![],
        };
        assert_eq!(windows, [Window { words: 0..4, request }]);
    }

    #[test]
    fn knowledge_follows_the_text_as_far_as_it_fits() {
        let text = "Jordan met Keldor";
        // [CLS] Jordan met Kel ##dor | < E ##OS > met Jordan ' s | [SEP]
        let whole = [2, 8, 12, 13, 14, 15, 17, 18, 16, 12, 8, 10, 11, 3];
        let cases = [
            (40, 13, vec![5, 9, 10]),
            (14, 13, vec![5, 9, 10]),
            (12, 11, vec![5, 9, 10]),
            (11, 10, vec![5, 9]),
            (8, 7, vec![5]),
            (6, 5, vec![]),
        ];
        for (max_pieces, kept, context_first_pieces) in cases {
            let known =
                word_pieces(max_pieces).windows_with_knowledge(text, &split_words(text), " met\n Jordan's ");
            let pieces = [&whole[..kept], &[3]].concat();
            let request = Request { pieces, first_pieces: vec![1, 2, 3], context_first_pieces };
            assert_eq!(known, [Window { words: 0..3, request }], "{max_pieces}");
        }
    }

    #[test]
    fn without_knowledge_there_is_no_separator_and_without_words_no_window() {
        let (tokenizer, text) = (word_pieces(16), "Jordan met Keldor");
        let words = split_words(text);
        for nothing in ["", " \n"] {
            assert_eq!(
                tokenizer.windows_with_knowledge(text, &words, nothing),
                tokenizer.windows(text, &words)
            );
        }
        assert!(tokenizer.windows_with_knowledge("", &[], "met").is_empty());
    }

    #[test]
    fn a_text_in_several_windows_is_cut_as_without_knowledge() {
        let text = "one two. one one two. two".repeat(3);
        let spans = split_words(&text);
        let (alone, known) = (
            words(10).windows(&text, &spans),
            words(10).windows_with_knowledge(&text, &spans, &"two ".repeat(50)),
        );
        assert!(alone.len() > 1);
        assert_eq!(alone.len(), known.len());
        for (alone, known) in alone.iter().zip(&known) {
            assert_eq!(
                (&alone.words, &alone.request.first_pieces),
                (&known.words, &known.request.first_pieces)
            );
            let own = alone.request.pieces.len() - 1;
            assert_eq!(alone.request.pieces[..own], known.request.pieces[..own]);
            assert_eq!(known.request.pieces.len(), 10);
        }
    }
}
