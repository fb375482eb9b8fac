//! Purge list: purges in Redis for all engines. With a secret, only signed purges are applied.

use serde::{Deserialize, Serialize};

use super::{FORMAT, Remote, RemoteError};
use crate::llm::answers::purge_filter::PurgeFilter;
use crate::llm::answers::signer::Signer;

/// The most purges in the list; the oldest are removed first.
const MAX_PURGES: isize = 100;
/// The most bytes of a purge: a pattern is no longer than a subject.
const MAX_BYTES: usize = 4096;

/// A purge in Redis.
#[derive(Debug, Serialize, Deserialize)]
struct SignedPurge {
    #[serde(flatten)]
    filter: PurgeFilter,
    /// The signature over the filter's JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl SignedPurge {
    fn new(filter: &PurgeFilter, signer: &Signer) -> Self {
        Self { filter: filter.clone(), code: signer.sign_purge(&json(filter)) }
    }

    /// The filter in a text; none if it is from another release or not signed with our secret.
    fn read(text: &str, signer: &Signer) -> Option<PurgeFilter> {
        let signed: Self = serde_json::from_str(text).ok()?;
        signer.verify_purge(&json(&signed.filter), signed.code.as_deref()).then_some(signed.filter)
    }
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value);
    text.unwrap_or_else(|error| unreachable!("strings and a number are always JSON: {error}"))
}

impl Remote {
    /// All purges in the list, the latest first.
    pub(in super::super) async fn purges(&self) -> Result<Vec<PurgeFilter>, RemoteError> {
        let mut purges = self.0.scripts.purges.key(self.purges_key());
        purges.arg(MAX_PURGES - 1).arg(MAX_BYTES);
        let texts: Vec<Vec<u8>> =
            self.run("purges", async |connection| purges.invoke_async(connection).await).await?;
        let texts = texts.iter().filter_map(|text| str::from_utf8(text).ok());
        Ok(texts.filter_map(|text| SignedPurge::read(text, self.0.codec.signer())).collect())
    }

    /// Publishes a purge to all engines.
    pub(in super::super) async fn publish_purge(&self, purge: &PurgeFilter) -> Result<(), RemoteError> {
        let text = json(&SignedPurge::new(purge, self.0.codec.signer()));
        let mut pipeline = redis::pipe();
        pipeline.atomic().lpush(self.purges_key(), text).ignore();
        pipeline.ltrim(self.purges_key(), 0, MAX_PURGES - 1).ignore();
        self.run("LPUSH", async |connection| pipeline.query_async::<()>(connection).await).await
    }

    fn purges_key(&self) -> String {
        format!("{}:{FORMAT}:purges", self.0.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::secret::Secret;

    #[test]
    fn a_purge_is_applied_by_engines_with_the_same_secret_and_without_one_by_all() {
        let [open, ours, theirs] = ["", "a secret of these tests", "another secret of tests"]
            .map(|text| Signer::new(&Secret::from(text)));
        let filter = PurgeFilter { subject: Some("dog*".to_owned()), kind: None, before: 7 };
        let text = |signer| json(&SignedPurge::new(&filter, signer));
        let is_applied =
            |text: &str, signer| SignedPurge::read(text, signer).is_some_and(|read| read == filter);
        for (writer, reader, expected) in [
            (&open, &open, true),
            (&ours, &ours, true),
            (&ours, &open, true),
            (&open, &ours, false),
            (&theirs, &ours, false),
        ] {
            assert_eq!(is_applied(&text(writer), reader), expected);
        }
        assert!(!is_applied(&text(&ours).replace("dog*", "cat*"), &ours));
        assert_eq!(text(&open), json(&filter), "as releases without secrets write it");
    }
}
