//! A server of pictures that holds some back until it is told to send them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::support::post;

pub(super) struct Pictures {
    port: u16,
    picture: Arc<Vec<u8>>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Pictures {
    /// Answers `/held` when it is released, and any other path at once.
    pub(super) fn serve(picture: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let served = Self {
            port: listener.local_addr().unwrap().port(),
            picture: Arc::new(picture),
            held: Arc::default(),
        };
        let (picture, held) = (Arc::clone(&served.picture), Arc::clone(&served.held));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                match head.first() {
                    Some(line) if line.starts_with("GET /held") => held.lock().unwrap().push(stream),
                    _ => send(stream, &picture),
                }
            }
        });
        served
    }

    /// Settings by which an engine may fetch from here.
    pub(super) fn settings(&self) -> Vec<String> {
        [
            "fetch.schemes=[\"http\"]",
            "fetch.allow_networks=[\"127.0.0.0/8\"]",
            "fetch.retries=0",
            "fetch.patience=10m",
            "fetch.timeout=10m",
            "fetch.first_byte_timeout=10m",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain([format!("fetch.ports=[{}]", self.port)])
        .collect()
    }

    /// A post whose picture comes at once, or is held.
    pub(super) fn post(&self, id: &str, is_held: bool) -> String {
        let path = if is_held { "held" } else { "picture" };
        let url = format!("http://127.0.0.1:{}/{path}", self.port);
        post(id, "Jordan Hale at the Blue Tower", &json!([{ "key": "m1", "type": "photo", "url": url }]))
    }

    /// Sends all that is held.
    pub(super) fn release(&self) {
        self.held.lock().unwrap().drain(..).for_each(|stream| send(stream, &self.picture));
    }
}

fn send(mut stream: TcpStream, picture: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", picture.len());
    // A client that has gone needs no picture.
    let _ = stream.write_all(&[head.as_bytes(), picture].concat());
}
