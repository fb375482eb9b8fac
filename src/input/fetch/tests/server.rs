//! A server that misbehaves: it takes one request a connection and runs the test's steps, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// A step on a connection whose request was read. After the last step it is closed.
#[derive(Clone)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Repeats these bytes until the client closes.
    Repeat(Vec<u8>),
    /// Sends these bytes and then spaces, one a millisecond, until the client closes.
    Drip(Vec<u8>),
    /// Sends nothing until the client closes.
    Hang,
    /// Sends nothing until the test opens the gate for one.
    Gate,
}

pub(super) struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
    listening: JoinHandle<()>,
}

struct Seen {
    requests: Mutex<Vec<String>>,
    count: watch::Sender<usize>,
    answered: watch::Sender<usize>,
    gate: Semaphore,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Server {
    pub(super) fn always(steps: Vec<Step>) -> Self {
        Self::by_turns(vec![steps])
    }

    pub(super) fn gated(answer: Vec<u8>) -> Self {
        Self::always(vec![Step::Gate, Step::Send(answer)])
    }

    /// Each connection has its own steps; the last steps apply to all further connections.
    pub(super) fn by_turns(turns: Vec<Vec<Step>>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen {
            requests: Mutex::default(),
            count: watch::channel(0).0,
            answered: watch::channel(0).0,
            gate: Semaphore::new(0),
        });
        let watching = Arc::clone(&seen);
        let listening = tokio::spawn(async move {
            let mut taken = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let steps = turns[taken.min(turns.len() - 1)].clone();
                taken += 1;
                tokio::spawn(serve(stream, steps, Arc::clone(&watching)));
            }
        });
        Self { address, seen, listening }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The headers of all requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub(super) async fn until_requests(&self, count: usize) {
        self.seen.count.subscribe().wait_for(|&seen| seen >= count).await.unwrap();
    }

    pub(super) async fn until_answered(&self, count: usize) {
        self.seen.answered.subscribe().wait_for(|&seen| seen >= count).await.unwrap();
    }

    pub(super) fn open(&self, connections: usize) {
        self.seen.gate.add_permits(connections);
    }
}

/// A complete answer with the right length.
pub(super) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("content-length: {}\r\n", body.len());
    [head(status, &format!("{headers}{length}")), body.to_vec()].concat()
}

pub(super) fn head(status: u16, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Said\r\n{headers}\r\n").into_bytes()
}

async fn serve(mut stream: TcpStream, steps: Vec<Step>, seen: Arc<Seen>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    seen.requests.lock().unwrap().push(String::from_utf8(request).unwrap());
    seen.count.send_modify(|count| *count += 1);
    for step in steps {
        if perform(&mut stream, step, &seen).await.is_err() {
            return;
        }
    }
    seen.answered.send_modify(|count| *count += 1);
    let _ = stream.shutdown().await;
}

async fn perform(stream: &mut TcpStream, step: Step, seen: &Seen) -> std::io::Result<()> {
    match step {
        Step::Send(bytes) => stream.write_all(&bytes).await,
        Step::Repeat(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
        Step::Drip(bytes) => {
            let mut clock = tokio::time::interval(Duration::from_millis(1));
            for byte in bytes.into_iter().chain(std::iter::repeat(b' ')) {
                clock.tick().await;
                stream.write_all(&[byte]).await?;
            }
            Ok(())
        }
        // The client sends nothing more: reading ends when it closes.
        Step::Hang => stream.read_u8().await.map(drop),
        Step::Gate => {
            seen.gate.acquire().await.unwrap().forget();
            Ok(())
        }
    }
}
