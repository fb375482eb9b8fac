//! Busy networks: models that only take time, with callers in a closed loop or on a schedule.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use riveg::domain::Stage;
use riveg::scheduler::{Budget, Cost, Device, Flow, Handle, Model, ModelError, Processor};
use riveg::telemetry::{Metrics, StageSummary};

/// A network that keeps its thread busy for a time computed from the batch size and its largest cost.
pub(crate) struct Spin {
    service: fn(usize, u32) -> Duration,
    host: Arc<SpinHost>,
}

/// Its host half, which has nothing to do.
pub(crate) struct SpinHost {
    /// Processor time of the scheduler's threads, when they have ended.
    thread_nanos: Arc<AtomicU64>,
}

/// Adds the processor time of its thread when that ends.
struct Watch(Arc<AtomicU64>);

thread_local! {
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.fetch_add(own_thread_nanos(), Ordering::Relaxed);
    }
}

impl Spin {
    pub(crate) fn new(service: fn(usize, u32) -> Duration, thread_nanos: Arc<AtomicU64>) -> Self {
        Self { service, host: Arc::new(SpinHost { thread_nanos }) }
    }
}

impl SpinHost {
    /// Counts this thread's processor time.
    fn watch_thread(&self) {
        WATCH.with_borrow_mut(|watch| {
            watch.get_or_insert_with(|| Watch(Arc::clone(&self.thread_nanos)));
        });
    }
}

impl Processor for SpinHost {
    type Request = u32;
    type Reply = ();
    type Input = (usize, u32);
    type Output = usize;

    fn cost(&self, request: &u32) -> Cost {
        Cost(*request)
    }

    fn prepare(&self, batch: &[u32]) -> Result<(usize, u32), ModelError> {
        self.watch_thread();
        Ok((batch.len(), batch.iter().copied().max().unwrap_or(0)))
    }

    fn finish(&self, _: &[u32], members: usize) -> Result<Vec<()>, ModelError> {
        Ok(vec![(); members])
    }
}

impl Model for Spin {
    type Processor = SpinHost;

    fn processor(&self) -> Arc<SpinHost> {
        Arc::clone(&self.host)
    }

    fn forward(&mut self, (members, widest): (usize, u32)) -> Result<usize, ModelError> {
        self.host.watch_thread();
        let started = Instant::now();
        let service = (self.service)(members, widest);
        while started.elapsed() < service {
            std::hint::spin_loop();
        }
        Ok(members)
    }
}

/// Results of a run with a device.
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// Processor time of the scheduler's two threads from their first moment to their last.
    pub(crate) thread_time: Duration,
    pub(crate) summary: StageSummary,
}

/// Runs the network alone on full batches back to back; returns requests per second.
pub(crate) fn raw(service: fn(usize, u32) -> Duration, batch: &[u32], batches: usize) -> f64 {
    let mut model = Spin::new(service, Arc::default());
    let started = Instant::now();
    for _ in 0..batches {
        model.run(batch).expect("time passes for every batch");
    }
    (batches * batch.len()) as f64 / started.elapsed().as_secs_f64()
}

/// Closed loop: each caller sends its next request when the previous one is answered.
pub(crate) fn closed_loop(service: fn(usize, u32) -> Duration, budget: Budget, costs: &[Vec<u32>]) -> Run {
    let metrics = Arc::new(Metrics::new());
    let thread_nanos = Arc::new(AtomicU64::new(0));
    let mut device = Device::new("bench device", Arc::clone(&metrics));
    let handle = device.lane(Stage::Ground, Spin::new(service, Arc::clone(&thread_nanos)), budget);
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime needs no more than memory");
    let wall = runtime.block_on(async {
        let callers: Vec<_> =
            costs.iter().map(|costs| tokio::spawn(call_all(handle.clone(), costs.clone()))).collect();
        // All callers queue their first request before the device starts a batch, so the first batch is full too.
        tokio::task::yield_now().await;
        let started = Instant::now();
        let thread = device.start().expect("the machine has room for a thread");
        drop(handle);
        for caller in callers {
            caller.await.expect("a caller never panics");
        }
        let wall = started.elapsed();
        thread.join().expect("the network never fails");
        wall
    });
    let thread_time = Duration::from_nanos(thread_nanos.load(Ordering::Relaxed));
    let summary = metrics.stage_summaries().swap_remove(Stage::Ground as usize);
    Run { wall, thread_time, summary }
}

async fn call_all(handle: Handle<u32, ()>, costs: Vec<u32>) {
    for cost in costs {
        handle.call(Flow::default(), cost).await.expect("the network never fails");
    }
}

/// Open loop: requests of cost 1 are sent at their scheduled times. Returns the latency of each from its scheduled time,
/// and the 99th percentile of the lag of sending.
pub(crate) fn open_loop(
    service: fn(usize, u32) -> Duration,
    budget: Budget,
    arrivals: &[Duration],
) -> (Vec<Duration>, Duration) {
    let mut device = Device::new("bench device", Arc::new(Metrics::new()));
    let model = Spin::new(service, Arc::default());
    let handle = device.warmed_lane(Stage::Ground, vec![model], budget, Box::new(std::iter::repeat(1)));
    let thread = device.start().expect("the machine has room for a thread");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("the machine has room for a thread");
    runtime.block_on(thread.ready()).expect("the network never fails");
    let start = Instant::now();
    let mut calls = Vec::with_capacity(arrivals.len());
    let mut lags = Vec::with_capacity(arrivals.len());
    for &at in arrivals {
        wait_until(start + at);
        lags.push(start.elapsed().saturating_sub(at));
        let handle = handle.clone();
        calls.push(runtime.spawn(async move {
            handle.call(Flow::default(), 1).await.expect("the network never fails");
            start.elapsed().saturating_sub(at)
        }));
    }
    drop(handle);
    let latencies = runtime.block_on(async {
        let mut latencies = Vec::with_capacity(calls.len());
        for call in calls {
            latencies.push(call.await.expect("a caller never panics"));
        }
        latencies
    });
    lags.sort_unstable();
    (latencies, lags[(lags.len() - 1) * 99 / 100])
}

fn wait_until(then: Instant) {
    loop {
        let left = then.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        // The kernel wakes a sleeping thread about 60 microseconds late, so the rest is a busy wait.
        match left.checked_sub(Duration::from_micros(200)) {
            Some(rest) => thread::sleep(rest),
            None => std::hint::spin_loop(),
        }
    }
}

/// From the kernel's accounting, in milliseconds; 0 if there is none.
fn own_thread_nanos() -> u64 {
    let books = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    books.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}
