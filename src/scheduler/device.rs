//! Device: its lanes, its two threads, and what its owner sees of it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::dispatcher::Dispatcher;
use super::doorbell::Doorbell;
use super::erased::{AnyModel, Forward, erase};
use super::executor::Executor;
use super::handle::Port;
use super::lane::{Lane, ModelLane};
use super::model::{ReplyOf, RequestOf};
use super::{Budget, Handle, Model, ModelError, Queue, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::Metrics;

/// Builds a device: add its lanes, then start it.
pub struct Device {
    name: String,
    lanes: Vec<Box<dyn Lane>>,
    models: Vec<Box<dyn Forward>>,
    beginning: Box<dyn FnOnce() + Send>,
    doorbell: Arc<Doorbell>,
    stop: Stop,
    metrics: Arc<Metrics>,
}

/// State of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceState {
    /// Its networks run samples. Calls queue.
    Warming,
    /// It answers calls.
    Ready,
    /// All handles are dropped and all calls are answered, or it was stopped.
    Ended,
    /// It will not answer again in this process: commit nothing more and exit.
    Lost(ModelError),
}

/// A running device. It ends when all handles to its lanes are dropped, or when it is stopped.
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
        Self {
            name: name.to_owned(),
            lanes: Vec::new(),
            models: Vec::new(),
            beginning,
            doorbell,
            stop,
            metrics,
        }
    }

    /// Runs this on the device's thread before any network: for settings of the thread.
    pub fn begin_with(&mut self, beginning: impl FnOnce() + Send + 'static) {
        self.beginning = Box::new(beginning);
    }

    /// Puts a network on this device. Calls queue until the device is started.
    pub fn lane<M: Model>(
        &mut self,
        stage: Stage,
        model: M,
        budget: Budget,
    ) -> Handle<RequestOf<M>, ReplyOf<M>> {
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
        samples: Samples<RequestOf<M>>,
    ) -> Handle<RequestOf<M>, ReplyOf<M>> {
        self.any_lane(stage, erase(model), budget, samples)
    }

    fn any_lane<Q: Send + 'static, R: Send + 'static>(
        &mut self,
        stage: Stage,
        model: AnyModel<Q, R>,
        budget: Budget,
        samples: Samples<Q>,
    ) -> Handle<Q, R> {
        // While one batch runs, the next one can be complete, be it of one flow.
        let room = 2 * budget.max_requests.get();
        let metrics = self.metrics.stage(stage);
        let processor = model.processor();
        let weigh = Arc::clone(&processor);
        let cost = Box::new(move |request: &Q| weigh.cost(request));
        let port = Port::new(stage, cost, room, (Arc::clone(&self.doorbell), metrics.clone()));
        let number = self.models.len();
        self.models.push(Box::new(model));
        self.lanes.push(Box::new(ModelLane {
            stage,
            processor,
            model: number,
            budget,
            samples,
            queue: Queue::new(budget),
            prepared: None,
            running: VecDeque::new(),
            port: Arc::clone(&port),
            stop: self.stop.clone(),
            metrics,
        }));
        Handle::new(port)
    }

    /// Starts the threads, which warm the networks up and then answer calls.
    ///
    /// # Errors
    /// Where the operating system refuses the thread.
    pub fn start(mut self) -> io::Result<DeviceHandle> {
        // The policy breaks ties in favour of the later lane, which is to be the later stage; what is to be known of a
        // post is asked first of all.
        self.lanes.sort_by_key(|lane| (lane.stage() != Stage::Retrieve, lane.stage()));
        let (report, state) = watch::channel(DeviceState::Warming);
        let Self { name, lanes, models, beginning, doorbell, stop, metrics } = self;
        let host = format!("{name}-host");
        let executor = Executor::start(name, models, beginning, Arc::clone(&doorbell), stop.clone())?;
        let dispatcher = Dispatcher::new(lanes, executor, doorbell, stop.clone(), metrics);
        let ends = stop.clone();
        let thread = std::thread::Builder::new().name(host).spawn(move || {
            // Dropped last, after the lanes and the device's thread with its networks.
            let _ended = ends.end_guard();
            let mut dispatcher = dispatcher;
            dispatcher.doorbell.answer_to();
            let outcome = dispatcher
                .warm_up()
                .map(|()| report.send_replace(DeviceState::Ready))
                .and_then(|_| dispatcher.serve_all());
            let last = match outcome {
                Ok(()) => DeviceState::Ended,
                Err(lost) => {
                    dispatcher.fail(&lost);
                    DeviceState::Lost(lost)
                }
            };
            report.send_replace(last);
        })?;
        Ok(DeviceHandle { state, stop, thread })
    }
}

impl DeviceHandle {
    /// The state of the device, to watch.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<DeviceState> {
        self.state.clone()
    }

    /// The signal that ends it while it still has callers.
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
