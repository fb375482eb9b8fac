//! What answers a record where there is no Kafka: decoder, pipeline and the form of the output, put together.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use tracing::info;

use crate::bundle::Bundle;
use crate::config::Config;
use crate::decode::Decoder;
use crate::domain::{Rejection, RejectionClass};
use crate::publish::{Annotated, Provenance};
use crate::runtime::{Runtime, Variant};
use crate::scheduler::CallError;
use crate::telemetry::Metrics;

use super::{Failure, with_causes};

/// A bundle at work.
pub(super) struct Running {
    decoder: Decoder,
    runtime: Runtime,
    provenance: Provenance,
    name: String,
}

impl Running {
    /// Loads the bundle of the settings and waits until its networks are warm.
    pub(super) async fn open(config: &Config, variant: Variant) -> Result<Self, Failure> {
        let bundle = Bundle::open(&config.bundle.path)?;
        let runtime = Runtime::start(&bundle, config, variant, Arc::new(Metrics::new()))?;
        runtime.device.ready().await?;
        info!(bundle = %config.bundle.path.display(), hash = bundle.hash(), "networks are warm");
        let decoder = Decoder::new(config.decode.clone());
        let name = format!("{} {}", bundle.manifest().name, bundle.manifest().version);
        Ok(Self { decoder, runtime, provenance: Provenance::of_bundle(bundle.hash()), name })
    }

    /// The bundle in use: what it is called, and the hash that outputs name.
    pub(super) fn bundle(&self) -> String {
        format!("{}, {}", self.name, self.provenance.bundle)
    }

    /// The value of the output record for the value of an input record, or why there is none.
    ///
    /// # Errors
    /// Where the device is gone: no other record would be answered either.
    pub(super) async fn answer(&self, record: Bytes) -> Result<Result<Vec<u8>, Rejection>, Failure> {
        let ingested = SystemTime::now();
        let post = match self.decoder.decode(record).await {
            Ok(post) => post,
            Err(rejection) => return Ok(Err(rejection)),
        };
        match self.runtime.pipeline.annotate(&post).await {
            Ok(annotation) => {
                let annotated = Annotated::new(&post, annotation);
                Ok(Ok(annotated.to_json(&self.provenance, ingested, SystemTime::now())))
            }
            Err(error) if error.retry_can_help() => Err(error.into()),
            Err(error) => Ok(Err(refused_by_network(&error))),
        }
    }
}

fn refused_by_network(error: &CallError) -> Rejection {
    Rejection {
        stage: error.stage().as_str(),
        class: RejectionClass::ModelRefused,
        message: with_causes(error),
    }
}
