//! Threads, their order and their limits, with work that waits for the test instead of a picture.

use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::FutureExt;
use tokio::task::{JoinHandle, yield_now};

use super::*;

const LONG: Duration = Duration::from_secs(3600);
const CHEAP: Duration = Duration::from_millis(10);
/// 20 megapixels.
const DEAR: Duration = Duration::from_millis(200);

/// A pool, and the names of the work that has begun.
struct Bench {
    pool: Arc<Pool>,
    begun: (Sender<&'static str>, Receiver<&'static str>),
}

/// Work that runs until this is released or dropped.
struct Running {
    release: Sender<()>,
    task: JoinHandle<Result<(), Unfinished>>,
}

impl Bench {
    fn new(threads: usize) -> Self {
        Self { pool: Arc::new(Pool::new(threads)), begun: channel() }
    }

    /// Asks for a thread, and waits until it is had or waited for.
    async fn start(&self, name: &'static str, work: Duration) -> Running {
        let (release, gate) = channel::<()>();
        let (pool, begun) = (Arc::clone(&self.pool), self.begun.0.clone());
        let before = (self.pool.free(), self.pool.waiting());
        let task = tokio::spawn(async move {
            let work_at = move |_: &StopFlag| {
                let _ = begun.send(name);
                let _ = gate.recv();
            };
            pool.decode(work, LONG, work_at).await
        });
        while (self.pool.free(), self.pool.waiting()) == before {
            yield_now().await;
        }
        Running { release, task }
    }

    /// The next work that begins.
    async fn next(&self) -> &'static str {
        loop {
            match self.begun.1.try_recv() {
                Ok(name) => return name,
                Err(_) => yield_now().await,
            }
        }
    }
}

impl Running {
    async fn end(self) {
        drop(self.release);
        assert_eq!(self.task.await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn cheap_pictures_go_before_expensive_ones() {
    let tried = Bench::new(1);
    let first = tried.start("first", CHEAP).await;
    assert_eq!(tried.next().await, "first");
    let dear = tried.start("dear", 20 * DEAR).await;
    let cheap = tried.start("cheap", CHEAP).await;
    first.end().await;
    assert_eq!(tried.next().await, "cheap");
    cheap.end().await;
    assert_eq!(tried.next().await, "dear");
    dear.end().await;
    assert_eq!(tried.pool.free(), 1);
}

#[tokio::test]
async fn large_pictures_leave_one_thread_to_the_others() {
    let tried = Bench::new(2);
    let large = tried.start("large", DEAR).await;
    assert_eq!(tried.next().await, "large");
    let other = tried.start("another large one", DEAR).await;
    assert_eq!((tried.pool.free(), tried.pool.waiting()), (1, 1));
    let small = tried.start("small", CHEAP).await;
    assert_eq!(tried.next().await, "small");
    large.end().await;
    assert_eq!(tried.next().await, "another large one");
    small.end().await;
    other.end().await;
    // Where there is but one thread, all share it.
    let tried = Bench::new(1);
    let large = tried.start("large", DEAR).await;
    assert_eq!(tried.next().await, "large");
    large.end().await;
}

#[tokio::test(start_paused = true)]
async fn work_that_takes_too_long_is_given_up_and_keeps_its_thread_until_it_ends() {
    let pool = Arc::new(Pool::new(1));
    let (stopped, has_stopped) = channel();
    let (release, gate) = channel::<()>();
    let running = {
        let pool = Arc::clone(&pool);
        tokio::spawn(async move {
            let work = move |stop: &StopFlag| {
                while !stop.is_set() {
                    std::thread::yield_now();
                }
                let _ = stopped.send(());
                let _ = gate.recv();
            };
            pool.decode(CHEAP, Duration::from_secs(10), work).await
        })
    };
    while pool.free() > 0 {
        yield_now().await;
    }
    tokio::time::advance(Duration::from_millis(9_999)).await;
    yield_now().await;
    assert!(!running.is_finished() && has_stopped.try_recv().is_err());
    tokio::time::advance(Duration::from_millis(2)).await;
    assert_eq!(running.await.unwrap(), Err(Unfinished::TooSlow));
    // The flag is set, and the work still has its thread.
    has_stopped.recv().unwrap();
    assert_eq!(pool.free(), 0);
    drop(release);
    while pool.free() == 0 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_picture_whose_post_is_given_up_is_stopped() {
    let pool = Pool::new(1);
    let (stopped, has_stopped) = channel();
    let work = move |stop: &StopFlag| {
        while !stop.is_set() {
            std::thread::yield_now();
        }
        let _ = stopped.send(());
    };
    let mut running = Box::pin(pool.decode(CHEAP, LONG, work));
    while pool.free() > 0 {
        assert!(running.as_mut().now_or_never().is_none());
    }
    drop(running);
    has_stopped.recv().unwrap();
    while pool.free() == 0 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_panic_ends_one_work() {
    let pool = Pool::new(1);
    let panicked = pool.decode(CHEAP, LONG, |_| panic!("on purpose")).await;
    assert!(matches!(panicked, Err::<(), _>(Unfinished::Panicked(said)) if said.contains("on purpose")));
    assert_eq!((pool.free(), pool.parse(usize::MAX, || 7).await), (1, Ok(7)));
}

#[tokio::test]
async fn short_work_runs_where_it_is_and_long_work_on_another_thread() {
    let pool = Pool::new(1);
    let here = std::thread::current().id();
    let thread = || std::thread::current().id();
    assert_eq!(pool.parse(SHORT, thread).await, Ok(here));
    assert_ne!(pool.parse(SHORT + 1, thread).await, Ok(here));
    for bytes in [SHORT, SHORT + 1] {
        let panicked: Result<(), Unfinished> = pool.parse(bytes, || panic!("no {}", "more")).await;
        assert!(
            matches!(&panicked, Err(Unfinished::Panicked(fault)) if fault.contains("no more")),
            "{panicked:?}"
        );
    }
}
