//! The fetcher against local servers that misbehave.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use bytesize::ByteSize;
use futures_util::future::join_all;

use super::web::Web;
use super::*;
use crate::common::http_util::Retryable;
use crate::telemetry::Metrics;

mod allowed;
mod encrypted;
mod fairness;
mod server;

use server::{Server, Step, answer, head};

/// The most bytes of a picture in these tests.
const LIMIT: u64 = 4096;

/// Settings under which servers of this machine may be asked. Times are so long that they never end a test that passes.
pub(super) fn config() -> Config {
    Config {
        schemes: vec![Scheme::Https, Scheme::Http],
        hosts: vec![],
        ports: vec![],
        allow_networks: vec!["127.0.0.1/32".parse().unwrap()],
        nat64_prefixes: vec![],
        buckets: vec![],
        file_root: std::path::PathBuf::new(),
        redirects: 3,
        connect_timeout: LONG,
        first_byte_timeout: LONG,
        timeout: LONG,
        patience: LONG,
        retries: 0,
        backoff: Duration::from_millis(1),
        per_host: 8,
        per_post: 8,
        at_once: 32,
        breaker_failures: 5,
        breaker_pause: LONG,
        memory: ByteSize::mib(1),
        degrade: Degrade::DeadLetter,
    }
}

/// So long that it never ends a test that passes.
const LONG: Duration = Duration::from_secs(60);

/// So short that a silent server ends soon.
const SHORT: Duration = Duration::from_millis(200);

/// A fetcher with the test's name lookup.
fn fetcher(config: &Config, lookup: resolve::Lookup) -> Fetcher {
    let stores = stores::Stores::new(config, LIMIT, stores::open).unwrap();
    let web = Web::new(config, LIMIT, (reqwest::Client::builder(), lookup)).unwrap();
    Fetcher::of_parts(config, LIMIT, (web, stores), Metrics::new().fetches())
}

fn leading_to(addresses: &'static [&'static str]) -> resolve::Lookup {
    Arc::new(move |_| {
        let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Box::pin(async move { Ok(found) })
    })
}

fn asking(server: &Server) -> Config {
    Config { ports: vec![server.port()], ..config() }
}

async fn fetched(config: &Config, address: &str) -> Result<Bytes, FetchError> {
    alone(&fetcher(config, leading_to(&["127.0.0.1"])), address).await
}

/// Fetches for a post with this picture alone.
async fn alone(fetcher: &Fetcher, address: &str) -> Result<Bytes, FetchError> {
    fetcher.fetch(address, &fetcher.share(1)).await
}

/// The fetcher's error for a server that always misbehaves in the same way.
async fn refusal(server: &Server, config: &Config) -> FetchError {
    fetched(config, &server.url("/a?secret")).await.expect_err("the server misbehaves")
}

fn is_transient(error: &FetchError) -> bool {
    error.retry_delay().is_some()
}

#[tokio::test]
async fn a_picture_arrives_unchanged_whatever_its_content_type() {
    for kind in ["image/jpeg", "text/html", ""] {
        let body = b"\xff\xd8\xff picture".as_slice();
        let server =
            Server::always(vec![Step::Send(answer(200, &format!("content-type: {kind}\r\n"), body))]);
        let bytes = fetched(&asking(&server), &server.url("/a.jpg?size=big#top")).await.unwrap();
        assert_eq!(bytes, body);
        let request = server.requests().remove(0);
        assert!(request.starts_with("GET /a.jpg?size=big HTTP/1.1\r\n"), "{request}");
        let lower = request.to_lowercase();
        assert!(
            !lower.contains("accept-encoding") && !lower.contains("cookie") && !lower.contains("referer")
        );
    }
}

#[tokio::test]
async fn a_redirect_is_followed_and_checked_like_the_first_url() {
    let end = Server::always(vec![Step::Send(answer(200, "", b"moved"))]);
    for status in [301, 302, 303, 307, 308] {
        let server =
            Server::always(vec![Step::Send(head(status, &format!("location: {}\r\n", end.url("/b"))))]);
        let config = Config { ports: vec![server.port(), end.port()], ..config() };
        assert_eq!(fetched(&config, &server.url("/a")).await.unwrap(), "moved", "{status}");
    }
    let asked = end.requests().len();
    for (location, part) in [
        ("file:///etc/passwd", "`file` is not fetched"),
        ("s3://bucket/key", "`s3` is not fetched"),
        ("ftp://1.1.1.1/", "`ftp` is not fetched"),
        ("http://169.254.169.254/latest/meta-data/iam", "not public (link-local)"),
        ("http://[fd00:ec2::254]/latest", "not public (private)"),
        ("http://127.0.0.2/", "not public (loopback)"),
        ("http://0x7f000002/", "not public (loopback)"),
        ("//127.0.0.2/", "not public (loopback)"),
        ("http://[::ffff:10.0.0.1]/", "not public (private)"),
        ("http://me:you@1.1.1.1/", "user's name or password"),
        ("http://1.1.1.1:22/", "port 22 is not one of fetch.ports"),
    ] {
        let server = Server::always(vec![Step::Send(head(302, &format!("location: {location}\r\n")))]);
        let error = refusal(&server, &asking(&server)).await;
        assert_eq!(error.kind, FetchErrorKind::Refused, "{location}: {error}");
        assert!(error.message.contains(part) && !error.message.contains("secret"), "{location}: {error}");
    }
    assert_eq!(end.requests().len(), asked);
}

#[tokio::test]
async fn endless_and_empty_redirects_are_given_up() {
    let circle = Server::always(vec![Step::Send(head(302, "location: /a\r\n"))]);
    let error = refusal(&circle, &asking(&circle)).await;
    assert_eq!(error.kind, FetchErrorKind::Permanent);
    assert!(error.message.contains("redirected more than 3 times"), "{error}");
    assert_eq!(circle.requests().len(), 4);
    for location in ["", "location: http://:80\r\n"] {
        let server = Server::always(vec![Step::Send(head(302, location))]);
        assert_eq!(refusal(&server, &asking(&server)).await.kind, FetchErrorKind::Permanent, "{location}");
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_only_checked_addresses_are_connected_to() {
    // A rebinding name: an allowed address when it is checked, another one at the next lookup.
    let server = Server::always(vec![Step::Send(answer(200, "connection: close\r\n", b"good"))]);
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let lookup: resolve::Lookup = Arc::new(move |name| {
        assert_eq!(name, "rebinding.example");
        let address = if counted.fetch_add(1, Ordering::Relaxed) == 0 { "127.0.0.1" } else { "127.0.0.2" };
        Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
    });
    let fetcher = fetcher(&asking(&server), lookup);
    let address = format!("http://rebinding.example:{}/a", server.port());
    assert_eq!(alone(&fetcher, &address).await.unwrap(), "good");
    assert_eq!(lookups.load(Ordering::Relaxed), 1);
    // The next connection looks the name up and checks it again.
    let error = alone(&fetcher, &address).await.unwrap_err();
    assert_eq!((error.kind, lookups.load(Ordering::Relaxed)), (FetchErrorKind::Refused, 2));
    assert!(error.message.contains("`rebinding.example` leads to an address that is not public (loopback)"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_name_with_one_address_that_is_not_public_is_refused_whole() {
    let server = Server::always(vec![Step::Send(answer(200, "", b"never"))]);
    let address = format!("http://mixed.example:{}/a", server.port());
    let cases: [&'static [&'static str]; 4] = [
        &["127.0.0.1", "10.0.0.1"],
        &["127.0.0.1", "::1"],
        &["::ffff:169.254.169.254"],
        &["2002:7f00:1::1", "127.0.0.1"],
    ];
    for addresses in cases {
        let error = alone(&fetcher(&asking(&server), leading_to(addresses)), &address).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Refused, "{addresses:?}: {error}");
    }
    let error = alone(&fetcher(&asking(&server), leading_to(&[])), &address).await.unwrap_err();
    assert!(is_transient(&error), "a name without addresses: {error}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn silent_and_slow_answers_end_at_their_timeouts() {
    let silent = Server::always(vec![Step::Hang]);
    let error = refusal(&silent, &Config { first_byte_timeout: SHORT, ..asking(&silent) }).await;
    assert!(is_transient(&error) && error.message.contains("no answer within 200ms"), "{error}");

    let slow_head = Server::always(vec![Step::Drip(b"HTTP/1.1 200 OK\r\nx: ".to_vec())]);
    let error = refusal(&slow_head, &Config { first_byte_timeout: SHORT, ..asking(&slow_head) }).await;
    assert!(is_transient(&error) && error.message.contains("no answer within 200ms"), "{error}");

    let slow_body = Server::always(vec![
        Step::Send(head(200, "content-length: 4000\r\n")),
        Step::Drip(b"\xff\xd8\xff".to_vec()),
    ]);
    let error = refusal(&slow_body, &Config { timeout: SHORT, ..asking(&slow_body) }).await;
    assert!(is_transient(&error) && error.message.contains("not all of it within 200ms"), "{error}");

    let never: resolve::Lookup = Arc::new(|_| Box::pin(std::future::pending()));
    let config = Config { connect_timeout: SHORT, ..asking(&silent) };
    let address = format!("http://lost.example:{}/", silent.port());
    let error = alone(&fetcher(&config, never), &address).await.unwrap_err();
    assert!(is_transient(&error) && error.message.contains("timed out"), "{error}");
}

#[tokio::test]
async fn no_answer_is_read_beyond_the_limit() {
    let endless = Server::always(vec![
        Step::Send(head(200, "transfer-encoding: chunked\r\n")),
        Step::Repeat(b"400\r\n".iter().copied().chain([b'x'; 1024]).chain(*b"\r\n").collect()),
    ]);
    let unmeasured = Server::always(vec![Step::Send(head(200, "")), Step::Repeat(vec![b'x'; 1024])]);
    let announced = Server::always(vec![Step::Send(head(200, "content-length: 9000000000\r\n")), Step::Hang]);
    for server in [&endless, &unmeasured, &announced] {
        let error = refusal(server, &asking(server)).await;
        assert_eq!(error.kind, FetchErrorKind::TooLarge, "{error}");
    }
    let exact = vec![b'x'; LIMIT as usize];
    let server = Server::always(vec![Step::Send(answer(200, "", &exact))]);
    assert_eq!(fetched(&asking(&server), &server.url("/")).await.unwrap(), exact);
    let server = Server::always(vec![Step::Send(answer(200, "", &vec![b'x'; LIMIT as usize + 1]))]);
    assert_eq!(refusal(&server, &asking(&server)).await.kind, FetchErrorKind::TooLarge);
}

#[tokio::test]
async fn wrong_lengths_and_broken_connections_give_errors_or_the_announced_bytes() {
    let long = Server::always(vec![
        Step::Send(head(200, "content-length: 100\r\n")),
        Step::Send(b"ten bytes!".to_vec()),
    ]);
    let broken = Server::always(vec![
        Step::Send(head(200, "transfer-encoding: chunked\r\n")),
        Step::Send(b"64\r\nten bytes!".to_vec()),
    ]);
    let nothing = Server::always(vec![]);
    let garbage = Server::always(vec![Step::Send(b"220 mail.example ESMTP\r\n".to_vec())]);
    let two_lengths =
        Server::always(vec![Step::Send(head(200, "content-length: 1\r\ncontent-length: 2\r\n"))]);
    for server in [&long, &broken, &nothing, &garbage, &two_lengths] {
        let error = refusal(server, &asking(server)).await;
        assert!(is_transient(&error) && !error.message.contains("secret"), "{error}");
    }
    let short = Server::always(vec![
        Step::Send(head(200, "content-length: 3\r\n")),
        Step::Send(b"ten bytes!".to_vec()),
    ]);
    assert_eq!(fetched(&asking(&short), &short.url("/")).await.unwrap(), "ten");
}

#[tokio::test]
async fn a_compressed_answer_is_not_decompressed() {
    // Compressed bytes do not begin like a picture.
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03bomb";
    let server = Server::always(vec![Step::Send(answer(200, "content-encoding: gzip\r\n", packed))]);
    assert_eq!(fetched(&asking(&server), &server.url("/")).await.unwrap(), packed.as_slice());
}

#[tokio::test]
async fn headers_of_many_megabytes_are_not_read_to_their_end() {
    for line in [vec![b'x'; 1 << 16], b"x: y\r\n".repeat(1000)] {
        let steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\nx-long: ".to_vec()), Step::Repeat(line)];
        let server = Server::always(steps);
        let error = refusal(&server, &asking(&server)).await;
        assert!(is_transient(&error), "{error}");
    }
}

#[tokio::test]
async fn an_error_status_is_named() {
    for (status, passing) in
        [(204, false), (206, false), (304, false), (400, false), (401, false), (403, false)]
            .into_iter()
            .chain([
                (404, false),
                (410, false),
                (408, true),
                (429, true),
                (500, true),
                (503, true),
                (599, true),
            ])
    {
        let server = Server::always(vec![Step::Send(answer(status, "", b""))]);
        let error = refusal(&server, &asking(&server)).await;
        assert_eq!(is_transient(&error), passing, "{error}");
        assert!(error.message.contains(&status.to_string()), "{error}");
    }
    let busy = Server::always(vec![Step::Send(answer(429, "retry-after: 7\r\n", b""))]);
    let after = Some(Duration::from_secs(7));
    assert_eq!(refusal(&busy, &asking(&busy)).await.kind, FetchErrorKind::Transient { after });
}

#[tokio::test]
async fn transient_errors_are_retried_and_permanent_ones_are_not() {
    let server = Server::by_turns(vec![
        vec![Step::Send(answer(503, "", b""))],
        vec![],
        vec![Step::Send(answer(200, "", b"third"))],
    ]);
    let config = Config { retries: 2, ..asking(&server) };
    assert_eq!(fetched(&config, &server.url("/")).await.unwrap(), "third");
    assert_eq!(server.requests().len(), 3);

    let broken = Server::always(vec![Step::Send(answer(500, "", b""))]);
    assert!(is_transient(&refusal(&broken, &Config { retries: 2, ..asking(&broken) }).await));
    assert_eq!(broken.requests().len(), 3);

    let gone = Server::always(vec![Step::Send(answer(404, "", b""))]);
    refusal(&gone, &Config { retries: 2, ..asking(&gone) }).await;
    assert_eq!(gone.requests().len(), 1);

    // The server asks for a longer wait than there is time for.
    let busy = Server::always(vec![Step::Send(answer(503, "retry-after: 3600\r\n", b""))]);
    assert!(is_transient(&refusal(&busy, &Config { retries: 2, ..asking(&busy) }).await));
    assert_eq!(busy.requests().len(), 1);

    let silent = Server::always(vec![Step::Hang]);
    let error = refusal(&silent, &Config { retries: 9, patience: SHORT, ..asking(&silent) }).await;
    assert!(is_transient(&error) && error.message.contains("within 200ms"), "{error}");
}

#[tokio::test]
async fn requests_to_a_host_at_one_time_are_limited() {
    let server = Server::gated(answer(200, "", b"picture"));
    let fetcher = fetcher(&Config { per_host: 2, ..asking(&server) }, leading_to(&["127.0.0.1"]));
    let pictures: Vec<_> = (0..6)
        .map(|number| {
            let (fetcher, address) = (fetcher.clone(), server.url(&format!("/{number}")));
            tokio::spawn(async move { alone(&fetcher, &address).await })
        })
        .collect();
    // Two are let in each round, no matter how many wait.
    for round in 1..=3 {
        server.until_requests(2 * round).await;
        assert_eq!(
            fetcher.shared.host_limits.running_or_waiting("127.0.0.1"),
            8 - 2 * round,
            "round {round}"
        );
        assert_eq!(server.requests().len(), 2 * round);
        server.open(2);
        server.until_answered(2 * round).await;
    }
    assert!(join_all(pictures).await.into_iter().all(|picture| picture.unwrap().is_ok()));
}

#[tokio::test]
async fn simultaneous_requests_for_one_url_share_the_answer() {
    let server = Server::gated(answer(200, "", b"picture"));
    let fetcher = fetcher(&asking(&server), leading_to(&["127.0.0.1"]));
    let address = server.url("/same");
    let askers: Vec<_> = (0..5).map(|_| alone(&fetcher, &address)).collect();
    let opened = async {
        server.until_requests(1).await;
        server.open(1);
    };
    let (answers, ()) = futures_util::join!(join_all(askers), opened);
    assert!(answers.into_iter().all(|answer| answer.unwrap() == "picture"));
    assert_eq!(server.requests().len(), 1);
    // Answers are not kept: the next request asks again.
    server.open(1);
    assert_eq!(alone(&fetcher, &address).await.unwrap(), "picture");
    assert_eq!(server.requests().len(), 2);
}
