//! OAuth token: a JWT (RFC 7519) in a file, read whenever a client asks for it. Token renewal is external.
//!
//! Only its claims are read, to know when it expires. The broker verifies the token.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::client::OAuthToken;
use serde::Deserialize;

use crate::common::plain_file;

/// The longest token, in bytes. By default brokers accept authentication messages up to 512 KiB, and tokens with many
/// groups have some tens of KiB.
const MAX_BYTES: u64 = 128 * 1024;

/// Why a file has no valid token.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("kafka.oauth_token_file `{}` cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("kafka.oauth_token_file `{}` holds no JWT: {what}", path.display())]
    NoToken { path: PathBuf, what: &'static str },
    #[error(
        "the token in kafka.oauth_token_file `{}` expired at {} and was not renewed",
        path.display(), humantime::format_rfc3339_seconds(*at)
    )]
    Expired { path: PathBuf, at: SystemTime },
}

/// The claims that are read. Others are ignored.
#[derive(Deserialize)]
struct Claims {
    /// Seconds since 1970, perhaps with a fraction.
    exp: f64,
    #[serde(default)]
    sub: String,
}

/// The token in that file, if it is valid at `now`.
pub(super) fn read(path: &Path, now: SystemTime) -> Result<OAuthToken, TokenError> {
    let mut text = String::new();
    plain_file::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
    let token = text.trim();
    let claims = claims(token).map_err(|what| TokenError::NoToken { path: path.to_owned(), what })?;
    let at = UNIX_EPOCH + Duration::from_secs_f64(claims.exp);
    if at <= now {
        return Err(TokenError::Expired { path: path.to_owned(), at });
    }
    // `claims` has checked the range of `exp`.
    let lifetime_ms = (claims.exp * 1000.0) as i64;
    Ok(OAuthToken { token: token.to_owned(), principal_name: claims.sub, lifetime_ms })
}

fn claims(token: &str) -> Result<Claims, &'static str> {
    if token.len() as u64 > MAX_BYTES {
        return Err("it is longer than 128 KiB");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else {
        return Err("it does not have three parts separated by dots");
    };
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("it has characters that are not base64url");
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "its second part is not base64url")?;
    let claims: Claims = serde_json::from_slice(&payload)
        .map_err(|_| "its claims are not a JSON object with a number `exp`")?;
    // The end of the year 9999, the last that RFC 3339 can represent.
    if !(0.0..253_402_300_800.0).contains(&claims.exp) {
        return Err("its `exp` is not a time");
    }
    if claims.sub.contains('\0') {
        return Err("its `sub` contains a NUL");
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
    fn a_token_has_its_expiry_and_subject() {
        let token = jwt(r#"{"sub":"riveg","exp":1000000060.5,"groups":["a"]}"#);
        let read = read(file(&format!("{token}\n")).path(), now()).unwrap();
        assert_eq!((read.token, read.principal_name.as_str()), (token, "riveg"));
        assert_eq!(read.lifetime_ms, 1_000_000_060_500);
    }

    #[test]
    fn an_invalid_token_is_named_by_its_file_and_never_shown() {
        let expired = jwt(r#"{"sub":"canary","exp":999999999}"#);
        let (no_exp, text) = (jwt(r#"{"sub":"canary"}"#), jwt(r#"{"sub":"canary","exp":"soon"}"#));
        let never = jwt(r#"{"sub":"canary","exp":1e300}"#);
        let long = format!("canary.{}.x", "a".repeat(200_000));
        let cases = [
            (expired.as_str(), "expired at 2001-09-09T01:46:39Z and was not renewed"),
            ("", "three parts"),
            ("canary", "three parts"),
            ("canary.canary.canary.a.b", "three parts"),
            ("canary.can ary.x", "characters that are not base64url"),
            ("canary.canaryca.x", "claims"),
            ("canary.a.x", "not base64url"),
            (no_exp.as_str(), "a number `exp`"),
            (text.as_str(), "a number `exp`"),
            (never.as_str(), "`exp` is not a time"),
            (long.as_str(), "longer than 128 KiB"),
        ];
        for (content, expected) in cases {
            let file = file(content);
            let Err(error) = read(file.path(), now()) else { panic!("{content:.80} is accepted") };
            let error = error.to_string();
            assert!(error.contains(expected) && !error.contains("canary"), "{content:.80}: {error}");
            assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        }
        let Err(error) = read(Path::new("/nowhere/token"), now()) else { panic!("a file from nowhere") };
        assert!(error.to_string().contains("`/nowhere/token` cannot be read: No such file"), "{error}");
    }
}
