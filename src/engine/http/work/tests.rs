//! Work that ends, fails, is late, or is given up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::admission::Admission;
use super::super::samples;
use super::*;
use crate::engine::config::Http;
use crate::telemetry::Metrics;

/// Answers `ID` with that id, `panic` and `never` as they say; counts what was begun and what was dropped unfinished.
fn annotate(given_up: &Arc<AtomicUsize>) -> Arc<Annotate> {
    struct Unfinished(Option<Arc<AtomicUsize>>);
    impl Unfinished {
        fn is_done(&mut self) {
            self.0 = None;
        }
    }
    impl Drop for Unfinished {
        fn drop(&mut self) {
            if let Some(count) = &self.0 {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    let given_up = Arc::clone(given_up);
    Arc::new(move |record: InputRecord| {
        let mut unfinished = Unfinished(Some(Arc::clone(&given_up)));
        async move {
            let id = String::from_utf8_lossy(&record.payload).into_owned();
            if id == "never" {
                std::future::pending::<()>().await;
            }
            unfinished.is_done();
            assert_ne!(id, "panic", "it was told to");
            Ok(vec![EventAnswer::Annotated(Box::new(samples::annotated(&id)))])
        }
        .boxed()
    })
}

struct Setting {
    admission: Admission,
    given_up: Arc<AtomicUsize>,
    metrics: Metrics,
}

impl Setting {
    fn new() -> Self {
        let metrics = Metrics::new();
        let config = Http { posts_in_flight: 3, ..samples::config() };
        let admission = Admission::new(&config, metrics.http(), metrics.work_progress().clone());
        Self { admission, given_up: Arc::default(), metrics }
    }

    fn begin(&self, ids: [&'static str; 3]) -> Work {
        let records = ids.map(|id| InputRecord { payload: id.into(), ..InputRecord::default() });
        let places = self.admission.posts(3).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let with = (&samples::writing(), &self.metrics.http());
        Work::begin(records.into_iter().zip(places), &annotate(&self.given_up), with, deadline)
    }
}

async fn all(mut work: Work) -> Vec<(usize, Option<u16>)> {
    let mut done = Vec::new();
    while let Some((index, element)) = work.next().await {
        done.push((index, element.problem.map(|problem| problem.status().as_u16())));
    }
    done.sort_unstable();
    done
}

#[tokio::test]
async fn a_panic_is_the_answer_to_its_post_alone() {
    let setting = Setting::new();
    let done = all(setting.begin(["1", "panic", "2"])).await;
    assert_eq!(done, [(0, None), (1, Some(500)), (2, None)]);
    assert!(setting.admission.posts(3).is_ok(), "all places are free again");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_at_the_deadline_is_given_up_and_its_place_is_free() {
    let setting = Setting::new();
    let mut work = setting.begin(["never", "1", "never"]);
    assert_eq!(work.next().await.map(|(index, element)| (index, element.problem)), Some((1, None)));
    assert!(setting.admission.posts(2).is_err());
    let late = all(work).await;
    assert_eq!(late, [(0, Some(504)), (2, Some(504))]);
    tokio::task::yield_now().await;
    assert_eq!(setting.given_up.load(Ordering::SeqCst), 2);
    assert!(setting.admission.posts(3).is_ok());
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_given_up() {
    let setting = Setting::new();
    let mut work = setting.begin(["never", "never", "1"]);
    assert!(work.next().await.is_some());
    drop(work);
    while setting.admission.posts(3).is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(setting.given_up.load(Ordering::SeqCst), 2);
    let text = setting.metrics.render();
    assert!(text.contains("riveg_http_posts_in_flight 0\n"), "{text}");
    assert!(text.contains("riveg_http_posts_total{answer=\"annotated\"} 1\n"), "{text}");
}
