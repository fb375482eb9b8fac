//! Feed: posts of the pocket world, a burst ahead of the answers, until it is dropped. Switches add what goes wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use riveg::lab::world::{Split, World};
use serde_json::{Value, json};

use crate::kafka::TestTopics;
use crate::support::{Writer, read};

/// Posts of the world in each burst, which are repeated.
pub(super) const POSTS: u64 = 8;

/// What a feed does beside its posts.
#[derive(Default)]
pub(super) struct Switches {
    stop: AtomicBool,
    /// Each burst has a record that is not a post.
    pub(super) is_malformed: AtomicBool,
    /// Each burst has posts with names that nobody has asked for before.
    pub(super) has_new_names: AtomicBool,
    /// Posts with an address instead of a picture so far: no cache has the address of the next.
    addresses: AtomicU64,
}

/// A feed that runs.
pub(super) struct Feed {
    pub(super) switches: Arc<Switches>,
    thread: Option<JoinHandle<()>>,
}

/// Where a feed goes.
pub(super) struct Target {
    pub(super) bootstrap: String,
    pub(super) input: String,
    pub(super) output: String,
    /// Where posts are taken over HTTP.
    pub(super) http: String,
    pub(super) pictures: u16,
}

impl Target {
    pub(super) fn of(names: &TestTopics, http: &str, pictures: u16) -> Self {
        let (bootstrap, input, output) = (names.bootstrap.clone(), names.input.clone(), names.output.clone());
        Self { bootstrap, input, output, http: http.to_owned(), pictures }
    }
}

impl Feed {
    pub(super) fn start(target: Target) -> Self {
        let switches = Arc::<Switches>::default();
        let shared = Arc::clone(&switches);
        Self { switches, thread: Some(std::thread::spawn(move || run(&target, &shared))) }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.switches.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || !matches!(ended, Some(Err(_))), "the feed has failed");
    }
}

/// A post of the world with its picture.
pub(super) fn world_post(world: &World, index: u64, id: &str) -> Value {
    let sample = world.sample(index);
    let media = json!([{ "key": "a", "bytes": STANDARD.encode(&sample.picture.jpeg) }]);
    json!({ "id": id, "text": sample.text, "media": media })
}

fn run(target: &Target, switches: &Switches) {
    let world = World::new(1, Split::Test);
    let posts: Vec<Value> = (0..POSTS).map(|index| world_post(&world, index, &index.to_string())).collect();
    let writer = Writer::new(&target.bootstrap);
    let send = |number: i32, value: &[u8]| writer.send(&target.input, number % 2, None, Some(value));
    let mut answers = read(&target.bootstrap, &target.output, 2);
    let (mut expected, mut newest) = (0, 1000);
    while !switches.stop.load(Ordering::Relaxed) {
        // The answers of the burst before the last.
        let awaited = expected;
        for (number, post) in (0..).zip(&posts) {
            send(number, post.to_string().as_bytes());
        }
        expected += posts.len() + 1;
        let number = switches.addresses.fetch_add(1, Ordering::Relaxed);
        let address = format!("http://127.0.0.1:{}/{number}.jpg", target.pictures);
        send(
            1,
            json!({ "id": "address", "text": posts[0]["text"], "media": [{ "key": "a", "url": address }] })
                .to_string()
                .as_bytes(),
        );
        if switches.is_malformed.load(Ordering::Relaxed) {
            send(0, b"{");
        }
        if switches.has_new_names.load(Ordering::Relaxed) {
            for index in newest..newest + POSTS {
                send(0, world_post(&world, index, &index.to_string()).to_string().as_bytes());
            }
            newest += POSTS;
            expected += POSTS as usize;
        }
        writer.flush();
        // An engine that is about to end refuses it, and takes those from Kafka.
        let _ = over_http(&target.http, &posts[1]);
        answers.at_least(awaited);
    }
}

/// The answer to a post over HTTP.
fn over_http(address: &str, post: &Value) -> std::io::Result<String> {
    let (mut stream, body) = (TcpStream::connect(address)?, post.to_string());
    let length = body.len();
    write!(
        stream,
        "POST /v1/annotate HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
