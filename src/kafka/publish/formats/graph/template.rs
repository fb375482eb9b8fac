//! IRI template: a text with placeholders, whose values are percent-encoded.

use crate::common::iri;

/// The characters of URIs that need no encoding in any place (RFC 3986, section 2.3), beside letters and digits.
const UNRESERVED: &[u8] = b"-._~";

/// The template with the values of its placeholders. Whatever the values, the result is an IRI if the template is one.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, opened)) = rest.split_once('{') {
        filled += before;
        let Some((name, after)) = opened.split_once('}') else {
            rest = opened;
            break;
        };
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            encode(value, &mut filled);
        }
        rest = after;
    }
    filled + rest
}

fn encode(value: &str, encoded: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const HEXADECIMAL: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(HEXADECIMAL[usize::from(byte >> 4)]));
            encoded.push(char::from(HEXADECIMAL[usize::from(byte & 15)]));
        }
    }
}

/// Why the template cannot be used. `placeholders`: the known ones. `identifying`: sets of placeholders, one of which
/// must be there in full, else different things would have one IRI.
pub(super) fn fault(template: &str, placeholders: &[&str], identifying: &[&[&str]]) -> Option<String> {
    let has = |name: &str| template.contains(&format!("{{{name}}}"));
    let known = || placeholders.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
    let without =
        placeholders.iter().fold(template.to_owned(), |text, name| text.replace(&format!("{{{name}}}"), "x"));
    if without.contains(['{', '}']) {
        return Some(format!("has a brace that is part of no placeholder; the placeholders are {}", known()));
    }
    if !iri::is_usable(&without) {
        return Some(
            "must be an absolute IRI such as `https://example.org/{...}` or `urn:example:{...}`".to_owned(),
        );
    }
    if !identifying.iter().any(|names| names.iter().all(|name| has(name))) {
        let sets: Vec<String> = identifying
            .iter()
            .map(|names| names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" with "))
            .collect();
        return Some(format!("must have {}: else different things have the same IRI", sets.join(" or ")));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_percent_encoded() {
        let filled = fill("urn:x:{post}/{id}{none}", &[("post", "a b/é#"), ("id", "{post}")]);
        assert_eq!(filled, "urn:x:a%20b%2F%C3%A9%23/%7Bpost%7D");
        assert_eq!(fill("urn:x:{post", &[("post", "1")]), "urn:x:post");
    }

    #[test]
    fn templates_that_cannot_work_are_refused_with_the_reason() {
        let fault = |template| fault(template, &["post", "key", "hash"], &[&["hash"], &["post", "key"]]);
        assert_eq!(fault("urn:x:{hash}"), None);
        assert_eq!(fault("https://example.org/{post}#{key}"), None);
        for (template, reason) in [
            ("urn:x:{id}", "has a brace"),
            ("urn:x:{", "has a brace"),
            ("x {hash}", "must be an absolute IRI"),
            ("{hash}", "must be an absolute IRI"),
            ("schema:{hash}", "must be an absolute IRI"),
            ("urn:x:{post}", "must have {hash} or {post} with {key}"),
        ] {
            assert!(fault(template).is_some_and(|fault| fault.contains(reason)), "{template}");
        }
    }

    proptest! {
        #[test]
        fn any_value_gives_an_iri_and_different_values_different_ones(one in any::<String>(), other in any::<String>()) {
            let filled = |value: &str| fill("https://example.org/{post}#x", &[("post", value)]);
            prop_assert!(iri::is_usable(&filled(&one)));
            prop_assert_eq!(filled(&one) == filled(&other), one == other);
        }
    }
}
