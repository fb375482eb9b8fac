//! Response bodies: read up to a limit, whatever the header declares.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

/// A body that was not read to its end.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The header declares this many bytes, more than the limit; none was read.
    DeclaredTooLarge(u64),
    /// More bytes than the limit arrived.
    TooLarge,
    /// The connection broke.
    Broken(reqwest::Error),
}

/// Reads a body without decompressing it.
///
/// # Errors
/// The declared or actual length exceeds `limit`, or the body ends early.
pub(super) async fn read(mut response: Response, limit: u64) -> Result<Bytes, BodyError> {
    if let Some(declared) = response.content_length().filter(|&declared| declared > limit) {
        return Err(BodyError::DeclaredTooLarge(declared));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
