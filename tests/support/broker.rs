//! Kafka broker: that of KAFKA_BOOTSTRAP, or one for this test binary, stopped with it. Only the latter has TLS and SASL.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

/// The broker's address. The first call starts a broker if none is given.
///
/// # Panics
/// If there is no broker: these tests do not pass without one.
pub(crate) fn broker() -> &'static str {
    static BROKER: OnceLock<String> = OnceLock::new();
    BROKER.get_or_init(|| std::env::var("KAFKA_BOOTSTRAP").unwrap_or_else(|_| own_broker().plain.clone()))
}

/// Addresses and credentials of our own broker.
pub(crate) struct OwnBroker {
    /// Without authentication.
    pub(crate) plain: String,
    /// With TLS and SASL.
    pub(crate) sasl: String,
    /// With TLS and a client certificate.
    pub(crate) mtls: String,
    secrets: PathBuf,
}

impl OwnBroker {
    /// The path of a file that `scripts/kafka` created.
    pub(crate) fn file(&self, name: &str) -> String {
        self.secrets.join(name).display().to_string()
    }

    /// The password of its user `riveg`.
    pub(crate) fn password(&self) -> String {
        let password = std::fs::read_to_string(self.secrets.join("password")).expect("scripts/kafka made it");
        password.trim_end().to_owned()
    }
}

/// Our own broker, even if other tests use that of KAFKA_BOOTSTRAP.
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
    let stdout = String::from_utf8_lossy(&output.stdout);
    let value_of = |name: &str| {
        let value = stdout.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("scripts/kafka says no {name}: {}", output.status)).to_owned()
    };
    OwnBroker {
        plain: value_of("KAFKA_BOOTSTRAP"),
        sasl: value_of("KAFKA_SASL"),
        mtls: value_of("KAFKA_MTLS"),
        secrets: value_of("KAFKA_SECRETS").into(),
    }
}

/// A name that is unique among tests and among runs on the same broker.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    format!("{name}-{}-{}-{}", process::id(), since.as_millis(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An address that refuses connections until [`Forwarder::open`] connects it to a broker: a broker that starts late.
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
    // Either side may close at any time.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
