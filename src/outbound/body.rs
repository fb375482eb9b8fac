//! How much of an answer is read? No more than its limit, whatever its head promises.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// A body that is not there as a whole.
#[derive(Debug)]
pub enum Unread {
    /// Its head promises that many bytes, which is more than the limit; none of them was read.
    TooMuchPromised(u64),
    /// More than the limit was sent: so many bytes at least.
    TooMuchSent(u64),
    /// The connection ended first.
    Broken(reqwest::Error),
}

/// The body as it came, not unpacked.
///
/// # Errors
/// As soon as there is more than `limit`, said or sent; and where it ends before its promised length.
pub async fn read(mut response: Response, limit: u64) -> Result<Bytes, Unread> {
    if let Some(promised) = response.content_length().filter(|&promised| promised > limit) {
        return Err(Unread::TooMuchPromised(promised));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Broken)? {
        let size = (body.len() + chunk.len()) as u64;
        if size > limit {
            return Err(Unread::TooMuchSent(size));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
