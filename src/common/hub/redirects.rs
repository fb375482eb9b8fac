//! Redirects: followed one by one, so that the user's token goes to the hub alone and a loop ends.

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, Url};

use super::access::Access;
use super::announced::is_of_a_hub;
use super::error::HubError;
use super::files::shown;

/// The most redirects of one request: the hub has one or two, a mirror one more.
const MOST: usize = 10;

/// Why no answer came.
#[derive(Debug)]
pub(super) enum Failed {
    /// The connection failed.
    Connection(reqwest::Error),
    /// What came cannot be used.
    Answer(HubError),
}

/// Sends a request and follows its redirects. A request for headers alone ends where a hub says something of the file:
/// the store behind it has other tags.
pub(super) async fn send(
    client: &Client,
    access: &Access,
    (method, start): (Method, &Url),
    headers: &HeaderMap,
) -> Result<Response, Failed> {
    let mut url = start.clone();
    for _ in 0..=MOST {
        let mut request = client.request(method.clone(), url.clone()).headers(headers.clone());
        // Sizes are those of the files, not of something that is smaller on the way.
        request = request.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if may_have_token(access, &url) {
            request = request.header(AUTHORIZATION, format!("Bearer {}", access.token.expose()));
        }
        let response = request.send().await.map_err(Failed::Connection)?;
        let known = method == Method::HEAD && is_of_a_hub(response.headers());
        if !response.status().is_redirection() || known {
            return Ok(response);
        }
        url = next(&url, response.headers()).map_err(Failed::Answer)?;
    }
    let (url, last) = (shown(start), shown(&url));
    Err(Failed::Answer(HubError::Redirects { url, most: MOST, last }))
}

/// Whether a request may carry the user's token: to the hub itself, and to no host that it redirects to.
fn may_have_token(access: &Access, url: &Url) -> bool {
    !access.token.is_empty() && url.origin() == access.endpoint.origin()
}

/// Where a redirect leads.
fn next(url: &Url, headers: &HeaderMap) -> Result<Url, HubError> {
    let refused = |to: &str| HubError::Unsafe { url: shown(url), to: to.escape_debug().to_string() };
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| refused("nothing"))?;
    let to = url.join(location).map_err(|_| refused("what is no address"))?;
    match (url.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(to),
        _ => Err(refused(&shown(&to))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(endpoint: &str) -> Access {
        let variables = [("HOME", "/"), ("HF_TOKEN", "canary"), ("HF_ENDPOINT", endpoint)];
        let value = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Access::of(value).unwrap()
    }

    #[test]
    fn the_token_goes_to_the_hub_and_to_nobody_else() {
        let access = access("https://hub.example");
        for (url, expected) in [
            ("https://hub.example/a/resolve/main/b", true),
            ("https://hub.example:444/a", false),
            ("http://hub.example/a", false),
            ("https://cdn.hub.example/a", false),
            ("https://store.example/hub.example", false),
        ] {
            assert_eq!(may_have_token(&access, &Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn a_redirect_may_be_relative_and_never_gives_up_encryption() {
        let from = Url::parse("https://hub.example/a/b").unwrap();
        let to = |location: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            next(&from, &headers).map(String::from).map_err(|error| error.to_string())
        };
        assert_eq!(to("/c/d?e=f"), Ok("https://hub.example/c/d?e=f".to_owned()));
        assert_eq!(to("https://store.example/x"), Ok("https://store.example/x".to_owned()));
        for location in ["http://store.example/x?secret=canary", "file:///etc/passwd", "data:,x"] {
            let error = to(location).unwrap_err();
            assert!(error.contains("which is not followed") && !error.contains("canary"), "{error}");
        }
        assert!(next(&from, &HeaderMap::new()).is_err());
    }
}
