//! How much of an answer is read? No more than a picture may have, whatever its head promises.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::error::FetchError;
use super::web::causes_of;

/// The body as it came, not unpacked.
///
/// # Errors
/// As soon as there is more than `limit`, said or sent; and where it ends before its promised length.
pub(super) async fn read(mut response: Response, limit: u64, shown: &str) -> Result<Bytes, FetchError> {
    if let Some(promised) = response.content_length().filter(|&promised| promised > limit) {
        return Err(FetchError::too_large(shown, promised, limit));
    }
    let mut body = BytesMut::new();
    let broken = |error| FetchError::passing(format!("at `{shown}` came in part: {}", causes_of(&error)));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        let size = (body.len() + chunk.len()) as u64;
        if size > limit {
            let message = format!("at `{shown}` has more than the {limit} bytes of decode.max_picture");
            return Err(FetchError { message, ..FetchError::too_large(shown, size, limit) });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
