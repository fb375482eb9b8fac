//! Exit paths that no input reaches: this test binary runs itself as a process of the engine's parts.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use riveg::cli::{Exit, Failure, LogFormat, log_panics, run_async};
use riveg::domain::Stage;
use riveg::scheduler::{Budget, Cost, Device, Flow, Flows, Handle, Model, ModelError, Processor};
use riveg::telemetry::Metrics;
use tch::{Kind, Tensor};

/// Environment variable with the exit path of the process.
const EXIT_PATH: &str = "EXIT_PATHS_OWN_PROCESS";

pub(super) fn command(path: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "exit_paths::own_process::a_lost_device_ends_the_process"]);
    command.env(EXIT_PATH, path).stdout(Stdio::null());
    command
}

/// A network that stays inside libtorch until it loses its device.
struct Busy;

/// Its host half: requests and replies as they are.
struct AsTheyAre;

impl Processor for AsTheyAre {
    type Request = bool;
    type Reply = ();
    type Input = Vec<bool>;
    type Output = Vec<()>;

    fn cost(&self, _: &bool) -> Cost {
        Cost(1)
    }

    fn prepare(&self, batch: &[bool]) -> Result<Vec<bool>, ModelError> {
        Ok(batch.to_vec())
    }

    fn finish(&self, _: &[bool], output: Vec<()>) -> Result<Vec<()>, ModelError> {
        Ok(output)
    }
}

impl Model for Busy {
    type Processor = AsTheyAre;

    fn processor(&self) -> Arc<AsTheyAre> {
        Arc::new(AsTheyAre)
    }

    fn forward(&mut self, batch: Vec<bool>) -> Result<Vec<()>, ModelError> {
        let square = Tensor::ones([256, 256], (Kind::Float, tch::Device::Cpu));
        (0..20).for_each(|_| drop(square.matmul(&square).softmax(0, Kind::Float)));
        if batch.contains(&true) {
            return Err(ModelError::DeviceLost("an illegal address".to_owned()));
        }
        Ok(vec![(); batch.len()])
    }
}

#[test]
fn a_lost_device_ends_the_process() {
    let Ok(path) = std::env::var(EXIT_PATH) else {
        // Without the variable this is an ordinary test: one path, once.
        let status = command("lost").stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1));
        return;
    };
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).init();
    log_panics();
    let exit = Exit::new(LogFormat::Json);
    let outcome = run_async(follow(&path, &exit));
    exit.conclude(Ok(outcome))
}

async fn follow(path: &str, exit: &Exit) -> Result<(), Failure> {
    let max_requests = std::num::NonZeroUsize::new(2).unwrap();
    let budget = Budget { max_requests, max_tokens: u32::MAX, patience: Duration::from_secs(1) };
    let mut device = Device::new("riveg-device", Arc::new(Metrics::new()));
    let handle = device.lane(Stage::Ground, Busy, budget);
    let device = device.start()?;
    let flows = Flows::default();
    exit.add_device(device.stop());
    for _ in 0..4 {
        tokio::spawn(keep_busy(handle.clone(), flows.begin()));
    }
    // After its answer the calls of the others are in progress.
    handle.call(flows.begin(), false).await?;
    if path == "panic" {
        tokio::spawn(async { panic!("a fault of ours") }).await?;
    }
    Ok(handle.call(flows.begin(), true).await?)
}

async fn keep_busy(handle: Handle<bool, ()>, flow: Flow) {
    while handle.call(flow, false).await.is_ok() {}
}
