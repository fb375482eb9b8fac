//! How are ways out taken that no input leads to? This test binary runs itself, as a process of the engine's parts.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use riveg::cli::{Ending, Failure, LogFormat, log_panics, run_to_end};
use riveg::domain::Stage;
use riveg::scheduler::{Budget, Cost, Device, Flow, Flows, Handle, Model, ModelError};
use riveg::telemetry::Metrics;
use tch::{Kind, Tensor};

/// Says to a process of ours which way it is to take.
const WAY: &str = "WAYS_OUT_OWN_PROCESS";

pub(super) fn command(way: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "ways_out::own_process::it_ends_as_its_parts_make_it_end"]);
    command.env(WAY, way).stdout(Stdio::null());
    command
}

/// A network that is always inside libtorch, until it loses its device.
struct Busy;

impl Model for Busy {
    type Request = bool;
    type Reply = ();

    fn cost(_: &bool) -> Cost {
        Cost(1)
    }

    fn run(&mut self, batch: &[bool]) -> Result<Vec<()>, ModelError> {
        let square = Tensor::ones([256, 256], (Kind::Float, tch::Device::Cpu));
        (0..20).for_each(|_| drop(square.matmul(&square).softmax(0, Kind::Float)));
        if batch.contains(&true) {
            return Err(ModelError::DeviceLost("an illegal address".to_owned()));
        }
        Ok(vec![(); batch.len()])
    }
}

#[test]
fn it_ends_as_its_parts_make_it_end() {
    let Ok(way) = std::env::var(WAY) else {
        // Asked by nobody in particular: one way, once.
        let status = command("lost").stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1));
        return;
    };
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).init();
    log_panics();
    let ending = Ending::told_in(LogFormat::Json);
    let outcome = run_to_end(take(&way, &ending));
    ending.conclude(Ok(outcome))
}

async fn take(way: &str, ending: &Ending) -> Result<(), Failure> {
    let max_requests = std::num::NonZeroUsize::new(2).unwrap();
    let budget = Budget { max_requests, max_tokens: u32::MAX, patience: Duration::from_secs(1) };
    let mut device = Device::new("riveg-device", Arc::new(Metrics::new()));
    let handle = device.lane(Stage::Ground, Busy, budget);
    let device = device.start()?;
    let flows = Flows::default();
    ending.stops(device.stop());
    for _ in 0..4 {
        tokio::spawn(keep_busy(handle.clone(), flows.begin()));
    }
    // Once it is answered the others' calls are under way.
    handle.call(flows.begin(), false).await?;
    if way == "panic" {
        tokio::spawn(async { panic!("a fault of ours") }).await?;
    }
    Ok(handle.call(flows.begin(), true).await?)
}

async fn keep_busy(handle: Handle<bool, ()>, flow: Flow) {
    while handle.call(flow, false).await.is_ok() {}
}
