//! How much of an answer is read? No more than a picture may have, whatever its head promises, and only as there is room.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::error::FetchError;
use super::room::{NoRoom, Share};

/// What the answer to one request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance<'a> {
    /// Whose picture it is.
    pub(super) share: &'a Share,
    /// When its patience is at an end.
    pub(super) deadline: Instant,
}

/// The end of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// The most bytes.
    pub(super) limit: u64,
    /// How long it may take, for people.
    pub(super) timeout: std::time::Duration,
    /// When that is over.
    pub(super) at: Instant,
}

/// The body as it came, not unpacked. The time that it waits for room is none of its own.
///
/// # Errors
/// As soon as there is more than the limit, said or sent; where it ends before its promised length or takes too long;
/// and where there is no room for it.
pub(super) async fn read(
    (promised, chunks): (Option<u64>, impl Stream<Item = Result<Bytes, FetchError>>),
    mut ends: Ends,
    allowance: Allowance<'_>,
    shown: &str,
) -> Result<Bytes, FetchError> {
    let Ends { limit, timeout, .. } = ends;
    if let Some(promised) = promised.filter(|&promised| promised > limit) {
        return Err(FetchError::too_large(shown, promised, limit));
    }
    let mut chunks = std::pin::pin!(chunks);
    let mut room = allowance.share.begin();
    let mut body = BytesMut::new();
    loop {
        let chunk = timeout_at(ends.at, chunks.next()).await;
        let late = |_| FetchError::late(shown, "not all of it", timeout);
        let Some(chunk) = chunk.map_err(late)?.transpose()? else { break };
        let size = (body.len() + chunk.len()) as u64;
        if size > limit {
            let message = format!("at `{shown}` has more than the {limit} bytes of decode.max_picture");
            return Err(FetchError { message, ..FetchError::too_large(shown, size, limit) });
        }
        let waits = Instant::now();
        room.grow_to(size, allowance.deadline).await.map_err(|NoRoom| FetchError::no_room(shown))?;
        ends.at += waits.elapsed();
        body.extend_from_slice(&chunk);
    }
    room.keep();
    Ok(body.freeze())
}
