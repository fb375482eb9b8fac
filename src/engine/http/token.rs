//! Token: whether a request may be answered, by its header `Authorization`.

use axum::http::{HeaderMap, header};

use crate::common::secret::Secret;

/// Whether the request has the token, `Authorization: Bearer TOKEN`, or none is asked for.
///
/// Hashes are compared, in constant time: neither the time that the comparison takes nor the token's length tells anything
/// of it.
pub(super) fn is_allowed(headers: &HeaderMap, token: &Secret) -> bool {
    if token.is_empty() {
        return true;
    }
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    sent.is_some_and(|sent| blake3::hash(sent) == blake3::hash(token.expose().as_bytes()))
}

/// The credentials of the scheme `Bearer`, whose name may be in any case (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, credentials) = value.split_at_checked(6)?;
    let separated = credentials.first() == Some(&b' ');
    (scheme.eq_ignore_ascii_case(b"bearer") && separated).then(|| credentials.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_let_in() {
        let token = Secret::from("canary-17");
        let sent = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            is_allowed(&headers, &token)
        };
        assert!(sent("Bearer canary-17") && sent("bearer  canary-17 "));
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer canary-1", "Bearer canary-177", "Basic canary-17", "canary-17"]
        {
            assert!(!sent(wrong), "{wrong}");
        }
        assert!(!is_allowed(&HeaderMap::new(), &token));
        assert!(is_allowed(&HeaderMap::new(), &Secret::default()), "none is asked for");
    }
}
