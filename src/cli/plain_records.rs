//! Records of topics as JSON: those in the wire format of a Schema Registry by their schemas, all others as they are.

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::{Failure, process};
use crate::common::registry::wire::{self, HEADER_BYTES};
use crate::common::registry::{JsonLimits, SchemaFault, Schemas};
use crate::config::Config;

/// The longest record, in bytes, as it is in the topic.
const MAX_RECORD: u64 = 256 << 20;

/// Makes JSON of records.
pub(super) struct PlainRecords {
    /// It must outlive the connections to the registry.
    runtime: Runtime,
    schemas: Option<Schemas>,
}

impl PlainRecords {
    /// With the registry of the settings, if there is one.
    pub(super) fn new(config: &Config) -> Result<Self, Failure> {
        Ok(Self { runtime: process::runtime()?, schemas: Schemas::new(&config.registry)? })
    }

    /// The JSON of a record.
    ///
    /// # Errors
    /// Its schema cannot be had, or it does not follow it, in words.
    pub(super) fn json(&self, record: &[u8]) -> Result<Bytes, String> {
        let record = Bytes::copy_from_slice(record);
        if !wire::is_framed(&record) {
            return Ok(record);
        }
        let id = wire::framed(&record)?.id;
        let Some(schemas) = &self.schemas else {
            return Err(format!(
                "it is in the wire format of a Schema Registry (schema {id}); set registry.url"
            ));
        };
        let schema = self.runtime.block_on(schemas.get(id)).map_err(|fault| match fault {
            SchemaFault::Unavailable(fault) | SchemaFault::Unusable(fault) => fault,
        })?;
        let limits = JsonLimits::for_records_of(MAX_RECORD).with_defaults();
        let json = schema.to_json(&record.slice(HEADER_BYTES..), limits);
        json.map_err(|fault| format!("it is no {} of the schema {id}: {fault}", schema.language()))
    }
}
