//! Server of a local hub: what it answers, and the faults that it makes on demand.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::files::{Repository, git_blob, is_large, sha256};
use super::http::{Answer, Asked};

/// What goes wrong with files in the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends after this number of bytes, this number of times.
    Cut { after: usize, times: u32 },
    /// The connection ends at this byte of the file, however often the rest is asked for.
    EndsAt(usize),
    /// A byte is another.
    Corrupt,
    /// More comes than was announced.
    Longer,
    /// Another length is announced with the bytes than before.
    OtherLength,
    /// Another part is sent than was asked for.
    OtherRange,
    /// The whole file is sent whatever was asked for.
    NoRanges,
    /// The server answers with this status, this number of times.
    Status { status: u16, times: u32 },
    /// Redirects go round.
    Loop,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    /// Files at plain addresses of the storage.
    plain: BTreeMap<String, Vec<u8>>,
    fault: Option<Fault>,
    asked: Vec<Asked>,
}

/// A hub and its storage, each at an address of its own. Its threads end with the process.
#[derive(Debug)]
pub(crate) struct LocalHub {
    hub: SocketAddr,
    storage: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl LocalHub {
    pub(crate) fn start() -> Self {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let (hub, storage) = (bind(), bind());
        let address = |listener: &TcpListener| listener.local_addr().expect("it is bound");
        let local = Self { hub: address(&hub), storage: address(&storage), state: Arc::default() };
        for (listener, server) in [(hub, "hub"), (storage, "storage")] {
            let (state, storage) = (local.state.clone(), local.storage);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = state.clone();
                    thread::spawn(move || serve(&stream, server, (&state, storage)));
                }
            });
        }
        local
    }

    /// The hub's address, for HF_ENDPOINT.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.hub)
    }

    /// Puts a repository into it, in the place of an older one.
    pub(crate) fn put(&self, name: &str, repository: Repository) {
        self.state().repositories.insert(name.to_owned(), repository);
    }

    /// Changes a repository.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Repository)) {
        change(self.state().repositories.get_mut(name).expect("there is the repository"));
    }

    /// Puts a file at an address of its own, which it gives.
    pub(crate) fn put_plain(&self, name: &str, bytes: Vec<u8>) -> String {
        self.state().plain.insert(name.to_owned(), bytes);
        format!("http://{}/plain/{name}", self.storage)
    }

    pub(crate) fn set_fault(&self, fault: impl Into<Option<Fault>>) {
        self.state().fault = fault.into();
    }

    /// The requests since this was last asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with it")
    }
}

fn serve(stream: &TcpStream, server: &'static str, (state, storage): (&Mutex<State>, SocketAddr)) {
    let Some(asked) = Asked::read(stream, server) else { return };
    let answer = {
        let mut state = state.lock().expect("no thread panics with it");
        state.asked.push(asked.clone());
        match server {
            "hub" => of_hub(&mut state, &asked, storage),
            _ => of_storage(&mut state, &asked),
        }
    };
    answer.send(stream, asked.method == "HEAD");
}

fn of_hub(state: &mut State, asked: &Asked, storage: SocketAddr) -> Answer {
    let refused = |status, code: &str| Answer::of(status).with("X-Error-Code", code);
    let Some((name, rest)) = asked.path.trim_start_matches('/').split_once("/resolve/") else {
        return Answer::of(404);
    };
    let Some(repository) = state.repositories.get(name) else { return refused(404, "RepoNotFound") };
    if let Some(token) = &repository.gated {
        let given = asked.authorization.as_deref();
        if given != Some(&format!("Bearer {token}")) {
            return refused(if given.is_none() { 401 } else { 403 }, "GatedRepo");
        }
    }
    let (revision, path) = rest.split_once('/').expect("a file is asked for");
    let commit = repository.commit.clone();
    if revision != "main" && revision != commit {
        return refused(404, "RevisionNotFound");
    }
    let Some(bytes) = repository.files.get(path) else {
        return refused(404, "EntryNotFound").with("X-Repo-Commit", commit);
    };
    if state.fault == Some(Fault::Loop) && asked.method == "GET" {
        return Answer::of(307).with("Location", asked.path.clone());
    }
    if !is_large(path) {
        let tag = format!("\"{}\"", git_blob(bytes));
        let answer = Answer::of(200).with("X-Repo-Commit", commit).with("ETag", tag);
        return Answer { body: bytes.clone(), ..answer };
    }
    // The hub signs the addresses of its storage.
    let location = format!("http://{storage}/store/{}?X-Signature=canary-signature", sha256(bytes));
    Answer::of(302)
        .with("X-Repo-Commit", commit)
        .with("X-Linked-Etag", format!("\"{}\"", sha256(bytes)))
        .with("X-Linked-Size", bytes.len().to_string())
        .with("Location", location)
}

fn of_storage(state: &mut State, asked: &Asked) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    let plain = path.strip_prefix("/plain/").and_then(|name| state.plain.get(name));
    let stored = path.strip_prefix("/store/").and_then(|hash| {
        state.repositories.values().flat_map(|one| one.files.values()).find(|bytes| sha256(bytes) == hash)
    });
    let Some(bytes) = plain.or(stored).cloned() else { return Answer::of(404) };
    let tag = format!("\"{}\"", &sha256(&bytes)[..16]);
    if asked.method == "HEAD" {
        return Answer { body: bytes, ..Answer::of(200).with("ETag", tag) };
    }
    let from = asked.from.filter(|_| state.fault != Some(Fault::NoRanges)).unwrap_or(0) as usize;
    if from > 0 && from >= bytes.len() {
        return Answer::of(416);
    }
    let mut answer = Answer { body: bytes[from..].to_vec(), ..Answer::of(200).with("ETag", tag) };
    if asked.from.is_some() && state.fault != Some(Fault::NoRanges) {
        let shift = usize::from(state.fault == Some(Fault::OtherRange));
        let range = format!("bytes {}-{}/{}", from - shift, bytes.len() - 1, bytes.len());
        answer = Answer { status: 206, ..answer }.with("Content-Range", range);
    }
    let whole = answer.body.len();
    match &mut state.fault {
        Some(Fault::Cut { after, times }) if *times > 0 => {
            *times -= 1;
            answer.announced = Some(whole);
            answer.body.truncate(*after);
        }
        Some(Fault::EndsAt(end)) => {
            answer.announced = Some(whole);
            answer.body.truncate(end.saturating_sub(from));
        }
        Some(Fault::Status { status, times }) if *times > 0 => {
            *times -= 1;
            return Answer::of(*status);
        }
        Some(Fault::Corrupt) => answer.body[whole / 2] ^= 1,
        Some(Fault::Longer) => {
            answer.announced = Some(0);
            answer.body.extend_from_slice(b"more");
        }
        Some(Fault::OtherLength) => answer.body.extend_from_slice(b"more"),
        _ => {}
    }
    answer
}
