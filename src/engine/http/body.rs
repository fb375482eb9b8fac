//! Body: the bytes of a request, within limits of size and time, and the records in them.

use std::io::Read;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::content::{BodyForm, Encoding};
use super::problem::Problem;
use crate::common::blocking;
use crate::engine::config::Http;
use crate::input::formats::{Batch, BatchFault, json_records, lines};

/// Of the body of a request that is refused unread so much is read nevertheless: a client that is still sending when the
/// connection closes would see a broken connection instead of the reason.
const PASSED_OVER: u64 = 1 << 20;

/// And for so long.
const PASS_OVER_FOR: Duration = Duration::from_secs(2);

/// What a request holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Posts {
    /// One record, whose answer is the whole response.
    One(Bytes),
    /// Records whose answers are listed.
    Many(Vec<Bytes>),
}

/// The bytes that a body may take in memory: what it is said to have, or the most that it may have.
///
/// # Errors
/// 413: it is said to have more than it may.
pub(super) fn announced(headers: &HeaderMap, encoding: Encoding, config: &Http) -> Result<u64, Problem> {
    let most = config.max_body.as_u64();
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match (length.unwrap_or(most), encoding) {
        (length, _) if length > most => Err(too_long(config)),
        (length, Encoding::Identity) => Ok(length),
        // While it is decompressed, both are there.
        (length, Encoding::Gzip) => Ok(length + most),
    }
}

/// The records of a body.
///
/// # Errors
/// 400: it is broken off, no gzip or no JSON; 408: it takes too long to arrive; 413: it is too long, or has too many.
pub(super) async fn posts(
    body: Body,
    (form, encoding): (BodyForm, Encoding),
    config: &Http,
) -> Result<Posts, Problem> {
    let bytes = received(body, config).await?;
    let (limit, most, config) = (config.max_posts, config.max_body.as_u64(), config.clone());
    // Away from the async threads: 32 MiB of JSON take a tenth of a second.
    blocking::run(move || {
        let bytes = match encoding {
            Encoding::Identity => bytes,
            Encoding::Gzip => unzipped(&bytes, most, &config)?,
        };
        let found = match form {
            BodyForm::Json => json_records(&bytes, limit).map(|batch| match batch {
                Batch::One(record) => Posts::One(record),
                Batch::Many(records) => Posts::Many(records),
            }),
            BodyForm::Lines => lines(&bytes, limit).map(Posts::Many),
        };
        found.map_err(|fault| match fault {
            BatchFault::Malformed(rejection) => {
                Problem::new(StatusCode::BAD_REQUEST, rejection.message.replace("the record", "the body"))
            }
            BatchFault::TooMany => {
                let detail = format!("the request has more posts than the {limit} of http.max_posts");
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
            }
        })
    })
    .await
}

async fn received(body: Body, config: &Http) -> Result<Bytes, Problem> {
    let most = config.max_body.as_u64();
    let reading = async {
        let (mut parts, mut bytes) = (body.into_data_stream(), BytesMut::new());
        while let Some(part) = parts.next().await {
            let part =
                part.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body is broken off").closing())?;
            if (bytes.len() + part.len()) as u64 > most {
                return Err(too_long(config).closing());
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    };
    timeout(config.transfer_timeout, reading).await.unwrap_or_else(|_| {
        let limit = humantime::format_duration(config.transfer_timeout);
        let detail = format!("the body has not arrived within the {limit} of http.transfer_timeout");
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, detail).closing())
    })
}

/// Reads the rest of a body that nobody needs, as far as that is little work.
pub(super) async fn pass_over(body: Body) {
    let reading = async {
        let (mut parts, mut length) = (body.into_data_stream(), 0);
        while length < PASSED_OVER
            && let Some(Ok(part)) = parts.next().await
        {
            length += part.len() as u64;
        }
    };
    // Whatever is left, the connection is closed.
    let _ = timeout(PASS_OVER_FOR, reading).await;
}

/// Bounded while it is decompressed: a few bytes of gzip may stand for gigabytes.
fn unzipped(bytes: &[u8], most: u64, config: &Http) -> Result<Bytes, Problem> {
    let mut unzipped = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(most.saturating_add(1)).read_to_end(&mut unzipped);
    match read {
        Ok(length) if length as u64 > most => Err(too_long(config)),
        Ok(_) => Ok(unzipped.into()),
        Err(error) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("the body is not gzip, as its header says: {error}"),
        )),
    }
}

fn too_long(config: &Http) -> Problem {
    let detail = format!("the body is longer than the {} of http.max_body", config.max_body);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytesize::ByteSize;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;

    use super::super::samples;
    use super::*;

    fn config() -> Http {
        Http { max_posts: 2, max_body: ByteSize::kib(1), ..samples::config() }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn read(body: impl Into<Body>, form: BodyForm, encoding: Encoding) -> Result<Posts, (u16, String)> {
        let read = posts(body.into(), (form, encoding), &config()).await;
        read.map_err(|problem| (problem.status().as_u16(), String::from_utf8(problem.json()).unwrap()))
    }

    #[tokio::test]
    async fn records_are_found_in_every_form() {
        let one = || Posts::One(Bytes::from_static(b"{}"));
        assert_eq!(read("{}", BodyForm::Json, Encoding::Identity).await, Ok(one()));
        assert_eq!(read(gzip(b"{}"), BodyForm::Json, Encoding::Gzip).await, Ok(one()));
        let two = || Posts::Many(vec![Bytes::from_static(b"{}"), Bytes::from_static(b"2")]);
        assert_eq!(read("[{}, 2]", BodyForm::Json, Encoding::Identity).await, Ok(two()));
        assert_eq!(read("{}\n\n2\n", BodyForm::Lines, Encoding::Identity).await, Ok(two()));
    }

    #[tokio::test]
    async fn bodies_beyond_a_limit_and_broken_ones_are_refused() {
        let long = vec![b' '; 1025];
        let bomb = gzip(&vec![b' '; 10 << 20]);
        for (body, form, encoding, status, part) in [
            (long, BodyForm::Json, Encoding::Identity, 413, "http.max_body"),
            (bomb, BodyForm::Json, Encoding::Gzip, 413, "http.max_body"),
            (b"{}".to_vec(), BodyForm::Json, Encoding::Gzip, 400, "is not gzip"),
            (gzip(b"{}")[..15].to_vec(), BodyForm::Json, Encoding::Gzip, 400, "is not gzip"),
            (b"[1,2,3]".to_vec(), BodyForm::Json, Encoding::Identity, 413, "http.max_posts"),
            (b"1\n2\n3".to_vec(), BodyForm::Lines, Encoding::Identity, 413, "http.max_posts"),
            (b"{".to_vec(), BodyForm::Json, Encoding::Identity, 400, "the body is not JSON"),
            (b"\"\xff\"".to_vec(), BodyForm::Json, Encoding::Identity, 400, "the body is not UTF-8"),
            (Vec::new(), BodyForm::Json, Encoding::Identity, 400, "the body is not JSON"),
        ] {
            let (found, told) = read(body, form, encoding).await.unwrap_err();
            assert!(found == status && told.contains(part), "{found}: {told}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, told) = read(never, BodyForm::Json, Encoding::Identity).await.unwrap_err();
        assert!(status == 408 && told.contains("http.transfer_timeout"), "{told}");
    }

    #[test]
    fn the_length_that_is_announced_is_checked_before_the_body_is_read() {
        let of = |length: &str, encoding| {
            let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, length.parse().unwrap())]);
            announced(&headers, encoding, &config()).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!((of("1024", Encoding::Identity), of("1025", Encoding::Identity)), (Ok(1024), Err(413)));
        assert_eq!(of("10", Encoding::Gzip), Ok(1034));
        assert_eq!(announced(&HeaderMap::new(), Encoding::Identity, &config()).unwrap(), 1024);
    }
}
