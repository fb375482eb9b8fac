//! Chromium without a window, driven by the DevTools protocol: one page, its script, keys and faults.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::stream::MaybeTlsStream;
use tokio_tungstenite::tungstenite::{Message, WebSocket, connect};

use super::{Process, WITHIN, until};

/// Names of the browser in distributions.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with one page, until dropped.
pub(crate) struct Chromium {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    asked: u64,
    faults: VecDeque<String>,
    _process: Process,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Starts a browser and opens an address.
    ///
    /// # Panics
    /// If there is no Chromium: these tests do not pass without one.
    pub(crate) fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let (process, address) = NAMES
            .iter()
            .find_map(|name| start(name, &profile))
            .expect("`scripts/setup test` installs Chromium, or says what to install");
        let (socket, _) = connect(&address).expect("it takes the protocol");
        let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("{address} is not encrypted") };
        stream.set_read_timeout(Some(WITHIN)).expect("a time");
        let (faults, session) = (VecDeque::new(), None);
        let mut chromium = Self { socket, session, asked: 0, faults, _process: process, _profile: profile };
        let page = chromium.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let attached = chromium.ask("Target.attachToTarget", &attach);
        chromium.session = Some(attached["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            chromium.ask(domain, &json!({}));
        }
        let opened = chromium.ask("Page.navigate", &json!({"url": url}));
        assert!(opened["errorText"].is_null(), "{opened}");
        chromium
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let told = self.ask("Runtime.evaluate", &asked);
        assert!(told["exceptionDetails"].is_null(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Polls until an expression has a value.
    pub(crate) fn until(&mut self, expression: &str, expected: &Value) {
        // While the page loads, an expression may name what is not there yet.
        let guarded = format!("(() => {{ try {{ return {expression}; }} catch {{ return null; }} }})()");
        let deadline = Instant::now() + WITHIN;
        loop {
            let value = self.value(&guarded);
            if value == *expected {
                return;
            }
            let faults = &self.faults;
            assert!(Instant::now() < deadline, "`{expression}` is {value}, not {expected}; {faults:?}");
        }
    }

    /// Presses and releases a key that has a character.
    pub(crate) fn press(&mut self, character: char) {
        for kind in ["keyDown", "keyUp"] {
            let (key, text) = (character.to_string(), (kind == "keyDown").then(|| character.to_string()));
            self.ask(
                "Input.dispatchKeyEvent",
                &json!({"type": kind, "key": key, "text": text.unwrap_or_default()}),
            );
        }
    }

    /// What the page has complained about until now: exceptions, and errors in its log.
    pub(crate) fn faults(&mut self) -> Vec<String> {
        // The answer comes after all events before it.
        self.value("0");
        self.faults.drain(..).collect()
    }

    /// Waits until the page complains with these words.
    pub(crate) fn complains(&mut self, words: &str) {
        until(&format!("the page complains of {words}"), || {
            self.faults().iter().any(|fault| fault.contains(words)).then_some(())
        });
    }

    /// The result of a command. Events before it are read too.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let mut command = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(command.to_string())).expect("the browser reads");
        loop {
            let message = self.socket.read().unwrap_or_else(|error| panic!("{method}: {error}"));
            let Ok(text) = message.to_text() else { continue };
            let Ok(said) = serde_json::from_str::<Value>(text) else { continue };
            if said["id"] == self.asked {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
            self.faults.extend(fault(&said));
        }
    }
}

/// The fault that an event tells, if any.
fn fault(event: &Value) -> Option<String> {
    let params = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params["entry"].to_string()),
        "Runtime.consoleAPICalled" if params["type"] == "error" => Some(params["args"].to_string()),
        _ => None,
    }
}

/// A browser of this name with the address of its protocol, if it is installed.
fn start(name: &str, profile: &tempfile::TempDir) -> Option<(Process, String)> {
    let child = Command::new(name)
        .args(["--headless", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"])
        // A container's root has no user namespaces for the sandbox, and little shared memory. The page under test is our own.
        .args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-extensions"])
        // Nothing is asked of the browser's maker.
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut process = Process(child);
    let mut lines = BufReader::new(process.0.stderr.take().expect("it is piped")).lines();
    let mut said = Vec::new();
    let address = loop {
        let Some(Ok(line)) = lines.next() else { panic!("{name} does not start: {said:#?}") };
        if let Some(address) = line.strip_prefix("DevTools listening on ") {
            break address.to_owned();
        }
        said.push(line);
    };
    // What it says later must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Some((process, address))
}
