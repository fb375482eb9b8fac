//! Allowed sources: objects, files and encrypted connections that the operator allows.

use object_store::aws::AmazonS3Builder;

use super::*;

const KEY: &str = "/pictures/feed/a%20b.jpg";

/// A fetcher whose S3 is a server of the test.
fn of_store(server: &Server, config: &Config) -> Fetcher {
    let endpoint = server.url("");
    let open = |bucket: &Bucket, _: &Config| -> object_store::Result<Arc<dyn object_store::ObjectStore>> {
        let builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_endpoint(&endpoint)
            .with_region("nowhere")
            .with_access_key_id("key")
            .with_secret_access_key("secret")
            .with_allow_http(true)
            .with_retry(stores::once());
        Ok(Arc::new(builder.build()?))
    };
    let stores = stores::Stores::new(config, LIMIT, open).unwrap();
    let web = Web::new(config, LIMIT, (reqwest::Client::builder(), leading_to(&[]))).unwrap();
    Fetcher::of_parts(config, LIMIT, (web, stores), Metrics::new().fetches())
}

fn with_bucket() -> Config {
    Config { buckets: vec!["s3://pictures/feed".parse().unwrap()], ..config() }
}

fn object(body: &[u8]) -> Vec<u8> {
    answer(200, "last-modified: Sat, 21 Nov 2026 09:00:00 GMT\r\netag: \"e\"\r\n", body)
}

#[tokio::test]
async fn an_object_of_an_allowed_bucket_is_read_with_the_operators_key() {
    let server = Server::always(vec![Step::Send(object(b"an object"))]);
    let fetcher = of_store(&server, &with_bucket());
    assert_eq!(alone(&fetcher, "s3://pictures/feed/a%20b.jpg").await.unwrap(), "an object");
    let request = server.requests().remove(0);
    assert!(request.starts_with(&format!("GET {KEY} HTTP/1.1\r\n")), "{request}");
    assert!(request.contains("Credential=key/") && !request.contains("secret"), "{request}");
}

#[tokio::test]
async fn no_other_object_is_asked_for() {
    let server = Server::always(vec![Step::Send(object(b"never"))]);
    let fetcher = of_store(&server, &with_bucket());
    for (address, part) in [
        ("s3://pictures/private/a.jpg", "lies in none of fetch.buckets"),
        ("s3://pictures/feed/../private/a.jpg", "lies in none of fetch.buckets"),
        ("s3://secrets/feed/a.jpg", "lies in none of fetch.buckets"),
        ("gs://pictures/feed/a.jpg", "lies in none of fetch.buckets"),
        ("s3:///feed/a.jpg", "names no bucket"),
        ("s3://pictures/feed/a.jpg?versionId=1", "has a `?`"),
    ] {
        let error = alone(&fetcher, address).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Refused, "{address}: {error}");
        assert!(error.message.contains(part), "{address}: {error}");
    }
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn objects_have_the_limits_and_attempts_of_all_pictures() {
    let address = "s3://pictures/feed/a.jpg";
    let large = Server::always(vec![Step::Send(object(&vec![b'x'; LIMIT as usize + 1]))]);
    let error = alone(&of_store(&large, &with_bucket()), address).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::TooLarge, "{error}");

    let absent = Server::always(vec![Step::Send(answer(404, "", b""))]);
    let error =
        alone(&of_store(&absent, &Config { retries: 2, ..with_bucket() }), address).await.unwrap_err();
    assert_eq!((error.kind, absent.requests().len()), (FetchErrorKind::Permanent, 1), "{error}");

    let busy =
        Server::by_turns(vec![vec![Step::Send(answer(503, "", b""))], vec![Step::Send(object(b"at last"))]]);
    let fetcher = of_store(&busy, &Config { retries: 1, ..with_bucket() });
    assert_eq!(alone(&fetcher, address).await.unwrap(), "at last");

    let silent = Server::always(vec![Step::Hang]);
    let config = Config { first_byte_timeout: SHORT, ..with_bucket() };
    assert!(is_transient(&alone(&of_store(&silent, &config), address).await.unwrap_err()));

    let config = Config { timeout: SHORT, ..with_bucket() };
    let slow = Server::always(vec![
        Step::Send(head(200, "content-length: 4000\r\nlast-modified: Sat, 21 Nov 2026 09:00:00 GMT\r\n")),
        Step::Drip(b"x".to_vec()),
    ]);
    assert!(is_transient(&alone(&of_store(&slow, &config), address).await.unwrap_err()));
}

#[tokio::test]
async fn urls_of_other_schemes_are_refused_with_their_scheme() {
    let config = Config { schemes: vec![], ..config() };
    for (address, part) in [
        ("https://example.org/a.jpg?secret", "`https` is not fetched"),
        ("data:image/png;base64,AAAA", "`data` is not fetched"),
        ("a.jpg?secret", "`a.jpg`, which is no address"),
        ("file:///etc/passwd", "fetch.file_root allows no folder"),
    ] {
        let error = fetched(&config, address).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Refused, "{address}: {error}");
        assert!(error.message.contains(part) && !error.message.contains("secret"), "{address}: {error}");
    }
}
