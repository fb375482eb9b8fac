//! A pipeline that takes any JSON with an `id` for a post, finishes posts out of order, and does as the post says.

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use riveg::domain::{Annotation, Rejection, RejectionClass};
use riveg::kafka::publish::{Annotated, Included};
use serde_json::Value;
use tokio::sync::Semaphore;

/// What the pipeline was given, and what lets it answer.
#[derive(Clone)]
pub(crate) struct Echo {
    /// Ids in the order in which answers were ready.
    pub(crate) finished: Arc<Mutex<Vec<String>>>,
    /// How many posts may finish; the pipeline takes one for each.
    pub(crate) gate: Arc<Semaphore>,
    /// Ids of the posts that are worked on now, and for each post how many there were at most while it was.
    crowds: Arc<Mutex<Crowds>>,
}

#[derive(Default)]
struct Crowds {
    now: Vec<String>,
    most: BTreeMap<String, usize>,
}

impl Echo {
    /// Answers at once.
    pub(crate) fn open() -> Self {
        Self {
            finished: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            crowds: Arc::default(),
        }
    }

    /// Answers only as many posts as the gate has room for.
    pub(crate) fn gated() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), ..Self::open() }
    }

    /// Posts that are worked on now.
    pub(crate) fn under_way(&self) -> usize {
        self.crowds.lock().expect("nobody panics here").now.len()
    }

    /// The most posts that were worked on at one time while any of these was.
    pub(crate) fn most_beside(&self, ids: &[&str]) -> usize {
        let crowds = self.crowds.lock().expect("nobody panics here");
        ids.iter().map(|&id| crowds.most[id]).max().expect("some ids")
    }

    fn begins(&self, id: &str) {
        let Crowds { now, most } = &mut *self.crowds.lock().expect("nobody panics here");
        now.push(id.to_owned());
        for id in &*now {
            let before = most.entry(id.clone()).or_default();
            *before = now.len().max(*before);
        }
    }

    fn ends(&self, id: &str) {
        self.crowds.lock().expect("nobody panics here").now.retain(|other| other != id);
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
            assert!(post["panic"].is_null(), "as it was told to");
            echo.begins(id);
            echo.gate.acquire().await.expect("an open gate").forget();
            // Some posts let many others pass before they go on: answers are ready in another order than posts came.
            let mut hasher = DefaultHasher::new();
            id.hash(&mut hasher);
            for _ in 0..hasher.finish() % 64 {
                tokio::task::yield_now().await;
            }
            echo.ends(id);
            echo.finished.lock().expect("nobody panics here").push(id.to_owned());
            let degraded = post["size"].as_u64().map(|size| "x".repeat(usize::try_from(size).unwrap()));
            let annotation = Annotation { triples: vec![], degraded: degraded.into_iter().collect() };
            Ok(Annotated { post_id: id.to_owned(), media: vec![], annotation, included: Included::default() })
        }
    }
}

/// The post of that id.
pub(crate) fn post(id: &str) -> Vec<u8> {
    format!(r#"{{"id":"{id}"}}"#).into_bytes()
}
