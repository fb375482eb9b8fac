//! Subscription: the servers of Jetstream, and the address of one from a time on.

use url::Url;

/// The public servers. Their times are comparable, so that one goes on where another was left.
pub(super) const PUBLIC: [&str; 4] = [
    "wss://jetstream2.us-east.bsky.network/subscribe",
    "wss://jetstream1.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
    "wss://jetstream1.us-west.bsky.network/subscribe",
];

/// The most collections that Jetstream takes.
const MAX_COLLECTIONS: usize = 100;

/// Accounts are written into the address, of which servers take about 8 KiB.
const MAX_ACCOUNTS: usize = 150;

/// What is asked of which servers.
#[derive(Debug)]
pub(super) struct Subscription {
    servers: Vec<Url>,
    /// Whether only some accounts are wanted, so that silence is nothing unusual.
    pub(super) is_of_few: bool,
    /// The longest event, in bytes.
    pub(super) max_event: usize,
}

impl Subscription {
    /// # Errors
    /// What cannot be asked.
    pub(super) fn new(
        urls: &[String],
        collections: &[String],
        accounts: &[String],
        max_event: u64,
    ) -> Result<Self, String> {
        if collections.len() > MAX_COLLECTIONS {
            return Err(format!(
                "--collections has more than {MAX_COLLECTIONS} entries, the most of Jetstream"
            ));
        }
        if accounts.len() > MAX_ACCOUNTS {
            return Err(format!(
                "--dids has more than {MAX_ACCOUNTS} entries, the most that fit in an address"
            ));
        }
        if let Some(account) = accounts.iter().find(|account| !account.starts_with("did:")) {
            return Err(format!("`{account}` of --dids does not begin with `did:`; a handle is not an id"));
        }
        let server = |url: &String| {
            let mut url = Url::parse(url).map_err(|error| format!("--url `{url}`: {error}"))?;
            if !matches!(url.scheme(), "ws" | "wss") || url.host_str().is_none_or(str::is_empty) {
                return Err(format!("--url `{url}` is not of the form wss://HOST/subscribe"));
            }
            if url.path().ends_with("subscribeEvents") {
                let message = "its times are no cursor; name the path /subscribe of the server";
                return Err(format!("--url `{url}` is of another protocol: {message}"));
            }
            let limit = max_event.to_string();
            let mut query = url.query_pairs_mut();
            query.extend_pairs(collections.iter().map(|collection| ("wantedCollections", collection)));
            query.extend_pairs(accounts.iter().map(|account| ("wantedDids", account)));
            query.append_pair("maxMessageSizeBytes", &limit);
            drop(query);
            Ok(url)
        };
        Ok(Self {
            servers: urls.iter().map(server).collect::<Result<_, _>>()?,
            is_of_few: !accounts.is_empty(),
            max_event: usize::try_from(max_event).unwrap_or(usize::MAX),
        })
    }

    /// The number of servers.
    pub(super) fn servers(&self) -> usize {
        self.servers.len()
    }

    /// The address of the server whose turn it is; without a cursor it begins with new events.
    pub(super) fn address(&self, turn: usize, cursor: Option<u64>) -> Url {
        let mut url = self.servers[turn % self.servers.len()].clone();
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", &cursor.to_string());
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(url: &str, accounts: &[&str]) -> Result<Subscription, String> {
        let accounts: Vec<String> = accounts.iter().map(|&account| account.to_owned()).collect();
        let collections = ["app.bsky.feed.post", "a.*"].map(str::to_owned);
        Subscription::new(&[url.to_owned(), "ws://b:1/subscribe".to_owned()], &collections, &accounts, 100)
    }

    #[test]
    fn servers_are_asked_in_turn_for_the_same_events_from_a_time_on() {
        let subscription = made("wss://a/subscribe", &["did:plc:x"]).unwrap();
        let query = "wantedCollections=app.bsky.feed.post&wantedCollections=a.*&wantedDids=did%3Aplc%3Ax";
        let first = subscription.address(0, Some(7));
        let expected = format!("wss://a/subscribe?{query}&maxMessageSizeBytes=100&cursor=7");
        assert_eq!(first.as_str(), expected);
        assert_eq!(subscription.address(3, None).host_str(), Some("b"));
        assert!(subscription.is_of_few && !made("ws://a", &[]).unwrap().is_of_few);
    }

    #[test]
    fn what_cannot_be_asked_is_told() {
        let many = vec!["did:plc:x"; MAX_ACCOUNTS + 1];
        for (url, accounts, said) in [
            ("a b", &[][..], "--url `a b`"),
            ("https://a/subscribe", &[], "wss://HOST/subscribe"),
            ("wss://a/xrpc/network.bsky.jetstream.subscribeEvents", &[], "/subscribe"),
            ("wss://a/subscribe", &["ada.example"], "did:"),
            ("wss://a/subscribe", &many, "more than"),
        ] {
            let message = made(url, accounts).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}
