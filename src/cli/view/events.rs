//! Events: the stream of a page, server-sent. A page has no queue of its own: it reads from the window, and what leaves the
//! window before that is missed, and the page gets their number. The connection of a page that reads nothing is closed.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::window::{Cursor, Unread};

/// Posts that a new page begins with: what it keeps itself, `MOST_POSTS` in store.js.
const FIRST_POSTS: u64 = 500;

/// The most JSON of one event: what a browser reads between two frames.
const MAX_EVENT: usize = 256 << 10;

/// Between two events of a lively feed: a page draws ten times a second at most.
const PACE: Duration = Duration::from_millis(100);

/// Silence after which a comment is sent, so that a connection that is gone is noticed: half of what proxies wait.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A page's place in the feed.
pub(super) struct Reader {
    pub(super) feed: Arc<Feed>,
    /// What the page is told first.
    pub(super) hello: String,
    /// Which process numbers the posts.
    pub(super) process: String,
    /// Where the page was, by the header `Last-Event-ID`.
    pub(super) last_event: Option<String>,
    pub(super) closed: CancellationToken,
    /// The place among the pages that follow.
    pub(super) place: OwnedSemaphorePermit,
}

struct State {
    reader: Reader,
    changes: watch::Receiver<()>,
    cursor: Cursor,
    is_first: bool,
}

/// The parts of the stream, until the server ends.
pub(super) fn stream(reader: Reader) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let latest = reader.feed.read(|window| window.latest(FIRST_POSTS));
    let known = reader.last_event.as_deref().and_then(|id| cursor_of(id, &reader.process));
    let changes = reader.feed.changes();
    let state = State { cursor: known.unwrap_or(latest), is_first: true, changes, reader };
    stream::unfold(state, |mut state| async move {
        let part = next(&mut state).await?;
        Some((Ok(Bytes::from(part)), state))
    })
}

async fn next(state: &mut State) -> Option<String> {
    // Held as long as the stream is.
    let _place = &state.reader.place;
    let mut part = String::new();
    if std::mem::take(&mut state.is_first) {
        part = event("hello", &state.reader.hello);
    } else {
        let closed = state.reader.closed.clone();
        tokio::select! {
            () = sleep(PACE) => {}
            () = closed.cancelled() => return None,
        }
    }
    loop {
        // Marked as seen before it is read: what comes meanwhile wakes again.
        state.changes.mark_unchanged();
        let unread = state.reader.feed.read(|window| window.after(state.cursor, MAX_EVENT));
        if !unread.is_empty() {
            state.cursor = unread.cursor;
            part += &written(&unread, &state.reader.process);
        }
        if !part.is_empty() {
            return Some(part);
        }
        tokio::select! {
            changed = timeout(KEEP_ALIVE, state.changes.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(": nothing new\n\n".to_owned()),
            },
            () = state.reader.closed.cancelled() => return None,
        }
    }
}

/// The events of what is unread; the last one has the place behind it.
fn written(unread: &Unread, process: &str) -> String {
    let mut text = String::new();
    if unread.missed > 0 {
        text += &event("missed", &format!("{{\"posts\":{}}}", unread.missed));
    }
    if !unread.letters.is_empty() {
        text += &event("letters", &list(unread.letters.iter().map(|letter| letter.to_string())));
    }
    if let Some(figures) = &unread.figures {
        text += &event("figures", figures);
    }
    if !unread.posts.is_empty() {
        text += &event("posts", &list(unread.posts.iter().map(|(number, post)| post.numbered(*number))));
    }
    let Cursor { post, letter, figures } = unread.cursor;
    // Writing to a string cannot fail.
    let _ = write!(text, "id: {process}/{post}/{letter}/{figures}\n\n");
    text
}

fn list(parts: impl Iterator<Item = String>) -> String {
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

/// JSON has no line breaks outside of its strings, where they are escaped.
fn event(name: &str, json: &str) -> String {
    format!("event: {name}\ndata: {json}\n\n")
}

/// The place in the id of an event of this process.
fn cursor_of(id: &str, process: &str) -> Option<Cursor> {
    let mut parts = id.split('/');
    (parts.next()? == process).then_some(())?;
    let mut number = || parts.next()?.parse().ok();
    Some(Cursor { post: number()?, letter: number()?, figures: number()? })
}

#[cfg(test)]
mod tests {
    use super::super::shown_post::ShownPost;
    use super::*;

    #[test]
    fn events_have_their_place_and_only_this_process_goes_on_from_it() {
        let post = ShownPost { id: "a".to_owned(), json: "{\"x\":1}".to_owned(), pictures: Vec::new() };
        let unread = Unread {
            posts: vec![(7, Arc::new(post))],
            letters: vec!["{}".into()],
            missed: 2,
            cursor: Cursor { post: 8, letter: 1, figures: 0 },
            ..Unread::default()
        };
        let text = written(&unread, "ab");
        assert!(text.contains("event: posts\ndata: [{\"seq\":7,\"x\":1}]\n\n"), "{text}");
        assert!(text.starts_with("event: missed\ndata: {\"posts\":2}\n\n"), "{text}");
        assert!(text.ends_with("id: ab/8/1/0\n\n"), "{text}");
        assert_eq!(cursor_of("ab/8/1/0", "ab"), Some(unread.cursor));
        for other in ["cd/8/1/0", "ab/8", "ab/x/1/0", ""] {
            assert_eq!(cursor_of(other, "ab"), None, "{other}");
        }
    }
}
