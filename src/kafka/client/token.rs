//! Which token lies in a file? A JWT (RFC 7519) that something else renews, read anew whenever a client asks.
//!
//! Only its claims are read, to know when it runs out. Whether it is genuine is the broker's business.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;

use crate::common::plain_file;

/// The longest token, in bytes: brokers take no authentication message above 512 KiB unless told otherwise, and tokens
/// with many groups reach some tens of KiB.
const LONGEST: u64 = 128 * 1024;

/// Why a file gives no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("kafka.oauth_token_file `{}` cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("kafka.oauth_token_file `{}` holds no JWT: {what}", path.display())]
    NoToken { path: PathBuf, what: &'static str },
    #[error(
        "the token in kafka.oauth_token_file `{}` ran out at {}, and nothing has renewed it",
        path.display(), humantime::format_rfc3339_seconds(*at)
    )]
    RanOut { path: PathBuf, at: SystemTime },
}

/// The claims that are read; any others may be there.
#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970, perhaps with a fraction.
    exp: f64,
    #[serde(default)]
    sub: String,
}

/// The token in that file, if it is good at `now`.
pub(super) fn read(path: &Path, now: SystemTime) -> Result<OAuthToken, TokenError> {
    let mut text = String::new();
    plain_file::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        .map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
    let token = text.trim();
    let claims = claims(token).map_err(|what| TokenError::NoToken { path: path.to_owned(), what })?;
    let at = UNIX_EPOCH + Duration::from_secs_f64(claims.exp);
    if at <= now {
        return Err(TokenError::RanOut { path: path.to_owned(), at });
    }
    // Above, `exp` was found to fit.
    let lifetime_ms = (claims.exp * 1000.0) as i64;
    Ok(OAuthToken { token: token.to_owned(), principal_name: claims.sub, lifetime_ms })
}

fn claims(token: &str) -> Result<Claims, &'static str> {
    if token.len() as u64 > LONGEST {
        return Err("it is longer than 128 KiB");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else {
        return Err("it has not three parts with dots between them");
    };
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("it has letters that base64url has not");
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "its second part is not base64url")?;
    let claims: Claims =
        serde_json::from_slice(&payload).map_err(|_| "its claims are no JSON object with a number `exp`")?;
    // The year 9999, the last that RFC 3339 can write.
    if !(0.0..253_402_300_800.0).contains(&claims.exp) {
        return Err("its `exp` is no time");
    }
    if claims.sub.contains('\0') {
        return Err("its `sub` has a NUL in it");
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000_000)
    }

    fn file(content: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    fn jwt(claims: &str) -> String {
        format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_says_until_when_it_is_good_and_for_whom() {
        let token = jwt(r#"{"sub":"riveg","exp":1000000060.5,"groups":["a"]}"#);
        let read = read(file(&format!("{token}\n")).path(), now()).unwrap();
        assert_eq!((read.token, read.principal_name.as_str()), (token, "riveg"));
        assert_eq!(read.lifetime_ms, 1_000_000_060_500);
    }

    #[test]
    fn what_is_no_token_is_named_by_its_file_and_never_shown() {
        let ran_out = jwt(r#"{"sub":"canary","exp":999999999}"#);
        let (no_exp, text) = (jwt(r#"{"sub":"canary"}"#), jwt(r#"{"sub":"canary","exp":"soon"}"#));
        let never = jwt(r#"{"sub":"canary","exp":1e300}"#);
        let long = format!("canary.{}.x", "a".repeat(200_000));
        let cases = [
            (ran_out.as_str(), "ran out at 2001-09-09T01:46:39Z, and nothing has renewed it"),
            ("", "three parts"),
            ("canary", "three parts"),
            ("canary.canary.canary.a.b", "three parts"),
            ("canary.can ary.x", "letters that base64url has not"),
            ("canary.canaryca.x", "claims"),
            ("canary.a.x", "not base64url"),
            (no_exp.as_str(), "a number `exp`"),
            (text.as_str(), "a number `exp`"),
            (never.as_str(), "`exp` is no time"),
            (long.as_str(), "longer than 128 KiB"),
        ];
        for (content, expected) in cases {
            let file = file(content);
            let Err(error) = read(file.path(), now()) else { panic!("{content:.80} is taken") };
            let error = error.to_string();
            assert!(error.contains(expected) && !error.contains("canary"), "{content:.80}: {error}");
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
        let Err(error) = read(Path::new("/nowhere/token"), now()) else { panic!("a file from nowhere") };
        assert!(error.to_string().contains("`/nowhere/token` cannot be read: No such file"), "{error}");
    }
}
