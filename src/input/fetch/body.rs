//! Response bodies: read up to the limit on a picture, whatever the header announces, within the byte budget.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::byte_budget::{BudgetExhausted, PostShare};
use super::error::FetchError;

/// The memory and the time that the answer to one request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance<'a> {
    /// The share of the post that the picture belongs to.
    pub(super) share: &'a PostShare,
    /// When `fetch.patience` with the picture ends.
    pub(super) deadline: Instant,
}

/// The bounds of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The most bytes.
    pub(super) max_bytes: u64,
    /// How long it may take, for messages.
    pub(super) timeout: std::time::Duration,
    /// When that is over.
    pub(super) deadline: Instant,
}

/// Reads a body, without decompressing it. Waiting for memory does not count as time of the request.
///
/// # Errors
/// As soon as more than the limit is announced or sent; where the body ends early or takes too long; and where there is
/// no memory for it.
pub(super) async fn read(
    (announced, chunks): (Option<u64>, impl Stream<Item = Result<Bytes, FetchError>>),
    mut bounds: Bounds,
    allowance: Allowance<'_>,
    shown: &str,
) -> Result<Bytes, FetchError> {
    let Bounds { max_bytes, timeout, .. } = bounds;
    if let Some(announced) = announced.filter(|&announced| announced > max_bytes) {
        return Err(FetchError::too_large(shown, announced, max_bytes));
    }
    let mut chunks = std::pin::pin!(chunks);
    let mut reservation = allowance.share.begin();
    let mut body = BytesMut::new();
    loop {
        let chunk = timeout_at(bounds.deadline, chunks.next()).await;
        let late = |_| FetchError::timed_out(shown, "not all of it", timeout);
        let Some(chunk) = chunk.map_err(late)?.transpose()? else { break };
        let size = (body.len() + chunk.len()) as u64;
        if size > max_bytes {
            let message = format!("at `{shown}` has more than the {max_bytes} bytes of decode.max_picture");
            return Err(FetchError { message, ..FetchError::too_large(shown, size, max_bytes) });
        }
        let waiting_since = Instant::now();
        reservation
            .grow_to(size, allowance.deadline)
            .await
            .map_err(|BudgetExhausted| FetchError::out_of_memory(shown))?;
        bounds.deadline += waiting_since.elapsed();
        body.extend_from_slice(&chunk);
    }
    reservation.keep();
    Ok(body.freeze())
}
