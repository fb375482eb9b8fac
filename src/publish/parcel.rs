//! One record on its way out: what it holds, and what to do when it cannot be delivered.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use rdkafka::message::{Header, OwnedHeaders};

use super::{Config, Outcome, Provenance, Record, dead_letter};
use crate::domain::{Rejection, RejectionClass};
use crate::ingest::{SourceRecord, Ticket};

/// A record to be written, with the ticket that its delivery settles.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) kind: Kind,
    pub(super) topic: Arc<str>,
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: OwnedHeaders,
    pub(super) source: Arc<SourceRecord>,
    pub(super) ticket: Ticket,
    pub(super) attempts: u32,
}

/// What a parcel is.
#[derive(Debug)]
pub(super) enum Kind {
    Annotation,
    DeadLetter(Rejection),
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
}

/// Makes parcels.
#[derive(Debug, Clone)]
pub(super) struct Packer {
    topic: Arc<str>,
    dead_letter_topic: Arc<str>,
    provenance: Provenance,
}

impl Packer {
    pub(super) fn new(config: &Config, provenance: Provenance) -> Self {
        Self {
            topic: config.topic.as_str().into(),
            dead_letter_topic: config.dead_letter_topic.as_str().into(),
            provenance,
        }
    }

    pub(super) fn pack(&self, outcome: Outcome, now: SystemTime) -> Parcel {
        let Outcome { source, record, ticket, attempts } = outcome;
        let (kind, key, value) = match record {
            Record::Annotated(annotated) => (
                Kind::Annotation,
                Some(Bytes::from(annotated.post_id.clone().into_bytes())),
                Some(annotated.to_json(&self.provenance, source.received, now).into()),
            ),
            Record::Rejected(rejection) => return self.dead_letter(source, (ticket, attempts), rejection),
            Record::Tombstone => (Kind::Tombstone, source.key.clone(), None),
            Record::Skipped => (Kind::Skipped, None, None),
            Record::Gap => (Kind::Gap, None, None),
        };
        let mut headers = OwnedHeaders::new();
        if value.is_some() {
            headers = headers.insert(Header { key: "content-type", value: Some("application/json") });
        }
        // Where the answer came from: readers that see it twice know it by these.
        let headers = headers
            .insert(Header { key: "riveg.source.topic", value: Some(&*source.topic) })
            .insert(Header { key: "riveg.source.partition", value: Some(&source.partition.to_string()) })
            .insert(Header { key: "riveg.source.offset", value: Some(&source.offset.to_string()) });
        Parcel { kind, topic: self.topic.clone(), key, value, headers, source, ticket, attempts }
    }

    fn dead_letter(
        &self,
        source: Arc<SourceRecord>,
        (ticket, attempts): (Ticket, u32),
        rejection: Rejection,
    ) -> Parcel {
        Parcel {
            topic: self.dead_letter_topic.clone(),
            key: source.key.clone(),
            value: source.value.clone(),
            headers: dead_letter::headers(&source, (&rejection, attempts), None),
            kind: Kind::DeadLetter(rejection),
            source,
            ticket,
            attempts,
        }
    }

    /// A smaller parcel in place of one that the broker finds too large: for an annotation its dead letter, for a dead
    /// letter the same without its value.
    /// # Errors
    /// The parcel's ticket, where nothing smaller is left.
    pub(super) fn smaller(&self, parcel: Parcel) -> Result<Parcel, Ticket> {
        let size = parcel.value.as_ref().map_or(0, Bytes::len);
        match parcel.kind {
            Kind::Annotation | Kind::Tombstone | Kind::Skipped | Kind::Gap => {
                let what = if parcel.value.is_some() { "annotation" } else { "deletion" };
                let size = size + parcel.key.as_ref().map_or(0, Bytes::len);
                let message =
                    format!("the {what} has {size} bytes, more than topic `{}` takes", parcel.topic);
                let rejection = Rejection { stage: "publish", class: RejectionClass::TooLarge, message };
                Ok(self.dead_letter(parcel.source, (parcel.ticket, parcel.attempts), rejection))
            }
            Kind::DeadLetter(rejection) if parcel.value.is_some() => Ok(Parcel {
                value: None,
                headers: dead_letter::headers(&parcel.source, (&rejection, parcel.attempts), Some(size)),
                kind: Kind::DeadLetter(rejection),
                ..parcel
            }),
            Kind::DeadLetter(_) => Err(parcel.ticket),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::UNIX_EPOCH;

    use rdkafka::message::Headers;

    use super::*;
    use crate::domain::Annotation;
    use crate::ingest::Ledger;
    use crate::publish::Annotated;

    fn packer() -> Packer {
        Packer::new(&Config::new("", "out", "dead", NonZeroUsize::MIN), Provenance::of_bundle("b"))
    }

    fn pack(record: Record) -> Parcel {
        let source = SourceRecord {
            topic: "in".into(),
            partition: 0,
            offset: 5,
            timestamp: None,
            key: Some(Bytes::new()),
            value: Some(Bytes::from_static(b"payload")),
            headers: None,
            received: UNIX_EPOCH,
        };
        let source = Arc::new(source);
        let ticket = Ledger::default().issue(0, 5);
        packer().pack(Outcome { source, record, ticket, attempts: 1 }, UNIX_EPOCH)
    }

    fn annotated() -> Record {
        let annotation = Annotation { triples: vec![], degraded: vec![] };
        Record::Annotated(Annotated { post_id: "p".to_owned(), media: vec![], annotation })
    }

    #[test]
    fn annotations_are_keyed_by_post_and_say_where_they_come_from() {
        let parcel = pack(annotated());
        assert_eq!((&*parcel.topic, parcel.key.as_deref()), ("out", Some(&b"p"[..])));
        let names: Vec<&str> = parcel.headers.iter().map(|header| header.key).collect();
        assert_eq!(names[1..], ["riveg.source.topic", "riveg.source.partition", "riveg.source.offset"]);
    }

    #[test]
    fn a_deletion_keeps_its_key_and_has_no_value() {
        let parcel = pack(Record::Tombstone);
        assert_eq!((&*parcel.topic, parcel.key.as_deref(), &parcel.value), ("out", Some(&b""[..]), &None));
        assert!(parcel.is_written() && !pack(Record::Skipped).is_written());
        let letter = packer().smaller(parcel).unwrap();
        assert!(matches!(letter.kind, Kind::DeadLetter(_)), "{letter:?}");
    }

    #[test]
    fn what_is_too_large_shrinks_to_its_dead_letter_then_to_that_without_value_then_no_further() {
        let letter = packer().smaller(pack(annotated())).unwrap();
        assert_eq!((&*letter.topic, letter.value.as_deref()), ("dead", Some(&b"payload"[..])));
        assert_eq!(letter.key.as_deref(), Some(&b""[..]), "an empty key stays an empty key");
        let Kind::DeadLetter(rejection) = &letter.kind else { panic!("{letter:?}") };
        assert_eq!((rejection.stage, rejection.class), ("publish", RejectionClass::TooLarge));
        let bare = packer().smaller(letter).unwrap();
        assert_eq!(bare.value, None);
        assert!(bare.headers.iter().any(|header| {
            header.key == "riveg.error.value-omitted" && header.value == Some(b"7".as_slice())
        }));
        assert!(packer().smaller(bare).is_err());
    }
}
