//! How much of an answer is read? No more than a picture may have, whatever its head promises.

use bytes::Bytes;
use reqwest::Response;

use super::error::FetchError;
use crate::outbound::{self, Unread, causes_of};

/// The body as it came, not unpacked.
///
/// # Errors
/// As soon as there is more than `limit`, said or sent; and where it ends before its promised length.
pub(super) async fn read(response: Response, limit: u64, shown: &str) -> Result<Bytes, FetchError> {
    outbound::read(response, limit).await.map_err(|unread| match unread {
        Unread::TooMuchPromised(promised) => FetchError::too_large(shown, promised, limit),
        Unread::TooMuchSent(size) => {
            let message = format!("at `{shown}` has more than the {limit} bytes of decode.max_picture");
            FetchError { message, ..FetchError::too_large(shown, size, limit) }
        }
        Unread::Broken(error) => {
            FetchError::passing(format!("at `{shown}` came in part: {}", causes_of(&error)))
        }
    })
}
