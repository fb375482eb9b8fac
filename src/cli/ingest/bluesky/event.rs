//! Envelope of an event of Jetstream: what is needed to write it, without its record.

use std::borrow::Cow;

use serde::Deserialize;

/// An event as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// When Jetstream saw it, in microseconds since 1970.
    pub(super) time: u64,
    /// The change of a record; none for events of accounts.
    pub(super) change: Option<Change>,
}

/// The change of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The address of the record, `at://DID/COLLECTION/RKEY`.
    pub(super) key: String,
    /// The same for the same change from any server, whose times differ.
    pub(super) fingerprint: u128,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    did: Cow<'a, str>,
    time_us: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    commit: Option<Commit<'a>>,
}

#[derive(Deserialize)]
struct Commit<'a> {
    #[serde(borrow)]
    rev: Cow<'a, str>,
    #[serde(borrow)]
    operation: Cow<'a, str>,
    #[serde(borrow)]
    collection: Cow<'a, str>,
    #[serde(borrow)]
    rkey: Cow<'a, str>,
}

impl Event {
    /// Reads the envelope of an event.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn read(json: &str) -> Result<Self, String> {
        let envelope: Envelope<'_> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let Envelope { did, time_us: time, kind, commit } = envelope;
        if kind != "commit" {
            return Ok(Self { time, change: None });
        }
        let Commit { rev, operation, collection, rkey } = commit.ok_or("a commit without `commit`")?;
        if [&did, &collection, &rkey].iter().any(|name| name.is_empty()) {
            return Err("a commit with an empty `did`, `collection` or `rkey`".to_owned());
        }
        let key = format!("at://{did}/{collection}/{rkey}");
        // A revision of an account changes a record once.
        let whole = blake3::hash(format!("{key} {rev} {operation}").as_bytes());
        let fingerprint = whole.as_bytes().iter().take(16).fold(0, |all, byte| all << 8 | u128::from(*byte));
        Ok(Self { time, change: Some(Change { key, fingerprint }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(rest: &str) -> String {
        format!(
            r#"{{"did":"did:plc:a","time_us":7,"kind":"commit","commit":{{"collection":"app.bsky.feed.post","rkey":"3l"{rest},"record":{{"text":"x"}}}}}}"#
        )
    }

    #[test]
    fn a_change_has_the_address_of_its_record_and_is_known_again_by_its_revision() {
        let read = |time: u32, rest: &str| {
            let json = commit(rest).replace("\"time_us\":7", &format!("\"time_us\":{time}"));
            Event::read(&json).unwrap()
        };
        let first = read(7, r#","rev":"1","operation":"create""#);
        assert_eq!(first.time, 7);
        let change = first.change.unwrap();
        assert_eq!(change.key, "at://did:plc:a/app.bsky.feed.post/3l");
        assert_eq!(read(8, r#","rev":"1","operation":"create""#).change, Some(change), "of another server");
        let update = read(7, r#","rev":"2","operation":"update""#).change.unwrap();
        let deletion = read(7, r#","rev":"2","operation":"delete""#).change.unwrap();
        assert!(update.key == deletion.key && update.fingerprint != deletion.fingerprint);
    }

    #[test]
    fn events_of_accounts_have_a_time_and_what_is_no_event_says_why() {
        let account = r#"{"did":"did:plc:a","time_us":9,"kind":"account","account":{"active":false}}"#;
        assert_eq!(Event::read(account), Ok(Event { time: 9, change: None }));
        let no_commit = r#"{"did":"d","time_us":1,"kind":"commit"}"#;
        let nameless = commit(r#","rev":"1","operation":"create""#).replace("did:plc:a", "");
        for (json, said) in [
            ("{", "EOF"),
            (r#"{"did":"d","kind":"commit"}"#, "time_us"),
            (no_commit, "without `commit`"),
            (&nameless, "empty"),
        ] {
            let message = Event::read(json).unwrap_err();
            assert!(message.contains(said), "{message}");
        }
    }
}
