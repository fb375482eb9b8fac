//! Work: the posts of one request, each in a task of its own, until the deadline or until nobody waits any more.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::http::StatusCode;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{error, warn};

use super::admission::{PostPlace, unavailable};
use super::element::{Element, Writing, kind};
use super::problem::Problem;
use crate::common::panic_message;
use crate::domain::{Rejection, RejectionClass};
use crate::engine::EventAnswer;
use crate::input::formats::InputRecord;
use crate::scheduler::CallError;
use crate::telemetry::{Causes, HttpMetrics};

/// Answers everything that a record says; an error is the end of this process's networks.
pub(super) type Annotate =
    dyn Fn(InputRecord) -> BoxFuture<'static, Result<Vec<EventAnswer>, CallError>> + Send + Sync;

/// The posts of one request. Dropped, what is not done is given up.
pub(super) struct Work {
    tasks: JoinSet<(usize, Element)>,
    left: BTreeSet<usize>,
    deadline: Instant,
    is_late: bool,
}

impl Work {
    /// Begins to answer records, each in its place.
    pub(super) fn begin(
        records: impl IntoIterator<Item = (InputRecord, PostPlace)>,
        annotate: &Arc<Annotate>,
        (writing, metrics): (&Writing, &HttpMetrics),
        deadline: Instant,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let mut left = BTreeSet::new();
        for (index, (record, place)) in records.into_iter().enumerate() {
            let (annotate, writing, metrics) = (Arc::clone(annotate), writing.clone(), metrics.clone());
            tasks.spawn(async move { (index, one(record, place, &*annotate, (&writing, &metrics)).await) });
            left.insert(index);
        }
        Self { tasks, left, deadline, is_late: false }
    }

    /// The next post that is done, by its index; none at the end. After the deadline all that are left are 504.
    pub(super) async fn next(&mut self) -> Option<(usize, Element)> {
        while !self.is_late && !self.left.is_empty() {
            match timeout_at(self.deadline, self.tasks.join_next()).await {
                Ok(Some(Ok((index, element)))) => {
                    self.left.remove(&index);
                    return Some((index, element));
                }
                // A panic was caught within; what is left is answered below.
                Ok(Some(Err(fault))) => error!(error = %Causes(&fault), "the task of a post has failed"),
                Ok(None) => break,
                Err(_) => {
                    self.is_late = true;
                    self.tasks.abort_all();
                }
            }
        }
        let index = self.left.pop_first()?;
        let element = if self.is_late { late() } else { Problem::of_rejection(&failed("its task ended")) };
        Some((index, element.into()))
    }

    /// Whether the deadline passed before all was done.
    pub(super) fn is_late(&self) -> bool {
        self.is_late
    }
}

async fn one(
    record: InputRecord,
    place: PostPlace,
    annotate: &Annotate,
    (writing, metrics): (&Writing, &HttpMetrics),
) -> Element {
    // The call itself is inside: it may panic before it returns a future.
    let answering = AssertUnwindSafe(async {
        annotate(record).await.map(|answers| Element::counted(&answers, writing, metrics))
    });
    match answering.catch_unwind().await {
        Ok(Ok(element)) => {
            place.answered();
            element
        }
        Ok(Err(lost)) => {
            warn!(error = %Causes(&lost), "a post from HTTP has no answer");
            unavailable("the networks of this engine are lost; another may answer").closing().into()
        }
        Err(panic) => {
            let said = panic_message(&*panic).unwrap_or("no words");
            error!(said, "the pipeline panicked on a post from HTTP");
            Problem::of_rejection(&failed(said)).into()
        }
    }
}

impl Element {
    fn counted(answers: &[EventAnswer], writing: &Writing, metrics: &HttpMetrics) -> Self {
        answers.iter().for_each(|answer| metrics.answered(kind(answer)));
        Self::of(answers, writing)
    }
}

/// 504: the time of the request is over.
pub(super) fn late() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "the time of the request was over before the post was answered")
}

fn failed(said: &str) -> Rejection {
    let message = format!("the engine failed on this post: {said}");
    Rejection { stage: "engine", class: RejectionClass::Internal, message }
}

#[cfg(test)]
mod tests;
