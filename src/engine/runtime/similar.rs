//! Which examples is a post like? The bundle's encoder on a device, and what it says of all examples.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::common::imaging::{Picture, View, Workers};
use crate::common::plain_file;
use crate::domain::{Rejection, Stage};
use crate::input::decode;
use crate::networks::blocks::device::{self, find};
use crate::networks::blocks::remembered::Remembered;
use crate::networks::bundle::Bundle;
use crate::scheduler::{Budget, CallError, Device, Flow};
use crate::stages::knowledge::{Example, Examples, Index, PostEncoder, Vectors};

use super::{RuntimeError, asking, warm_up};

/// Examples that are read and asked about at a time: enough to fill batches while pictures are decoded.
const AT_ONCE: usize = 32;

/// Why there are no vectors of examples.
#[derive(Debug, thiserror::Error)]
pub enum IndexedError {
    /// An example's picture could not be read.
    #[error("failed to read `{}`, the picture of example `{id}`", path.display())]
    Read {
        /// Whose.
        id: String,
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: io::Error,
    },
    /// An example's picture is none, or is too large.
    #[error("`{}`, the picture of example `{id}`, cannot be used", path.display())]
    Picture {
        /// Whose.
        id: String,
        /// Where.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: Rejection,
    },
    /// The network gave no answer.
    #[error("failed to ask what example `{id}` is about")]
    Call {
        /// Whose.
        id: String,
        /// What was wrong.
        #[source]
        source: CallError,
    },
    /// The network gave vectors that are none, or are of several lengths.
    #[error("what the network says of {0} examples makes no table of numbers")]
    Vectors(usize),
}

/// Puts the bundle's encoder on a device that is still in the making; what it remembers of pictures is within the
/// device's budget.
///
/// # Errors
/// Where the bundle has none, or one that does not fit its files.
pub fn similar(
    bundle: &Bundle,
    config: &device::Config,
    budget: Budget,
    remembered: &Remembered,
    device: &mut Device,
) -> Result<PostEncoder, RuntimeError> {
    let texts = asking::texts(bundle)?;
    let view = bundle.retrieve()?.network.view();
    let model = bundle.encoder(find(&config.name)?, remembered.clone())?;
    let samples = warm_up::know(&texts, view);
    let handle = device.warmed_lane(Stage::Retrieve, model, budget, samples);
    Ok(PostEncoder::new(handle, texts, view))
}

/// Asks what every example is about; `told` is called after each.
///
/// # Errors
/// The first example that could not be read or answered, by its id.
pub async fn indexed(
    examples: &Examples,
    similar: &PostEncoder,
    limits: &decode::Config,
    workers: &Workers,
    told: impl Fn(),
) -> Result<Index, IndexedError> {
    let rows: Vec<Vec<f32>> = stream::iter(&examples.list)
        .map(|example| async {
            let picture = picture(example, similar.view(), limits, workers).await?;
            let features = similar.features(Flow::default(), &example.text, picture).await;
            features.map_err(|source| IndexedError::Call { id: example.id.clone(), source })
        })
        .buffered(AT_ONCE)
        .inspect(|_| told())
        .try_collect()
        .await?;
    let width = rows.first().map_or(1, Vec::len);
    let even = rows.iter().all(|row| row.len() == width);
    let vectors = even.then(|| Vectors::new(width, rows.concat())).flatten();
    let ids = examples.list.iter().map(|example| example.id.clone()).collect();
    vectors.and_then(|vectors| Index::new(ids, vectors)).ok_or(IndexedError::Vectors(examples.list.len()))
}

/// An example's picture as the network reads it.
async fn picture(
    example: &Example,
    view: View,
    limits: &decode::Config,
    workers: &Workers,
) -> Result<Option<Arc<Picture>>, IndexedError> {
    let Some(path) = example.picture.clone() else { return Ok(None) };
    let (id, limits) = (example.id.clone(), limits.clone());
    workers
        .run(move || {
            let read = plain_file::read(&path).map_err(|source| IndexedError::Read {
                id: id.clone(),
                path: path.clone(),
                source,
            })?;
            let frame = decode::picture(&path.display().to_string(), &read, &limits)
                .map_err(|source| IndexedError::Picture { id, path, source })?;
            Ok(Some(view.of(&frame)))
        })
        .await
}
