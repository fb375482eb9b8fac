//! The scheduler as a whole, on real threads. Test models wait at gates, never on a clock.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::doubles::FnModel;
use super::*;
use crate::domain::Stage;
use crate::telemetry::Metrics;

mod faults;
mod overlap;
mod several_executors;
mod warming_up;

type Model32 = FnModel<u32, u32>;

/// A network made of a closure over the numbers of the requests.
fn closure(run: impl FnMut(&[u32]) -> Result<Vec<u32>, ModelError> + Send + 'static) -> Model32 {
    FnModel::new(run)
}

/// The test's side of a network that says what it runs and then waits to be let through.
struct Gate {
    started: mpsc::Receiver<Vec<u32>>,
    let_through: mpsc::Sender<()>,
}

impl Gate {
    /// A gated network that doubles, and the gate.
    fn new() -> (Model32, Self) {
        let (report, started) = mpsc::channel();
        let (let_through, gate) = mpsc::channel();
        let model = closure(move |batch: &[u32]| {
            report.send(batch.to_vec()).unwrap();
            gate.recv().unwrap();
            Ok(batch.iter().map(|number| 2 * number).collect())
        });
        (model, Self { started, let_through })
    }

    fn batch(&self) -> Vec<u32> {
        self.started.recv_timeout(LONG).unwrap()
    }

    /// As [`Self::batch`], while other tasks run.
    async fn batch_soon(&self) -> Vec<u32> {
        soon(async {
            loop {
                match self.started.try_recv() {
                    Ok(batch) => return batch,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await
    }

    fn open(&self) {
        self.let_through.send(()).unwrap();
    }
}

type Answer = Result<u32, CallError>;
type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Nothing here takes a second: what takes this long has been forgotten.
const LONG: Duration = Duration::from_secs(30);

/// Waits, but not for ever: a lost wakeup is a failed test, not one that hangs.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("somebody waits for an answer that does not come")
}

fn budget(max_requests: usize) -> Budget {
    let max_requests = NonZeroUsize::new(max_requests).unwrap();
    Budget { max_requests, max_tokens: u32::MAX, patience: Duration::from_secs(3600) }
}

fn device() -> Device {
    Device::new("test device", Arc::new(Metrics::new()))
}

/// Makes a call and polls it once: it is queued when this returns.
fn queued(handle: &Handle<u32, u32>, number: u32) -> Call {
    queued_by(Flow::default(), handle, number)
}

fn queued_by(flow: Flow, handle: &Handle<u32, u32>, number: u32) -> Call {
    let handle = handle.clone();
    let mut call: Call = Box::pin(async move { handle.call(flow, number).await });
    assert_eq!((&mut call).now_or_never(), None, "nothing has let the call through");
    call
}

#[tokio::test]
async fn an_idle_device_runs_a_lone_request_at_once_and_binds_the_next_batch_when_it_is_free() {
    let (model, gate) = Gate::new();
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, budget(8));
    let thread = device.start().unwrap();
    let first = queued(&handle, 1);
    assert_eq!(gate.batch(), [1], "one request is enough");
    let others: Vec<_> = (2..=5).map(|number| queued(&handle, number)).collect();
    gate.open();
    assert_eq!(gate.batch(), [2, 3, 4, 5], "all that came meanwhile");
    gate.open();
    assert_eq!(soon(first).await, Ok(2));
    assert_eq!(soon(join_all(others)).await, [Ok(4), Ok(6), Ok(8), Ok(10)]);
    drop(handle);
    soon(thread.ended()).await.unwrap();
    thread.join().unwrap();
}

#[tokio::test]
async fn a_call_that_is_given_up_before_its_batch_is_bound_costs_nothing() {
    let (model, gate) = Gate::new();
    let metrics = Arc::new(Metrics::new());
    let mut device = Device::new("test device", Arc::clone(&metrics));
    let handle = device.lane(Stage::Ground, model, budget(2));
    let _thread = device.start().unwrap();
    let first = queued(&handle, 1);
    assert_eq!(gate.batch(), [1]);
    // Two are prepared for the device or will be; the others take all the places that are left.
    let mut calls: Vec<_> = (2..=5).map(|number| queued(&handle, number)).collect();
    drop(calls.drain(2..));
    gate.open();
    assert_eq!(gate.batch(), [2, 3]);
    // The places of those who left are free again.
    let more: Vec<_> = (6..=9).map(|number| queued(&handle, number)).collect();
    let answers = tokio::spawn(soon(join_all(std::iter::once(first).chain(calls).chain(more))));
    gate.open();
    let mut seen = Vec::new();
    while seen.len() < 4 {
        // How many at once is the knee's affair, and that depends on how fast this test is.
        seen.extend(gate.batch_soon().await);
        gate.open();
    }
    // Those that waited for a place are queued when they are polled, which may be in any order.
    seen.sort_unstable();
    assert_eq!(seen, [6, 7, 8, 9]);
    answers.await.unwrap().into_iter().for_each(|answer| assert!(answer.is_ok()));
    assert!(metrics.render().contains(r#"riveg_stage_requests_total{outcome="abandoned",stage="ground"} 2"#));
}

#[tokio::test]
async fn the_later_stage_goes_first_in_whatever_order_the_lanes_were_added() {
    let (started, batches) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let mut device = device();
    let mut gate = Some(gate);
    let mut handles = Vec::new();
    for stage in [Stage::Segment, Stage::Retrieve, Stage::Recognise, Stage::Ground, Stage::Entail] {
        let (started, gate) = (started.clone(), gate.take());
        let model = closure(move |batch: &[u32]| {
            started.send(stage).unwrap();
            if let Some(gate) = &gate {
                gate.recv().unwrap();
            }
            Ok(batch.to_vec())
        });
        handles.push(device.lane(stage, model, budget(4)));
    }
    // Queued before the start, so that the first choice is among all.
    let calls: Vec<_> = handles.iter().map(|handle| queued(handle, 1)).collect();
    let _thread = device.start().unwrap();
    open.send(()).unwrap();
    soon(join_all(calls)).await;
    let order: Vec<Stage> = batches.try_iter().collect();
    assert_eq!(order, [Stage::Segment, Stage::Ground, Stage::Entail, Stage::Recognise, Stage::Retrieve]);
}

#[tokio::test]
async fn a_device_ends_when_all_handles_are_gone_and_all_calls_are_answered() {
    let mut device = device();
    let handle = device.lane(Stage::Ground, closure(|batch: &[u32]| Ok(batch.to_vec())), budget(1));
    let other = device.lane(Stage::Segment, closure(|batch: &[u32]| Ok(batch.to_vec())), budget(1));
    let thread = device.start().unwrap();
    soon(thread.ready()).await.unwrap();
    let clone = handle.clone();
    drop((handle, other));
    assert_eq!(soon(clone.call(Flow::default(), 7)).await, Ok(7), "one clone is enough to go on");
    assert!(thread.ended().now_or_never().is_none());
    drop(clone);
    soon(thread.ended()).await.unwrap();
    assert_eq!(*thread.state().borrow(), DeviceState::Ended);
    thread.join().unwrap();
}

#[tokio::test]
async fn a_device_that_is_never_started_refuses_its_calls() {
    let mut device = device();
    let handle = device.lane(Stage::Ground, closure(|batch: &[u32]| Ok(batch.to_vec())), budget(1));
    let calls: Vec<_> = (0..4).map(|number| queued(&handle, number)).collect();
    drop(device);
    for answer in soon(join_all(calls)).await {
        assert_eq!(answer, Err(CallError::Closed { stage: Stage::Ground }));
    }
}

/// What many callers at once must not break: every request is answered, once, with its own reply.
#[test]
fn ten_thousand_requests_from_eight_threads_are_all_accounted_for() {
    const THREADS: u32 = 8;
    const EACH: u32 = 1250;
    let ran = Arc::new(AtomicU32::new(0));
    let metrics = Arc::new(Metrics::new());
    let mut device = Device::new("test device", Arc::clone(&metrics));
    let handles: Vec<_> = Stage::ALL
        .into_iter()
        .map(|stage| {
            let ran = Arc::clone(&ran);
            let model = closure(move |batch: &[u32]| {
                if batch.iter().any(|number| number % 500 == 499) {
                    return Err(ModelError::Failed("every five hundredth".to_owned()));
                }
                ran.fetch_add(batch.len() as u32, Ordering::Relaxed);
                Ok(batch.iter().map(|number| number + stage as u32).collect())
            });
            device.lane(stage, model, budget(16))
        })
        .collect();
    let thread = device.start().unwrap();
    let callers: Vec<_> = (0..THREADS)
        .map(|caller| {
            let handles = handles.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                runtime.block_on(soon(join_all((0..EACH).map(|index| {
                    let number = caller * EACH + index;
                    let lane = (number % 4) as usize;
                    let handle = &handles[lane];
                    async move {
                        match handle.call(Flow::default(), number).await {
                            Ok(reply) => assert_eq!(reply, number + lane as u32),
                            Err(error) => assert!(number % 500 == 499, "{number}: {error}"),
                        }
                    }
                }))));
            })
        })
        .collect();
    drop(handles);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    thread.join().unwrap();
    let total = THREADS * EACH;
    assert_eq!(ran.load(Ordering::Relaxed), total - total / 500);
    assert_eq!(metrics.stage_summaries().iter().map(|stage| stage.requests).sum::<u64>(), u64::from(total));
}

#[tokio::test]
async fn what_a_device_begins_with_is_done_on_its_thread_before_any_network_runs() {
    let (report, order) = mpsc::channel();
    let say = move |what: &'static str| report.send((what, std::thread::current().id())).unwrap();
    let mut device = device();
    let network = {
        let say = say.clone();
        closure(move |batch: &[u32]| {
            say("network");
            Ok(batch.to_vec())
        })
    };
    let handle = device.lane(Stage::Ground, network, budget(1));
    device.begin_with(move || say("beginning"));
    let device = device.start().unwrap();
    assert_eq!(soon(handle.call(Flow::default(), 3)).await, Ok(3));
    let said: Vec<_> = order.try_iter().collect();
    assert_eq!(said.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["beginning", "network"]);
    assert_eq!(said[0].1, said[1].1);
    drop(handle);
    device.join().unwrap();
}

#[tokio::test]
async fn a_device_that_is_told_to_stop_ends_after_the_batch_that_runs_and_refuses_the_rest() {
    let (model, gate) = Gate::new();
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, budget(1));
    let thread = device.start().unwrap();
    let stop = thread.stop();
    let first = queued(&handle, 1);
    assert_eq!(gate.batch(), [1]);
    let (second, third) = (queued(&handle, 2), queued(&handle, 3));
    stop.tell();
    assert!(!stop.wait(Duration::ZERO), "a batch is never cut short");
    gate.open();
    assert_eq!(soon(first).await, Ok(2));
    for refused in [second, third] {
        assert_eq!(soon(refused).await, Err(CallError::Closed { stage: Stage::Ground }));
    }
    assert!(stop.wait(LONG));
    assert!(gate.started.try_recv().is_err(), "nothing more was run");
    assert_eq!(thread.join(), Ok(()));
}

#[tokio::test]
async fn a_device_that_is_told_to_stop_while_it_idles_or_warms_up_ends_at_once() {
    let (model, gate) = Gate::new();
    let mut warming = device();
    let _handle = warming.warmed_lane(Stage::Ground, vec![model], budget(8), Box::new(0..100));
    let warming = warming.start().unwrap();
    gate.batch();
    warming.stop().tell();
    // Each size is run more than once; no other size follows.
    while !warming.stop().wait(Duration::from_millis(1)) {
        // It may have ended meanwhile.
        let _ = gate.let_through.send(());
        assert!(gate.started.try_iter().all(|batch| batch.len() == 1));
    }

    let mut idle = device();
    let _handle = idle.lane(Stage::Ground, closure(|batch: &[u32]| Ok(batch.to_vec())), budget(1));
    let idle = idle.start().unwrap();
    soon(idle.ready()).await.unwrap();
    idle.stop().tell();
    assert!(idle.stop().wait(LONG));
}
