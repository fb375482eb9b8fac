//! Fairness: posts with slow URLs leave request slots, memory and working hosts to the others.

use futures_util::FutureExt;
use tokio::task::JoinSet;

use super::*;

/// A header that announces the largest picture, and one byte of it.
fn slow() -> Server {
    let promised = format!("content-length: {LIMIT}\r\n");
    Server::always(vec![Step::Send(head(200, &promised)), Step::Send(vec![0xff]), Step::Hang])
}

/// A fetcher for which every name leads to this machine.
fn by_name(config: &Config, servers: &[&Server]) -> Fetcher {
    let ports = servers.iter().map(|server| server.port()).collect();
    fetcher(&Config { ports, ..config.clone() }, leading_to(&["127.0.0.1"]))
}

fn at(name: &str, server: &Server) -> String {
    format!("http://{name}.example:{}/{name}", server.port())
}

/// How many pictures a hostile post has.
const PICTURES: usize = 16;

/// Posts of slow pictures, each at a host of its own; they end with the test.
fn hostile(posts: usize, fetcher: &Fetcher, slow: &Server) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for post in 0..posts {
        let (fetcher, slow) = (fetcher.clone(), slow.port());
        tasks.spawn(async move {
            let share = fetcher.share(PICTURES);
            let addresses = (0..PICTURES).map(|picture| format!("http://p{picture}-{post}.example:{slow}/"));
            let fetched = addresses.map(|address| {
                let (fetcher, share) = (&fetcher, &share);
                async move { fetcher.fetch(&address, share).await }
            });
            join_all(fetched).await;
        });
    }
    tasks
}

#[tokio::test]
async fn posts_with_slow_urls_hold_few_slots_and_only_the_memory_of_bytes_that_arrived() {
    // As by default: two posts of 16 pictures could fill the memory and take all slots; eight posts have four each.
    for (posts, under_way) in [(2, 8), (8, 24)] {
        let (slow, quick) = (slow(), Server::always(vec![Step::Send(answer(200, "", b"a picture"))]));
        let memory = ByteSize(2 * PICTURES as u64 * LIMIT);
        let fetcher = by_name(&Config { per_post: 4, at_once: 32, memory, ..config() }, &[&slow, &quick]);
        let _hostile = hostile(posts, &fetcher, &slow);
        slow.until_requests(under_way).await;
        assert_eq!(alone(&fetcher, &at("innocent", &quick)).await.unwrap(), "a picture");
        assert_eq!(slow.requests().len(), under_way, "no more than they may have under way");
    }
}

#[tokio::test]
async fn posts_that_each_hold_a_part_of_the_memory_do_not_wait_for_each_other() {
    let server = Server::always(vec![Step::Send(answer(200, "", &vec![b'x'; LIMIT as usize]))]);
    let config = Config { memory: ByteSize(3 * LIMIT), per_post: 1, ..config() };
    let fetcher = by_name(&config, &[&server]);
    let posts = (0..12).map(|post| {
        let fetcher = &fetcher;
        let addresses = ["a", "b"].map(|picture| at(&format!("{picture}{post}"), &server));
        async move {
            let share = fetcher.share(addresses.len());
            let fetched = join_all(addresses.iter().map(|address| fetcher.fetch(address, &share))).await;
            share.is_fetched();
            fetched.into_iter().all(|picture| picture.is_ok())
        }
    });
    assert!(join_all(posts).await.into_iter().all(|came| came));
}

#[tokio::test]
async fn a_picture_without_memory_in_time_has_its_own_error() {
    let server = Server::always(vec![Step::Send(answer(200, "", &vec![b'x'; LIMIT as usize]))]);
    let config = Config { memory: ByteSize(LIMIT), patience: SHORT, ..config() };
    let fetcher = by_name(&config, &[&server]);
    let unfinished = fetcher.share(2);
    fetcher.fetch(&at("a", &server), &unfinished).await.unwrap();
    let error = alone(&fetcher, &at("b", &server)).await.unwrap_err();
    assert_eq!(error.kind, FetchErrorKind::OutOfMemory);
    assert!(error.message.contains("there was no room for it in fetch.memory in time"), "{error}");
}

#[tokio::test]
async fn time_does_not_count_while_the_decoder_is_behind() {
    let server = Server::always(vec![Step::Send(answer(200, "", &vec![b'x'; LIMIT as usize]))]);
    let fetcher = by_name(&Config { memory: ByteSize(LIMIT), ..config() }, &[&server]);
    let waits_for_decoder = fetcher.share(1);
    fetcher.fetch(&at("a", &server), &waits_for_decoder).await.unwrap();
    waits_for_decoder.is_fetched();
    let (address, share) = (at("b", &server), fetcher.share(1));
    let mut waiting = Box::pin(fetcher.fetch(&address, &share));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waits_for_decoder);
    assert_eq!(waiting.await.unwrap().len() as u64, LIMIT);
    assert_eq!(server.requests().len(), 2, "nothing was asked for while it waited");
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_not_asked_and_the_others_are() {
    let (silent, quick) =
        (Server::always(vec![Step::Hang]), Server::always(vec![Step::Send(answer(200, "", b"a picture"))]));
    let config = Config { breaker_failures: 2, first_byte_timeout: SHORT, patience: LONG, ..config() };
    let fetcher = by_name(&config, &[&silent, &quick]);
    for _ in 0..2 {
        let error = alone(&fetcher, &at("silent", &silent)).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::NoAnswer, "{error}");
    }
    let error = alone(&fetcher, &at("silent", &silent)).await.unwrap_err();
    assert!(matches!(error.kind, FetchErrorKind::HostSuspended { .. }), "{error}");
    assert!(error.message.contains("its host gave no answer 2 times in a row"), "{error}");
    assert_eq!(silent.requests().len(), 2);
    assert_eq!(alone(&fetcher, &at("well", &quick)).await.unwrap(), "a picture");
}

#[tokio::test]
async fn a_url_that_waits_behind_others_of_its_post_keeps_no_other_post_waiting() {
    let (slow, quick) = (slow(), Server::always(vec![Step::Send(answer(200, "", b"a picture"))]));
    let fetcher = by_name(&Config { per_post: 1, ..config() }, &[&slow, &quick]);
    let share = fetcher.share(2);
    let (first, second) = (at("slow", &slow), at("same", &quick));
    let mut hostile = Box::pin(async {
        futures_util::join!(fetcher.fetch(&first, &share), fetcher.fetch(&second, &share))
    });
    tokio::select! {
        _ = &mut hostile => panic!("its server never ends"),
        () = slow.until_requests(1) => {}
    }
    assert_eq!(alone(&fetcher, &second).await.unwrap(), "a picture");
}

#[tokio::test]
async fn urls_that_are_too_long_are_refused_at_every_redirect() {
    let long = format!("/{}", "a".repeat(8192));
    let server = Server::always(vec![Step::Send(head(302, &format!("location: {long}\r\n")))]);
    for (address, part) in [
        (server.url(&long), "has a url that has 8"),
        (server.url("/"), "is redirected to a url that has 8193 bytes"),
        (format!("file://{long}"), "has a url that has 82"),
        (format!("s3://pictures{long}"), "has a url that has 82"),
    ] {
        let error = fetched(&asking(&server), &address).await.unwrap_err();
        assert_eq!(error.kind, FetchErrorKind::Refused, "{error}");
        assert!(error.message.contains(part) && error.message.len() < 300, "{error}");
    }
}
