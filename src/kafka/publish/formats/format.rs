//! Output format: a name, and an encoder from annotated posts to records.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::super::{Annotated, Provenance};
use crate::kafka::client::RecordHeaders;

/// An output format.
#[derive(Debug, Clone, Copy)]
pub struct OutputFormat {
    /// Its name in settings and messages.
    pub name: &'static str,
    /// Prepares an encoder, once for each engine: a format that needs more than the annotation, such as ids of a schema
    /// registry, gets it here.
    pub encoder: fn(&Provenance) -> Encoder,
}

/// Encodes annotated posts. It is a pure function of its arguments and of what it was prepared with.
#[derive(Clone)]
pub struct Encoder(Arc<Encode>);

type Encode = dyn Fn(&Annotated, AnswerTimes) -> Vec<EncodedRecord> + Send + Sync;

/// When a post was read and when its answer is written.
#[derive(Debug, Clone, Copy)]
pub struct AnswerTimes {
    /// When the engine read the post.
    pub ingested: SystemTime,
    /// When its answer is handed to Kafka.
    pub published: SystemTime,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedRecord {
    /// None: the key that the setting `publish.key` asks for.
    pub key: Option<Bytes>,
    /// The bytes that readers parse.
    pub value: Bytes,
    /// Headers of the format, such as `content-type`.
    pub headers: RecordHeaders,
}

impl Encoder {
    /// An encoder that calls `encode`.
    pub fn new(
        encode: impl Fn(&Annotated, AnswerTimes) -> Vec<EncodedRecord> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(encode))
    }

    /// The records of one answer, in the order in which they are written. An answer without records is allowed: its
    /// offset is committed and nothing is written.
    #[must_use]
    pub fn encode(&self, annotated: &Annotated, times: AnswerTimes) -> Vec<EncodedRecord> {
        (self.0)(annotated, times)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Encoder")
    }
}

impl EncodedRecord {
    /// A record under the key that the settings ask for, with its media type.
    #[must_use]
    pub fn new(content_type: &str, value: impl Into<Bytes>) -> Self {
        let mut headers = RecordHeaders::default();
        headers.push("content-type", Some(content_type.as_bytes()));
        Self { key: None, value: value.into(), headers }
    }
}
