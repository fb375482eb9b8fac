//! Tokenising off the async threads: a long text goes to a blocking worker.

use crate::common::blocking;

/// The longest text, in bytes, that is tokenised on the async thread. It takes 0.5 ms there, as long as an async thread
/// may be busy (measured with the pocket bundle's tagger and with 250,000 pieces of unigram: 1.8 us a byte, 180 ms for
/// 100 kB). A hop to a worker takes 10 us, so shorter texts gain nothing.
pub(super) const MAX_INLINE_BYTES: usize = 256;

/// Runs `encode` on a text: at once for a short text, on a blocking worker for a long one.
pub async fn tokenise<T: Send + 'static>(text: &str, encode: impl FnOnce(&str) -> T + Send + 'static) -> T {
    if text.len() <= MAX_INLINE_BYTES {
        return encode(text);
    }
    let text = text.to_owned();
    blocking::run(move || encode(&text)).await
}

/// Runs `encode` on a phrase and a caption, as [`tokenise`] does on a text of their length.
pub async fn tokenise_question<T: Send + 'static>(
    phrase: &str,
    caption: &str,
    encode: impl FnOnce(&str, &str) -> T + Send + 'static,
) -> T {
    if phrase.len() + caption.len() <= MAX_INLINE_BYTES {
        return encode(phrase, caption);
    }
    let (phrase, caption) = (phrase.to_owned(), caption.to_owned());
    blocking::run(move || encode(&phrase, &caption)).await
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_long_text_is_tokenised_on_another_thread_and_a_short_one_on_this() {
        for (length, is_inline) in [(0, true), (MAX_INLINE_BYTES, true), (MAX_INLINE_BYTES + 1, false)] {
            let text = "x".repeat(length);
            let (found, thread) = tokenise(&text, |text| (text.to_owned(), thread::current().id())).await;
            assert_eq!(
                (found, thread == thread::current().id()),
                (text.clone(), is_inline),
                "{length} bytes"
            );
            let (phrase, caption) = text.split_at(length / 2);
            let whole = |phrase: &str, caption: &str| (phrase.to_owned() + caption, thread::current().id());
            let (found, thread) = tokenise_question(phrase, caption, whole).await;
            assert_eq!((found, thread == thread::current().id()), (text, is_inline), "{length} bytes");
        }
    }
}
