//! URL rules: scheme, host and port are checked before any lookup or connection.

use std::net::IpAddr;

use url::{Host, Url};

use super::allowed_networks::AllowedNetworks;
use super::config::{Config, Scheme};
use super::error::FetchError;

/// The longest URL, in bytes: web servers refuse requests whose first line is longer (8 KiB in nginx and Apache).
const LONGEST: usize = 8 * 1024;

/// The rules for URLs of web servers.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    schemes: Vec<Scheme>,
    hosts: Vec<String>,
    ports: Vec<u16>,
    pub(super) networks: AllowedNetworks,
}

/// An allowed URL of a web server. If its host is a name, its addresses are checked after the lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    url: Url,
    host: String,
}

impl Rules {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            schemes: config.schemes.clone(),
            hosts: config.hosts.clone(),
            ports: config.ports.clone(),
            networks: config.networks(),
        }
    }

    /// Checks a URL.
    ///
    /// # Errors
    /// Which rule it breaks; the message shows the URL as `shown`.
    pub(super) fn target(&self, mut url: Url, shown: &str) -> Result<Target, FetchError> {
        let refused = |why: String| Err(FetchError::refused(format!("has the url `{shown}`: {why}")));
        // Percent-encoded, a URL may be three times as long as it was written.
        if let Err(why) = check_length(url.as_str()) {
            return refused(format!("spelt out it {why}"));
        }
        if !self.schemes.iter().any(|scheme| scheme.as_str() == url.scheme()) {
            return refused(format!("`{}` is not fetched, fetch.schemes does not name it", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("it carries a user's name or password".to_owned());
        }
        // The parser has normalised every notation of IPv4 addresses: decimal, octal, hexadecimal, shortened.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return refused("it names no host".to_owned()),
        };
        if let Some(Err(what)) = literal.map(|address| self.networks.check(address)) {
            return refused(format!("its address is not public ({what}), nor in fetch.allow_networks"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.ports.contains(&port) {
            return refused(format!("port {port} is not one of fetch.ports"));
        }
        let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        if !self.hosts.is_empty() && !self.hosts.iter().any(|allowed| covers(allowed, &host)) {
            return refused(format!("`{host}` is not one of fetch.hosts"));
        }
        // Fragments are not sent to servers.
        url.set_fragment(None);
        Ok(Target { url, host })
    }
}

impl Target {
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The host's name, the key of its limits.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The URL without its query, for messages.
    pub(super) fn shown(&self) -> String {
        shown(&self.url)
    }
}

/// Checks the length of a URL.
///
/// # Errors
/// How long it is, in words that follow its subject.
pub(super) fn check_length(address: &str) -> Result<(), String> {
    let length = address.len();
    if length <= LONGEST {
        return Ok(());
    }
    Err(format!("has {length} bytes, more than the {LONGEST} that an address may have"))
}

/// A URL without the parts that may be secret, shortened.
pub(super) fn shown(url: &Url) -> String {
    const LONGEST: usize = 200; // characters: enough to know a picture by, and a message may show two
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    // These fail for URLs that cannot have either.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    match bare.as_str().char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &bare.as_str()[..end]),
        None => bare.to_string(),
    }
}

/// Whether an entry of `fetch.hosts` covers a host: the name itself, or with `*.` every name below it.
fn covers(allowed: &str, host: &str) -> bool {
    match allowed.strip_prefix("*.") {
        Some(domain) => {
            host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        }
        None => host == allowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str]) -> Rules {
        Rules {
            schemes: vec![Scheme::Https],
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            ports: vec![443],
            networks: AllowedNetworks::default(),
        }
    }

    fn judged(rules: &Rules, address: &str) -> Result<Target, String> {
        let url = Url::parse(address).unwrap();
        let shown = shown(&url);
        rules.target(url, &shown).map_err(|error| error.message)
    }

    #[test]
    fn a_public_address_of_an_allowed_scheme_may_be_asked_for() {
        for address in [
            "https://example.org/a.jpg?token=1#top",
            "https://example.org:443/",
            "https://1.1.1.1/a",
            "https://[2606:4700:4700::1111]/",
            "https://bücher.example/",
        ] {
            let target = judged(&rules(&[]), address).unwrap();
            assert!(target.url().fragment().is_none(), "{address}");
        }
    }

    #[test]
    fn each_rule_refuses_with_its_name_and_no_secret_is_repeated() {
        for (address, part) in [
            ("http://example.org/?key=secret", "`http` is not fetched"),
            ("ftp://example.org/", "`ftp` is not fetched"),
            ("gopher://example.org/", "`gopher` is not fetched"),
            ("data:image/png;base64,AAAA", "`data` is not fetched"),
            ("https://me@example.org/", "a user's name or password"),
            ("https://me:secret@example.org/?key=secret", "a user's name or password"),
            ("https://:secret@example.org/", "a user's name or password"),
            ("https://example.org:8443/", "port 8443 is not one of fetch.ports"),
            ("https://127.0.0.1/", "not public (loopback)"),
            ("https://2130706433/", "not public (loopback)"),
            ("https://0x7f000001/", "not public (loopback)"),
            ("https://0177.0.0.1/", "not public (loopback)"),
            ("https://127.1/", "not public (loopback)"),
            ("https://0x7f.1/", "not public (loopback)"),
            ("https://127.0.0.1./", "not public (loopback)"),
            ("https://%31%32%37.0.0.1/", "not public (loopback)"),
            ("https://①②⑦.0.0.1/", "not public (loopback)"),
            ("https://0/", "not public (this network)"),
            ("https://2852039166/latest/meta-data/", "not public (link-local)"),
            ("https://[::1]/", "not public (loopback)"),
            ("https://[::ffff:127.0.0.1]/", "not public (loopback)"),
            ("https://[::ffff:7f00:1]/", "not public (loopback)"),
            ("https://[64:ff9b::7f00:1]/", "not public (loopback)"),
            ("https://[fd00:ec2::254]/", "not public (private)"),
        ] {
            let refusal = judged(&rules(&[]), address).unwrap_err();
            assert!(refusal.contains(part) && !refusal.contains("secret"), "{address}: {refusal}");
        }
    }

    #[test]
    fn an_address_that_no_server_would_take_is_refused_as_it_is_written_and_as_it_is_sent() {
        let of = |letter: &str, count: usize| format!("https://a.example/?{}", letter.repeat(count));
        let around = of("", 0).len();
        assert!(judged(&rules(&[]), &of("x", LONGEST - around)).is_ok());
        let refusal = judged(&rules(&[]), &of("x", LONGEST - around + 1)).unwrap_err();
        assert!(refusal.contains("has 8193 bytes, more than the 8192"), "{refusal}");
        assert!(refusal.len() < 400, "it is not repeated");
        let written = of("é", 2000);
        assert!(check_length(&written).is_ok());
        assert!(judged(&rules(&[]), &written).unwrap_err().contains("spelt out it has 12019 bytes"));
    }

    #[test]
    fn where_hosts_are_listed_only_they_may_be_asked() {
        let rules = rules(&["cdn.example.org", "*.pictures.example", "1.1.1.1"]);
        for (address, expected) in [
            ("https://cdn.example.org/", true),
            ("https://CDN.EXAMPLE.ORG./", true),
            ("https://a.pictures.example/", true),
            ("https://a.b.pictures.example/", true),
            ("https://1.1.1.1/", true),
            ("https://1.0.0.1/", false),
            ("https://pictures.example/", false),
            ("https://evilpictures.example/", false),
            ("https://.pictures.example/", false),
            ("https://a.cdn.example.org/", false),
            ("https://cdn.example.org.evil.example/", false),
        ] {
            assert_eq!(judged(&rules, address).is_ok(), expected, "{address}");
        }
    }
}
