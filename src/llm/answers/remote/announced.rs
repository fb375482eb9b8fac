//! What was purged? Engines tell each other in Redis; with a secret, only what carries its code is heeded.

use serde::{Deserialize, Serialize};

use super::{FORMAT, Remote, RemoteError};
use crate::llm::answers::choice::Choice;
use crate::llm::answers::seal::Seal;

/// Purges that engines can still hear of; the oldest is forgotten first.
const PURGES: isize = 100;
/// The most bytes of one: a pattern of a subject is no longer than a subject.
const LONGEST: usize = 4096;

/// A purge as it stands in Redis.
#[derive(Debug, Serialize, Deserialize)]
struct Announced {
    #[serde(flatten)]
    choice: Choice,
    /// The keyed code over the choice as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Announced {
    fn new(choice: &Choice, seal: &Seal) -> Self {
        Self { choice: choice.clone(), code: seal.of_purge(&json(choice)) }
    }

    /// The choice in a text; none where it is of another release, or of others than the engines with our secret.
    fn read(text: &str, seal: &Seal) -> Option<Choice> {
        let announced: Self = serde_json::from_str(text).ok()?;
        seal.is_of_purge(&json(&announced.choice), announced.code.as_deref()).then_some(announced.choice)
    }
}

fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value);
    text.unwrap_or_else(|error| unreachable!("strings and a number are always JSON: {error}"))
}

impl Remote {
    /// The purges that are still known, the latest first.
    pub(in super::super) async fn purges(&self) -> Result<Vec<Choice>, RemoteError> {
        let mut purges = self.0.scripts.purges.key(self.purges_key());
        purges.arg(PURGES - 1).arg(LONGEST);
        let texts: Vec<Vec<u8>> =
            self.ask("purges", async |connection| purges.invoke_async(connection).await).await?;
        let texts = texts.iter().filter_map(|text| str::from_utf8(text).ok());
        Ok(texts.filter_map(|text| Announced::read(text, self.0.codec.seal())).collect())
    }

    /// Tells all engines of a purge.
    pub(in super::super) async fn announce(&self, purge: &Choice) -> Result<(), RemoteError> {
        let text = json(&Announced::new(purge, self.0.codec.seal()));
        let mut pipeline = redis::pipe();
        pipeline.atomic().lpush(self.purges_key(), text).ignore();
        pipeline.ltrim(self.purges_key(), 0, PURGES - 1).ignore();
        self.ask("LPUSH", async |connection| pipeline.query_async::<()>(connection).await).await
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
    fn a_purge_is_heeded_by_those_who_share_the_secret_and_without_one_by_all() {
        let [open, ours, theirs] = ["", "a secret of these tests", "another secret of tests"]
            .map(|text| Seal::new(&Secret::from(text)));
        let choice = Choice { subject: Some("dog*".to_owned()), kind: None, before: 7 };
        let text = |seal| json(&Announced::new(&choice, seal));
        let heeded = |text: &str, seal| Announced::read(text, seal).is_some_and(|read| read == choice);
        for (writer, reader, expected) in [
            (&open, &open, true),
            (&ours, &ours, true),
            (&ours, &open, true),
            (&open, &ours, false),
            (&theirs, &ours, false),
        ] {
            assert_eq!(heeded(&text(writer), reader), expected);
        }
        assert!(!heeded(&text(&ours).replace("dog*", "cat*"), &ours));
        assert_eq!(text(&open), json(&choice), "as releases without secrets write it");
    }
}
