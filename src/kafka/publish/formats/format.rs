//! Output format: a name, and an encoder from annotated posts to records.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::super::{Annotated, BoxUnit, Config, Include, MaskForm, OutputConfig, Provenance, Shape};
use super::graph::{self, Names};
use crate::common::registry::CandidateSchema;
use crate::kafka::client::RecordHeaders;

/// An output format.
#[derive(Debug, Clone, Copy)]
pub struct OutputFormat {
    /// Its name in settings and messages.
    pub name: &'static str,
    /// The shapes that it can write.
    pub shapes: &'static [Shape],
    /// Prepares an encoder, once for each output of an engine.
    pub encoder: fn(&EncoderOptions) -> Encoder,
    /// The schema of a shape. None: records say their own fields. Records with a schema are in the wire format of a
    /// Schema Registry, and are no lines of text.
    pub schema: Option<fn(Shape) -> OutputSchema>,
}

/// The schema of the records of an output.
#[derive(Debug, Clone, Copy)]
pub struct OutputSchema {
    /// Language and text.
    pub schema: CandidateSchema<'static>,
    /// The full name of its record or message.
    pub full_name: &'static str,
    /// Its file in `config/schemas`.
    pub file: &'static str,
}

/// What an encoder needs beside the annotation.
#[derive(Debug, Clone)]
pub struct EncoderOptions {
    /// Engine and bundle.
    pub provenance: Provenance,
    /// Fields of the post that annotations repeat. Formats that always describe the post, such as graphs, ignore it.
    pub include: Vec<Include>,
    /// The IRIs that graphs have.
    pub names: Names,
    /// What one record answers; one of the format's shapes.
    pub shape: Shape,
    /// The form of masks.
    pub masks: MaskForm,
    /// The unit of boxes.
    pub boxes: BoxUnit,
    /// The registry's id of the schema; formats without a schema ignore it.
    pub schema_id: u32,
}

impl EncoderOptions {
    /// What the settings ask of an output.
    #[must_use]
    pub fn new(
        config: &Config,
        (output, schema_id): (&OutputConfig, u32),
        provenance: &Provenance,
        names: &Names,
    ) -> Self {
        let OutputConfig { shape, masks, boxes, .. } = *output;
        let (include, names) = (config.include.clone(), names.clone());
        Self { provenance: provenance.clone(), include, names, shape, masks, boxes, schema_id }
    }

    /// The defaults.
    #[must_use]
    pub fn plain(provenance: Provenance) -> Self {
        Self {
            provenance,
            include: Vec::new(),
            names: Names::new(&graph::Config::default()),
            shape: Shape::default(),
            masks: MaskForm::default(),
            boxes: BoxUnit::default(),
            schema_id: 0,
        }
    }
}

/// Encodes annotated posts and deletions. It is a pure function of its arguments and of what it was prepared with.
#[derive(Clone)]
pub struct Encoder {
    encode: Arc<Encode>,
    /// None: a deletion is a record without a value.
    delete: Option<Arc<Delete>>,
}

type Encode = dyn Fn(&Annotated, AnswerTimes) -> Vec<EncodedRecord> + Send + Sync;
type Delete = dyn Fn(&Deletion<'_>) -> Vec<EncodedRecord> + Send + Sync;

/// A post that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion<'a> {
    /// The key of its answer.
    pub key: &'a [u8],
    /// Its id, where the feed says it. A record without a value has only a key, which is the post's id in feeds with
    /// such keys.
    pub post_id: Option<&'a str>,
}

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
    /// The encoder of an output, whose schema has this id in the registry if it has one.
    #[must_use]
    pub fn of_output(
        config: &Config,
        output: (&OutputConfig, u32),
        provenance: &Provenance,
        names: &Names,
    ) -> Self {
        (output.0.output_format().encoder)(&EncoderOptions::new(config, output, provenance, names))
    }

    /// An encoder that calls `encode`.
    pub fn new(
        encode: impl Fn(&Annotated, AnswerTimes) -> Vec<EncodedRecord> + Send + Sync + 'static,
    ) -> Self {
        Self { encode: Arc::new(encode), delete: None }
    }

    /// The same encoder, which writes deletions by `delete` instead of as records without a value.
    #[must_use]
    pub fn with_deletions(
        mut self,
        delete: impl Fn(&Deletion<'_>) -> Vec<EncodedRecord> + Send + Sync + 'static,
    ) -> Self {
        self.delete = Some(Arc::new(delete));
        self
    }

    /// The records of one answer, in the order in which they are written. An answer without records is allowed: its
    /// offset is committed and nothing is written.
    #[must_use]
    pub fn encode(&self, annotated: &Annotated, times: AnswerTimes) -> Vec<EncodedRecord> {
        (self.encode)(annotated, times)
    }

    /// The records of a deletion. None: one record without a value, under the key of the deletion.
    #[must_use]
    pub fn delete(&self, deletion: &Deletion<'_>) -> Option<Vec<EncodedRecord>> {
        self.delete.as_ref().map(|delete| delete(deletion))
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
