//! What became of each post? Counted by its place in the input: lost, doubled, out of order, on the wrong topic.

use std::collections::BTreeMap;

use rdkafka::message::{Headers, Message, OwnedMessage};
use serde_json::Value;

/// What a record is meant to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// An annotation.
    Annotated,
    /// A deletion: passed on to the topic of annotations.
    Deleted,
    /// A dead letter of this class.
    SetAside(&'static str),
}

/// The class of posts that processes died of.
pub(crate) const POISON: &str = "poison";

/// A record of the feed: its partition, its offset, and what it is meant to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fed {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) fate: Fate,
}

/// What was found, in numbers of posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Found {
    /// Neither annotated nor set aside.
    pub(crate) lost: usize,
    /// Answers beyond the first.
    pub(crate) duplicated: usize,
    /// Answers beyond the first that say something else than the first.
    pub(crate) contradicted: usize,
    /// First answers that come before that of an earlier post of their partition.
    pub(crate) out_of_order: usize,
    /// On the topic, or with the reason, that they should not have.
    pub(crate) misplaced: usize,
    /// Deadly posts that were set aside as such.
    pub(crate) poison: usize,
    /// Answers to nothing that was fed.
    pub(crate) unknown: usize,
}

/// One answer.
struct Answer {
    /// Partition and offset in the topic that it lies in.
    place: (bool, i32, i64),
    came_to: Came,
    says: Option<Vec<u8>>,
}

/// What a record came to.
#[derive(PartialEq, Eq)]
enum Came {
    Annotated,
    Deleted,
    SetAside(String),
}

impl Came {
    fn is(&self, fate: Fate) -> bool {
        match fate {
            Fate::Annotated => *self == Self::Annotated,
            Fate::Deleted => *self == Self::Deleted,
            Fate::SetAside(class) => matches!(self, Self::SetAside(found) if found == class),
        }
    }
}

/// Holds what was written against what was fed. A record is known by its place: its key may be one that no topic of
/// answers takes.
pub(crate) fn check(fed: &[Fed], annotations: &[OwnedMessage], dead_letters: &[OwnedMessage]) -> Found {
    let mut found = Found::default();
    let mut answers: BTreeMap<(i32, i64), Vec<Answer>> = BTreeMap::new();
    for (messages, is_dead) in [(annotations, false), (dead_letters, true)] {
        for message in messages {
            answers.entry(source(message, is_dead)).or_default().push(answer(message, is_dead));
        }
    }
    // Order is kept for each pair of an input partition and an output partition.
    let mut last: BTreeMap<(i32, bool, i32), i64> = BTreeMap::new();
    let mut firsts = Vec::new();
    for &Fed { partition: input, offset, fate } in fed {
        let Some(mut answers) = answers.remove(&(input, offset)) else {
            found.lost += 1;
            continue;
        };
        answers.sort_by_key(|answer| answer.place);
        found.duplicated += answers.len() - 1;
        found.contradicted += answers.iter().filter(|answer| answer.says != answers[0].says).count();
        let placed = answers[0].came_to.is(fate);
        found.misplaced += usize::from(!placed);
        found.poison += usize::from(placed && fate == Fate::SetAside(POISON));
        let (is_dead, partition, place) = answers[0].place;
        firsts.push(((is_dead, partition, place), input, offset));
    }
    firsts.sort_unstable();
    for ((is_dead, partition, _), input, offset) in firsts {
        let before = last.insert((input, is_dead, partition), offset);
        found.out_of_order += usize::from(before.is_some_and(|before| before >= offset));
    }
    found.unknown = answers.len();
    found
}

/// The place of the record that a message answers; one of nowhere where the message does not say.
fn source(message: &OwnedMessage, is_dead: bool) -> (i32, i64) {
    let prefix = if is_dead { "riveg.error" } else { "riveg.source" };
    let number = |name: &str| header(message, &format!("{prefix}.{name}")).and_then(|text| text.parse().ok());
    let partition = number("partition").and_then(|partition| i32::try_from(partition).ok());
    (partition.unwrap_or(-1), number("offset").unwrap_or(-1))
}

fn answer(message: &OwnedMessage, is_dead: bool) -> Answer {
    let says = message.payload().map(without_times);
    let came_to = match (header(message, "riveg.error.class"), &says) {
        (Some(class), _) => Came::SetAside(class),
        (None, Some(_)) => Came::Annotated,
        (None, None) => Came::Deleted,
    };
    Answer { place: (is_dead, message.partition(), message.offset()), came_to, says }
}

/// The last header of that name: those of the engine stand behind those of the record.
fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let found = message.headers()?.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

/// What an answer says, but for when it was made.
fn without_times(payload: &[u8]) -> Vec<u8> {
    let Ok(Value::Object(mut said)) = serde_json::from_slice(payload) else { return payload.to_vec() };
    said.remove("ingested_at");
    said.remove("published_at");
    Value::Object(said).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders};

    use super::*;

    /// An answer to the record with that number.
    fn written(number: usize, at: i64, class: Option<&str>, says: Option<&str>) -> OwnedMessage {
        let prefix = if class.is_some() { "riveg.error" } else { "riveg.source" };
        let (partition, offset) = ((number % 3).to_string(), (number / 3).to_string());
        let mut headers = OwnedHeaders::new()
            .insert(Header { key: &format!("{prefix}.partition"), value: Some(&partition) })
            .insert(Header { key: &format!("{prefix}.offset"), value: Some(&offset) });
        if let Some(class) = class {
            headers = headers.insert(Header { key: "riveg.error.class", value: Some(class) });
        }
        let value = says.map(|says| says.as_bytes().to_vec());
        OwnedMessage::new(value, None, String::new(), Timestamp::NotAvailable, 0, at, Some(headers))
    }

    fn fed() -> Vec<Fed> {
        // Numbers 0, 3 and 6 are of one partition.
        let mut fates = [Fate::Annotated; 7];
        (fates[1], fates[2]) = (Fate::SetAside("malformed"), Fate::SetAside(POISON));
        fates[4] = Fate::Deleted;
        let places = (0..).map(|number| (number % 3, i64::from(number / 3)));
        places.zip(fates).map(|((partition, offset), fate)| Fed { partition, offset, fate }).collect()
    }

    fn right() -> (Vec<OwnedMessage>, Vec<OwnedMessage>) {
        let answers = [(0, Some("{}")), (3, Some("{}")), (4, None), (5, Some("{}")), (6, Some("{}"))];
        let annotations = (0..).zip(answers).map(|(at, (number, says))| written(number, at, None, says));
        let dead = [written(1, 0, Some("malformed"), Some("")), written(2, 1, Some("poison"), Some(""))];
        (annotations.collect(), dead.to_vec())
    }

    #[test]
    fn nothing_is_found_where_all_is_right() {
        let (annotations, dead) = right();
        let found = check(&fed(), &annotations, &dead);
        assert_eq!(found, Found { poison: 1, ..Found::default() });
    }

    #[test]
    fn each_kind_of_fault_is_found() {
        let base = Found { poison: 1, ..Found::default() };
        let found = |change: fn(&mut Vec<OwnedMessage>, &mut Vec<OwnedMessage>)| {
            let (mut annotations, mut dead) = right();
            change(&mut annotations, &mut dead);
            check(&fed(), &annotations, &dead)
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
