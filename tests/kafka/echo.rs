//! Echo pipeline: a test pipeline that accepts any JSON with an `id`, finishes posts out of order, and obeys fields of the post.

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use riveg::domain::{Annotation, DegradedCode, Rejection, RejectionClass};
use riveg::kafka::publish::{Annotated, PostFacts};
use serde_json::Value;
use tokio::sync::Semaphore;

/// The pipeline's state, and the gate that controls it.
#[derive(Clone)]
pub(crate) struct EchoPipeline {
    /// Ids in the order in which answers were ready.
    pub(crate) finished: Arc<Mutex<Vec<String>>>,
    /// Permits for posts to finish: one for each post.
    pub(crate) gate: Arc<Semaphore>,
    /// Posts that are in progress, and for each post the highest number in progress together with it.
    progress: Arc<Mutex<InProgress>>,
}

#[derive(Default)]
struct InProgress {
    now: Vec<String>,
    most: BTreeMap<String, usize>,
}

impl EchoPipeline {
    /// An echo without a gate.
    pub(crate) fn open() -> Self {
        Self {
            finished: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            progress: Arc::default(),
        }
    }

    /// An echo whose gate has no permits yet.
    pub(crate) fn gated() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::open() }
    }

    /// The number of posts in progress.
    pub(crate) fn under_way(&self) -> usize {
        self.progress.lock().expect("no panic while it is locked").now.len()
    }

    /// The highest number of posts in progress together with any of these.
    pub(crate) fn most_beside(&self, ids: &[&str]) -> usize {
        let progress = self.progress.lock().expect("no panic while it is locked");
        ids.iter().map(|&id| progress.most[id]).max().expect("some ids")
    }

    fn begin(&self, id: &str) {
        let InProgress { now, most } = &mut *self.progress.lock().expect("no panic while it is locked");
        now.push(id.to_owned());
        for id in &*now {
            let before = most.entry(id.clone()).or_default();
            *before = now.len().max(*before);
        }
    }

    fn end(&self, id: &str) {
        self.progress.lock().expect("no panic while it is locked").now.retain(|other| other != id);
    }

    pub(crate) fn annotate(
        &self,
        value: Bytes,
    ) -> impl Future<Output = Result<Annotated, Rejection>> + Send + use<> {
        let echo = self.clone();
        async move {
            let refuse =
                |message: String| Rejection { stage: "decode", class: RejectionClass::Malformed, message };
            let post: Value =
                serde_json::from_slice(&value).map_err(|error| refuse(format!("not JSON: {error}")))?;
            let id = post["id"].as_str().ok_or_else(|| refuse("`id` is missing".to_owned()))?;
            assert!(post["panic"].is_null(), "the post asks for a panic");
            echo.begin(id);
            echo.gate.acquire().await.expect("an open gate").forget();
            // Some posts yield many times, so that posts finish in another order than they came.
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            for _ in 0..hasher.finish() % 64 {
                tokio::task::yield_now().await;
            }
            echo.end(id);
            echo.finished.lock().expect("no panic while it is locked").push(id.to_owned());
            let degraded = post["size"]
                .as_u64()
                .map(|size| DegradedCode::NotJudged.because("x".repeat(usize::try_from(size).unwrap())));
            let annotation = Annotation { triples: vec![], degraded: degraded.into_iter().collect() };
            Ok(Annotated {
                post_id: id.to_owned(),
                key: None,
                media: vec![],
                annotation,
                post: PostFacts::default(),
            })
        }
    }
}

/// A post with that id.
pub(crate) fn post(id: &str) -> Vec<u8> {
    format!(r#"{{"id":"{id}"}}"#).into_bytes()
}
