//! Memory that does not suffice: of the device, and of the process.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use riveg::domain::Stage;
use riveg::scheduler::{Budget, Cost, Device, Flows, Model, ModelError, Processor};
use riveg::telemetry::{Health, Metrics};
use serde_json::json;

use super::faults::Shown;
use super::scrape_target::ScrapeTarget;
use super::troubles::{until_at_zero, watching};
use crate::kafka::{EngineProcess, TestTopics};
use crate::support::{Writer, broker, pocket_bundle};

/// A network on a device that holds one request at a time. Without a GPU its allocator's message is the only part that is
/// not real.
struct Large(Arc<OnHost>);

/// Its host half.
struct OnHost;

impl Processor for OnHost {
    type Request = ();
    type Reply = ();
    type Input = usize;
    type Output = usize;

    fn cost(&self, (): &()) -> Cost {
        Cost(1)
    }

    fn prepare(&self, batch: &[()]) -> Result<usize, ModelError> {
        Ok(batch.len())
    }

    fn finish(&self, _: &[()], members: usize) -> Result<Vec<()>, ModelError> {
        Ok(vec![(); members])
    }
}

impl Model for Large {
    type Processor = OnHost;

    fn processor(&self) -> Arc<OnHost> {
        Arc::clone(&self.0)
    }

    fn forward(&mut self, members: usize) -> Result<usize, ModelError> {
        let full = "CUDA out of memory. Tried to allocate 2.00 GiB.";
        if members > 1 { Err(ModelError::from_message(full.to_owned())) } else { Ok(members) }
    }
}

pub(super) fn of_the_device(shown: &mut Shown) {
    let (metrics, health) = (Arc::new(Metrics::new()), Arc::new(Health::default()));
    health.models_are_warm();
    health.reads_no_topic();
    let target = ScrapeTarget::of(&metrics, &health);
    let prometheus = watching(&target.address, 1);
    until_at_zero(&prometheus, "riveg_stage_out_of_memory_total{stage=\"ground\"}");

    let mut device = Device::new("gpu", Arc::clone(&metrics));
    let budget = Budget {
        max_requests: NonZeroUsize::new(8).unwrap(),
        max_tokens: 64,
        patience: Duration::from_secs(10),
    };
    let handle = device.lane(Stage::Ground, Large(Arc::new(OnHost)), budget);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (answers, _running) = runtime.block_on(async {
        let flows = Flows::default();
        let calls = join_all((0..8).map(|_| handle.call(flows.begin(), ())));
        // Calls that wait when the device starts are one batch.
        join(calls, async { device.start().unwrap() }).await
    });
    assert!(answers.iter().all(Result::is_ok), "every request is answered alone");
    shown.fires(&prometheus, &["RivegOutOfMemory"], &[]);
}

pub(super) fn of_the_process(shown: &mut Shown) {
    let names = TestTopics::with_topics(1);
    let writer = Writer::new(broker());
    // Long texts, which the client fetches ahead while the engine lags.
    let text = "x".repeat(100_000);
    for number in 0..2000 {
        let post = json!({ "id": number.to_string(), "text": text, "media": [] });
        writer.send(&names.input, 0, None, Some(post.to_string().as_bytes()));
    }
    writer.flush();
    let bundle = format!("bundle.path={}", pocket_bundle().display());
    let small = [
        bundle.as_str(),
        "device.trunk_cache=1MiB",
        "device.picture_cache=1MiB",
        "decode.cache=1MiB",
        "decode.max_pixels=1000000",
        "decode.memory=16MiB",
        "decode.max_media=1",
        "decode.max_picture=1MiB",
        "fetch.memory=1MiB",
        "ingest.max_bytes=4MiB",
        "decode.max_record=1MiB",
    ];
    let mut engine = EngineProcess::start(&names, &small);
    let prometheus = watching(&engine.address, 1);
    shown.fires(
        &prometheus,
        &["RivegMemoryFull"],
        &["RivegStandsStill", "RivegPartitionStuck", "RivegDeadLetters", "RivegStageSlow"],
    );
    engine.signal("-KILL");
    engine.ends();
}
