//! Pictures: the bytes of a picture for the page, from the record of its post or fetched under the limits of `[fetch]`.
//! Only formats that the engine decodes are passed on, by what the bytes are: a browser must not run them as anything else.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use image::ImageFormat;

use super::source_post::PictureSource;
use crate::config::Config;
use crate::input::fetch::{Fetcher, FetcherError};
use crate::telemetry::{Causes, Metrics};

/// Fetches pictures that are not in the records of their posts.
#[derive(Debug)]
pub(super) struct Pictures {
    fetcher: Fetcher,
}

impl Pictures {
    pub(super) fn new(config: &Config) -> Result<Self, FetcherError> {
        let limit = config.decode.max_picture.as_u64();
        Ok(Self { fetcher: Fetcher::new(&config.fetch, limit, Metrics::new().fetches())? })
    }

    /// The response with a picture.
    pub(super) async fn answer(&self, source: &PictureSource) -> Response {
        match source {
            PictureSource::Inline(bytes) => picture(bytes.clone()),
            PictureSource::Missing(why) => (StatusCode::NOT_FOUND, *why).into_response(),
            PictureSource::Url(url) => {
                let share = self.fetcher.share(1);
                match self.fetcher.fetch(url, &share).await {
                    Ok(bytes) => picture(bytes),
                    // The message may name hosts and addresses within a network: readers of the page need not know them.
                    Err(error) => {
                        tracing::debug!(error = %Causes(&error), "a picture for the page");
                        (StatusCode::BAD_GATEWAY, "the picture could not be fetched").into_response()
                    }
                }
            }
        }
    }
}

fn picture(bytes: Bytes) -> Response {
    let Some(kind) = media_type(&bytes) else {
        let why = "the bytes are no JPEG, PNG, GIF or WebP";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response();
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, max-age=3600")], bytes).into_response()
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match image::guess_format(bytes).ok()? {
        ImageFormat::Jpeg => Some("image/jpeg"),
        ImageFormat::Png => Some("image/png"),
        ImageFormat::Gif => Some("image/gif"),
        ImageFormat::WebP => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_are_passed_on_and_as_what_they_are() {
        for (bytes, expected) in [
            (&b"\xff\xd8\xff\xe0rest"[..], Some("image/jpeg")),
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", None),
            (b"<!doctype html><script>alert(1)</script>", None),
            (b"BM", None),
            (b"", None),
        ] {
            assert_eq!(media_type(bytes), expected, "{bytes:?}");
        }
    }
}
