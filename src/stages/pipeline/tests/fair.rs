//! Fairness: how many batches a small post waits behind a large one. Networks run a batch when the test releases it.

use std::sync::mpsc;

use super::*;

/// A batch: its stage, and for each request the grey of its picture or the number of its words.
type Ran = (Stage, Vec<usize>);

/// A network that reports each batch and waits for the gate, which all networks share.
fn gated_model<Q: Clone + Send + 'static, R: Send + 'static>(
    stage: Stage,
    started: mpsc::Sender<Ran>,
    gate: Arc<Mutex<mpsc::Receiver<()>>>,
    whose: fn(&Q) -> usize,
    answer: fn(&Q) -> R,
) -> FnModel<Q, R> {
    FnModel::new(move |batch: &[Q]| {
        // After the test the channels are closed and batches run freely.
        let _ = started.send((stage, batch.iter().map(whose).collect()));
        let _ = gate.lock().unwrap().recv();
        Ok(batch.iter().map(answer).collect())
    })
}

/// The test's side.
struct Gate {
    started: mpsc::Receiver<Ran>,
    open: mpsc::Sender<()>,
}

impl Gate {
    /// The batch that waits at the gate, after all tasks have run as far as they can.
    async fn batch(&self) -> Ran {
        let started = async {
            loop {
                match self.started.try_recv() {
                    Ok(batch) => return batch,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let batch = tokio::time::timeout(Duration::from_secs(60), started).await.expect("a batch");
        settle().await;
        batch
    }

    /// Releases the waiting batch and returns the next one.
    async fn next(&self) -> Ran {
        self.open.send(()).unwrap();
        self.batch().await
    }
}

/// Lets all tasks run until they wait for something; this runtime has one thread.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A pipeline in which all words are names and all pictures show everybody.
fn gated() -> (Pipeline, Gate) {
    let (report, started) = mpsc::channel();
    let (open, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let mut device = Device::new("test", Arc::new(Metrics::new()));
    let max_requests = NonZeroUsize::new(4).unwrap();
    let budget = Budget { max_requests, max_tokens: 100, patience: Duration::from_secs(3600) };
    let recogniser = device.lane(
        Stage::Recognise,
        gated_model(
            Stage::Recognise,
            report.clone(),
            Arc::clone(&gate),
            |request: &recognise::Request| request.first_pieces.len(),
            |request: &recognise::Request| {
                let words = request.first_pieces.len();
                recognise::Reply { labels: vec![4; words], posteriors: vec![0.5; words] }
            },
        ),
        budget,
    );
    let entailer = device.lane(
        Stage::Entail,
        gated_model(
            Stage::Entail,
            report.clone(),
            Arc::clone(&gate),
            |request: &entail::Request| grey(&request.picture).into(),
            |_: &entail::Request| entail::Reply { no: 0.0, yes: 1.0, maybe: 0.0 },
        ),
        budget,
    );
    let grounder = device.lane(
        Stage::Ground,
        gated_model(
            Stage::Ground,
            report,
            gate,
            |request: &ground::Request| grey(&request.picture).into(),
            |_: &ground::Request| ground::Reply {
                corners: [0.0, 0.0, 1.0, 1.0],
                log_probability: 0.0,
                outline: None,
                others: Vec::new(),
            },
        ),
        budget,
    );
    device.start().unwrap();
    let limits = Limits { entities: 256, looks: 256 * 16, mask_pixels: 0 };
    let pipeline = Pipeline { limits, ..joined(recogniser, entailer, grounder, None) };
    (pipeline, Gate { started, open })
}

#[tokio::test]
async fn a_small_post_waits_a_few_batches_behind_a_post_with_thousands_of_queries() {
    /// The running batch, those ahead in its lane, and those of other lanes that have waited longer.
    const FEW: usize = 8;
    const NEWCOMER: u8 = 99;

    let (pipeline, gate) = gated();
    let pipeline = Arc::new(pipeline);
    let names: Vec<String> = (0..256).map(|number| format!("name{number}")).collect();
    let large = post(&names.join(" "), &(0..16).collect::<Vec<u8>>());
    let small = post("somebody", &[NEWCOMER]);
    // Resized now, so that the post waits for networks alone.
    pipeline.pictures.resized(&small.media[0].frame, View::squashed(16)).await;
    let annotate = |post: Post| {
        let pipeline = Arc::clone(&pipeline);
        tokio::spawn(async move { pipeline.annotate(&post).await.unwrap() })
    };

    let crowd = annotate(large);
    let mut batch = gate.batch().await;
    let mut full = 0;
    while full < 20 {
        full += usize::from(batch.0 == Stage::Entail && batch.1.len() == 4);
        batch = gate.next().await;
    }
    let newcomer = annotate(small);
    settle().await;
    let mut batches = Vec::new();
    while !newcomer.is_finished() && batches.len() < 1000 {
        batches.push(gate.next().await);
    }
    assert!(!crowd.is_finished(), "the large post is still worked on");

    let ran = |stage: Stage, whose: usize| {
        let found = batches.iter().position(|(ran, members)| *ran == stage && members.contains(&whose));
        found.unwrap_or_else(|| panic!("`{stage}` was not asked in {} batches", batches.len()))
    };
    let recognised = ran(Stage::Recognise, 1);
    let entailed = ran(Stage::Entail, NEWCOMER.into());
    let grounded = ran(Stage::Ground, NEWCOMER.into());
    let waits = [recognised, entailed - recognised, grounded - entailed];
    assert!(waits.iter().all(|&wait| wait <= FEW), "batches waited for: {waits:?}");
    assert_eq!(newcomer.await.unwrap().triples[0].regions.len(), 1);
    crowd.abort();
}
