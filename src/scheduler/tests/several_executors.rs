//! Several executors of one device: they draw from the same lanes, and the loss of one costs no request its answer.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread::ThreadId;

use super::*;

fn crew(executors: usize) -> Device {
    Device::with_executors("test device", executors, Arc::new(Metrics::new()))
}

fn on(device: &mut Device, models: Vec<Model32>, budget: Budget) -> Handle<u32, u32> {
    device.warmed_lane(Stage::Ground, models, budget, Box::new(std::iter::empty()))
}

#[tokio::test]
async fn each_free_executor_binds_its_own_batch_and_a_full_one_is_prepared_only_where_none_is_free() {
    let (first, one) = Gate::new();
    let (second, other) = Gate::new();
    let mut device = crew(2);
    let handle = on(&mut device, vec![first, second], budget(2));
    let thread = device.start().unwrap();
    let calls = vec![queued(&handle, 1)];
    let begun = |gates: [&Gate; 2]| gates.map(|gate| gate.started.try_recv().ok());
    // Whichever executor was woken runs the first request; the next is not left for it.
    let mut batches = Vec::new();
    let answers = tokio::spawn(soon(join_all(calls)));
    while batches.is_empty() {
        batches.extend(begun([&one, &other]).into_iter().flatten());
        tokio::task::yield_now().await;
    }
    assert_eq!(batches, [vec![1]]);
    let more = tokio::spawn(soon(join_all(vec![queued(&handle, 2)])));
    while batches.len() < 2 {
        batches.extend(begun([&one, &other]).into_iter().flatten());
        tokio::task::yield_now().await;
    }
    assert_eq!(batches, [vec![1], vec![2]], "while the first is still under way");
    [&one, &other].iter().for_each(|gate| gate.open());
    assert_eq!(answers.await.unwrap(), [Ok(2)]);
    assert_eq!(more.await.unwrap(), [Ok(4)]);
    drop(handle);
    soon(thread.ended()).await.unwrap();
    thread.join().unwrap();
}

#[tokio::test]
async fn every_request_is_answered_once_and_one_at_fault_fails_alone() {
    let mut device = crew(4);
    let seen: Arc<Mutex<Vec<(u32, ThreadId)>>> = Arc::default();
    let model = || {
        let seen = Arc::clone(&seen);
        closure(move |batch: &[u32]| {
            if batch.contains(&13) {
                return Err(ModelError::Failed("13".to_owned()));
            }
            let thread = std::thread::current().id();
            seen.lock().unwrap().extend(batch.iter().map(|number| (*number, thread)));
            Ok(batch.iter().map(|number| 2 * number).collect())
        })
    };
    let handle = on(&mut device, (0..4).map(|_| model()).collect(), budget(3));
    let thread = device.start().unwrap();
    let flows = Flows::default();
    let calls = (0..500).map(|number| {
        let (handle, flow) = (handle.clone(), flows.begin());
        tokio::spawn(async move { soon(handle.call(flow, number)).await })
    });
    let answers = join_all(calls.collect::<Vec<_>>()).await;
    for (number, answer) in (0..).zip(answers) {
        match answer.unwrap() {
            Ok(reply) => assert_eq!(reply, 2 * number),
            Err(error) => assert!(number == 13 && matches!(error, CallError::ModelFailed { .. }), "{error}"),
        }
    }
    let mut ran: Vec<u32> = seen.lock().unwrap().iter().map(|(number, _)| *number).collect();
    ran.sort_unstable();
    assert_eq!(ran, (0..500).filter(|number| *number != 13).collect::<Vec<_>>(), "each ran once");
    drop(handle);
    soon(thread.ended()).await.unwrap();
}

#[tokio::test]
async fn an_executor_that_is_lost_hands_its_requests_over_and_the_last_one_ends_the_device() {
    let mut device = crew(3);
    let losing = || closure(|_: &[u32]| Err(ModelError::DeviceLost("an illegal address".to_owned())));
    let (healthy, gate) = Gate::new();
    let handle = on(&mut device, vec![losing(), losing(), healthy], budget(1));
    let calls: Vec<_> = (1..=6).map(|number| queued_by(Flow::default(), &handle, number)).take(2).collect();
    let thread = device.start().unwrap();
    let answers = tokio::spawn(soon(join_all(calls)));
    let mut ran = BTreeSet::new();
    for _ in 0..2 {
        ran.extend(gate.batch_soon().await);
        gate.open();
    }
    assert_eq!(answers.await.unwrap(), [Ok(2), Ok(4)]);
    assert_eq!(ran, BTreeSet::from([1, 2]));
    assert_eq!(*thread.state().borrow(), DeviceState::Ready);

    let mut device = crew(2);
    let handle = on(&mut device, vec![losing(), losing()], budget(1));
    let call = queued(&handle, 1);
    let thread = device.start().unwrap();
    // The other takes the request over, unless nobody woke it: further requests find it.
    let others = tokio::spawn(soon(join_all((2..4).map(|number| {
        let handle = handle.clone();
        async move { handle.call(Flow::default(), number).await }
    }))));
    assert!(matches!(soon(call).await, Err(CallError::DeviceLost { .. })));
    assert!(others.await.unwrap().iter().all(Result::is_err));
    assert!(soon(thread.ended()).await.is_err());
}
