//! Device: its lanes, its executors, and what its owner sees of it.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::watch;
use tracing::error;

use super::crew::{Crew, DeviceState};
use super::dispatcher::Dispatcher;
use super::doorbell::{Doorbells, MAX_EXECUTORS};
use super::erased::{AnyModel, Forward, erase};
use super::executor::Executor;
use super::handle::Port;
use super::lane::{Lane, ModelLane};
use super::model::{ReplyOf, RequestOf};
use super::shared_lane::SharedLane;
use super::{Budget, Handle, Model, ModelError, Policy, Samples, Stop};
use crate::domain::Stage;
use crate::telemetry::Metrics;

/// Builds a device: add its lanes, then start it.
pub struct Device {
    name: String,
    members: Vec<Member>,
    beginning: Arc<dyn Fn() + Send + Sync>,
    doorbells: Arc<Doorbells>,
    stop: Stop,
    metrics: Arc<Metrics>,
}

/// What one executor has of every network.
#[derive(Default)]
struct Member {
    lanes: Vec<Box<dyn Lane>>,
    models: Vec<Box<dyn Forward>>,
}

/// A running device. It ends when all handles to its lanes are dropped, or when it is stopped.
pub struct DeviceHandle {
    state: watch::Receiver<DeviceState>,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Device {
    /// A device with one executor and without lanes. The name is its thread's.
    #[must_use]
    pub fn new(name: &str, metrics: Arc<Metrics>) -> Self {
        Self::with_executors(name, 1, metrics)
    }

    /// A device with so many executors, at most [`Self::MAX_EXECUTORS`], and without lanes. Each has a thread that
    /// computes and a thread that prepares; all draw from the same lanes.
    #[must_use]
    pub fn with_executors(name: &str, executors: usize, metrics: Arc<Metrics>) -> Self {
        let doorbells = Arc::new(Doorbells::new(executors));
        let stop = Stop::new(Arc::clone(&doorbells));
        let members = (0..doorbells.executors()).map(|_| Member::default()).collect();
        metrics.device().has_executors(doorbells.executors());
        Self { name: name.to_owned(), members, beginning: Arc::new(|| ()), doorbells, stop, metrics }
    }

    /// The most executors of one device.
    pub const MAX_EXECUTORS: usize = MAX_EXECUTORS;

    /// Runs this on the thread of each executor before any network: for settings of the thread.
    pub fn begin_with(&mut self, beginning: impl Fn() + Send + Sync + 'static) {
        self.beginning = Arc::new(beginning);
    }

    /// Puts a network on a device with one executor. Calls queue until the device is started.
    pub fn lane<M: Model>(
        &mut self,
        stage: Stage,
        model: M,
        budget: Budget,
    ) -> Handle<RequestOf<M>, ReplyOf<M>> {
        self.warmed_lane(stage, vec![model], budget, Box::new(std::iter::empty()))
    }

    /// Puts a network on this device, once for each executor, that is run on `samples` before the device is ready: in
    /// batches of 1, 2, 4 and so on up to what the budget allows, none of them twice. Typical requests of the largest
    /// size, of which no two are about the same picture, make the best samples: what is measured is then what a batch of
    /// new posts takes. Each executor takes its own; there should be enough for all.
    ///
    /// # Panics
    /// There is not one of `models` for each executor.
    pub fn warmed_lane<M: Model>(
        &mut self,
        stage: Stage,
        models: Vec<M>,
        budget: Budget,
        samples: Samples<RequestOf<M>>,
    ) -> Handle<RequestOf<M>, ReplyOf<M>> {
        self.any_lane(stage, models.into_iter().map(erase).collect(), budget, samples)
    }

    fn any_lane<Q: Send + 'static, R: Send + 'static>(
        &mut self,
        stage: Stage,
        models: Vec<AnyModel<Q, R>>,
        budget: Budget,
        samples: Samples<Q>,
    ) -> Handle<Q, R> {
        assert_eq!(models.len(), self.members.len(), "a network for each executor");
        // While one batch runs, the next one can be complete, be it of one flow.
        let room = 2 * budget.max_requests.get();
        let metrics = self.metrics.stage(stage);
        let processor = models[0].processor();
        let weigh = Arc::clone(&processor);
        let cost = Box::new(move |request: &Q| weigh.cost(request));
        let port = Port::new(stage, cost, room, (Arc::clone(&self.doorbells), metrics.clone()));
        let number = self.members[0].models.len();
        let shared = SharedLane::new(
            (stage, number),
            processor,
            (budget, samples),
            Arc::clone(&port),
            (self.stop.clone(), metrics, self.metrics.work_progress().clone()),
        );
        for (member, model) in self.members.iter_mut().zip(models) {
            member.models.push(Box::new(model));
            member.lanes.push(Box::new(ModelLane::new(Arc::clone(&shared))));
        }
        Handle::new(port)
    }

    /// Starts the threads, which warm the networks up and then answer calls.
    ///
    /// # Errors
    /// Where the operating system refuses a thread.
    pub fn start(self) -> io::Result<DeviceHandle> {
        let Self { name, members, beginning, doorbells, stop, metrics } = self;
        let executors = members.len();
        let (crew, state) = Crew::new(executors);
        let (crew, policy) = (Arc::new(crew), Arc::<Mutex<Policy>>::default());
        // Dropped with the last host thread, after the lanes and all threads with their networks.
        let ended = Arc::new(stop.end_guard());
        let mut threads = Vec::with_capacity(executors);
        for (number, Member { mut lanes, models }) in members.into_iter().enumerate() {
            // The policy breaks ties in favour of the later lane, which is to be the later stage; what is to be known of
            // a post is asked first of all.
            lanes.sort_by_key(|lane| (lane.stage() != Stage::Retrieve, lane.stage()));
            let name = if executors == 1 { name.clone() } else { format!("{name}-{number}") };
            let (host, bells) = (format!("{name}-host"), Arc::clone(&doorbells));
            let executor =
                Executor::start(name, models, Arc::clone(&beginning), (bells, number), stop.clone())?;
            let dispatcher = Dispatcher::new(
                lanes,
                (executor, number),
                Arc::clone(&doorbells),
                (stop.clone(), Arc::clone(&metrics)),
                Arc::clone(&policy),
            );
            let (crew, ended) = (Arc::clone(&crew), Arc::clone(&ended));
            threads.push(std::thread::Builder::new().name(host).spawn(move || {
                // Dropped last, after the lanes and the executor's thread with its networks.
                let _ended = ended;
                let mut dispatcher = dispatcher;
                run(&mut dispatcher, &crew);
            })?);
        }
        Ok(DeviceHandle { state, stop, threads })
    }
}

/// Warms the networks of an executor up and answers calls until the end.
fn run(dispatcher: &mut Dispatcher, crew: &Crew) {
    let warmed = dispatcher.warm_up().inspect(|()| crew.is_warm());
    let was_warm = warmed.is_ok();
    match warmed.and_then(|()| dispatcher.serve_all()) {
        Ok(()) => crew.has_ended(),
        Err(lost) => {
            // Before the others can learn that they are the last: then one of them refuses all that waits.
            dispatcher.hand_over();
            if crew.is_lost(&lost, was_warm) {
                error!(%lost, "an executor is lost; the others go on with its requests");
            } else {
                dispatcher.fail(&lost);
            }
        }
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

    /// Blocks until the threads have ended. Drop all handles first.
    ///
    /// # Errors
    /// As [`Self::ended`].
    pub fn join(self) -> Result<(), ModelError> {
        let joined: Vec<_> = self.threads.into_iter().map(JoinHandle::join).collect();
        match &*self.state.borrow() {
            DeviceState::Lost(lost) => Err(lost.clone()),
            _ => joined.into_iter().collect::<Result<(), _>>().map_err(|_| thread_died()),
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
