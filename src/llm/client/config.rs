//! Endpoint settings: a section `llm.NAME` of the configuration.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use reqwest::header::HeaderValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use super::box_format::BoxFormat;
use super::extra;
use super::response_format::ResponseFormat;
use crate::common::secret::Secret;

/// The settings of one endpoint. Missing keys come from `llm.default`, whose values in `config/default.toml` are those of
/// [`Config::default`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Base URL of the API, such as `http://localhost:8000/v1`; `/chat/completions` is appended.
    pub url: String,
    /// The model, by its name on the server.
    pub model: String,
    /// The API key; empty: none is sent.
    pub api_key: Secret,
    /// Sampling temperature, 0 to 2; none: the server's default.
    #[serde(deserialize_with = "number_or_none")]
    pub temperature: Option<f32>,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// The name of `max_tokens` in a request.
    pub token_limit: TokenLimit,
    /// Sampling seed; none: the server's choice.
    #[serde(deserialize_with = "number_or_none")]
    pub seed: Option<i64>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// The format in which answers are requested.
    pub response_format: ResponseFormat,
    /// How the model writes boxes.
    pub box_format: BoxFormat,
    /// Further fields of a request, for this server.
    pub extra: Map<String, Value>,
    /// Concurrent questions.
    pub concurrency: usize,
    /// Questions that may wait; more are refused at once.
    pub max_waiting: usize,
    /// Requests per minute, retries included; 0: no limit.
    pub requests_per_minute: u32,
    /// The longest time to connect, with DNS and TLS.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest time for one attempt, up to the last byte of the answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The longest time for one question: queueing, attempts and pauses.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// Retries after a transient fault.
    pub retries: u32,
    /// The pause before the first retry; each later pause is twice as long.
    #[serde(with = "humantime_serde")]
    pub backoff: Duration,
    /// Failed questions in a row after which the circuit breaker opens.
    pub breaker_failures: u32,
    /// How long the breaker stays open.
    #[serde(with = "humantime_serde")]
    pub breaker_pause: Duration,
    /// The most bytes of a response body.
    pub max_answer: ByteSize,
    /// The price of a million tokens of questions, in any currency; 0: not known.
    pub price_in: f64,
    /// The price of a million tokens of answers.
    pub price_out: f64,
}

/// The name of the token limit in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// `max_tokens`, which every server knows.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models require.
    MaxCompletionTokens,
}

/// A number, or a number in a string; an empty string is none, which TOML cannot express.
fn number_or_none<'de, N, D>(deserializer: D) -> Result<Option<N>, D::Error>
where
    N: Deserialize<'de> + FromStr,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number, or an empty text for none")]
    enum Given<N> {
        Number(N),
        Text(String),
    }
    match Given::deserialize(deserializer)? {
        Given::Number(number) => Ok(Some(number)),
        Given::Text(text) if text.is_empty() => Ok(None),
        Given::Text(text) => text
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom("expected a number, or an empty text for none")),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // The section must name them.
            url: String::new(),
            model: String::new(),
            api_key: Secret::default(),
            // Some models accept no temperature, and TOML could not remove a default.
            temperature: None,
            // The longest published knowledge of a post has 211 words, about 300 tokens; a third is added.
            max_tokens: 400,
            token_limit: TokenLimit::MaxTokens,
            seed: None,
            stop: Vec::new(),
            // A format that can be checked separates answers from reasoning and refusals. A server without it is detected.
            response_format: ResponseFormat::JsonSchema,
            // What newer models write, whatever their own size of pictures.
            box_format: BoxFormat::Thousand,
            extra: Map::new(),
            // Servers batch concurrent requests; small servers up to 4 or 8.
            concurrency: 8,
            // Several entities of each of a few hundred posts in flight. A question has a few kilobytes.
            max_waiting: 1024,
            requests_per_minute: 0,
            // DNS, a handshake and two intercontinental round trips take under 1 s.
            connect_timeout: Duration::from_secs(5),
            // 400 tokens at 10 a second (a large model on a CPU) take 40 s.
            timeout: Duration::from_secs(60),
            // Two attempts of full length. The post waits as long.
            patience: Duration::from_secs(120),
            // With the pauses 3.5 s at most: enough for a short overload or the restart of a proxy.
            retries: 3,
            backoff: Duration::from_millis(500),
            // One failed question may be chance; five in a row, with their retries, are not.
            breaker_failures: 5,
            // About as long as a server takes to load its model.
            breaker_pause: Duration::from_secs(30),
            // 400 tokens are 2 KB; reasoning and log probabilities may take 100 times that.
            max_answer: ByteSize::mib(1),
            price_in: 0.0,
            price_out: 0.0,
        }
    }
}

impl Config {
    /// Values out of range: the key within the section, and its bound. No secrets.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut hold = |key, holds: bool, message: &str| {
            if !holds {
                faults.push((key, message.to_owned()));
            }
        };
        hold(
            "url",
            self.base().is_some(),
            "must be an address such as `http://localhost:8000/v1`, without name, password, query or fragment",
        );
        hold("model", !self.model.is_empty(), "must name a model of the server");
        hold("api_key", self.authorization().is_some(), "must hold printable ASCII alone");
        let is_temperature = |temperature: f32| (0.0..=2.0).contains(&temperature);
        hold("temperature", self.temperature.is_none_or(is_temperature), "must be 0 to 2");
        hold("max_tokens", self.max_tokens > 0, "must be 1 or more");
        let are_stops = self.stop.len() <= 4 && self.stop.iter().all(|stop| !stop.is_empty());
        hold("stop", are_stops, "must hold up to 4 texts, none of them empty");
        for fault in extra::faults(&self.extra) {
            hold("extra", false, &fault);
        }
        hold("concurrency", (1..=10_000).contains(&self.concurrency), "must be 1 to 10000");
        hold("max_waiting", self.max_waiting <= 1_000_000, "must be 0 to 1000000");
        hold("retries", self.retries <= 10, "must be 0 to 10");
        hold("breaker_failures", self.breaker_failures > 0, "must be 1 or more");
        for (key, length) in [
            ("connect_timeout", self.connect_timeout),
            ("timeout", self.timeout),
            ("patience", self.patience),
            ("backoff", self.backoff),
            ("breaker_pause", self.breaker_pause),
        ] {
            hold(key, !length.is_zero(), "must be longer than nothing");
            // Sums with a clock do not overflow.
            hold(key, length <= Duration::from_secs(86_400), "must be a day or less");
        }
        hold("max_answer", self.max_answer.as_u64() > 0, "must be more than nothing");
        for (key, price) in [("price_in", self.price_in), ("price_out", self.price_out)] {
            hold(key, price.is_finite() && price >= 0.0, "must be 0 or more");
        }
        faults
    }

    /// The base URL; none if it is invalid or contains a secret.
    pub(super) fn base(&self) -> Option<Url> {
        let url = Url::parse(&self.url).ok()?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
    }

    /// The authorization header, marked as sensitive; none if a header cannot hold the key.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let key = self.api_key.expose();
        if !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return None;
        }
        let mut value = HeaderValue::try_from(format!("Bearer {key}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config { url: "https://host:8000/v1".to_owned(), model: "small".to_owned(), ..Config::default() }
    }

    #[test]
    fn only_a_url_and_a_model_are_required() {
        let read: Config = toml::from_str("url = \"https://host:8000/v1\"\nmodel = \"small\"")
            .expect("all else has defaults");
        assert_eq!((read.faults(), &read), (Vec::new(), &config()));
        let text = "url = \"http://h\"\nmodel = \"m\"\ntemperature = 0\nseed = -1\nstop = [\"\\n\"]\n\
                    timeout = \"2m\"\nmax_answer = \"2MiB\"\ntoken_limit = \"max_completion_tokens\"";
        let read: Config = toml::from_str(text).unwrap();
        assert_eq!((read.temperature, read.seed, read.timeout.as_secs()), (Some(0.0), Some(-1), 120));
        assert_eq!((read.max_answer, read.token_limit), (ByteSize::mib(2), TokenLimit::MaxCompletionTokens));
        let unknown = toml::from_str::<Config>("modell = \"m\"").unwrap_err();
        assert!(unknown.to_string().contains("modell"), "{unknown}");
        let missing: Vec<_> = Config::default().faults().into_iter().map(|(key, _)| key).collect();
        assert_eq!(missing, ["url", "model"]);
    }

    #[test]
    fn a_value_out_of_range_is_named_by_its_key() {
        let url = |url: &str| Config { url: url.to_owned(), ..config() };
        let day = Duration::from_secs(86_401);
        let cases = [
            ("url", url("localhost:8000")),
            ("url", url("ftp://host/v1")),
            ("url", url("https://me:canary@host/v1")),
            ("url", url("https://canary@host/v1")),
            ("url", url("https://host/v1?key=canary")),
            ("url", url("https://host/v1#canary")),
            ("model", Config { model: String::new(), ..config() }),
            ("api_key", Config { api_key: "canary\n".into(), ..config() }),
            ("api_key", Config { api_key: "kanarienv\u{f6}gel".into(), ..config() }),
            ("temperature", Config { temperature: Some(2.1), ..config() }),
            ("temperature", Config { temperature: Some(f32::NAN), ..config() }),
            ("max_tokens", Config { max_tokens: 0, ..config() }),
            ("stop", Config { stop: vec![String::new()], ..config() }),
            ("stop", Config { stop: vec!["a".to_owned(); 5], ..config() }),
            ("extra", Config { extra: toml::from_str("stream = true").unwrap(), ..config() }),
            ("concurrency", Config { concurrency: 0, ..config() }),
            ("max_waiting", Config { max_waiting: 1_000_001, ..config() }),
            ("retries", Config { retries: 11, ..config() }),
            ("connect_timeout", Config { connect_timeout: Duration::ZERO, ..config() }),
            ("timeout", Config { timeout: Duration::ZERO, ..config() }),
            ("patience", Config { patience: day, ..config() }),
            ("backoff", Config { backoff: Duration::ZERO, ..config() }),
            ("breaker_failures", Config { breaker_failures: 0, ..config() }),
            ("breaker_pause", Config { breaker_pause: Duration::ZERO, ..config() }),
            ("max_answer", Config { max_answer: ByteSize(0), ..config() }),
            ("price_in", Config { price_in: -1.0, ..config() }),
            ("price_out", Config { price_out: f64::NAN, ..config() }),
        ];
        for (key, config) in cases {
            let faults = config.faults();
            assert!(matches!(&faults[..], [(found, _)] if *found == key), "{key}: {faults:?}");
            assert!(!format!("{faults:?}").contains("canary"), "{faults:?}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let config = Config { api_key: "canary".into(), ..config() };
        let shown = format!("{config:?} {:?}", config.authorization());
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(config.authorization().unwrap(), "Bearer canary");
    }
}
