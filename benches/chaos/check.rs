//! Check of a run: counts posts, by their input position, that are lost, duplicated, out of order or on the wrong topic.

use std::collections::BTreeMap;

use rdkafka::message::{Headers, Message, OwnedMessage};
use serde_json::Value;

/// The expected outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// An annotation.
    Annotated,
    /// A deletion, passed on to the topic of annotations.
    Deleted,
    /// A dead letter of this class.
    DeadLetter(&'static str),
}

/// The error class of posts that killed their process.
pub(crate) const POISON: &str = "poison";

/// A record of the feed: its position and expected outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentRecord {
    pub(crate) topic: &'static str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) expected: Expected,
}

/// Numbers of posts by finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Found {
    /// Neither annotated nor dead-lettered.
    pub(crate) lost: usize,
    /// Answers beyond the first.
    pub(crate) duplicated: usize,
    /// Answers beyond the first that differ from the first.
    pub(crate) contradicted: usize,
    /// First answers that precede the first answer of an earlier post of their partition.
    pub(crate) out_of_order: usize,
    /// Answers on the wrong topic or with the wrong error class.
    pub(crate) misplaced: usize,
    /// Poison posts that were dead-lettered as such.
    pub(crate) poison: usize,
    /// Answers to records that were never sent.
    pub(crate) unknown: usize,
}

/// One answer.
struct Answer {
    /// Whether it is a dead letter; partition and offset in its topic.
    position: (bool, i32, i64),
    outcome: Outcome,
    content: Option<Vec<u8>>,
}

/// The actual outcome of a record.
#[derive(PartialEq, Eq)]
enum Outcome {
    Annotated,
    Deleted,
    DeadLetter(String),
}

impl Outcome {
    fn is(&self, expected: Expected) -> bool {
        match expected {
            Expected::Annotated => *self == Self::Annotated,
            Expected::Deleted => *self == Self::Deleted,
            Expected::DeadLetter(class) => matches!(self, Self::DeadLetter(found) if found == class),
        }
    }
}

/// Compares the answers with the records sent. Records are identified by position, because a key may be too large for
/// the topics of answers.
pub(crate) fn check(
    sent: &[SentRecord],
    annotations: &[OwnedMessage],
    dead_letters: &[OwnedMessage],
) -> Found {
    let mut found = Found::default();
    let mut answers: BTreeMap<(String, i32, i64), Vec<Answer>> = BTreeMap::new();
    for (messages, is_dead) in [(annotations, false), (dead_letters, true)] {
        for message in messages {
            answers.entry(source(message, is_dead)).or_default().push(answer(message, is_dead));
        }
    }
    // Order holds for each pair of an input partition and an output partition.
    let mut last: BTreeMap<(&str, i32, bool, i32), i64> = BTreeMap::new();
    let mut firsts = Vec::new();
    for &SentRecord { topic, partition: input, offset, expected } in sent {
        let Some(mut answers) = answers.remove(&(topic.to_owned(), input, offset)) else {
            found.lost += 1;
            continue;
        };
        answers.sort_by_key(|answer| answer.position);
        found.duplicated += answers.len() - 1;
        found.contradicted += answers.iter().filter(|answer| answer.content != answers[0].content).count();
        let is_as_expected = answers[0].outcome.is(expected);
        found.misplaced += usize::from(!is_as_expected);
        found.poison += usize::from(is_as_expected && expected == Expected::DeadLetter(POISON));
        let (is_dead, partition, position) = answers[0].position;
        firsts.push(((is_dead, partition, position), (topic, input), offset));
    }
    firsts.sort_unstable();
    for ((is_dead, partition, _), (topic, input), offset) in firsts {
        let before = last.insert((topic, input, is_dead, partition), offset);
        found.out_of_order += usize::from(before.is_some_and(|before| before >= offset));
    }
    found.unknown = answers.len();
    found
}

/// The position of the record that a message answers; -1, or no topic, for what its headers do not contain.
fn source(message: &OwnedMessage, is_dead: bool) -> (String, i32, i64) {
    let prefix = if is_dead { "riveg.error" } else { "riveg.source" };
    let number = |name: &str| header(message, &format!("{prefix}.{name}")).and_then(|text| text.parse().ok());
    let partition = number("partition").and_then(|partition| i32::try_from(partition).ok());
    let topic = header(message, &format!("{prefix}.topic")).unwrap_or_default();
    (topic, partition.unwrap_or(-1), number("offset").unwrap_or(-1))
}

fn answer(message: &OwnedMessage, is_dead: bool) -> Answer {
    let content = message.payload().map(without_times);
    let outcome = match (header(message, "riveg.error.class"), &content) {
        (Some(class), _) => Outcome::DeadLetter(class),
        (None, Some(_)) => Outcome::Annotated,
        (None, None) => Outcome::Deleted,
    };
    Answer { position: (is_dead, message.partition(), message.offset()), outcome, content }
}

/// The last header of a name: the engine appends its own after those of the record.
fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// The payload without its timestamps.
fn without_times(payload: &[u8]) -> Vec<u8> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(payload) else { return payload.to_vec() };
    answer.remove("ingested_at");
    answer.remove("published_at");
    Value::Object(answer).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders};

    use super::*;

    /// Topic, partition and offset of the record with a number: number 7 is in another topic, where number 0 is.
    fn position(number: i32) -> (&'static str, i32, i64) {
        if number == 7 { ("more", 0, 0) } else { ("posts", number % 3, i64::from(number / 3)) }
    }

    /// An answer to the record with a number.
    fn written(number: i32, at: i64, class: Option<&str>, content: Option<&str>) -> OwnedMessage {
        let prefix = if class.is_some() { "riveg.error" } else { "riveg.source" };
        let (topic, partition, offset) = position(number);
        let (partition, offset) = (partition.to_string(), offset.to_string());
        let mut headers = OwnedHeaders::new()
            .insert(Header { key: &format!("{prefix}.topic"), value: Some(topic) })
            .insert(Header { key: &format!("{prefix}.partition"), value: Some(&partition) })
            .insert(Header { key: &format!("{prefix}.offset"), value: Some(&offset) });
        if let Some(class) = class {
            headers = headers.insert(Header { key: "riveg.error.class", value: Some(class) });
        }
        let value = content.map(|content| content.as_bytes().to_vec());
        OwnedMessage::new(value, None, String::new(), Timestamp::NotAvailable, 0, at, Some(headers))
    }

    fn sent() -> Vec<SentRecord> {
        // Numbers 0, 3 and 6 share a partition.
        let mut outcomes = [Expected::Annotated; 8];
        (outcomes[1], outcomes[2]) = (Expected::DeadLetter("malformed"), Expected::DeadLetter(POISON));
        outcomes[4] = Expected::Deleted;
        let positions = (0..).map(position);
        positions
            .zip(outcomes)
            .map(|((topic, partition, offset), expected)| SentRecord { topic, partition, offset, expected })
            .collect()
    }

    fn right() -> (Vec<OwnedMessage>, Vec<OwnedMessage>) {
        let answers =
            [(0, Some("{}")), (3, Some("{}")), (4, None), (5, Some("{}")), (6, Some("{}")), (7, Some("{}"))];
        let annotations =
            (0..).zip(answers).map(|(at, (number, content))| written(number, at, None, content));
        let dead = [written(1, 0, Some("malformed"), Some("")), written(2, 1, Some("poison"), Some(""))];
        (annotations.collect(), dead.to_vec())
    }

    #[test]
    fn a_correct_run_has_no_findings() {
        let (annotations, dead) = right();
        let found = check(&sent(), &annotations, &dead);
        assert_eq!(found, Found { poison: 1, ..Found::default() });
    }

    #[test]
    fn each_kind_of_fault_is_found() {
        let base = Found { poison: 1, ..Found::default() };
        let found = |change: fn(&mut Vec<OwnedMessage>, &mut Vec<OwnedMessage>)| {
            let (mut annotations, mut dead) = right();
            change(&mut annotations, &mut dead);
            check(&sent(), &annotations, &dead)
        };
        assert_eq!(found(|annotations, _| drop(annotations.remove(1))), Found { lost: 1, ..base });
        let doubled = |annotations: &mut Vec<_>, _: &mut Vec<_>| {
            annotations.push(written(3, 9, None, Some(r#"{"published_at":"later"}"#)));
        };
        assert_eq!(found(doubled), Found { duplicated: 1, ..base });
        let contradicted = |annotations: &mut Vec<_>, _: &mut Vec<_>| {
            annotations.push(written(3, 9, None, Some(r#"{"other":1}"#)));
        };
        assert_eq!(found(contradicted), Found { duplicated: 1, contradicted: 1, ..base });
        let turned = |annotations: &mut Vec<OwnedMessage>, _: &mut Vec<OwnedMessage>| {
            annotations[1] = written(3, 4, None, Some("{}"));
            annotations[4] = written(6, 1, None, Some("{}"));
        };
        assert_eq!(found(turned), Found { out_of_order: 1, ..base });
        let wrongly = |annotations: &mut Vec<OwnedMessage>, dead: &mut Vec<OwnedMessage>| {
            annotations.remove(1);
            dead.push(written(3, 2, Some("poison"), Some("")));
        };
        assert_eq!(found(wrongly), Found { misplaced: 1, ..base });
        let strange =
            |annotations: &mut Vec<_>, _: &mut Vec<_>| annotations.push(written(77, 9, None, Some("{}")));
        assert_eq!(found(strange), Found { unknown: 1, ..base });
        let kept = |annotations: &mut Vec<OwnedMessage>, _: &mut Vec<OwnedMessage>| {
            annotations[2] = written(4, 2, None, Some("{}"));
        };
        assert_eq!(found(kept), Found { misplaced: 1, ..base }, "an annotation of a deletion");
    }
}
