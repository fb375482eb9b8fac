//! Tokenising off the async threads: a long text goes to a blocking worker.

use crate::common::blocking;
use crate::common::imaging::Workers;

/// The longest text, in bytes, that is tokenised on the async thread. It takes 0.5 ms there, as long as an async thread
/// may be busy (measured with the pocket bundle's tagger and with 250,000 pieces of unigram: 1.8 us a byte, 180 ms for
/// 100 kB). A hop to a worker takes 10 us, so shorter texts gain nothing.
pub(super) const MAX_INLINE_BYTES: usize = 256;

/// The longest beginning of a phrase or a caption, in bytes, that is tokenised. Networks read 80 words of it or 512 pieces. A
/// name can be as long as its text, and would be tokenised for each picture, and several times to be shortened.
const MAX_READ_BYTES: usize = 4096;

/// Runs `encode` on a text: at once for a short text, on a blocking worker for a long one. The caller bounds how many long
/// texts there are at one time, by its memory for texts.
pub async fn tokenise<T: Send + 'static>(text: &str, encode: impl FnOnce(&str) -> T + Send + 'static) -> T {
    if text.len() <= MAX_INLINE_BYTES {
        return encode(text);
    }
    let text = text.to_owned();
    blocking::run(move || encode(&text)).await
}

/// Runs `encode` on the beginnings of a phrase and a caption, as [`tokenise`] does on a text of their length, as many at one
/// time as there are workers.
pub async fn tokenise_question<T: Send + 'static>(
    workers: &Workers,
    (phrase, caption): (&str, &str),
    encode: impl FnOnce(&str, &str) -> T + Send + 'static,
) -> T {
    let (phrase, caption) = (beginning(phrase), beginning(caption));
    if phrase.len() + caption.len() <= MAX_INLINE_BYTES {
        return encode(phrase, caption);
    }
    let (phrase, caption) = (phrase.to_owned(), caption.to_owned());
    workers.run(move || encode(&phrase, &caption)).await
}

/// What is read of a phrase or a caption.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_READ_BYTES)]
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use futures_util::FutureExt;

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
            let (found, thread) = tokenise_question(&Workers::new(1), (phrase, caption), whole).await;
            assert_eq!((found, thread == thread::current().id()), (text, is_inline), "{length} bytes");
        }
    }

    #[tokio::test]
    async fn of_a_long_phrase_and_a_long_caption_the_beginnings_are_read() {
        let workers = Workers::new(1);
        let (phrase, caption) = ("x".repeat(100_000), "火".repeat(2_000));
        let both = |phrase: &str, caption: &str| (phrase.to_owned(), caption.to_owned());
        let read = tokenise_question(&workers, (&phrase, &caption), both).await;
        // A character has three bytes, and none is cut.
        assert_eq!(read, (phrase[..4096].to_owned(), caption[..4095].to_owned()));
    }

    #[test]
    fn long_questions_wait_for_a_worker_and_short_ones_do_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (workers, long) = (Workers::new(1), "x".repeat(1_000));
            let (release, gate) = channel::<()>();
            let held = move |_: &str, _: &str| gate.recv().is_ok();
            let mut first = Box::pin(tokenise_question(&workers, (&long, ""), held));
            assert!(first.as_mut().now_or_never().is_none());
            let (begun, has_begun) = channel();
            let second = move |_: &str, _: &str| begun.send(()).is_ok();
            let mut second = Box::pin(tokenise_question(&workers, (&long, ""), second));
            assert!(second.as_mut().now_or_never().is_none());
            assert_eq!(tokenise_question(&workers, ("x", ""), |_, _| 7).await, 7);
            assert!(has_begun.try_recv().is_err(), "the only worker is busy");
            release.send(()).unwrap();
            assert!(first.await);
            assert!(second.await);
        });
    }
}
