//! Warm-up: batches of all sizes, of samples that the network has not seen before.

use std::collections::HashSet;

use super::super::doubles::FnProcessor;
use super::*;

/// Batches that a network ran while it warmed up.
async fn warmed_up(
    budget: Budget,
    runs: impl Fn(&[u32]) -> Result<(), ModelError> + Send + 'static,
) -> Vec<Vec<u32>> {
    let (report, batches) = mpsc::channel();
    let mut device = device();
    let model = closure(move |batch: &[u32]| {
        report.send(batch.to_vec()).unwrap();
        runs(batch).map(|()| batch.to_vec())
    });
    let handle = device.warmed_lane(Stage::Ground, vec![model], budget, Box::new(0..));
    let thread = device.start().unwrap();
    soon(thread.ready()).await.unwrap();
    drop(handle);
    soon(thread.ended()).await.unwrap();
    batches.try_iter().collect()
}

fn sizes(batches: &[Vec<u32>]) -> Vec<usize> {
    batches.iter().map(Vec::len).collect()
}

#[tokio::test]
async fn growing_batches_run_and_no_sample_twice() {
    let batches = warmed_up(budget(6), |_| Ok(())).await;
    assert_eq!(sizes(&batches), [1, 1, 2, 2, 4, 4, 6, 6]);
    let samples: HashSet<u32> = batches.iter().flatten().copied().collect();
    assert_eq!(samples.len(), batches.iter().map(Vec::len).sum::<usize>(), "{batches:?}");
}

#[tokio::test]
async fn batches_are_no_larger_than_the_budget_or_than_what_fits() {
    let batches = warmed_up(Budget { max_tokens: 5, ..budget(16) }, |_| Ok(())).await;
    assert_eq!(sizes(&batches), [1, 1, 2, 2, 4, 4, 5, 5]);
    let small = |batch: &[u32]| {
        if batch.len() < 4 { Ok(()) } else { Err(ModelError::OutOfMemory("of three".to_owned())) }
    };
    assert_eq!(sizes(&warmed_up(budget(16), small).await), [1, 1, 2, 2, 4]);
}

#[tokio::test]
async fn a_network_that_remembers_reads_every_sample_and_forgets_them_all() {
    /// Counts what it has not seen before.
    struct Remembers {
        seen: HashSet<u32>,
        read: Arc<AtomicU32>,
    }

    impl Model for Remembers {
        type Processor = FnProcessor<u32, bool>;

        fn processor(&self) -> Arc<Self::Processor> {
            FnModel::new(|_| Ok(Vec::new())).processor()
        }

        fn forward(&mut self, batch: Vec<u32>) -> Result<Vec<bool>, ModelError> {
            let Self { seen, read } = self;
            let is_new = |request| {
                let is_new = seen.insert(request);
                read.fetch_add(u32::from(is_new), Ordering::Relaxed);
                is_new
            };
            Ok(batch.into_iter().map(is_new).collect())
        }

        fn free_memory(&mut self) {
            self.seen.clear();
        }
    }

    let read = Arc::new(AtomicU32::new(0));
    let model = Remembers { seen: HashSet::new(), read: Arc::clone(&read) };
    let mut device = device();
    let handle = device.warmed_lane(Stage::Segment, vec![model], budget(4), Box::new(0..));
    let thread = device.start().unwrap();
    soon(thread.ready()).await.unwrap();
    assert_eq!(read.load(Ordering::Relaxed), 2 * (1 + 2 + 4));
    assert_eq!(soon(handle.call(Flow::default(), 0)).await, Ok(true), "no room is taken up by samples");
}

#[tokio::test]
async fn a_network_that_fails_its_samples_is_never_ready() {
    let mut device = device();
    let broken = closure(|_: &[u32]| Err(ModelError::Failed("a weight is missing".to_owned())));
    let handle = device.warmed_lane(Stage::Ground, vec![broken], budget(8), Box::new(0..));
    let call = queued(&handle, 1);
    let thread = device.start().unwrap();
    let reason = "warming up `ground`: the network failed: a weight is missing".to_owned();
    assert_eq!(soon(thread.ready()).await, Err(ModelError::DeviceLost(reason)));
    assert!(soon(call).await.is_err());
}
