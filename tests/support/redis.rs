//! Redis server with a password, on its own port and folder; stopped with the test, even if it fails.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::until;

/// The password of every Redis of these tests.
pub(crate) const PASSWORD: &str = "answers-of-tests";

/// One server.
pub(crate) struct Redis {
    port: u16,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If there is no `redis-server`: these tests do not pass without one.
    pub(crate) fn start() -> Self {
        // A port that was free may be occupied by now; then another one is tried.
        for _ in 0..5 {
            let port =
                TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
            let mut redis = Self { port, folder: tempfile::tempdir().expect("a folder"), child: None };
            if redis.begin() {
                return redis;
            }
        }
        panic!("redis-server does not start");
    }

    /// The address, with the password.
    pub(crate) fn address(&self) -> String {
        self.address_with(PASSWORD)
    }

    /// The address with another password.
    pub(crate) fn address_with(&self, password: &str) -> String {
        format!("redis://:{password}@127.0.0.1:{}/0", self.port)
    }

    /// Kills the server: its data is lost.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Restarts the server on its port, empty.
    pub(crate) fn start_again(&mut self) {
        until("redis-server starts again", || self.begin().then_some(()));
    }

    /// A client independent of the engine.
    pub(crate) fn client(&self) -> redis::Connection {
        let client = redis::Client::open(self.address()).expect("it is an address");
        client.get_connection().expect("the server answers")
    }

    fn begin(&mut self) -> bool {
        let port = self.port.to_string();
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--requirepass", PASSWORD])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`scripts/setup test` installs redis-server, or says what to install");
        let child = self.child.insert(child);
        until("redis-server answers or ends", || {
            let ended = child.try_wait().expect("it can be asked").is_some();
            let answers = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
            (ended || answers).then_some(!ended)
        })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
