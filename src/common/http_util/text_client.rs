//! Text client: one text behind an address, such as a page of metrics, within limits of time and size.

use std::time::Duration;

use reqwest::{Client, Url};

use super::causes_of;

/// Time for connection, request and response: as long as Prometheus gives a scrape.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a text: the metrics of an engine have some hundred kilobytes.
const MAX_BYTES: usize = 8 << 20;

/// Asks for the text behind one address.
#[derive(Debug)]
pub struct TextClient {
    client: Client,
    url: Url,
}

impl TextClient {
    /// A client for an address of the scheme `http` or `https`.
    ///
    /// # Errors
    /// It is no such address, or TLS cannot be set up; in words.
    pub fn new(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`{url}` must begin with http:// or https://"));
        }
        let client = Client::builder()
            .user_agent(concat!("riveg/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build();
        let client = client.map_err(|error| format!("no client can be made: {}", causes_of(&error)))?;
        Ok(Self { client, url })
    }

    /// The text.
    ///
    /// # Errors
    /// It cannot be had, or is too long; in words.
    pub async fn get(&self) -> Result<String, String> {
        let host = self.url.host_str().unwrap_or_default();
        let failed = |error: reqwest::Error| format!("{host} does not answer: {}", causes_of(&error));
        let mut response = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(format!("{host} answers {}", response.status()));
        }
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            if bytes.len() + part.len() > MAX_BYTES {
                return Err(format!("the answer of {host} is longer than {MAX_BYTES} bytes"));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_web_servers_are_asked() {
        assert!(TextClient::new("http://127.0.0.1:9090/metrics").is_ok());
        for (url, part) in
            [("127.0.0.1:9090", "no URL"), ("file:///etc/passwd", "must begin with"), ("", "no URL")]
        {
            let fault = TextClient::new(url).unwrap_err();
            assert!(fault.contains(part), "{url}: {fault}");
        }
    }
}
