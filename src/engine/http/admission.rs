//! Admission: how many requests, posts and bytes there are at one time, and what is refused because there are too many.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::problem::Problem;
use super::retry_after::{mean_with, retry_after};
use crate::engine::config::Http;
use crate::engine::posts_in_flight::{PostInFlight, PostsInFlight};
use crate::telemetry::{HttpMetrics, HttpPost, WorkProgress};

/// Bodies are counted in units of so many bytes, rounded up.
const UNIT: u64 = 1024;

/// How long a client is asked to wait while the networks load, which takes seconds to minutes, or while this process ends
/// and another one may take its place.
const PHASE_PASSES: u64 = 5;

/// The places of all requests.
#[derive(Debug)]
pub(super) struct Admission {
    posts: Arc<Semaphore>,
    post_places: usize,
    bodies: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    request_places: u32,
    draining: CancellationToken,
    mean: Arc<Mutex<Option<Duration>>>,
    in_flight: PostsInFlight,
    metrics: HttpMetrics,
}

/// The place of a request until its answer is sent.
#[derive(Debug)]
pub(super) struct RequestPlace {
    _permit: OwnedSemaphorePermit,
}

/// Memory for a body until its posts are done.
#[derive(Debug)]
pub(super) struct BodyMemory {
    _permit: OwnedSemaphorePermit,
}

/// The place of a post while it is worked on. Dropped, the place is free, whether the post is done or given up.
#[derive(Debug)]
pub(super) struct PostPlace {
    begun: Instant,
    mean: Arc<Mutex<Option<Duration>>>,
    _in_flight: PostInFlight,
    _counted: HttpPost,
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    /// All places of the settings, free.
    pub(super) fn new(config: &Http, metrics: HttpMetrics, progress: WorkProgress) -> Self {
        let units = usize::try_from(config.memory.as_u64().div_ceil(UNIT)).unwrap_or(usize::MAX);
        Self {
            posts: Arc::new(Semaphore::new(config.posts_in_flight)),
            post_places: config.posts_in_flight,
            bodies: Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS))),
            requests: Arc::new(Semaphore::new(config.max_connections)),
            request_places: u32::try_from(config.max_connections).unwrap_or(u32::MAX),
            draining: CancellationToken::new(),
            mean: Arc::default(),
            in_flight: PostsInFlight::new("posts from HTTP", progress),
            metrics,
        }
    }

    /// A place for a request.
    ///
    /// # Errors
    /// 503: no further requests are answered.
    pub(super) fn request(&self) -> Result<RequestPlace, Problem> {
        let permit = Arc::clone(&self.requests).try_acquire_owned();
        match permit {
            // Asked after the place is taken: `drain` waits for this request, or it sees that the end has begun.
            Ok(permit) if !self.draining.is_cancelled() => Ok(RequestPlace { _permit: permit }),
            _ => Err(unavailable("this engine is ending; another may answer").closing()),
        }
    }

    /// Memory for a body of so many bytes.
    ///
    /// # Errors
    /// 429: other bodies hold it.
    pub(super) fn body(&self, bytes: u64) -> Result<BodyMemory, Problem> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        match Arc::clone(&self.bodies).try_acquire_many_owned(units) {
            Ok(permit) => Ok(BodyMemory { _permit: permit }),
            Err(_) => {
                Err(self.refused("the bodies of other requests hold all of http.memory", self.post_places))
            }
        }
    }

    /// Places for so many posts, all or none.
    ///
    /// # Errors
    /// 429: other posts have them.
    pub(super) fn posts(&self, count: usize) -> Result<Vec<PostPlace>, Problem> {
        let permits = u32::try_from(count)
            .ok()
            .and_then(|permits| Arc::clone(&self.posts).try_acquire_many_owned(permits).ok());
        let Some(mut permits) = permits else {
            let missing = count.saturating_sub(self.posts.available_permits());
            let detail = format!(
                "the request has {count} posts, and of the {} places of http.posts_in_flight fewer are free",
                self.post_places
            );
            return Err(self.refused(&detail, missing));
        };
        let place = |permit| PostPlace {
            begun: Instant::now(),
            mean: Arc::clone(&self.mean),
            _in_flight: self.in_flight.begin(),
            _counted: self.metrics.post_begins(),
            _permit: permit,
        };
        Ok((0..count).filter_map(|_| permits.split(1)).map(place).collect())
    }

    /// Refuses further requests, and waits until those that are there are answered.
    pub(super) async fn drain(&self) {
        self.draining.cancel();
        // The semaphore is never closed; if it were, nobody would hold a place.
        let _all = self.requests.acquire_many(self.request_places).await;
    }

    fn refused(&self, detail: &str, missing: usize) -> Problem {
        let wait = retry_after(missing, self.post_places, *lock(&self.mean));
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(wait)
    }
}

impl PostPlace {
    /// The post is answered: its time counts for those who wait.
    pub(super) fn answered(self) {
        let took = self.begun.elapsed();
        let mut mean = lock(&self.mean);
        *mean = Some(mean_with(*mean, took));
    }
}

/// 503 with the wait after which it has probably passed.
pub(super) fn unavailable(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(PHASE_PASSES)
}

fn lock(mean: &Mutex<Option<Duration>>) -> MutexGuard<'_, Option<Duration>> {
    // Every change is one assignment: a panic leaves nothing half done.
    mean.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bytesize::ByteSize;
    use futures_util::FutureExt;

    use super::super::samples;
    use super::*;
    use crate::telemetry::Metrics;

    fn admission() -> Admission {
        let config =
            Http { posts_in_flight: 4, max_connections: 2, memory: ByteSize::kib(3), ..samples::config() };
        let metrics = Metrics::new();
        Admission::new(&config, metrics.http(), metrics.work_progress().clone())
    }

    fn status<T>(admitted: Result<T, Problem>) -> u16 {
        admitted.map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[test]
    fn posts_of_a_request_are_admitted_together_and_places_come_back_one_by_one() {
        let admission = admission();
        let mut held = admission.posts(3).unwrap();
        assert_eq!((held.len(), status(admission.posts(2)), status(admission.posts(1))), (3, 429, 200));
        held.pop().unwrap().answered();
        assert_eq!(status(admission.posts(2)), 200);
        drop(held);
        assert_eq!(
            (status(admission.posts(4)), status(admission.posts(5)), status(admission.posts(0))),
            (200, 429, 200)
        );
    }

    #[test]
    fn bodies_share_their_memory() {
        let admission = admission();
        let held = admission.body(1025).unwrap();
        assert_eq!((status(admission.body(1025)), status(admission.body(1024))), (429, 200));
        drop(held);
        assert_eq!(status(admission.body(3 * 1024)), 200);
    }

    #[test]
    fn a_drain_refuses_what_comes_and_waits_for_what_is_there() {
        let admission = admission();
        let held = admission.request().unwrap();
        let mut drain = Box::pin(admission.drain());
        assert!(drain.as_mut().now_or_never().is_none(), "one is there");
        assert_eq!(status(admission.request()), 503);
        drop(held);
        assert!(drain.now_or_never().is_some());
        assert_eq!(status(admission.request()), 503);
    }
}
