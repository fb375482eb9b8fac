//! User info in addresses, removed before an address is shown.

use crate::common::secret::REDACTED;

/// The text with name and password of each address `scheme://name:password@host` removed.
pub(super) fn without_userinfo(text: &str) -> String {
    const SCHEME: &str = "://";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SCHEME) {
        let (before, after) = rest.split_at(at + SCHEME.len());
        shown.push_str(before);
        // A password may hold anything but these unless it is escaped; what is escaped wrongly is blotted out as well.
        let end = after.find(['/', '?', '#', ' ', '"', '`']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(host) => {
                shown.push_str(REDACTED);
                &after[host..]
            }
            None => after,
        };
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_names_and_passwords_and_nothing_else() {
        let cases = [
            ("redis://:canary@host:6379/0", "redis://[redacted]@host:6379/0"),
            ("https://a:canary@b@c/d@e f://canary@h", "https://[redacted]@c/d@e f://[redacted]@h"),
            ("file:///a@b", "file:///a@b"),
            ("host:9092,SSL://b:1", "host:9092,SSL://b:1"),
            ("me@example.org", "me@example.org"),
            ("", ""),
        ];
        for (text, shown) in cases {
            assert_eq!(without_userinfo(text), shown);
        }
    }
}
