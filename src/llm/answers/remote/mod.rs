//! Redis tier: answers and leases that all replicas share, in Redis or Valkey. Without it each replica works alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError};
use tokio::time::timeout;
use tracing::{info, warn};

use super::codec::{Codec, FORMAT, RecordFault};
use super::config::Config;
use super::id::{AnswerId, Kind};
use super::record::Record;
use crate::telemetry::{AnswerTier, Causes, LogThrottle};

mod purge_list;
mod lease;
mod breaker;
mod scan;
mod scripts;

use breaker::{Breaker, Permission};
pub(super) use lease::{Lease, LookUp};
pub(super) use scan::Scan;
use scripts::Scripts;

/// The pause after a fault: about as long as a restart of Redis, so that not every question waits for a timeout.
const PAUSE: Duration = Duration::from_secs(1);
/// The class of a lease that does not end in time.
const LEASE: &str = "lease";
/// Often enough to be found at the end of a log.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// The tier in Redis. Cheap to clone.
#[derive(Clone)]
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    client: Client,
    /// Host and port, for messages.
    address: String,
    prefix: String,
    patience: Duration,
    lease: Duration,
    scripts: Scripts,
    state: Mutex<State>,
    codec: Arc<Codec>,
}

struct State {
    connection: ConnectionManager,
    breaker: Breaker,
    warning: LogThrottle,
    /// Limits warnings about leases that do not end.
    endless_lease_warning: LogThrottle,
}

/// A call to Redis failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RemoteError {
    #[error("Redis at {address} (answers.redis) did not do `{what}`")]
    Refused { address: String, what: &'static str, source: RedisError },
    #[error(
        "Redis at {address} (answers.redis) did not do `{what}` within {patience:?} (answers.redis_timeout)"
    )]
    Late { address: String, what: &'static str, patience: Duration },
    #[error("Redis at {address} (answers.redis) has just failed, and is left alone for a moment")]
    Paused { address: String },
}

impl RemoteError {
    /// All values of [`Self::class`], and the class of leases that do not end.
    const CLASSES: [&'static str; 5] = ["away", "timeout", "not-let-in", "refused", LEASE];

    fn class(&self) -> &'static str {
        match self {
            Self::Late { .. } | Self::Paused { .. } => "timeout",
            Self::Refused { source, .. } if source.is_timeout() => "timeout",
            Self::Refused { source, .. } if source.is_io_error() => "away",
            Self::Refused { source, .. } if source.kind() == ErrorKind::AuthenticationFailed => "not-let-in",
            Self::Refused { source, .. } => match source.code() {
                Some("NOAUTH" | "WRONGPASS" | "NOPERM") => "not-let-in",
                _ => "refused",
            },
        }
    }
}

impl Remote {
    /// A client of the configured address; none if there is none. Connects at the first call.
    ///
    /// # Errors
    /// The address is invalid.
    pub(super) fn new(config: &Config, codec: Arc<Codec>) -> Result<Option<Self>, RedisError> {
        let Some(address) = config.redis.get() else { return Ok(None) };
        let client = Client::open(address)?;
        let patience = config.redis_timeout;
        let state = State {
            connection: connection(&client, patience)?,
            breaker: Breaker::new(PAUSE),
            warning: LogThrottle::new(WARN_INTERVAL),
            endless_lease_warning: LogThrottle::new(WARN_INTERVAL),
        };
        codec.metrics().declare_faults(AnswerTier::Redis, &RemoteError::CLASSES);
        codec.metrics().declare_faults(AnswerTier::Redis, &RecordFault::CLASSES);
        Ok(Some(Self(Arc::new(Inner {
            address: client.get_connection_info().addr().to_string(),
            client,
            prefix: config.redis_prefix.clone(),
            patience,
            lease: config.lease,
            scripts: Scripts::new(),
            state: Mutex::new(state),
            codec,
        }))))
    }

    /// Stores an answer for this time, regardless of leases.
    pub(super) async fn keep(
        &self,
        id: &AnswerId,
        record: &Record,
        life: Duration,
    ) -> Result<(), RemoteError> {
        let mut set = redis::cmd("SET");
        set.arg(self.key(id)).arg(self.0.codec.encode(id, record)).arg("PX").arg(at_least_one(life));
        self.run("SET", async |connection| set.query_async::<()>(connection).await).await
    }

    fn key(&self, id: &AnswerId) -> String {
        format!("{}{}", self.keys_of(id.kind), id.hex())
    }

    fn keys_of(&self, kind: Kind) -> String {
        format!("{}:{FORMAT}:{}:", self.0.prefix, kind.as_str())
    }

    /// Runs a command, unless Redis has just failed. A fault is counted, and logged at intervals.
    async fn run<T>(
        &self,
        what: &'static str,
        work: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Result<T, RemoteError> {
        let address = || self.0.address.clone();
        let patience = self.0.patience;
        let late = || RemoteError::Late { address: address(), what, patience };
        let refused = |source| RemoteError::Refused { address: address(), what, source };
        let mut connection = match self.connection().map_err(refused)? {
            Some(connection) => connection,
            None => return Err(RemoteError::Paused { address: address() }),
        };
        let done = match timeout(patience, work(&mut connection)).await {
            Ok(done) => done.map_err(refused),
            Err(_) => Err(late()),
        };
        self.record_outcome(done.as_ref().err());
        done
    }

    /// A connection; none while the breaker is open.
    fn connection(&self) -> Result<Option<ConnectionManager>, RedisError> {
        let mut state = self.state();
        match state.breaker.permission(Instant::now()) {
            Permission::Granted => {}
            Permission::Denied => return Ok(None),
            // The manager does not reconnect after a refused connection.
            Permission::Probe => state.connection = connection(&self.0.client, self.0.patience)?,
        }
        Ok(Some(state.connection.clone()))
    }

    /// Counts a lease that does not end in time, and logs it at intervals.
    fn count_endless_lease(&self, id: &AnswerId) {
        self.0.codec.metrics().fault(AnswerTier::Redis, LEASE);
        if self.state().endless_lease_warning.is_due(Instant::now()) {
            let (kind, key) = (id.kind.as_str(), id.hex());
            warn!(kind, key, "another engine has been asking this for too long: it is not waited for");
        }
    }

    fn record_outcome(&self, error: Option<&RemoteError>) {
        let mut state = self.state();
        let now = Instant::now();
        let Some(error) = error else {
            if state.breaker.succeeded() {
                state.warning.reset();
                info!(redis = self.0.address, "answers are shared again");
            }
            return;
        };
        state.breaker.failed(now);
        self.0.codec.metrics().fault(AnswerTier::Redis, error.class());
        if state.warning.is_due(now) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(error = %Causes(&error), cause, "answers are not shared for now: each engine asks for itself");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave the state inconsistent.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A manager that connects at the first call, without retries: the next call tries again.
fn connection(client: &Client, patience: Duration) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(patience))
        .set_response_timeout(Some(patience));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// Milliseconds in the range of Redis.
fn at_least_one(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64)
}
