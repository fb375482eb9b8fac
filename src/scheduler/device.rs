//! Who runs the networks? One thread a device, which owns them all and chooses what runs next.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch;

use super::handle::{Doorbell, Port};
use super::lane::{Lane, ModelLane, Others};
use super::{Budget, Handle, Model, ModelError, Policy, Queue, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::Metrics;

/// A device in the making: give it its lanes, then start it.
pub struct Device {
    name: String,
    lanes: Vec<Box<dyn Lane>>,
    beginning: Box<dyn FnOnce() + Send>,
    doorbell: Arc<Doorbell>,
    stop: Stop,
    metrics: Arc<Metrics>,
}

/// How far a device has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// Its networks are run on samples. Calls queue.
    Warming,
    /// It answers calls.
    Ready,
    /// All handles are gone and all calls are answered, or it was told to stop.
    Ended,
    /// It will not answer again in this process: commit nothing more and exit.
    Lost(ModelError),
}

/// A device that runs. It ends by itself when all handles to its lanes are gone, and sooner where it is told to stop.
pub struct DeviceHandle {
    state: watch::Receiver<DeviceState>,
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Device {
    /// A device without lanes. The name is its thread's.
    #[must_use]
    pub fn new(name: &str, metrics: Arc<Metrics>) -> Self {
        let (beginning, doorbell) = (Box::new(|| ()), Arc::<Doorbell>::default());
        let stop = Stop::new(Arc::clone(&doorbell));
        Self { name: name.to_owned(), lanes: Vec::new(), beginning, doorbell, stop, metrics }
    }

    /// Has this done on the device's thread before any network runs there: for settings that are a thread's own.
    pub fn begin_with(&mut self, beginning: impl FnOnce() + Send + 'static) {
        self.beginning = Box::new(beginning);
    }

    /// Puts a network on this device. Calls queue until the device is started.
    pub fn lane<M: Model>(&mut self, stage: Stage, model: M, budget: Budget) -> Handle<M::Request, M::Reply> {
        self.warmed_lane(stage, model, budget, Box::new(std::iter::empty()))
    }

    /// Puts a network on this device that is run on `samples` before the device is ready: in batches of 1, 2, 4 and so
    /// on up to what the budget allows, none of them twice. Typical requests of the largest size, of which no two are
    /// about the same picture, make the best samples: what is measured is then what a batch of new posts takes.
    pub fn warmed_lane<M: Model>(
        &mut self,
        stage: Stage,
        model: M,
        budget: Budget,
        samples: Samples<M::Request>,
    ) -> Handle<M::Request, M::Reply> {
        // While one batch runs, the next one can be complete, be it of one flow.
        let room = 2 * budget.max_requests.get();
        let metrics = self.metrics.stage(stage);
        let port = Port::new(stage, M::cost, room, (Arc::clone(&self.doorbell), metrics.clone()));
        let queue = Queue::new(budget);
        self.lanes.push(Box::new(ModelLane {
            stage,
            model,
            budget,
            samples,
            queue,
            port: Arc::clone(&port),
            stop: self.stop.clone(),
            metrics,
        }));
        Handle::new(port)
    }

    /// Starts the thread, which warms its networks up and then answers calls.
    ///
    /// # Errors
    /// Where the operating system refuses the thread.
    pub fn start(mut self) -> io::Result<DeviceHandle> {
        // The policy breaks ties in favour of the later lane, which is to be the later stage; what is to be known of a
        // post is asked first of all.
        self.lanes.sort_by_key(|lane| (lane.stage() != Stage::Retrieve, lane.stage()));
        let (report, state) = watch::channel(DeviceState::Warming);
        let Self { name, mut lanes, beginning, doorbell, stop, metrics } = self;
        let told = stop.clone();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            // Dropped last, after the lanes with their networks.
            let _ended = told.when_dropped();
            let mut lanes = std::mem::take(&mut lanes);
            doorbell.answer_to();
            beginning();
            let outcome = warm_up(&mut lanes)
                .map(|()| report.send_replace(DeviceState::Ready))
                .and_then(|_| serve_all(&mut lanes, &doorbell, &told, &metrics));
            let last = match outcome {
                Ok(()) => DeviceState::Ended,
                Err(lost) => {
                    lanes.iter_mut().for_each(|lane| lane.fail(&lost));
                    DeviceState::Lost(lost)
                }
            };
            report.send_replace(last);
        })?;
        Ok(DeviceHandle { state, stop, thread })
    }
}

impl DeviceHandle {
    /// What the device is doing, for whoever wants to watch.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<DeviceState> {
        self.state.clone()
    }

    /// What ends it before its callers have left, for whoever ends the process.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits until all networks are warm.
    ///
    /// # Errors
    /// Where warming up failed, or the device was lost since.
    pub async fn ready(&self) -> Result<(), ModelError> {
        self.reached(|state| *state != DeviceState::Warming).await
    }

    /// Waits until the device answers no more calls.
    ///
    /// # Errors
    /// Where it was lost: stop reading, commit nothing more, exit.
    pub async fn ended(&self) -> Result<(), ModelError> {
        self.reached(|state| matches!(state, DeviceState::Ended | DeviceState::Lost(_))).await
    }

    /// Blocks until the thread has ended. Drop all handles first.
    ///
    /// # Errors
    /// As [`Self::ended`].
    pub fn join(self) -> Result<(), ModelError> {
        let joined = self.thread.join();
        match &*self.state.borrow() {
            DeviceState::Lost(lost) => Err(lost.clone()),
            _ => joined.map_err(|_| thread_died()),
        }
    }

    async fn reached(&self, there: impl FnMut(&DeviceState) -> bool) -> Result<(), ModelError> {
        match self.state.clone().wait_for(there).await.as_deref() {
            Ok(DeviceState::Lost(lost)) => Err(lost.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(thread_died()),
        }
    }
}

fn thread_died() -> ModelError {
    ModelError::DeviceLost("its thread died".to_owned())
}

fn warm_up(lanes: &mut [Box<dyn Lane>]) -> Result<(), ModelError> {
    (0..lanes.len()).try_for_each(|index| {
        let (lane, mut others) = one_of(lanes, index);
        lane.warm_up(&mut others)
            .map_err(|error| ModelError::DeviceLost(format!("warming up `{}`: {error}", lane.stage())))
    })
}

/// A lane, and all others.
fn one_of(lanes: &mut [Box<dyn Lane>], index: usize) -> (&mut Box<dyn Lane>, Others<'_>) {
    let (before, rest) = lanes.split_at_mut(index);
    let [lane, after @ ..] = rest else { unreachable!("there is a lane of that index") };
    (lane, Others { before, after })
}

/// Runs batches until all callers have left and all calls are answered, or until it is told to stop.
fn serve_all(
    lanes: &mut [Box<dyn Lane>],
    doorbell: &Doorbell,
    stop: &Stop,
    metrics: &Metrics,
) -> Result<(), ModelError> {
    let mut offers = Vec::with_capacity(lanes.len());
    let mut policy = Policy::default();
    while !stop.is_told() {
        let mut more_can_come = false;
        offers.clear();
        for lane in lanes.iter_mut() {
            more_can_come |= lane.admit();
            offers.push(lane.offer());
        }
        match policy.choose(&offers, Instant::now()) {
            Some(lane) => {
                let (lane, mut others) = one_of(lanes, lane);
                let name = lane.stage().as_str();
                metrics.work_progress().advance(name, Instant::now());
                lane.serve(&mut others)?;
                metrics.work_progress().finish(name);
            }
            None if more_can_come => {
                metrics.device().waits(Instant::now());
                doorbell.wait();
                metrics.device().works(Instant::now());
            }
            None => break,
        }
    }
    Ok(())
}
