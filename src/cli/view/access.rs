//! Access: who may open the page. Without a token only programs of this machine reach it, and only under a name of this
//! machine; with a token, readers type it in once and have a session.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::http::{HeaderMap, Method, StatusCode, header};
use governor::clock::DefaultClock;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use rand::RngCore as _;

use crate::common::secret::Secret;

/// Tries of the token: a reader mistypes some, and a guesser needs millions.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Who may do what.
pub(super) struct Access {
    token: Secret,
    /// What the cookie of a session has; of this process alone.
    session: String,
    cookie: String,
    tries: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its header `Host` is not a name of this machine: a page elsewhere has made its own name point here.
    OtherHost,
    /// It changes something, and another site's page sent it.
    OtherSite,
    /// The token is not typed in.
    NoSession,
    /// The token is another one.
    WrongToken,
    /// Too many tries.
    TooManyTries,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::NoSession | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::OtherHost => "open the page by localhost or 127.0.0.1, or set view.token",
            Self::OtherSite => "this can only be done from the page itself",
            Self::NoSession => "open the page and type in the token of view.token",
            Self::WrongToken => "the token is another one; go back and try again",
            Self::TooManyTries => "too many tries; wait a minute",
        }
    }
}

impl Access {
    /// `port`: that of the address; cookies do not tell ports apart.
    pub(super) fn new(token: Secret, port: u16) -> Self {
        let mut random = [0; 32];
        rand::rng().fill_bytes(&mut random);
        let session = blake3::hash(&random).to_hex().to_string();
        let tries = RateLimiter::direct(Quota::per_minute(TRIES_PER_MINUTE));
        Self { token, session, cookie: format!("riveg_view_{port}"), tries }
    }

    /// Whether a request may be answered.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
        if *method != Method::GET && *method != Method::HEAD && !is_own_site(headers) {
            return Err(Refusal::OtherSite);
        }
        if self.token.is_empty() {
            let host = text(headers, header::HOST).unwrap_or_default();
            return if is_this_machine(host) { Ok(()) } else { Err(Refusal::OtherHost) };
        }
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut sessions = pairs.filter(|(name, _)| *name == self.cookie);
        let is_known = sessions.any(|(_, value)| is_same(value, &self.session));
        if is_known { Ok(()) } else { Err(Refusal::NoSession) }
    }

    /// The cookie of a session, for a reader who types in the token.
    ///
    /// # Errors
    /// The token is wrong, or there are too many tries, right or wrong.
    pub(super) fn sign_in(&self, token: &str) -> Result<String, Refusal> {
        if self.tries.check().is_err() {
            return Err(Refusal::TooManyTries);
        }
        if self.token.is_empty() || !is_same(token, self.token.expose()) {
            return Err(Refusal::WrongToken);
        }
        Ok(format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie, self.session))
    }
}

/// Hashes are compared, in constant time.
fn is_same(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a browser says that the page itself sends it; a program that is no browser says nothing.
fn is_own_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let origin = headers.get(header::ORIGIN).is_none_or(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == text(headers, header::HOST)
    });
    site && origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_answered() {
        let access = Access::new(Secret::default(), 8090);
        for host in ["localhost:8090", "127.0.0.1:8090", "[::1]:8090", "LOCALHOST", "127.8.0.1"] {
            assert_eq!(access.check(&Method::GET, &headers(&[("host", host)])), Ok(()), "{host}");
        }
        for host in ["example.org", "localhost.example.org:8090", "10.0.0.1:8090", "", "[::2]:80"] {
            let refused = access.check(&Method::GET, &headers(&[("host", host)]));
            assert_eq!(refused, Err(Refusal::OtherHost), "{host}");
        }
        assert_eq!(access.sign_in(""), Err(Refusal::WrongToken), "there is none to guess");
    }

    #[test]
    fn other_sites_change_nothing() {
        let access = Access::new(Secret::default(), 8090);
        let post = |lines: &[(&'static str, &str)]| {
            access.check(&Method::POST, &headers(&[&[("host", "localhost:1")], lines].concat()))
        };
        for own in [&[][..], &[("origin", "http://localhost:1")], &[("sec-fetch-site", "same-origin")]] {
            assert_eq!(post(own), Ok(()), "{own:?}");
        }
        for other in [
            ("origin", "http://example.org"),
            ("origin", "null"),
            ("origin", "http://localhost:2"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert_eq!(post(&[other]), Err(Refusal::OtherSite), "{other:?}");
        }
    }

    #[test]
    fn a_token_opens_a_session_and_is_not_guessed() {
        let access = Access::new(Secret::from("canary-17"), 8090);
        assert_eq!(access.check(&Method::GET, &headers(&[("host", "x")])), Err(Refusal::NoSession));
        let cookie = access.sign_in("canary-17").unwrap();
        let (pair, attributes) = cookie.split_once(';').unwrap();
        assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("canary"), "{cookie}");
        for (sent, expected) in [
            (pair.to_owned(), Ok(())),
            (format!("other=1; {pair}"), Ok(())),
            (pair.replace("8090", "8091"), Err(Refusal::NoSession)),
            (format!("{pair}0"), Err(Refusal::NoSession)),
            ("riveg_view_8090=canary-17".to_owned(), Err(Refusal::NoSession)),
        ] {
            assert_eq!(access.check(&Method::GET, &headers(&[("cookie", &sent)])), expected, "{sent}");
        }
        let guesses: Vec<_> = (0..1000).map(|guess| access.sign_in(&guess.to_string())).collect();
        let tried = guesses.iter().filter(|guess| **guess == Err(Refusal::WrongToken)).count();
        assert!(tried <= 10, "{tried} guesses were compared");
        assert_eq!(access.sign_in("canary-17"), Err(Refusal::TooManyTries));
        assert_eq!(access.check(&Method::GET, &headers(&[("cookie", pair)])), Ok(()), "a session goes on");
    }
}
