//! Object stores. Endpoints and keys are the operator's, from the environment.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::time::Instant;

use super::body::{self, Allowance, Bounds};
use super::bucket::{Bucket, Store};
use super::config::Config;
use super::error::FetchError;
use crate::telemetry::Causes;

/// The clients of the allowed buckets, by store and name.
pub(super) struct Stores {
    clients: HashMap<(Store, String), Arc<dyn ObjectStore>>,
    allowed: Vec<Bucket>,
    limit: u64,
}

impl Stores {
    /// Opens a client for each bucket, without any request.
    pub(super) fn new(
        config: &Config,
        limit: u64,
        open: impl Fn(&Bucket, &Config) -> object_store::Result<Arc<dyn ObjectStore>>,
    ) -> object_store::Result<Self> {
        let opened = config.buckets.iter().map(|bucket| {
            let client = open(bucket, config)?;
            Ok(((bucket.store, bucket.name.clone()), client))
        });
        Ok(Self {
            clients: opened.collect::<object_store::Result<_>>()?,
            allowed: config.buckets.clone(),
            limit,
        })
    }

    /// Checks that an object may be read.
    ///
    /// # Errors
    /// It is in no allowed bucket.
    pub(super) fn allowed(&self, object: Bucket, shown: &str) -> Result<Bucket, FetchError> {
        if self.allowed.iter().any(|bucket| bucket.holds(&object)) {
            return Ok(object);
        }
        Err(FetchError::refused(format!("has the url `{shown}`, which lies in none of fetch.buckets")))
    }

    /// Reads an object, in one attempt.
    ///
    /// # Errors
    /// It is not there, too large, or the store does not answer.
    pub(super) async fn read(
        &self,
        object: &Bucket,
        config: &Config,
        allowance: Allowance<'_>,
    ) -> Result<Bytes, FetchError> {
        let shown = object.to_string();
        let Some(client) = self.clients.get(&(object.store, object.name.clone())) else {
            return Err(FetchError::refused(format!("has the url `{shown}`, whose bucket is not open")));
        };
        let Config { first_byte_timeout, timeout, .. } = *config;
        let bounds = Bounds { max_bytes: self.limit, timeout, deadline: Instant::now() + timeout };
        let first = first_byte_timeout.min(timeout);
        let found = tokio::time::timeout(first, client.get(&object.folder)).await;
        let found = found.map_err(|_| FetchError::timed_out(&shown, "no answer", first))?;
        let found = found.map_err(|error| failed(&shown, &error))?;
        let size = found.meta.size;
        let chunks = found.into_stream().map(|chunk| chunk.map_err(|error| failed(&shown, &error)));
        body::read((Some(size), chunks), bounds, allowance, &shown).await
    }
}

/// A client as the environment configures it (`AWS_REGION`, `GOOGLE_APPLICATION_CREDENTIALS` and so on).
pub(super) fn open(bucket: &Bucket, config: &Config) -> object_store::Result<Arc<dyn ObjectStore>> {
    let connect = format!("{}ms", config.connect_timeout.as_millis());
    Ok(match bucket.store {
        Store::S3 => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(&bucket.name).with_retry(once());
            Arc::new(
                builder
                    .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::ConnectTimeout), connect)
                    .build()?,
            )
        }
        Store::Google => {
            let builder =
                GoogleCloudStorageBuilder::from_env().with_bucket_name(&bucket.name).with_retry(once());
            Arc::new(
                builder
                    .with_config(GoogleConfigKey::Client(ClientConfigKey::ConnectTimeout), connect)
                    .build()?,
            )
        }
    })
}

/// No retries in the client: `attempts` retries all sources alike.
pub(super) fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn failed(shown: &str, error: &object_store::Error) -> FetchError {
    use object_store::Error;
    let message = format!("at `{shown}` did not come: {}", Causes(error));
    match error {
        Error::NotFound { .. }
        | Error::InvalidPath { .. }
        | Error::PermissionDenied { .. }
        | Error::Unauthenticated { .. }
        | Error::NotSupported { .. } => FetchError::permanent(message),
        _ => FetchError::transient(message),
    }
}
