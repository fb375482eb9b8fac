//! Which language model is asked, how, and how patiently? One named endpoint: a section `llm.NAME` of the configuration.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use reqwest::header::HeaderValue;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use url::Url;

use super::extra;
use super::structured::ResponseFormat;
use crate::common::secret::Secret;

/// One endpoint. What its section does not say, `llm.default` says, in `config/default.toml` what stands here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API begins, such as `http://localhost:8000/v1`: `/chat/completions` is added to it.
    pub url: String,
    /// The model, by the name that the server has for it.
    pub model: String,
    /// The key that lets us in; empty: none is sent.
    pub api_key: Secret,
    /// How much chance an answer may have, 0 to 2; none: the server's own choice.
    #[serde(deserialize_with = "number_or_none")]
    pub temperature: Option<f32>,
    /// The most tokens of an answer.
    pub max_tokens: u32,
    /// What the most tokens are called in a request.
    pub token_limit: TokenLimit,
    /// Where the server's dice begin; none: anywhere.
    #[serde(deserialize_with = "number_or_none")]
    pub seed: Option<i64>,
    /// Texts before which an answer ends.
    pub stop: Vec<String>,
    /// In which form answers are asked for.
    pub response_format: ResponseFormat,
    /// What else a request says, for this server alone.
    pub extra: Map<String, Value>,
    /// Questions asked at one time.
    pub concurrency: usize,
    /// Questions that wait for their turn; more are refused at once.
    pub max_waiting: usize,
    /// Requests a minute, further attempts included; 0: as many as come.
    pub requests_per_minute: u32,
    /// The longest wait for a connection, its name looked up and its keys agreed on.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest time for one attempt, to the last byte of its answer.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The longest time for one question: its turn, attempts and waits.
    #[serde(with = "humantime_serde")]
    pub patience: Duration,
    /// Further attempts after a fault that may pass.
    pub retries: u32,
    /// The wait before the first further attempt; each wait after it is twice as long.
    #[serde(with = "humantime_serde")]
    pub backoff: Duration,
    /// After so many questions in a row that the endpoint failed, it is not asked for a while.
    pub breaker_failures: u32,
    /// For how long it is not asked then.
    #[serde(with = "humantime_serde")]
    pub breaker_pause: Duration,
    /// The most bytes of an answer, as it comes over the wire.
    pub max_answer: ByteSize,
}

/// What the most tokens of an answer are called in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// What every server knows.
    #[default]
    MaxTokens,
    /// What OpenAI's newer models ask for: they refuse the older name.
    MaxCompletionTokens,
}

/// A number, as a number or in text; empty text: none, which TOML has no word for.
fn number_or_none<'de, N, D>(deserializer: D) -> Result<Option<N>, D::Error>
where
    N: Deserialize<'de> + FromStr,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number, or an empty text for none")]
    enum Said<N> {
        Number(N),
        Text(String),
    }
    match Said::deserialize(deserializer)? {
        Said::Number(number) => Ok(Some(number)),
        Said::Text(text) if text.is_empty() => Ok(None),
        Said::Text(text) => text
            .parse()
            .map(Some)
            .map_err(|_| D::Error::custom("expected a number, or an empty text for none")),
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Nobody is asked who was not named.
            url: String::new(),
            model: String::new(),
            api_key: Secret::default(),
            // Some models refuse any; and TOML could not take one away again.
            temperature: None,
            // The longest published knowledge of a post has 211 words, about 300 tokens; a third more is room enough.
            max_tokens: 400,
            token_limit: TokenLimit::MaxTokens,
            seed: None,
            stop: Vec::new(),
            // A form that can be checked tells answers from thoughts and excuses; a server that does not take it is found out.
            response_format: ResponseFormat::JsonSchema,
            extra: Map::new(),
            // Servers batch what they are asked at one time; small ones do so up to 4 or 8.
            concurrency: 8,
            // Some entities of each of a few hundred posts in flight. A question is a few kilobytes.
            max_waiting: 1024,
            requests_per_minute: 0,
            // A name, a handshake and two round trips across the world take under 1 s.
            connect_timeout: Duration::from_secs(5),
            // 400 tokens at 10 a second, a large model on a processor, take 40 s.
            timeout: Duration::from_secs(60),
            // Two attempts that take all their time. The post waits as long.
            patience: Duration::from_secs(120),
            // With the waits between them 3.5 s at most: what a busy moment takes, or a proxy that starts anew.
            retries: 3,
            backoff: Duration::from_millis(500),
            // One may have had bad luck, five in a row with their further attempts have not.
            breaker_failures: 5,
            // A server that loads its model takes about as long.
            breaker_pause: Duration::from_secs(30),
            // 400 tokens are 2 KB; with a model's reasoning and probabilities, 100 times that.
            max_answer: ByteSize::mib(1),
        }
    }
}

impl Config {
    /// What is out of range: the key within the section, and the bound it breaks; without secrets.
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
            // Sums with a clock stay in range.
            hold(key, length <= Duration::from_secs(86_400), "must be a day or less");
        }
        hold("max_answer", self.max_answer.as_u64() > 0, "must be more than nothing");
        faults
    }

    /// Where the API begins; none where that is no address that may be shown.
    pub(super) fn base(&self) -> Option<Url> {
        let url = Url::parse(&self.url).ok()?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        (matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain).then_some(url)
    }

    /// The header that lets us in, marked as one that is not to be shown; none where a header cannot hold the key.
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
    fn an_address_and_a_model_are_all_that_must_be_said() {
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
    fn what_is_out_of_range_is_named_by_its_key() {
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
