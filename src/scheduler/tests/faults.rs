//! Failing networks: what happens to the requests of the batch and to the device.

use super::super::doubles::FnProcessor;
use super::*;

#[tokio::test]
async fn a_poisoned_request_fails_alone_and_says_which_stage_and_why() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let mut device = device();
    let model = closure(move |batch: &[u32]| {
        counted.fetch_add(1, Ordering::Relaxed);
        if batch.contains(&13) { Err(ModelError::Failed("unlucky".to_owned())) } else { Ok(batch.to_vec()) }
    });
    let handle = device.lane(Stage::Entail, model, budget(32));
    let calls: Vec<_> = (0..32).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    for (number, answer) in (0_u32..).zip(soon(join_all(calls)).await) {
        if number == 13 {
            let error = answer.unwrap_err();
            assert_eq!((error.stage(), error.retry_can_help()), (Stage::Entail, false));
            let source = ModelError::Failed("unlucky".to_owned());
            assert_eq!(error, CallError::ModelFailed { stage: Stage::Entail, source });
        } else {
            assert_eq!(answer, Ok(number));
        }
    }
    assert!(runs.load(Ordering::Relaxed) <= 1 + 2 * 5 + 1);
}

#[tokio::test]
async fn a_panic_in_a_network_is_an_error_of_the_request_at_fault_alone() {
    let mut device = device();
    let model = closure(|batch: &[u32]| {
        assert!(!batch.contains(&3), "a shape does not fit");
        Ok(batch.to_vec())
    });
    let handle = device.lane(Stage::Segment, model, budget(8));
    let calls: Vec<_> = (0..8).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    for (number, answer) in (0_u32..).zip(soon(join_all(calls)).await) {
        match answer {
            Err(CallError::ModelFailed { source: ModelError::Failed(message), .. }) if number == 3 => {
                assert_eq!(message, "panicked: a shape does not fit");
            }
            answer => assert_eq!(answer, Ok(number)),
        }
    }
    assert_eq!(soon(handle.call(Flow::default(), 9)).await, Ok(9), "the device goes on");
}

#[tokio::test]
async fn memory_that_runs_out_loses_nothing_and_makes_later_batches_smaller() {
    let sizes = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let mut device = device();
    let model = closure(move |batch: &[u32]| {
        seen.lock().unwrap().push(batch.len());
        if batch.len() > 5 { Err(ModelError::OutOfMemory("of 5".to_owned())) } else { Ok(batch.to_vec()) }
    });
    let handle = device.lane(Stage::Segment, model, Budget { max_tokens: 16, ..budget(16) });
    let calls: Vec<_> = (0..32).map(|number| queued(&handle, number)).collect();
    let _thread = device.start().unwrap();
    for (number, answer) in (0_u32..).zip(soon(join_all(calls)).await) {
        assert_eq!(answer, Ok(number));
    }
    let sizes = sizes.lock().unwrap().clone();
    assert_eq!(sizes[..7], [16, 8, 4, 4, 8, 4, 4], "the first batch is halved twice");
    assert!(sizes[7..].iter().all(|&size| size <= 4), "later ones fit at once: {sizes:?}");
}

/// A network that fails as long as anything on its device is remembered.
struct Crowded {
    remembered: Vec<Arc<AtomicBool>>,
    own: usize,
    fault: fn(String) -> ModelError,
    numbers: Model32,
}

impl Model for Crowded {
    type Processor = FnProcessor<u32, u32>;

    fn processor(&self) -> Arc<Self::Processor> {
        self.numbers.processor()
    }

    fn forward(&mut self, batch: Vec<u32>) -> Result<Vec<u32>, ModelError> {
        if self.remembered.iter().any(|one| one.load(Ordering::Relaxed)) {
            return Err((self.fault)("nothing is left".to_owned()));
        }
        Ok(batch)
    }

    fn free_memory(&mut self) {
        self.remembered[self.own].store(false, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_request_that_does_not_fit_alone_gets_its_answer_when_all_networks_forget() {
    for fault in [ModelError::OutOfMemory, ModelError::LibraryFailed] {
        let remembered: Vec<_> = (0..3).map(|_| Arc::new(AtomicBool::new(true))).collect();
        let mut device = device();
        let stages = [Stage::Entail, Stage::Ground, Stage::Segment];
        let handles: Vec<_> = stages
            .into_iter()
            .enumerate()
            .map(|(own, stage)| {
                device.lane(
                    stage,
                    Crowded {
                        remembered: remembered.clone(),
                        own,
                        fault,
                        numbers: closure(|batch| Ok(batch.to_vec())),
                    },
                    budget(4),
                )
            })
            .collect();
        let calls: Vec<_> = (0..3).map(|number| queued(&handles[1], number)).collect();
        let _thread = device.start().unwrap();
        assert_eq!(soon(join_all(calls)).await, [Ok(0), Ok(1), Ok(2)]);
    }
}

#[tokio::test]
async fn a_library_that_keeps_failing_is_no_fault_of_a_request() {
    let mut device = device();
    let model =
        closure(|_: &[u32]| Err(ModelError::LibraryFailed("CUDNN_STATUS_EXECUTION_FAILED".to_owned())));
    let handle = device.lane(Stage::Ground, model, budget(4));
    let calls: Vec<_> = (0..3).map(|number| queued(&handle, number)).collect();
    let thread = device.start().unwrap();
    for answer in soon(join_all(calls)).await {
        let error = answer.unwrap_err();
        assert!(error.retry_can_help() && matches!(error, CallError::DeviceLost { .. }), "{error:?}");
    }
    assert!(soon(thread.ended()).await.is_err());
}

#[tokio::test]
async fn a_lost_device_fails_all_that_wait_refuses_what_comes_and_is_seen() {
    let mut device = device();
    let model = closure(|_: &[u32]| Err(ModelError::DeviceLost("an illegal address".to_owned())));
    let losing = device.lane(Stage::Ground, model, budget(1));
    let healthy = device.lane(Stage::Recognise, closure(|batch: &[u32]| Ok(batch.to_vec())), budget(1));
    let calls = vec![queued(&losing, 1), queued(&losing, 2), queued(&healthy, 3)];
    // One more than there is room for: it waits outside.
    let outside = queued(&healthy, 4);
    let crowd = queued(&healthy, 5);
    let thread = device.start().unwrap();
    let source = ModelError::DeviceLost("an illegal address".to_owned());
    for answer in soon(join_all(calls.into_iter().chain([outside, crowd]))).await {
        let error = answer.unwrap_err();
        assert!(error.retry_can_help());
        assert_eq!(error, CallError::DeviceLost { stage: error.stage(), source: source.clone() });
    }
    assert_eq!(soon(thread.ended()).await, Err(source.clone()));
    let late = soon(healthy.call(Flow::default(), 6)).await;
    assert_eq!(late, Err(CallError::DeviceLost { stage: Stage::Recognise, source: source.clone() }));
    assert_eq!(thread.join(), Err(source));
}
