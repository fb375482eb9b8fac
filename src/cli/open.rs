//! Annotator of a command: its device stops when the process ends.

use std::sync::Arc;

use tracing::{info, warn};

use crate::config::Config;
use crate::domain::Stage;
use crate::engine::runtime::{self, Variant};
use crate::engine::{Annotator, OpenError};
use crate::networks::blocks::device::{DeviceNames, Libtorch, find, unset_variables};
use crate::networks::bundle::Bundle;
use crate::telemetry::Metrics;

use super::UsageError;
use super::exit::Exit;

/// Opens the bundle of the settings and waits until its networks are warm.
pub(super) async fn open(
    config: &Config,
    variant: Variant,
    metrics: Arc<Metrics>,
    exit: &Exit,
) -> Result<Annotator, OpenError> {
    let bundle = runtime::open(config)?;
    say_where(&config.device.name, &bundle);
    let warming = Annotator::load(bundle, config, variant, metrics).await?;
    // Before the networks are warm: a second signal may come meanwhile.
    exit.add_device(warming.stop());
    warming.ready(config).await
}

/// Refuses a bundle with a joint network for a command that asks networks about single entities; `instead` says what to do.
pub(super) fn refuse_joint(bundle: &Bundle, instead: &str) -> Result<(), UsageError> {
    let Some(joint) = bundle.joint() else { return Ok(()) };
    let (folder, network) = (bundle.home(Stage::Recognise).folder().display(), joint.network.summary());
    Err(UsageError(format!(
        "the bundle in `{folder}` has a joint network ({}), which answers about whole posts in place of tagger, gate and \
         grounder; {instead}",
        network.architecture
    )))
}

/// The libtorch in use, its devices and what each network computes in.
fn say_where(names: &DeviceNames, bundle: &Bundle) {
    info!(device = %names, libtorch = %Libtorch::here(), precision = precisions(bundle), "networks are loaded");
    let device = names.first();
    let Ok(place) = find(device) else { return };
    for variable in unset_variables(place, |name| std::env::var_os(name).is_some()) {
        warn!(device, variable, "the device is slower without this variable in the environment");
    }
}

/// What each stage's network computes in, or one word where all compute in the same.
pub(super) fn precisions(bundle: &Bundle) -> String {
    let all = bundle.precisions();
    match all.first() {
        Some((_, first)) if all.iter().all(|(_, precision)| precision == first) => first.as_str().to_owned(),
        _ => {
            let each = all.iter().map(|(stage, precision)| format!("{stage} {}", precision.as_str()));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}
