//! Annotator of a command: its device stops when the process ends.

use std::sync::Arc;

use crate::config::Config;
use crate::engine::runtime::{self, Variant};
use crate::engine::{Annotator, OpenError};
use crate::telemetry::Metrics;

use super::exit::Exit;

/// Opens the bundle of the settings and waits until its networks are warm.
pub(super) async fn open(
    config: &Config,
    variant: Variant,
    metrics: Arc<Metrics>,
    exit: &Exit,
) -> Result<Annotator, OpenError> {
    let bundle = runtime::open(config)?;
    let warming = Annotator::load(bundle, config, variant, metrics).await?;
    // Before the networks are warm: a second signal may come meanwhile.
    exit.add_device(warming.stop());
    warming.ready(config).await
}
