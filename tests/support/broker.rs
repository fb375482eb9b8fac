//! A real Kafka: that of KAFKA_BOOTSTRAP, or one of our own for this test binary, ended with it. What asks who one is, only
//! our own does.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

/// The broker's address. The first call starts the broker where none is given.
///
/// # Panics
/// Where there is no broker: these tests do not pass without one.
pub(crate) fn broker() -> &'static str {
    static BROKER: OnceLock<String> = OnceLock::new();
    BROKER.get_or_init(|| std::env::var("KAFKA_BOOTSTRAP").unwrap_or_else(|_| own_broker().plain.clone()))
}

/// The addresses of a broker of ours, and what lets a client in.
pub(crate) struct OwnBroker {
    /// Where everybody is let in.
    pub(crate) plain: String,
    /// Where TLS and SASL are asked for.
    pub(crate) sasl: String,
    /// Where TLS is asked for, with a certificate of the client's.
    pub(crate) mtls: String,
    secrets: PathBuf,
}

impl OwnBroker {
    /// Where a file that `scripts/kafka` has made lies.
    pub(crate) fn file(&self, name: &str) -> String {
        self.secrets.join(name).display().to_string()
    }

    /// The password of its user `riveg`.
    pub(crate) fn password(&self) -> String {
        let password = std::fs::read_to_string(self.secrets.join("password")).expect("scripts/kafka made it");
        password.trim_end().to_owned()
    }
}

/// A broker of our own, whoever else's the others use.
pub(crate) fn own_broker() -> &'static OwnBroker {
    static BROKER: OnceLock<OwnBroker> = OnceLock::new();
    BROKER.get_or_init(start)
}

fn start() -> OwnBroker {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka");
    let output = Command::new(script)
        .args(["start", "--until-ends", &process::id().to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("scripts/kafka can be run");
    let said = String::from_utf8_lossy(&output.stdout);
    let told = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("scripts/kafka says no {name}: {}", output.status)).to_owned()
    };
    OwnBroker {
        plain: told("KAFKA_BOOTSTRAP"),
        sasl: told("KAFKA_SASL"),
        mtls: told("KAFKA_MTLS"),
        secrets: told("KAFKA_SECRETS").into(),
    }
}

/// A name that no other test, and no other run on the same broker, uses.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    format!("{name}-{}-{}-{}", process::id(), since.as_millis(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An address where nobody answers until [`Forwarder::open`] is called, and then a broker does: a broker that comes late.
pub(crate) struct Forwarder {
    address: SocketAddr,
}

impl Forwarder {
    /// An address that refuses connections.
    pub(crate) fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self { address: listener.local_addr().expect("an address") }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on connections reach the broker at `target`. The thread lives as long as the test binary.
    pub(crate) fn open(&self, target: &'static str) {
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(target) else { continue };
                let (Ok(near_out), Ok(far_out)) = (near.try_clone(), far.try_clone()) else { continue };
                thread::spawn(move || copy(near, far_out));
                thread::spawn(move || copy(far, near_out));
            }
        });
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    // Either side may leave at any time.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
