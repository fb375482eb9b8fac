//! A running page: the real binary, and requests to it as a browser sends them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Process, WITHIN, binary};

/// A page, until dropped.
pub(super) struct Page {
    _process: Process,
    pub(super) address: String,
}

/// A response: its head in lower case, and its body.
pub(super) struct Response {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Page {
    /// Starts `riveg view` with these arguments at a free port.
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut command = binary();
        command.args(["view", "--address", "127.0.0.1:0", "--log", "warn"]).args(arguments);
        let mut process = Process(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
        let said = lines.next().expect("it says where the page is").unwrap();
        let url = said.strip_prefix("the page is at http://").unwrap_or_else(|| panic!("{said}"));
        Self { address: url.trim_end_matches('/').to_owned(), _process: process }
    }

    /// The page of another command that has started, with its URL.
    pub(super) fn of(process: Process, url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url}"));
        Self { address: address.trim_end_matches('/').to_owned(), _process: process }
    }

    /// The response to a GET.
    pub(super) fn get(&self, path: &str) -> Response {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    /// The status of a GET whose body may have no end.
    pub(super) fn status(&self, path: &str) -> Option<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let first = BufReader::new(self.connect(&request)).lines().next()?.ok()?;
        first.split(' ').nth(1)?.parse().ok()
    }

    /// The response to a POST of this type, with further lines of its head.
    pub(super) fn post(&self, path: &str, kind: &str, body: &str, lines: &str) -> Response {
        let (host, length) = (&self.address, body.len());
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n{lines}\r\n{body}"
        ))
    }

    pub(super) fn ask(&self, request: &str) -> Response {
        let mut bytes = Vec::new();
        self.connect(request).read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        Response { head, body: bytes.split_off(end) }
    }

    /// A connection that has sent a request.
    pub(super) fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The events of a stream, as they come.
    pub(super) fn feed(&self, lines: &str) -> Events {
        let host = &self.address;
        let stream = self.connect(&format!("GET /api/feed HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n"));
        Events { lines: BufReader::new(stream).lines(), last_id: String::new() }
    }
}

/// Events of a stream.
pub(super) struct Events {
    lines: std::io::Lines<BufReader<TcpStream>>,
    pub(super) last_id: String,
}

impl Events {
    /// The data of the next event of a name; others are passed over.
    pub(super) fn next(&mut self, name: &str) -> Value {
        let wanted = format!("event: {name}");
        let mut is_wanted = false;
        loop {
            let line = self.lines.next().expect("the stream goes on").unwrap();
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.last_id);
            }
            if line.starts_with("event: ") {
                is_wanted = line == wanted;
            }
            if let Some(data) = line.strip_prefix("data: ").filter(|_| is_wanted) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }

    /// The posts up to one with this id.
    pub(super) fn posts_until(&mut self, id: &str) -> Vec<Value> {
        let mut posts = Vec::new();
        while posts.iter().all(|post: &Value| post["answer"]["post_id"] != id) {
            posts.extend(self.next("posts").as_array().unwrap().clone());
        }
        posts
    }

    /// Reads until the id behind what was read last.
    pub(super) fn id(&mut self) -> String {
        self.last_id.clear();
        while self.last_id.is_empty() {
            let line = self.lines.next().expect("the stream goes on").unwrap();
            if let Some(id) = line.strip_prefix("id: ") {
                id.clone_into(&mut self.last_id);
            }
        }
        self.last_id.clone()
    }
}

/// An answer that names Ada, in a picture or not.
pub(super) fn answer(id: &str, is_shown: bool) -> String {
    let region = json!({"media_key": "m1", "box": [0, 0, 1, 1], "box_score": 0.5, "mask": {"size": [1, 1], "counts": "01"}, "mask_score": 0.8});
    let decision = if is_shown { "depicted" } else { "absent" };
    json!({
        "schema": "riveg.annotation", "version": 1, "post_id": id,
        "entities": [{
            "id": "0123456789abcdef", "text": "Ada", "type": "PER", "score": 0.99,
            "span": {"start": 0, "end": 3, "unit": "codepoint", "byte_start": 0, "byte_end": 3},
            "expansion": {"text": "a red hat", "source": "lexicon"}, "phrase": "Ada (PER) - a red hat",
            "gate": {"decision": decision, "probability": 0.9, "pictures": [{"media_key": "m1", "decision": decision, "probability": 0.9}]},
            "regions": if is_shown { vec![region] } else { Vec::new() },
        }],
        "media": [{"key": "m1", "index": 0, "width": 1, "height": 1, "blake3": "0".repeat(64)}],
        "provenance": {"engine": "0.1.0", "bundle": "0".repeat(64), "degraded": [], "degraded_codes": []},
        "ingested_at": "2026-01-31T08:00:00Z", "published_at": "2026-01-31T08:00:01Z",
    })
    .to_string()
}

/// The post of such an answer, with a picture.
pub(super) fn post(id: &str, picture: &str) -> String {
    json!({"id": id, "text": "Ada is here", "author": "ada", "media": [{"key": "m1", "bytes": picture, "alt_text": "a hat"}]}).to_string()
}

/// Writes lines into a file of a folder.
pub(super) fn write_lines(path: &Path, lines: &[String]) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    lines.iter().for_each(|line| writeln!(file, "{line}").unwrap());
}
