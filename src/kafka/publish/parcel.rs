//! One record on its way out: what it holds, and what to do when it cannot be delivered.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rdkafka::message::{Header, Headers, OwnedHeaders};

use super::cut::Cut;
use super::dead_letter::letter;
use super::{Carry, Config, Outcome, Provenance, Record};
use crate::domain::{Rejection, RejectionClass};
use crate::kafka::client::RecordHeaders;
use crate::kafka::ingest::{SourceRecord, Ticket};

/// Less than this, in bytes, is not worth an attempt without the record's headers where an answer is too large.
const FEW_HEADERS: usize = 1_024;

/// A record above this size, in bytes, may be one that its topic refuses: it is sent by itself, so that no later record is
/// taken before it becomes smaller. Kafka's usual limit is four times as much.
const LARGE: usize = 256 * 1_024;

/// A record to be written, with the ticket that its delivery settles.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) kind: Kind,
    pub(super) topic: Arc<str>,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: OwnedHeaders,
    /// How many bytes of them are those of its record, which it can do without.
    carried: usize,
    /// None: when it is written.
    pub(super) timestamp: Option<i64>,
    /// It is sent by itself: it may be refused, or was refused together with others.
    pub(super) alone: bool,
    /// It shares its batch with no other, whatever is sent with it.
    pub(super) has_own_batch: bool,
    pub(super) source: Arc<SourceRecord>,
    pub(super) ticket: Ticket,
    pub(super) attempts: u32,
}

/// What a parcel is.
#[derive(Debug)]
pub(super) enum Kind {
    Annotation,
    /// Without what it has given up.
    DeadLetter(Rejection, Cut),
    /// A record without a value, as it came.
    Tombstone,
    /// A record without a value that is not written: it only settles its ticket, in its place.
    Skipped,
    /// The same without a record.
    Gap,
}

impl Parcel {
    /// Whether there is a record to be written.
    pub(super) fn is_written(&self) -> bool {
        !matches!(self.kind, Kind::Skipped | Kind::Gap)
    }

    /// The bytes of key, value and headers.
    pub(super) fn bytes(&self) -> usize {
        let parts = [&self.key, &self.value].into_iter().flatten().map(Bytes::len).sum::<usize>();
        let header = |header: Header<'_, &[u8]>| header.key.len() + header.value.map_or(0, <[u8]>::len);
        parts + self.headers.iter().map(header).sum::<usize>()
    }
}

/// A parcel that was refused for what it is.
#[derive(Debug)]
pub(super) enum Amended {
    /// As it may be taken.
    Changed(Parcel),
    /// As it was: nothing of it can change, or something else is wrong.
    Same(Parcel),
}

/// Makes parcels.
#[derive(Debug, Clone)]
pub(super) struct Packer {
    topic: Arc<str>,
    dead_letter_topic: Arc<str>,
    provenance: Provenance,
    carry: Carry,
    batch_bytes: usize,
}

impl Packer {
    pub(super) fn new(config: &Config, provenance: Provenance) -> Self {
        Self {
            topic: config.topic.as_str().into(),
            dead_letter_topic: config.dead_letter_topic.as_str().into(),
            provenance,
            carry: config.carry.clone(),
            batch_bytes: config.batch_bytes(),
        }
    }

    pub(super) fn pack(&self, outcome: Outcome, now: SystemTime) -> Parcel {
        let Outcome { source, record, ticket, attempts } = outcome;
        let (kind, key, value) = match record {
            Record::Annotated(annotated) => (
                Kind::Annotation,
                Some(self.carry.key(&source, &annotated.post_id)),
                Some(Bytes::from(annotated.to_json(&self.provenance, source.received, now))),
            ),
            Record::Rejected(rejection) => {
                return self.dead_letter(source, (ticket, attempts), rejection, Cut::Nothing);
            }
            Record::Tombstone => (Kind::Tombstone, source.key.clone(), None),
            Record::Skipped => (Kind::Skipped, None, None),
            Record::Gap => (Kind::Gap, None, None),
        };
        let headers = self.carry.headers(&source);
        let carried = headers.bytes();
        let size = [&key, &value].into_iter().flatten().map(Bytes::len).sum::<usize>() + carried;
        Parcel {
            headers: answer_headers(headers, &source, value.is_some(), source.headers.unreadable()),
            carried,
            timestamp: self.carry.timestamp(&source),
            alone: size > LARGE,
            has_own_batch: size > self.batch_bytes,
            topic: self.topic.clone(),
            kind,
            key,
            value,
            source,
            ticket,
            attempts,
        }
    }

    fn dead_letter(
        &self,
        source: Arc<SourceRecord>,
        (ticket, attempts): (Ticket, u32),
        rejection: Rejection,
        cut: Cut,
    ) -> Parcel {
        let letter = letter(&source, (&rejection, attempts), cut);
        let parts = [&letter.key, &letter.value].into_iter().flatten().map(Bytes::len);
        let size = parts.sum::<usize>() + letter.headers.bytes();
        Parcel {
            kind: Kind::DeadLetter(rejection, cut),
            topic: self.dead_letter_topic.clone(),
            key: letter.key,
            value: letter.value,
            headers: letter.headers.to_owned_headers(),
            carried: 0,
            // When it was set aside: the record's own timestamp is in its headers.
            timestamp: None,
            alone: size > LARGE,
            has_own_batch: size > self.batch_bytes,
            source,
            ticket,
            attempts,
        }
    }

    /// A smaller parcel in place of one that is found too large: for an annotation the same without its record's headers,
    /// then its dead letter; for a dead letter the same with less of its record.
    pub(super) fn smaller(&self, parcel: Parcel) -> Amended {
        let size = parcel.value.as_ref().map_or(0, Bytes::len);
        match parcel.kind {
            _ if parcel.carried >= FEW_HEADERS => {
                let omitted = self.carry.headers(&parcel.source).len() + parcel.source.headers.unreadable();
                let has_value = parcel.value.is_some();
                let headers = answer_headers(RecordHeaders::default(), &parcel.source, has_value, omitted);
                Amended::Changed(Parcel { carried: 0, headers, ..parcel })
            }
            Kind::Annotation | Kind::Tombstone | Kind::Skipped | Kind::Gap => {
                let what = if parcel.value.is_some() { "annotation" } else { "deletion" };
                let key = parcel.key.as_ref().map_or(0, Bytes::len);
                let message = format!(
                    "the {what} has {size} bytes under a key of {key}, more than topic `{}` takes",
                    parcel.topic
                );
                let rejection = Rejection { stage: "publish", class: RejectionClass::TooLarge, message };
                let claim = (parcel.ticket, parcel.attempts);
                Amended::Changed(self.dead_letter(parcel.source, claim, rejection, Cut::Nothing))
            }
            Kind::DeadLetter(rejection, cut) => match cut.further(&parcel.source) {
                Some(cut) => {
                    let claim = (parcel.ticket, parcel.attempts);
                    Amended::Changed(self.dead_letter(parcel.source, claim, rejection, cut))
                }
                None => Amended::Same(Parcel { kind: Kind::DeadLetter(rejection, cut), ..parcel }),
            },
        }
    }
}

/// A header of a dead letter whose record has no key, on a topic that takes no record without one.
pub const KEY_ADDED: &str = "riveg.error.key-added";

impl Packer {
    /// A dead letter without a key as a compacted topic takes it: the place of its record stands for the key.
    pub(super) fn keyed(mut parcel: Parcel) -> Amended {
        if parcel.key.is_some() || !matches!(parcel.kind, Kind::DeadLetter(..)) {
            return Amended::Same(parcel);
        }
        let SourceRecord { topic, partition, offset, .. } = &*parcel.source;
        let place = format!("{topic}/{partition}/{offset}");
        parcel.headers = std::mem::take(&mut parcel.headers)
            .insert(Header { key: KEY_ADDED, value: Some("the record has none, and the topic wants one") });
        parcel.key = Some(place.into());
        Amended::Changed(parcel)
    }
}

/// The headers of an answer or a deletion: those it has from its record, then ours, which say where it came from, so that
/// readers that see it twice know it by them.
fn answer_headers(
    mut headers: RecordHeaders,
    source: &SourceRecord,
    has_value: bool,
    omitted: usize,
) -> OwnedHeaders {
    let mut add = |name: &str, value: &str| headers.push(name, Some(value.as_bytes()));
    if has_value {
        add("content-type", "application/json");
    }
    add("riveg.source.topic", &source.topic);
    add("riveg.source.partition", &source.partition.to_string());
    add("riveg.source.offset", &source.offset.to_string());
    if omitted > 0 {
        add("riveg.source.headers-omitted", &omitted.to_string());
    }
    headers.to_owned_headers()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::domain::Annotation;
    use crate::kafka::ingest::Ledger;
    use crate::kafka::publish::{Annotated, Included};

    fn packer() -> Packer {
        Packer::new(&Config::new("", "out", "dead", NonZeroUsize::MIN), Provenance::of_bundle("b"))
    }

    fn source() -> SourceRecord {
        SourceRecord {
            topic: "in".into(),
            partition: 0,
            offset: 5,
            timestamp: Some(1_700_000_000_000),
            key: Some(Bytes::from_static(b"author")),
            value: Some(Bytes::from_static(b"payload")),
            headers: RecordHeaders::default(),
            received: UNIX_EPOCH,
        }
    }

    fn pack_as(source: SourceRecord, record: Record) -> Parcel {
        let ticket = Ledger::default().issue(0, 5);
        packer().pack(Outcome { source: Arc::new(source), record, ticket, attempts: 1 }, UNIX_EPOCH)
    }

    fn pack(source: SourceRecord) -> Parcel {
        let annotation = Annotation { triples: vec![], degraded: vec![] };
        let annotated =
            Annotated { post_id: "p".to_owned(), media: vec![], annotation, included: Included::default() };
        pack_as(source, Record::Annotated(annotated))
    }

    fn smaller(parcel: Parcel) -> Parcel {
        match packer().smaller(parcel) {
            Amended::Changed(parcel) => parcel,
            Amended::Same(parcel) => panic!("nothing smaller is left of {parcel:?}"),
        }
    }

    fn names(parcel: &Parcel) -> Vec<String> {
        parcel.headers.iter().map(|header| header.key.to_owned()).collect()
    }

    #[test]
    fn annotations_keep_key_headers_and_timestamp_and_say_where_they_come_from() {
        let mut source = source();
        source.headers.push("traceparent", Some(b"1"));
        let parcel = pack(source);
        assert_eq!((&*parcel.topic, parcel.key.as_deref()), ("out", Some(&b"author"[..])));
        assert_eq!(parcel.timestamp, Some(1_700_000_000_000));
        let expected = [
            "traceparent",
            "content-type",
            "riveg.source.topic",
            "riveg.source.partition",
            "riveg.source.offset",
        ];
        assert_eq!(names(&parcel), expected);
    }

    #[test]
    fn an_answer_that_is_too_large_gives_up_its_records_headers_before_it_becomes_a_dead_letter() {
        let mut source = source();
        source.headers.push("large", Some(&[0; 2_000]));
        let whole = pack(source);
        assert!(whole.bytes() > 2_000, "{}", whole.bytes());
        let bare = smaller(whole);
        assert_eq!(&*bare.topic, "out");
        assert_eq!(names(&bare)[4], "riveg.source.headers-omitted");
        assert!((100..2_000).contains(&bare.bytes()), "{}", bare.bytes());
        let letter = smaller(bare);
        assert_eq!((&*letter.topic, &*names(&letter)[0]), ("dead", "large"));
    }

    #[test]
    fn a_deletion_keeps_its_key_and_has_no_value() {
        let parcel = pack_as(source(), Record::Tombstone);
        assert_eq!(
            (&*parcel.topic, parcel.key.as_deref(), &parcel.value),
            ("out", Some(&b"author"[..]), &None)
        );
        assert_eq!(names(&parcel), ["riveg.source.topic", "riveg.source.partition", "riveg.source.offset"]);
        assert!(parcel.is_written() && !pack_as(source(), Record::Skipped).is_written());
        let letter = smaller(parcel);
        assert!(matches!(letter.kind, Kind::DeadLetter(..)), "{letter:?}");
    }

    #[test]
    fn what_is_too_large_shrinks_to_its_dead_letter_then_to_that_without_value_then_no_further() {
        let letter = smaller(pack(SourceRecord { key: Some(Bytes::new()), ..source() }));
        assert_eq!((&*letter.topic, letter.value.as_deref()), ("dead", Some(&b"payload"[..])));
        assert_eq!(letter.key.as_deref(), Some(&b""[..]), "an empty key stays an empty key");
        let Kind::DeadLetter(rejection, Cut::Nothing) = &letter.kind else { panic!("{letter:?}") };
        assert_eq!((rejection.stage, rejection.class), ("publish", RejectionClass::TooLarge));
        let bare = smaller(letter);
        assert_eq!(bare.value, None);
        assert!(bare.headers.iter().any(|header| {
            header.key == "riveg.error.value-omitted" && header.value == Some(b"7".as_slice())
        }));
        assert!(matches!(packer().smaller(bare), Amended::Same(_)));
    }
}
