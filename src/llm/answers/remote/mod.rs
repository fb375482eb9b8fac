//! What do all replicas share? Answers in Redis or Valkey, and who is asking what; without it each goes on by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, ErrorKind, RedisError};
use tokio::time::timeout;
use tracing::{info, warn};

use super::asked::{Id, Kind};
use super::codec::{Codec, FORMAT, Refusal};
use super::config::Config;
use super::record::Record;
use crate::telemetry::{AnswerTier, Causes, LogThrottle};

mod announced;
mod lease;
mod rest;
mod scan;
mod scripts;

pub(super) use lease::{Lease, Look};
use rest::{Rest, Turn};
pub(super) use scan::Scan;
use scripts::Scripts;

/// After a fault Redis is left alone for this long: a restart takes about as long, and questions should not each wait.
const PAUSE: Duration = Duration::from_secs(1);
/// The class of a lease that does not end.
const LEASE: &str = "lease";
/// Often enough to be found in a log's tail.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// The tier in Redis. Cheap to clone.
#[derive(Clone)]
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    client: Client,
    /// Host and port, for people.
    place: String,
    prefix: String,
    patience: Duration,
    lease: Duration,
    scripts: Scripts,
    state: Mutex<State>,
    codec: Arc<Codec>,
}

struct State {
    connection: ConnectionManager,
    rest: Rest,
    warning: LogThrottle,
    /// Said of leases that do not end.
    endless: LogThrottle,
}

/// Redis did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RemoteError {
    #[error("Redis at {place} (answers.redis) did not do `{what}`")]
    Refused { place: String, what: &'static str, source: RedisError },
    #[error(
        "Redis at {place} (answers.redis) did not do `{what}` within {patience:?} (answers.redis_timeout)"
    )]
    Late { place: String, what: &'static str, patience: Duration },
    #[error("Redis at {place} (answers.redis) has just failed, and is left alone for a moment")]
    Resting { place: String },
}

impl RemoteError {
    /// All classes of [`class`](Self::class), and that of leases that do not end.
    const CLASSES: [&'static str; 5] = ["away", "timeout", "not-let-in", "refused", LEASE];

    fn class(&self) -> &'static str {
        match self {
            Self::Late { .. } | Self::Resting { .. } => "timeout",
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
    /// A client of the address in the settings; none if there is none. Connects when it is first asked.
    ///
    /// # Errors
    /// The address is none.
    pub(super) fn new(config: &Config, codec: Arc<Codec>) -> Result<Option<Self>, RedisError> {
        let Some(address) = config.redis.get() else { return Ok(None) };
        let client = Client::open(address)?;
        let patience = config.redis_timeout;
        let state = State {
            connection: connection(&client, patience)?,
            rest: Rest::new(PAUSE),
            warning: LogThrottle::new(SAID_EVERY),
            endless: LogThrottle::new(SAID_EVERY),
        };
        codec.metrics().declare_faults(AnswerTier::Redis, &RemoteError::CLASSES);
        codec.metrics().declare_faults(AnswerTier::Redis, &Refusal::CLASSES);
        Ok(Some(Self(Arc::new(Inner {
            place: client.get_connection_info().addr().to_string(),
            client,
            prefix: config.redis_prefix.clone(),
            patience,
            lease: config.lease,
            scripts: Scripts::new(),
            state: Mutex::new(state),
            codec,
        }))))
    }

    /// Keeps an answer for that long, whoever may be asking the same.
    pub(super) async fn keep(&self, id: &Id, record: &Record, life: Duration) -> Result<(), RemoteError> {
        let mut set = redis::cmd("SET");
        set.arg(self.key(id)).arg(self.0.codec.encode(id, record)).arg("PX").arg(at_least_one(life));
        self.ask("SET", async |connection| set.query_async::<()>(connection).await).await
    }

    fn key(&self, id: &Id) -> String {
        format!("{}{}", self.keys_of(id.kind), id.hex())
    }

    fn keys_of(&self, kind: Kind) -> String {
        format!("{}:{FORMAT}:{}:", self.0.prefix, kind.as_str())
    }

    /// Asks Redis something, unless it has just failed. A fault is counted, and said seldom.
    async fn ask<T>(
        &self,
        what: &'static str,
        work: impl AsyncFnOnce(&mut ConnectionManager) -> Result<T, RedisError>,
    ) -> Result<T, RemoteError> {
        let place = || self.0.place.clone();
        let patience = self.0.patience;
        let late = || RemoteError::Late { place: place(), what, patience };
        let refused = |source| RemoteError::Refused { place: place(), what, source };
        let mut connection = match self.turn().map_err(refused)? {
            Some(connection) => connection,
            None => return Err(RemoteError::Resting { place: place() }),
        };
        let done = match timeout(patience, work(&mut connection)).await {
            Ok(done) => done.map_err(refused),
            Err(_) => Err(late()),
        };
        self.learn(done.as_ref().err());
        done
    }

    /// A connection to ask by; none while Redis is left alone.
    fn turn(&self) -> Result<Option<ConnectionManager>, RedisError> {
        let mut state = self.state();
        match state.rest.turn(Instant::now()) {
            Turn::Ask => {}
            Turn::Wait => return Ok(None),
            // A connection that was refused stays so for ever.
            Turn::Try => state.connection = connection(&self.0.client, self.0.patience)?,
        }
        Ok(Some(state.connection.clone()))
    }

    /// Counts a lease that does not end as those of engines do, and says so seldom.
    fn is_endless(&self, id: &Id) {
        self.0.codec.metrics().fault(AnswerTier::Redis, LEASE);
        if self.state().endless.is_due(Instant::now()) {
            let (kind, key) = (id.kind.as_str(), id.hex());
            warn!(kind, key, "another engine has been asking this for too long: it is not waited for");
        }
    }

    fn learn(&self, error: Option<&RemoteError>) {
        let mut state = self.state();
        let now = Instant::now();
        let Some(error) = error else {
            if state.rest.went_well() {
                state.warning.reset();
                info!(redis = self.0.place, "answers are shared again");
            }
            return;
        };
        state.rest.failed(now);
        self.0.codec.metrics().fault(AnswerTier::Redis, error.class());
        if state.warning.is_due(now) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            warn!(error = %Causes(&error), cause, "answers are not shared for now: each engine asks for itself");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in between is left half done.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A manager that connects when it is first asked: once, since whoever asks next tries again.
fn connection(client: &Client, patience: Duration) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(0)
        .set_connection_timeout(Some(patience))
        .set_response_timeout(Some(patience));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}

/// Milliseconds as Redis takes them.
fn at_least_one(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64)
}
