//! Schemas by their ids: each is asked for once, whoever needs it, and kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::avro::{self, AvroSchema};
use super::client::RegistryClient;
use super::config::Config;
use super::decode_fault::{DecodeFault, JsonLimits};
use super::error::{RegistryError, RegistryErrorKind};
use super::protobuf::{self, ProtobufSchema};
use super::registered::{RegisteredSchema, SchemaType};
use crate::common::cache::Cache;
use crate::common::http_util::backoff;

/// Questions to the registry at one time: a topic has a few schemas, and a hostile one may name four thousand million.
const QUESTIONS: usize = 8;

/// The most schemas that one refers to, directly or not.
const MAX_REFERENCES: usize = 200;

/// The wait before the second attempt, and the longest wait between two.
const BACKOFF: Duration = Duration::from_millis(200);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Bytes that a schema takes in memory for each byte of its text, about, and at least.
const BYTES_PER_BYTE: usize = 8;
const BYTES_AT_LEAST: usize = 1024;

/// A schema that was read.
#[derive(Debug)]
pub enum Schema {
    /// Values are binary Avro.
    Avro(AvroSchema),
    /// Values are messages of a file of Protobuf.
    Protobuf(ProtobufSchema),
    /// Values are JSON. They are not held against their schema.
    Json,
}

impl Schema {
    /// The name of its language.
    #[must_use]
    pub fn language(&self) -> &'static str {
        match self {
            Self::Avro(_) => "Avro",
            Self::Protobuf(_) => "Protobuf",
            Self::Json => "JSON",
        }
    }

    /// The JSON of a value; of JSON the value itself, whatever it is.
    ///
    /// # Errors
    /// The value does not follow its schema, or its JSON exceeds the limits.
    pub fn to_json(&self, body: &Bytes, limits: JsonLimits) -> Result<Bytes, DecodeFault> {
        match self {
            Self::Avro(schema) => avro::to_json(schema, body, limits).map(Bytes::from),
            Self::Protobuf(schema) => protobuf::to_json(schema, body, limits).map(Bytes::from),
            Self::Json => Ok(body.clone()),
        }
    }
}

/// Why a record's schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaFault {
    /// The registry does not answer; later it may.
    Unavailable(String),
    /// It does not have the schema, or the schema cannot be read.
    Unusable(String),
}

/// The schemas of a registry.
pub struct Schemas {
    client: RegistryClient,
    known: Cache<u32, Known, RegistryError>,
    questions: Semaphore,
    patience: Duration,
    unknown_for: Duration,
    max_bytes: usize,
}

/// What is known of an id.
#[derive(Clone)]
struct Known {
    schema: Result<Arc<Schema>, Arc<str>>,
    bytes: usize,
    /// When it is asked for again.
    until: Option<Instant>,
}

impl Schemas {
    /// The schemas of the registry of the settings; none where there is no registry.
    ///
    /// # Errors
    /// As [`RegistryClient::new`].
    pub fn new(config: &Config) -> Result<Option<Self>, RegistryError> {
        if !config.is_set() {
            return Ok(None);
        }
        let cache = usize::try_from(config.cache.as_u64()).unwrap_or(usize::MAX);
        Ok(Some(Self {
            client: RegistryClient::new(config)?,
            known: Cache::new(cache, |_, known| known.bytes),
            questions: Semaphore::new(QUESTIONS),
            patience: config.patience,
            unknown_for: config.unknown_for,
            max_bytes: usize::try_from(config.max_schema.as_u64()).unwrap_or(usize::MAX),
        }))
    }

    /// The schema of an id. While the registry does not answer, it is asked again until `registry.patience` is over.
    ///
    /// # Errors
    /// The schema cannot be had, or cannot be read.
    pub async fn get(&self, id: u32) -> Result<Arc<Schema>, SchemaFault> {
        let deadline = Instant::now() + self.patience;
        let mut attempts = 0;
        loop {
            let is_good = |known: &Known| known.until.is_none_or(|until| Instant::now() < until);
            match self.known.get_valid_or_make(&id, is_good, self.ask(id)).await.1 {
                Ok(Known { schema: Ok(schema), .. }) => return Ok(schema),
                Ok(Known { schema: Err(fault), .. }) => return Err(SchemaFault::Unusable(fault.to_string())),
                Err(error) => {
                    attempts += 1;
                    let left = deadline.saturating_duration_since(Instant::now());
                    let Some(wait) = wait(&error, (attempts, left), rand::random()) else {
                        return Err(SchemaFault::Unavailable(error.message));
                    };
                    if attempts == 1 {
                        warn!(id, error = error.message, "a record waits for its schema");
                    }
                    sleep(wait).await;
                }
            }
        }
    }

    /// Asks for a schema once. What a further attempt cannot change is the outcome; an error is what may pass.
    async fn ask(&self, id: u32) -> Result<Known, RegistryError> {
        let Ok(_question) = self.questions.acquire().await else {
            unreachable!("the semaphore is never closed")
        };
        let asked = async {
            let root = self.client.schema(id).await?;
            let references = self.references(&root).await?;
            Ok::<_, RegistryError>((root, references))
        };
        let (root, references) = match asked.await {
            Ok(found) => found,
            Err(error) if error.kind.retry_delay().is_some() => return Err(error),
            Err(error) => return Ok(self.unusable(error.message)),
        };
        let bytes = root.schema.len() + references.values().map(String::len).sum::<usize>();
        let at = self.client.shown();
        // A panic of a parser is a fault of this schema alone.
        let read = tokio::task::spawn_blocking(move || read(&root, &references)).await;
        let read = read.unwrap_or_else(|fault| Err(format!("cannot be read: {fault}")));
        Ok(match read {
            Ok(schema) => {
                info!(id, language = schema.language(), "a schema is known");
                let bytes = (bytes * BYTES_PER_BYTE).max(BYTES_AT_LEAST);
                Known { schema: Ok(Arc::new(schema)), bytes, until: None }
            }
            Err(fault) => self.unusable(format!("the schema {id} of the Schema Registry at `{at}` {fault}")),
        })
    }

    fn unusable(&self, fault: String) -> Known {
        let until = Some(Instant::now() + self.unknown_for);
        Known { bytes: BYTES_AT_LEAST + fault.len(), schema: Err(fault.into()), until }
    }

    /// All schemas that a schema refers to, by the names by which they are referred to.
    async fn references(&self, root: &RegisteredSchema) -> Result<BTreeMap<String, String>, RegistryError> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let mut waiting = root.references.clone();
        let mut bytes = root.schema.len();
        while let Some(reference) = waiting.pop() {
            if found.contains_key(&reference.name) {
                continue;
            }
            let schema =
                self.client.version(&reference).await.map_err(|error| missing(error, &reference.name))?;
            bytes += schema.schema.len();
            if found.len() >= MAX_REFERENCES || bytes > self.max_bytes {
                let (most, max_bytes) = (MAX_REFERENCES, self.max_bytes);
                let message = format!(
                    "the schema refers to more than {most} others, or with them it has more than the {max_bytes} \
                     bytes of registry.max_schema"
                );
                return Err(RegistryError { kind: RegistryErrorKind::Refused, message });
            }
            waiting.extend(schema.references);
            found.insert(reference.name, schema.schema);
        }
        Ok(found)
    }
}

/// The error for a schema that another one refers to.
fn missing(mut error: RegistryError, name: &str) -> RegistryError {
    error.message += &format!("; the record's schema refers to it as `{name}`");
    error
}

fn read(root: &RegisteredSchema, references: &BTreeMap<String, String>) -> Result<Schema, String> {
    match root.schema_type {
        SchemaType::Avro => AvroSchema::new(&root.schema, references).map(Schema::Avro),
        SchemaType::Protobuf => ProtobufSchema::new(&root.schema, references).map(Schema::Protobuf),
        SchemaType::Json => Ok(Schema::Json),
    }
}

/// How long to wait after `attempts` failed ones; none: no further attempt helps, or none fits into what is left.
/// `chance`, from 0 to 1, spreads engines that failed together.
fn wait(error: &RegistryError, (attempts, left): (u32, Duration), chance: f64) -> Option<Duration> {
    let after = error.kind.retry_delay()?;
    Some(backoff((BACKOFF, MAX_BACKOFF), attempts, chance).max(after)).filter(|wait| *wait < left)
}

impl std::fmt::Debug for Schemas {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Schemas").field("client", &self.client).finish_non_exhaustive()
    }
}
