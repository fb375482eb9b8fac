//! One caller makes what many ask for, also where callers fail or leave.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Poll;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::*;

type Texts = Cache<&'static str, String, &'static str>;
type Answer = Result<String, &'static str>;

fn cache() -> Texts {
    Cache::new(100, |key, value| key.len() + value.len())
}

async fn never() -> Answer {
    panic!("this value must not be made again")
}

async fn made() -> Answer {
    Ok("made".to_owned())
}

/// Lets a future run until it waits, which it must.
async fn begin(mut future: Pin<&mut impl Future<Output = Answer>>) {
    let polled = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    assert_eq!(polled, Poll::Pending);
}

/// Eight callers that wait while another makes the value.
async fn waiting<F: Future<Output = Answer>>(
    cache: &Texts,
    make: fn() -> F,
) -> Vec<Pin<Box<impl Future<Output = Answer>>>> {
    let mut askers: Vec<_> = (0..8).map(|_| Box::pin(cache.get_or_make(&"key", make()))).collect();
    for asker in &mut askers {
        begin(asker.as_mut()).await;
    }
    askers
}

#[tokio::test]
async fn a_value_is_made_once_and_then_kept() {
    let cache = cache();
    assert_eq!(cache.get_or_make(&"key", made()).await.as_deref(), Ok("made"));
    assert_eq!(cache.get_or_make(&"key", never()).await.as_deref(), Ok("made"));
    assert_eq!(
        cache.counts(),
        CacheCounts { hits: 1, misses: 1, entries: 1, bytes: 7, ..CacheCounts::default() }
    );
}

#[tokio::test]
async fn callers_wait_while_another_makes_the_value() {
    let cache = cache();
    let (open, gate) = oneshot::channel::<Answer>();
    let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
    begin(maker.as_mut()).await;
    let askers = waiting(&cache, never).await;
    assert_eq!(cache.get_or_make(&"other", made()).await.as_deref(), Ok("made"), "another key does not wait");
    open.send(Ok("slow".to_owned())).unwrap();
    assert_eq!(maker.await.as_deref(), Ok("slow"));
    assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("slow")));
    assert_eq!((cache.counts().joined, cache.counts().misses), (8, 2));
}

#[tokio::test]
async fn an_error_goes_to_all_that_wait_and_is_not_kept() {
    let cache = cache();
    let (open, gate) = oneshot::channel::<Answer>();
    let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
    begin(maker.as_mut()).await;
    let askers = waiting(&cache, never).await;
    open.send(Err("broken")).unwrap();
    assert_eq!(maker.await, Err("broken"));
    assert!(join_all(askers).await.iter().all(|answer| *answer == Err("broken")));
    assert_eq!(cache.get_or_make(&"key", made()).await.as_deref(), Ok("made"));
}

#[tokio::test]
async fn when_the_maker_is_dropped_a_waiting_caller_makes_it() {
    let cache = cache();
    let mut maker = Box::pin(cache.get_or_make(&"key", std::future::pending()));
    begin(maker.as_mut()).await;
    let askers = waiting(&cache, made).await;
    drop(maker);
    assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("made")));
    assert_eq!(cache.counts().misses, 2);
}

#[tokio::test]
async fn when_the_maker_panics_a_waiting_caller_makes_it() {
    let cache = cache();
    let (open, gate) = oneshot::channel::<Answer>();
    let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
    begin(maker.as_mut()).await;
    let askers = waiting(&cache, made).await;
    drop(open);
    assert!(AssertUnwindSafe(maker).catch_unwind().await.is_err());
    assert!(join_all(askers).await.iter().all(|answer| answer.as_deref() == Ok("made")));
    assert_eq!(cache.counts().misses, 2);
}

#[tokio::test]
async fn a_caller_that_leaves_disturbs_no_other() {
    let cache = cache();
    let (open, gate) = oneshot::channel::<Answer>();
    let mut maker = Box::pin(cache.get_or_make(&"key", async { gate.await.unwrap() }));
    begin(maker.as_mut()).await;
    drop(waiting(&cache, never).await);
    open.send(Ok("slow".to_owned())).unwrap();
    assert_eq!(maker.await.as_deref(), Ok("slow"));
    assert!(cache.flights.is_empty());
}

#[tokio::test]
async fn a_stale_value_is_made_again_and_may_be_refreshed_while_it_is_read() {
    let cache = cache();
    let text = |text: &str| Ok(text.to_owned());
    assert_eq!(cache.get_or_make(&"key", made()).await.as_deref(), Ok("made"));
    let anew = cache.get_valid_or_make(&"key", |value| value != "made", async { text("anew") }).await;
    assert_eq!(anew, (Lookup::Miss, text("anew")));
    assert_eq!(cache.refresh(&"key", async { Err("broken") }).await, Some(Err("broken")));
    let (open, gate) = oneshot::channel::<Answer>();
    let mut renewal = Box::pin(cache.refresh(&"key", async { gate.await.unwrap() }));
    let polled = poll_fn(|context| Poll::Ready(renewal.as_mut().poll(context))).await;
    assert_eq!(polled, Poll::Pending);
    assert_eq!(cache.get_valid_or_make(&"key", |_| true, never()).await, (Lookup::Hit, text("anew")));
    assert_eq!(cache.refresh(&"key", never()).await, None, "one renewal is enough");
    open.send(text("later")).unwrap();
    assert_eq!(renewal.await, Some(text("later")));
    assert_eq!(cache.get_or_make(&"key", never()).await, text("later"));
    assert_eq!((cache.remove_if(|_, value| value == "later"), cache.counts().entries), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_make_each_key_once() {
    let cache: Arc<Cache<usize, usize, ()>> = Arc::new(Cache::new(1_000, |_, _| 1));
    let makes = Arc::new(AtomicUsize::new(0));
    let tasks = (0..800).map(|index| {
        let (cache, makes) = (Arc::clone(&cache), Arc::clone(&makes));
        tokio::spawn(async move {
            let make = async {
                makes.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(index % 16)
            };
            assert_eq!(cache.get_or_make(&(index % 16), make).await, Ok(index % 16));
        })
    });
    for ended in join_all(tasks).await {
        ended.unwrap();
    }
    assert_eq!(makes.load(Ordering::Relaxed), 16);
    let counts = cache.counts();
    assert_eq!((counts.misses, counts.hits + counts.joined), (16, 784));
}
