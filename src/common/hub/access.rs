//! Access to a hub: its endpoint, the user's token, the cache, and whether the network may be used. The variables are those
//! of the hub's own programs.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use crate::common::http_util::RetrySchedule;
use crate::common::secret::Secret;

const ENDPOINT: &str = "https://huggingface.co";

/// Where files come from, and where they are kept.
#[derive(Debug, Clone)]
pub struct Access {
    /// The hub, or a mirror of it.
    pub endpoint: Url,
    /// The user's token, which only the endpoint receives.
    pub token: Secret,
    /// The folder of the cache, laid out as the hub's programs do.
    pub cache: PathBuf,
    /// Whether only the cache is read.
    pub offline: bool,
    /// How often a request that failed is repeated without a byte of progress.
    pub retry: RetrySchedule,
}

impl Access {
    /// Access as the environment says: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`, and for the cache `HF_HUB_CACHE`,
    /// `HF_HOME`, `XDG_CACHE_HOME` or `HOME`. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY`, which the client reads itself.
    ///
    /// # Errors
    /// The variable, what was expected and what it is.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let cache = variable("HF_HUB_CACHE").map(PathBuf::from);
        let home = variable("HF_HOME").map(PathBuf::from);
        let user = variable("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .map(|cache| cache.join("huggingface"));
        let cache = cache
            .or_else(|| home.or(user).map(|home| home.join("hub")))
            .ok_or("none of HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME says where downloads are kept")?;
        Ok(Self {
            endpoint: Self::endpoint(&endpoint).map_err(|fault| format!("HF_ENDPOINT {fault}"))?,
            token: Secret::from(variable("HF_TOKEN").unwrap_or_default()),
            cache,
            offline: variable("HF_HUB_OFFLINE").is_some_and(|value| is_true(&value)),
            retry: RetrySchedule { retries: 5, backoff: Duration::from_millis(500) },
        })
    }

    /// The address of a hub.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn endpoint(text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|error| format!("is `{text}`, which is no address: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.query().is_some() {
            return Err(format!("is `{text}`, expected the address of a hub, such as `{ENDPOINT}`"));
        }
        Ok(url)
    }
}

/// As the hub's programs read truth in a variable.
fn is_true(value: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&value.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Access, String> {
        Access::of(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_what_it_says_to_the_hubs_own_programs() {
        let plain = of(&[("HOME", "/home/a")]).unwrap();
        assert_eq!(plain.endpoint.as_str(), "https://huggingface.co/");
        assert_eq!(plain.cache, PathBuf::from("/home/a/.cache/huggingface/hub"));
        assert!(plain.token.is_empty() && !plain.offline);
        let all = of(&[
            ("HF_ENDPOINT", "http://mirror:8080/hub"),
            ("HF_TOKEN", "canary"),
            ("HF_HOME", "/data"),
            ("HF_HUB_OFFLINE", "True"),
            ("HOME", "/home/a"),
        ]);
        let all = all.unwrap();
        assert_eq!((all.endpoint.as_str(), all.token.expose()), ("http://mirror:8080/hub", "canary"));
        assert_eq!((all.cache, all.offline), (PathBuf::from("/data/hub"), true));
        for (variables, cache) in [
            (&[("HF_HUB_CACHE", "/cache"), ("HF_HOME", "/data")][..], "/cache"),
            (&[("XDG_CACHE_HOME", "/xdg"), ("HOME", "/home/a")], "/xdg/huggingface/hub"),
        ] {
            assert_eq!(of(variables).unwrap().cache, PathBuf::from(cache));
        }
    }

    #[test]
    fn what_is_no_hub_is_named() {
        for (variables, expected) in [
            (&[][..], "none of HF_HUB_CACHE, HF_HOME"),
            (&[("HOME", "/"), ("HF_ENDPOINT", "file:///etc")], "HF_ENDPOINT is `file:///etc`, expected"),
            (&[("HOME", "/"), ("HF_ENDPOINT", "mirror")], "HF_ENDPOINT is `mirror`, which is no address"),
        ] {
            let fault = of(variables).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
