//! What became of each post? Counted by id: lost, doubled, out of order, on the wrong topic.

use std::collections::BTreeMap;

use rdkafka::message::{Headers, Message, OwnedMessage};
use serde_json::Value;

/// What a post is meant to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Annotated,
    Malformed,
    Poison,
}

/// All that was fed.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// In the order of feeding; the number is in the id, and the partition is the number's.
    pub(crate) posts: Vec<Fate>,
}

pub(crate) fn id(number: usize) -> String {
    format!("post-{number}")
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
    /// The offset of the post that it answers.
    offset: i64,
    class: Option<String>,
    says: Vec<u8>,
}

/// Holds what was written against what was fed.
pub(crate) fn check(fed: &Fed, annotations: &[OwnedMessage], dead_letters: &[OwnedMessage]) -> Found {
    let mut found = Found::default();
    let mut answers: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for (messages, is_dead) in [(annotations, false), (dead_letters, true)] {
        for message in messages {
            let id = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            answers.entry(id).or_default().push(answer(message, is_dead));
        }
    }
    // Order is kept for each pair of an input partition and an output partition.
    let mut last: BTreeMap<(usize, bool, i32), i64> = BTreeMap::new();
    let mut firsts = Vec::new();
    for (number, &fate) in fed.posts.iter().enumerate() {
        let Some(mut answers) = answers.remove(&id(number)) else {
            found.lost += 1;
            continue;
        };
        answers.sort_by_key(|answer| answer.place);
        found.duplicated += answers.len() - 1;
        found.contradicted += answers.iter().filter(|answer| answer.says != answers[0].says).count();
        let class = match fate {
            Fate::Annotated => None,
            Fate::Malformed => Some("malformed"),
            Fate::Poison => Some("poison"),
        };
        let placed = answers[0].class.as_deref() == class;
        found.misplaced += usize::from(!placed);
        found.poison += usize::from(placed && fate == Fate::Poison);
        let (is_dead, partition, place) = answers[0].place;
        firsts.push(((is_dead, partition, place), number % 3, answers[0].offset));
    }
    firsts.sort_unstable();
    for ((is_dead, partition, _), input, offset) in firsts {
        let before = last.insert((input, is_dead, partition), offset);
        found.out_of_order += usize::from(before.is_some_and(|before| before >= offset));
    }
    found.unknown = answers.len();
    found
}

fn answer(message: &OwnedMessage, is_dead: bool) -> Answer {
    let offset = if is_dead { "riveg.error.offset" } else { "riveg.source.offset" };
    Answer {
        place: (is_dead, message.partition(), message.offset()),
        offset: header(message, offset).and_then(|text| text.parse().ok()).unwrap_or(-1),
        class: header(message, "riveg.error.class"),
        says: without_times(message.payload().unwrap_or_default()),
    }
}

fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    let found = message.headers()?.iter().find(|header| header.key == name)?;
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

    fn written(id: usize, offset: i64, place: i64, class: Option<&str>, says: &str) -> OwnedMessage {
        let headers = OwnedHeaders::new();
        let headers = match class {
            None => headers.insert(Header { key: "riveg.source.offset", value: Some(&offset.to_string()) }),
            Some(class) => headers
                .insert(Header { key: "riveg.error.offset", value: Some(&offset.to_string()) })
                .insert(Header { key: "riveg.error.class", value: Some(class) }),
        };
        let (key, value) = (super::id(id).into_bytes(), says.as_bytes().to_vec());
        OwnedMessage::new(
            Some(value),
            Some(key),
            String::new(),
            Timestamp::NotAvailable,
            0,
            place,
            Some(headers),
        )
    }

    fn fed() -> Fed {
        // Numbers 0, 3 and 6 are of one partition.
        let mut posts = vec![Fate::Annotated; 7];
        (posts[1], posts[2]) = (Fate::Malformed, Fate::Poison);
        Fed { posts }
    }

    fn right() -> (Vec<OwnedMessage>, Vec<OwnedMessage>) {
        let annotated = [(0, 0), (3, 1), (4, 1), (5, 1), (6, 2)];
        let annotations =
            (0..).zip(annotated).map(|(place, (id, offset))| written(id, offset, place, None, "{}"));
        let dead = [written(1, 0, 0, Some("malformed"), ""), written(2, 0, 1, Some("poison"), "")];
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
            annotations.push(written(3, 1, 9, None, r#"{"published_at":"later"}"#));
        };
        assert_eq!(found(doubled), Found { duplicated: 1, ..base });
        let contradicted = |annotations: &mut Vec<_>, _: &mut Vec<_>| {
            annotations.push(written(3, 1, 9, None, r#"{"other":1}"#));
        };
        assert_eq!(found(contradicted), Found { duplicated: 1, contradicted: 1, ..base });
        let turned = |annotations: &mut Vec<OwnedMessage>, _: &mut Vec<OwnedMessage>| {
            annotations[1] = written(3, 1, 4, None, "{}");
            annotations[4] = written(6, 2, 1, None, "{}");
        };
        assert_eq!(found(turned), Found { out_of_order: 1, ..base });
        let wrongly = |annotations: &mut Vec<OwnedMessage>, dead: &mut Vec<OwnedMessage>| {
            annotations.remove(1);
            dead.push(written(3, 1, 2, Some("poison"), ""));
        };
        assert_eq!(found(wrongly), Found { misplaced: 1, ..base });
        let strange =
            |annotations: &mut Vec<_>, _: &mut Vec<_>| annotations.push(written(77, 9, 9, None, "{}"));
        assert_eq!(found(strange), Found { unknown: 1, ..base });
    }
}
