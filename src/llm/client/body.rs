//! How much of an answer is read? No more than its limit, whatever its head promises.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// A body that is not there as a whole.
#[derive(Debug)]
pub(super) enum Unread {
    /// Its head promises that many bytes, which is more than the limit; none of them was read.
    TooMuchPromised(u64),
    /// More than the limit was sent.
    TooMuchSent,
    /// The connection ended first.
    Broken(reqwest::Error),
}

/// The body as it came, not unpacked.
///
/// # Errors
/// As soon as there is more than `limit`, said or sent; and where it ends before its promised length.
pub(super) async fn read(mut response: Response, limit: u64) -> Result<Bytes, Unread> {
    if let Some(promised) = response.content_length().filter(|&promised| promised > limit) {
        return Err(Unread::TooMuchPromised(promised));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(Unread::TooMuchSent);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
