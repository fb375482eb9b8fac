//! Leases: the replica with the lease asks the language model; the others poll Redis for its answer.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Remote, RemoteError, at_least_one};
use crate::llm::answers::codec::{MAX_RECORD_BYTES, RecordFault};
use crate::llm::answers::id::AnswerId;
use crate::llm::answers::record::Record;
use crate::telemetry::AnswerTier;

/// A lease is extended up to this many times its length, and waited for as long: neither a call that hangs nor a foreign
/// lease may block all replicas for ever.
const MAX_LEASES: u32 = 10;
/// The first pause between polls: most answers take longer.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest pause between polls: it delays an answer by no more, and a thousand waiting callers poll Redis two thousand
/// times a second.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The result of a look-up.
pub(in super::super) enum LookUp {
    /// A usable answer; `awaited` if another replica made it during the call.
    Found { record: Record, awaited: bool },
    /// There is no answer, and this replica has the lease.
    Leased(Lease),
    /// There is no answer and no lease: Redis is unavailable, or the replica with the lease failed or takes too long.
    NoLease,
}

/// The exclusive right to ask, until it is released.
pub(in super::super) struct Lease {
    remote: Remote,
    id: AnswerId,
    token: String,
    is_released: bool,
}

/// The reply of one poll.
struct LookUpReply {
    found: Found,
    /// There is a value, but it is too long or not a string.
    too_long: bool,
}

enum Found {
    Value(Vec<u8>),
    Leased,
    /// Leased, in place of an invalid lease.
    Taken,
    Held(Vec<u8>),
}

impl Remote {
    /// The answer with this id, or the lease to ask for it. If another replica has the lease, waits until it has an answer,
    /// fails, stops extending the lease, or has taken `wait` or ten leases. Answers that are not `usable` are ignored.
    pub(in super::super) async fn look_up(
        &self,
        id: &AnswerId,
        wait: Duration,
        usable: impl Fn(Record) -> Option<Record>,
    ) -> LookUp {
        let token = format!("{:032x}", rand::random::<u128>());
        let (begun, limit) = (Instant::now(), self.0.lease.saturating_mul(MAX_LEASES).min(wait));
        let (mut refused, mut holder, mut pause) = (Vec::new(), None, FIRST_WAIT);
        let mut is_counted = false;
        loop {
            let Ok(reply) = self.look_up_once(id, &token, &refused).await else { return LookUp::NoLease };
            if reply.too_long && !is_counted {
                is_counted = true;
                self.0.codec.count_fault(AnswerTier::Redis, id, RecordFault::TooLong);
            }
            match reply.found {
                Found::Value(bytes) => {
                    let record = self.0.codec.read(AnswerTier::Redis, id, &bytes).and_then(&usable);
                    match record {
                        Some(record) => return LookUp::Found { record, awaited: holder.is_some() },
                        None => refused = bytes,
                    }
                }
                Found::Leased => return LookUp::Leased(self.new_lease(id, token)),
                Found::Taken => {
                    self.count_endless_lease(id);
                    return LookUp::Leased(self.new_lease(id, token));
                }
                // The replica that was awaited has failed. The next holder may fail as well, so do not wait again.
                Found::Held(other) if holder.as_ref().is_some_and(|holder| *holder != other) => {
                    return LookUp::NoLease;
                }
                Found::Held(other) => {
                    holder = Some(other);
                    let left = limit.saturating_sub(begun.elapsed());
                    if left.is_zero() {
                        self.count_endless_lease(id);
                        return LookUp::NoLease;
                    }
                    sleep(pause.mul_f64(rand::random_range(0.5..1.0)).min(left)).await;
                    pause = (pause * 2).min(MAX_WAIT);
                }
            }
        }
    }

    async fn look_up_once(
        &self,
        id: &AnswerId,
        token: &str,
        refused: &[u8],
    ) -> Result<LookUpReply, RemoteError> {
        let mut look = self.0.scripts.look.key(self.key(id));
        look.key(self.lease_key(id))
            .arg(token)
            .arg(at_least_one(self.0.lease))
            .arg(refused)
            .arg(MAX_RECORD_BYTES);
        let (what, value, length): (String, Vec<u8>, i64) =
            self.run("look", async |connection| look.invoke_async(connection).await).await?;
        let found = match what.as_str() {
            "value" => Found::Value(value),
            "leased" => Found::Leased,
            "taken" => Found::Taken,
            _ => Found::Held(value),
        };
        Ok(LookUpReply {
            found,
            too_long: usize::try_from(length).map_or(true, |length| length > MAX_RECORD_BYTES),
        })
    }

    fn new_lease(&self, id: &AnswerId, token: String) -> Lease {
        Lease { remote: self.clone(), id: *id, token, is_released: false }
    }

    fn lease_key(&self, id: &AnswerId) -> String {
        format!("{}:lease", self.key(id))
    }
}

impl Lease {
    /// Runs `work` and extends the lease meanwhile.
    pub(in super::super) async fn hold_during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.hold() => match never {},
        }
    }

    /// Stores the answer for this time, and releases the lease.
    pub(in super::super) async fn fulfil(mut self, record: &Record, life: Duration) {
        self.is_released = true;
        let mut fulfil = self.remote.0.scripts.fulfil.key(self.remote.key(&self.id));
        fulfil
            .key(self.key())
            .arg(&self.token)
            .arg(self.remote.0.codec.encode(&self.id, record))
            .arg(at_least_one(life));
        // The fault is counted already, and the lease expires.
        let _ =
            self.remote.run("fulfil", async |connection| fulfil.invoke_async::<()>(connection).await).await;
    }

    /// Releases the lease without an answer; the waiting replicas then ask themselves.
    pub(in super::super) async fn release(mut self) {
        self.is_released = true;
        release(self.remote.clone(), self.key(), self.token.clone()).await;
    }

    async fn hold(&self) -> Infallible {
        for _ in 0..3 * MAX_LEASES {
            sleep(self.remote.0.lease / 3).await;
            let mut hold = self.remote.0.scripts.hold.key(self.key());
            hold.arg(&self.token).arg(at_least_one(self.remote.0.lease));
            // The fault is counted already; the next attempt may succeed in time.
            let _ =
                self.remote.run("hold", async |connection| hold.invoke_async::<()>(connection).await).await;
        }
        pending().await
    }

    fn key(&self) -> String {
        self.remote.lease_key(&self.id)
    }
}

/// A dropped lease is released, so that other replicas need not wait until it expires.
impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_released
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (remote, key, token) = (self.remote.clone(), self.key(), self.token.clone());
            runtime.spawn(release(remote, key, token));
        }
    }
}

async fn release(remote: Remote, key: String, token: String) {
    let mut release = remote.0.scripts.release.key(key);
    release.arg(token);
    // The fault is counted already, and the lease expires.
    let _ = remote.run("release", async |connection| release.invoke_async::<()>(connection).await).await;
}
