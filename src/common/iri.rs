//! IRI check: which texts may name a thing in a graph.

use std::borrow::Cow;

/// Schemes whose IRIs have no `//` and are used as names.
const NAMING_SCHEMES: [&str; 3] = ["did:", "tag:", "urn:"];

/// Whether the text is an absolute IRI (RFC 3987) that means the same in every notation. JSON-LD takes `name:rest` for an
/// abbreviation if its context knows `name`, so an IRI must have `//` behind its scheme or be a `urn:`, `did:` or `tag:`.
#[must_use]
pub fn is_usable(text: &str) -> bool {
    let has_authority = text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
    let is_name = NAMING_SCHEMES.iter().any(|scheme| text.starts_with(scheme));
    (has_authority || is_name) && oxiri::Iri::parse(text).is_ok()
}

/// The IRI for a thing's own address, if there is one. Addresses of the AT Protocol have colons where IRIs have a port
/// (`at://did:plc:x/...`); they are percent-encoded.
#[must_use]
pub fn of_address(address: &str) -> Option<Cow<'_, str>> {
    if is_usable(address) {
        return Some(Cow::Borrowed(address));
    }
    let rest = address.strip_prefix("at://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let encoded = format!("at://{}{path}", authority.replace(':', "%3A"));
    is_usable(&encoded).then_some(Cow::Owned(encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_iris_without_abbreviations_are_usable() {
        for good in [
            "http://www.wikidata.org/entity/Q7259",
            "https://example.org/wiki/Łódź?a=b#c",
            "at://example.org/app.bsky.feed.post/3k2",
            "urn:riveg:post:1",
            "did:plc:abc",
        ] {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "",
            "Q7259",
            "/relative",
            "schema:evil",
            "https://example.org/a b",
            "https://example.org/<",
            "https://example.org/\"",
            "https://example.org/\n",
            "https://example.org/%zz",
            "https://example.org/\u{0}",
            "urn:a>b",
            "//example.org",
        ] {
            assert!(!is_usable(bad) && of_address(bad).is_none(), "{bad}");
        }
        let post = of_address("at://did:plc:abc/app.bsky.feed.post/3k2");
        assert_eq!(post.as_deref(), Some("at://did%3Aplc%3Aabc/app.bsky.feed.post/3k2"));
        assert_eq!(of_address("at://did:plc:a b/c"), None);
    }
}
