//! Window memory: the bytes that the words and windows of a text take while the tagger reads them.

use super::Window;
use crate::domain::Span;

/// Of the answer about a word: its label and its posterior.
const ANSWER: usize = size_of::<usize>() + size_of::<f32>();

/// Of a window's call: the future that waits for it, and its place in the queue.
const CALL: usize = 1024;

/// The bytes of words, of windows and of the answers about them.
pub(super) fn while_read(words: &[Span], windows: &[Window]) -> u64 {
    let of_window = |Window { request, .. }: &Window| {
        let (first, context) = (request.first_pieces.capacity(), request.context_first_pieces.capacity());
        let ids = request.pieces.capacity() + first + context;
        size_of::<Window>() + CALL + ids * size_of::<u32>() + (first + context) * ANSWER
    };
    let windows: usize = windows.iter().map(of_window).sum();
    (size_of_val(words) + windows) as u64
}

#[cfg(test)]
mod tests {
    use super::super::split_words;
    use super::super::word_tokenizer::tests::{word_pieces, words};
    use super::*;
    use crate::stages::prompt::TextMemory;

    #[test]
    fn no_text_takes_more_while_it_is_read_than_while_it_is_split() {
        let long = "x".repeat(100_000);
        let texts =
            [",.".repeat(50_000), "one two. ".repeat(11_200), "火".repeat(33_000), "a ".repeat(50_000), long];
        for text in texts {
            for tokenizer in [words(512), word_pieces(512)] {
                let words = split_words(&text);
                let held = while_read(&words, &tokenizer.windows(&text, &words));
                let most = TextMemory::of_text(text.len() as u64);
                assert!((32..=most).contains(&held), "{held} of {most} for {:.20}", text);
                assert!(held >= 48 * words.len() as u64, "{held} for {} words", words.len());
            }
        }
    }
}
