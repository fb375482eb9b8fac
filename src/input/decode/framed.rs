//! Records in the wire format of a Schema Registry: their schema, and the JSON that the formats of feeds read.

use std::sync::Arc;

use bytes::Bytes;
use bytesize::ByteSize;

use crate::common::registry::wire::{self, HEADER_BYTES};
use crate::common::registry::{DecodeFault, JsonLimits, Schema, SchemaFault, Schemas};
use crate::domain::{Rejection, RejectionClass};
use crate::input::config::Config;
use crate::input::escape::shortened;
use crate::input::fault::{malformed, rejection};

/// The schema of a record; none where the record is not in the wire format.
///
/// # Errors
/// There is no registry, it does not have the schema, or it does not answer.
pub(super) async fn schema_of(
    payload: &Bytes,
    schemas: Option<&Schemas>,
) -> Result<Option<(u32, Arc<Schema>)>, Rejection> {
    if !wire::is_framed(payload) {
        return Ok(None);
    }
    let id = wire::framed(payload).map_err(|fault| malformed(&fault))?.id;
    let Some(schemas) = schemas else {
        let message = format!(
            "the record begins with the magic byte of a Schema Registry and the schema id {id}, and registry.url is not set"
        );
        return Err(rejection(RejectionClass::NoSchema, message));
    };
    match schemas.get(id).await {
        Ok(schema) => Ok(Some((id, schema))),
        Err(SchemaFault::Unusable(fault)) => {
            let message = format!("the record has the schema id {id}: {}", shortened(&fault));
            Err(rejection(RejectionClass::NoSchema, message))
        }
        Err(SchemaFault::Unavailable(fault)) => {
            let message = format!(
                "the record has the schema id {id}, and did not get its schema within registry.patience: {}",
                shortened(&fault)
            );
            Err(rejection(RejectionClass::RegistryFailed, message))
        }
    }
}

/// The JSON of a record, and the limits to read it with: its bytes were limited before it became JSON.
///
/// # Errors
/// `too-large`, or `malformed` with the place in the record.
pub(super) fn json_of(
    payload: &Bytes,
    (id, schema): (u32, &Schema),
    limits: &Config,
) -> Result<(Bytes, Config), Rejection> {
    let size = payload.len() as u64;
    if size > limits.max_record.as_u64() {
        let message =
            format!("the record has {size} bytes, more than the {} of decode.max_record", limits.max_record);
        return Err(rejection(RejectionClass::TooLarge, message));
    }
    let body = payload.slice(HEADER_BYTES..);
    let bounds = JsonLimits::for_records_of(limits.max_record.as_u64());
    let json = schema.to_json(&body, bounds).map_err(|fault| refused(&fault, schema.language(), id))?;
    let max_record = ByteSize(bounds.max_bytes() as u64);
    Ok((json, Config { max_record, ..limits.clone() }))
}

fn refused(fault: &DecodeFault, language: &str, id: u32) -> Rejection {
    let class = if fault.is_limit() { RejectionClass::TooLarge } else { RejectionClass::Malformed };
    let fault = shortened(&fault.to_string());
    rejection(class, format!("the record is no {language} of the schema {id}: {fault}"))
}
