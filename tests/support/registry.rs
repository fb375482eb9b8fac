//! Local Schema Registry: the parts of Confluent's API that the engine uses, and the faults that it makes on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// So many questions are answered with this status.
    Status(u16, u32),
    /// Questions are read and not answered.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    /// Schemas by their ids, from 1, as bodies of answers.
    schemas: Vec<Value>,
    /// Ids by subject, in the order of versions from 1.
    subjects: BTreeMap<String, Vec<usize>>,
    /// What the registry says against further schemas of these subjects.
    refused: BTreeMap<String, String>,
    trouble: Option<Trouble>,
    asked: Vec<String>,
    /// Connections whose questions are not answered.
    held: Vec<TcpStream>,
    password: Option<String>,
}

/// A running registry. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct LocalRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl LocalRegistry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&registry.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        registry
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Registers a schema, and returns its id.
    pub(crate) fn add(&self, subject: &str, kind: &str, schema: &str, references: &Value) -> u32 {
        let body = json!({ "schema": schema, "schemaType": kind, "references": references });
        u32::try_from(self.state().register(subject, body)).unwrap()
    }

    /// Says this against further schemas of a subject.
    pub(crate) fn refuse(&self, subject: &str, because: &str) {
        self.state().refused.insert(subject.to_owned(), because.to_owned());
    }

    pub(crate) fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Only questions with this in their header `Authorization` are answered.
    pub(crate) fn require(&self, authorization: &str) {
        self.state().password = Some(authorization.to_owned());
    }

    /// Methods and paths of all questions so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn register(&mut self, subject: &str, body: Value) -> usize {
        let place = self.schemas.iter().position(|schema| *schema == body).unwrap_or_else(|| {
            self.schemas.push(body);
            self.schemas.len() - 1
        });
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        if !versions.contains(&(place + 1)) {
            versions.push(place + 1);
        }
        place + 1
    }

    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let not_found = |code: u16, what: &str| (404, json!({ "error_code": code, "message": what }));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let sent = || {
            let mut sent: Value = serde_json::from_slice(body).unwrap();
            sent["references"] = json!([]);
            sent
        };
        match (method, &parts[..]) {
            ("GET", ["schemas", "types"]) => (200, json!(["AVRO", "PROTOBUF", "JSON"])),
            ("GET", ["schemas", "ids", id]) => {
                let id: usize = id.parse().unwrap();
                let found = id.checked_sub(1).and_then(|place| self.schemas.get(place));
                found.map_or_else(|| not_found(40403, "Schema not found"), |schema| (200, schema.clone()))
            }
            ("GET", ["subjects", subject, "versions", version]) => {
                let version: usize = version.parse().unwrap();
                let id = self.subjects.get(*subject).and_then(|ids| ids.get(version - 1));
                let schema = id.map(|id| self.schemas[id - 1].clone());
                schema.map_or_else(|| not_found(40402, "Version not found"), |schema| (200, schema))
            }
            ("POST", ["subjects", subject]) => {
                let sent = sent();
                let ids = self.subjects.get(*subject).cloned().unwrap_or_default();
                let id = ids.into_iter().find(|id| self.schemas[id - 1] == sent);
                id.map_or_else(|| not_found(40403, "Schema not found"), |id| (200, json!({ "id": id })))
            }
            ("POST", ["subjects", subject, "versions"]) => match self.refused.get(*subject) {
                Some(because) => (409, json!({ "error_code": 409, "message": because })),
                None => (200, json!({ "id": self.register(subject, sent()) })),
            },
            ("POST", ["compatibility", "subjects", subject, "versions", "latest"]) => {
                match (self.refused.get(*subject), self.subjects.contains_key(*subject)) {
                    (Some(because), _) => (200, json!({ "is_compatible": false, "messages": [because] })),
                    (None, true) => (200, json!({ "is_compatible": true })),
                    (None, false) => not_found(40401, "Subject not found"),
                }
            }
            _ => not_found(404, "HTTP 404 Not Found"),
        }
    }
}

/// Answers one question of a connection.
fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let (mut request, mut length, mut authorization) = (String::new(), 0, None);
    while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 2) {
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => authorization = Some(value.trim().to_owned()),
            _ if request.is_empty() => request = line.trim().to_owned(),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    let mut words = request.split(' ');
    let (Some(method), Some(target), Ok(())) = (words.next(), words.next(), reader.read_exact(&mut body))
    else {
        return;
    };
    let path = target.split('?').next().unwrap_or_default();
    let mut state = state.lock().unwrap();
    state.asked.push(format!("{method} {path}"));
    let (status, answer) = match state.trouble {
        Some(Trouble::Silent) => {
            state.held.push(stream.try_clone().unwrap());
            return;
        }
        Some(Trouble::Status(status, times)) if times > 0 => {
            state.trouble = Some(Trouble::Status(status, times - 1));
            (status, json!({ "error_code": status, "message": "in trouble" }))
        }
        _ if state.password.is_some() && state.password != authorization => {
            (401, json!({ "error_code": 401, "message": "Unauthorized" }))
        }
        _ => state.answer(method, path, &body),
    };
    drop(state);
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    // The asker may be gone.
    let _ = (&*stream).write_all(head.as_bytes()).and_then(|()| (&*stream).write_all(answer.as_bytes()));
}
