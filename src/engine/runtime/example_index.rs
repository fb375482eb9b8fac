//! Example index: the retriever of a bundle on a device, and its vectors of all examples.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::common::imaging::{Picture, View, Workers};
use crate::common::plain_file;
use crate::domain::{Rejection, Stage};
use crate::engine::Config;
use crate::input::decode;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::Bundle;
use crate::scheduler::{Budget, CallError, Device, Flow};
use crate::stages::knowledge::{Example, Examples, Index, PostEncoder, Vectors};
use crate::telemetry::Metrics;

use super::error::RuntimeError;
use super::executors::Executors;
use super::{vocabularies, warm_up};

/// Examples in flight: enough to fill batches while pictures are decoded.
const IN_FLIGHT: usize = 32;

/// Why the index cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum IndexingError {
    /// An example's picture could not be read.
    #[error("failed to read `{}`, the picture of example `{id}`", path.display())]
    Read {
        /// The example.
        id: String,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The picture of an example is damaged or too large.
    #[error("`{}`, the picture of example `{id}`, cannot be used", path.display())]
    Picture {
        /// The example.
        id: String,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: Rejection,
    },
    /// The network failed.
    #[error("failed to encode example `{id}`")]
    Call {
        /// The example.
        id: String,
        /// The cause.
        #[source]
        source: CallError,
    },
    /// The network gave empty vectors, or vectors of different lengths.
    #[error("the vectors of {0} examples are empty or of different lengths")]
    Vectors(usize),
}

/// Puts the retriever of a bundle on a device before it starts. Its cached features count against the budget of the
/// device.
///
/// # Errors
/// The bundle has no retriever, or its files do not fit.
pub(super) fn post_encoder(
    bundle: &Bundle,
    budget: Budget,
    executors: &Executors,
    device: &mut Device,
) -> Result<PostEncoder, RuntimeError> {
    let texts = vocabularies::texts(bundle)?;
    let view = bundle.retrieve()?.network.view();
    let models = executors.each(|place, remembered| bundle.encoder(place, remembered.clone()))?;
    let samples = warm_up::know(&texts, view);
    let handle = device.warmed_lane(Stage::Retrieve, models, budget, samples);
    Ok(PostEncoder::new(handle, texts, view))
}

/// A device of the settings with nothing but the retriever of a bundle. Each picture is encoded once, so none is cached.
///
/// # Errors
/// As [`Runtime::start`](super::Runtime::start).
pub fn retriever_device(bundle: &Bundle, config: &Config) -> Result<(Device, PostEncoder), RuntimeError> {
    let metrics = Arc::new(Metrics::new());
    let (mut device, executors) = Executors::new(&config.device, &Remembered::within(0), metrics)?;
    let encoder = post_encoder(&bundle.sharing_weights(), config.scheduler.know, &executors, &mut device)?;
    Ok((device, encoder))
}

/// Encodes every example; calls `progress` after each.
///
/// # Errors
/// The first example that cannot be read or encoded, by its id.
pub async fn index_examples(
    examples: &Examples,
    encoder: &PostEncoder,
    limits: &decode::Config,
    workers: &Workers,
    progress: impl Fn(),
) -> Result<Index, IndexingError> {
    let rows: Vec<Vec<f32>> = stream::iter(&examples.list)
        .map(|example| async {
            let picture = picture(example, encoder.view(), limits, workers).await?;
            let features = encoder.features(Flow::default(), &example.text, picture).await;
            features.map_err(|source| IndexingError::Call { id: example.id.clone(), source })
        })
        .buffered(IN_FLIGHT)
        .inspect(|_| progress())
        .try_collect()
        .await?;
    let width = rows.first().map_or(1, Vec::len);
    let even = rows.iter().all(|row| row.len() == width);
    let vectors = even.then(|| Vectors::new(width, rows.concat())).flatten();
    let ids = examples.list.iter().map(|example| example.id.clone()).collect();
    vectors.and_then(|vectors| Index::new(ids, vectors)).ok_or(IndexingError::Vectors(examples.list.len()))
}

/// An example's picture as the network reads it.
async fn picture(
    example: &Example,
    view: View,
    limits: &decode::Config,
    workers: &Workers,
) -> Result<Option<Arc<Picture>>, IndexingError> {
    let Some(path) = example.picture.clone() else { return Ok(None) };
    let (id, limits) = (example.id.clone(), limits.clone());
    workers
        .run(move || {
            let read = plain_file::read(&path).map_err(|source| IndexingError::Read {
                id: id.clone(),
                path: path.clone(),
                source,
            })?;
            let frame = decode::picture(&path.display().to_string(), &read, &limits)
                .map_err(|source| IndexingError::Picture { id, path, source })?;
            Ok(Some(view.of(&frame)))
        })
        .await
}
