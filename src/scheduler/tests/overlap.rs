//! Preparing ahead: at most one batch waits prepared, of requests that were wanted, and only the device's thread
//! computes.

use std::thread::ThreadId;

use super::*;

/// What the halves of [`Watched`] did, in order.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Prepared(Vec<u32>),
    Began(Vec<u32>),
    Finished(Vec<u32>),
}

/// A network that reports each step and its thread, and whose forward pass waits at a gate.
struct Watched {
    host: Arc<WatchedHost>,
    gate: mpsc::Receiver<()>,
}

struct WatchedHost {
    report: mpsc::Sender<(Step, ThreadId)>,
    /// A number that no batch with it can be prepared, and one that no batch with it can be finished.
    unfit: [u32; 2],
}

/// The test's side.
struct Watch {
    steps: mpsc::Receiver<(Step, ThreadId)>,
    let_through: mpsc::Sender<()>,
}

impl WatchedHost {
    fn report(&self, step: Step) {
        // Where the test has ended, nobody listens.
        let _ = self.report.send((step, std::thread::current().id()));
    }

    fn refuse(&self, batch: &[u32], unfit: u32) -> Result<(), ModelError> {
        if batch.contains(&unfit) { Err(ModelError::Failed(format!("request {unfit}"))) } else { Ok(()) }
    }
}

impl Processor for WatchedHost {
    type Request = u32;
    type Reply = u32;
    type Input = Vec<u32>;
    type Output = Vec<u32>;

    fn cost(&self, _: &u32) -> Cost {
        Cost(1)
    }

    fn prepare(&self, batch: &[u32]) -> Result<Vec<u32>, ModelError> {
        self.report(Step::Prepared(batch.to_vec()));
        self.refuse(batch, self.unfit[0])?;
        Ok(batch.to_vec())
    }

    fn finish(&self, batch: &[u32], output: Vec<u32>) -> Result<Vec<u32>, ModelError> {
        self.report(Step::Finished(batch.to_vec()));
        self.refuse(batch, self.unfit[1])?;
        Ok(output)
    }
}

impl Model for Watched {
    type Processor = WatchedHost;

    fn processor(&self) -> Arc<WatchedHost> {
        Arc::clone(&self.host)
    }

    fn forward(&mut self, batch: Vec<u32>) -> Result<Vec<u32>, ModelError> {
        self.host.report(Step::Began(batch.clone()));
        let _ = self.gate.recv();
        Ok(batch.into_iter().map(|number| 2 * number).collect())
    }
}

fn watched(unfit: [u32; 2]) -> (Watched, Watch) {
    let (report, steps) = mpsc::channel();
    let (let_through, gate) = mpsc::channel();
    (Watched { host: Arc::new(WatchedHost { report, unfit }), gate }, Watch { steps, let_through })
}

/// No request is unfit.
const ALL_FIT: [u32; 2] = [u32::MAX; 2];

impl Watch {
    fn step(&self) -> Step {
        self.steps.recv_timeout(LONG).unwrap().0
    }

    fn open(&self) {
        self.let_through.send(()).unwrap();
    }

    /// Lets everything through until so many requests are finished, and gives all steps.
    fn run_to(&self, finished: usize) -> Vec<(Step, ThreadId)> {
        let mut steps = Vec::new();
        let mut count = 0;
        while count < finished {
            let step = self.steps.recv_timeout(LONG).unwrap();
            match &step.0 {
                Step::Began(_) => self.open(),
                Step::Finished(batch) => count += batch.len(),
                Step::Prepared(_) => (),
            }
            steps.push(step);
        }
        steps
    }
}

#[tokio::test]
async fn one_full_batch_is_prepared_while_another_runs_and_never_two() {
    let (model, watch) = watched(ALL_FIT);
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, budget(2));
    // Each of its own flow: no place is missing, and every further batch would be full.
    let flows = Flows::default();
    let calls: Vec<_> = (0..40).map(|number| queued_by(flows.begin(), &handle, number)).collect();
    let _thread = device.start().unwrap();
    let before_any_is_let_through = [watch.step(), watch.step(), watch.step()];
    let [one, other] = [vec![0, 1], vec![2, 3]];
    assert_eq!(before_any_is_let_through[0], Step::Prepared(one.clone()));
    assert!(before_any_is_let_through.contains(&Step::Began(one)), "{before_any_is_let_through:?}");
    assert!(before_any_is_let_through.contains(&Step::Prepared(other)), "{before_any_is_let_through:?}");
    watch.open();
    let (mut prepared, mut let_through, mut finished) = (2, 1, 0);
    while finished < 40 {
        match watch.step() {
            Step::Prepared(_) => {
                prepared += 1;
                // One that runs or has run, and one that waits.
                assert!(prepared <= let_through + 2, "{prepared} prepared, {let_through} let through");
            }
            Step::Began(_) => {
                watch.open();
                let_through += 1;
            }
            Step::Finished(batch) => finished += batch.len(),
        }
    }
    let answers = soon(join_all(calls)).await;
    assert_eq!(answers, (0..40).map(|number| Ok(2 * number)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_that_can_grow_is_prepared_when_the_device_is_free_from_requests_that_are_still_wanted() {
    let (model, watch) = watched(ALL_FIT);
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, budget(4));
    let _thread = device.start().unwrap();
    let first = queued(&handle, 1);
    assert_eq!([watch.step(), watch.step()], [Step::Prepared(vec![1]), Step::Began(vec![1])]);
    let [second, given_up, third] = [2, 3, 4].map(|number| queued(&handle, number));
    drop(given_up);
    watch.open();
    let steps: Vec<Step> = watch.run_to(3).into_iter().map(|(step, _)| step).collect();
    let prepared: Vec<&Step> = steps.iter().filter(|step| matches!(step, Step::Prepared(_))).collect();
    assert_eq!(prepared, [&Step::Prepared(vec![2, 4])], "{steps:?}");
    assert_eq!(soon(join_all([first, second, third])).await, [Ok(2), Ok(4), Ok(8)]);
}

#[tokio::test]
async fn the_device_thread_runs_forward_passes_and_nothing_else() {
    let (model, watch) = watched(ALL_FIT);
    let mut device = device();
    let handle = device.warmed_lane(Stage::Ground, vec![model], budget(2), Box::new(100..));
    let calls: Vec<_> = (0..4).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    // Samples of sizes 1 and 2, each twice, and the calls.
    let steps = watch.run_to(6 + 4);
    let is_forward = |step: &Step| matches!(step, Step::Began(_));
    let threads = |forward: bool| -> Vec<ThreadId> {
        let of_kind = steps.iter().filter(|(step, _)| is_forward(step) == forward);
        let mut threads: Vec<ThreadId> = of_kind.map(|(_, thread)| *thread).collect();
        threads.dedup();
        threads
    };
    let (device_threads, host_threads) = (threads(true), threads(false));
    assert_eq!((device_threads.len(), host_threads.len()), (1, 1), "{steps:?}");
    assert_ne!(device_threads, host_threads);
    soon(join_all(calls)).await.into_iter().for_each(|answer| assert!(answer.is_ok()));
}

#[tokio::test]
async fn a_request_that_cannot_be_prepared_or_finished_fails_alone() {
    let (model, watch) = watched([1, 6]);
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, budget(4));
    let calls: Vec<_> = (0..8).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    (0..100).for_each(|_| watch.open());
    for (number, answer) in (0_u32..).zip(soon(join_all(calls)).await) {
        match number {
            1 | 6 => {
                let source = ModelError::Failed(format!("request {number}"));
                assert_eq!(answer, Err(CallError::ModelFailed { stage: Stage::Ground, source }));
            }
            number => assert_eq!(answer, Ok(2 * number)),
        }
    }
}

#[tokio::test]
async fn a_batch_that_waits_when_the_one_before_it_fails_is_bound_again_in_its_turn() {
    let runs = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let model = closure(move |batch: &[u32]| {
        seen.lock().unwrap().push(batch.to_vec());
        if batch.len() > 2 { Err(ModelError::OutOfMemory("of 2".to_owned())) } else { Ok(batch.to_vec()) }
    });
    let mut device = device();
    let handle = device.lane(Stage::Ground, model, Budget { max_tokens: 4, ..budget(4) });
    let calls: Vec<_> = (0..8).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    assert_eq!(soon(join_all(calls)).await, (0..8).map(Ok).collect::<Vec<_>>());
    let runs = runs.lock().unwrap().clone();
    let expected: [&[u32]; 5] = [&[0, 1, 2, 3], &[0, 1], &[2, 3], &[4, 5], &[6, 7]];
    assert_eq!(runs, expected);
}
