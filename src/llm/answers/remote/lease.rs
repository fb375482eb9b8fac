//! Which replica asks? The one that has the lease; the others look again and again until its answer is there.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Remote, RemoteError, at_least_one};
use crate::llm::answers::asked::Id;
use crate::llm::answers::codec::{LONGEST as LONGEST_VALUE, Refusal};
use crate::llm::answers::record::Record;
use crate::telemetry::AnswerTier;

/// A lease is made to last this many times its length at most, and waited for as long: a maker that hangs must not hold up
/// all replicas for ever, nor a lease that somebody else has put there.
const LONGEST: u32 = 10;
/// The first wait of those who look again: most answers take longer.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait: it adds at most as much to an answer, and a thousand who wait ask Redis two thousand times a second.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// What came of looking.
pub(in super::super) enum Look {
    /// An answer that can be used; whether another replica made it meanwhile.
    Found { record: Record, meanwhile: bool },
    /// There is none, and nobody else may ask.
    Leased(Lease),
    /// There is none, and the asker is by itself: Redis is away, or the replica that had the lease has failed or takes too
    /// long.
    Alone,
}

/// The right to ask, until it is given back.
pub(in super::super) struct Lease {
    remote: Remote,
    id: Id,
    token: String,
    given_back: bool,
}

/// One look.
struct Glance {
    found: Found,
    /// There is a value, and it is too long or no string.
    too_long: bool,
}

enum Found {
    Value(Vec<u8>),
    Leased,
    /// The same, and what was there before was no lease of an engine's.
    Taken,
    Held(Vec<u8>),
}

impl Remote {
    /// The answer to a question, or the lease to ask it; waits where another replica has that, until it has an answer,
    /// fails, falls silent, or has taken `wait` or ten leases. What is not `usable` is as if it were not there.
    pub(in super::super) async fn look(
        &self,
        id: &Id,
        wait: Duration,
        usable: impl Fn(Record) -> Option<Record>,
    ) -> Look {
        let token = format!("{:032x}", rand::random::<u128>());
        let (begun, limit) = (Instant::now(), self.0.lease.saturating_mul(LONGEST).min(wait));
        let (mut refused, mut holder, mut pause) = (Vec::new(), None, FIRST_WAIT);
        let mut is_told = false;
        loop {
            let Ok(glance) = self.glance(id, &token, &refused).await else { return Look::Alone };
            if glance.too_long && !is_told {
                is_told = true;
                self.0.codec.refused(AnswerTier::Redis, id, Refusal::TooLong);
            }
            match glance.found {
                Found::Value(bytes) => {
                    let record = self.0.codec.read(AnswerTier::Redis, id, &bytes).and_then(&usable);
                    match record {
                        Some(record) => return Look::Found { record, meanwhile: holder.is_some() },
                        None => refused = bytes,
                    }
                }
                Found::Leased => return Look::Leased(self.leased(id, token)),
                Found::Taken => {
                    self.is_endless(id);
                    return Look::Leased(self.leased(id, token));
                }
                // One was waited for, and has failed: whoever has the lease now may fail as well, and all would wait in a
                // row.
                Found::Held(other) if holder.as_ref().is_some_and(|holder| *holder != other) => {
                    return Look::Alone;
                }
                Found::Held(other) => {
                    holder = Some(other);
                    let left = limit.saturating_sub(begun.elapsed());
                    if left.is_zero() {
                        self.is_endless(id);
                        return Look::Alone;
                    }
                    sleep(pause.mul_f64(rand::random_range(0.5..1.0)).min(left)).await;
                    pause = (pause * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn glance(&self, id: &Id, token: &str, refused: &[u8]) -> Result<Glance, RemoteError> {
        let mut look = self.0.scripts.look.key(self.key(id));
        look.key(self.lease_key(id))
            .arg(token)
            .arg(at_least_one(self.0.lease))
            .arg(refused)
            .arg(LONGEST_VALUE);
        let (what, value, length): (String, Vec<u8>, i64) =
            self.ask("look", async |connection| look.invoke_async(connection).await).await?;
        let found = match what.as_str() {
            "value" => Found::Value(value),
            "leased" => Found::Leased,
            "taken" => Found::Taken,
            _ => Found::Held(value),
        };
        Ok(Glance { found, too_long: usize::try_from(length).map_or(true, |length| length > LONGEST_VALUE) })
    }

    fn leased(&self, id: &Id, token: String) -> Lease {
        Lease { remote: self.clone(), id: *id, token, given_back: false }
    }

    fn lease_key(&self, id: &Id) -> String {
        format!("{}:lease", self.key(id))
    }
}

impl Lease {
    /// Works while it says again and again that it does.
    pub(in super::super) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.hold() => match never {},
        }
    }

    /// Keeps the answer for that long, and gives the lease back.
    pub(in super::super) async fn fulfil(mut self, record: &Record, life: Duration) {
        self.given_back = true;
        let mut fulfil = self.remote.0.scripts.fulfil.key(self.remote.key(&self.id));
        fulfil
            .key(self.key())
            .arg(&self.token)
            .arg(self.remote.0.codec.encode(&self.id, record))
            .arg(at_least_one(life));
        // A fault is counted, and the lease ends by itself.
        let _ =
            self.remote.ask("fulfil", async |connection| fulfil.invoke_async::<()>(connection).await).await;
    }

    /// Gives the lease back without an answer: those who wait for it ask for themselves.
    pub(in super::super) async fn release(mut self) {
        self.given_back = true;
        release(self.remote.clone(), self.key(), self.token.clone()).await;
    }

    async fn hold(&self) -> Infallible {
        for _ in 0..3 * LONGEST {
            sleep(self.remote.0.lease / 3).await;
            let mut hold = self.remote.0.scripts.hold.key(self.key());
            hold.arg(&self.token).arg(at_least_one(self.remote.0.lease));
            // A fault is counted; the next one may get through in time.
            let _ =
                self.remote.ask("hold", async |connection| hold.invoke_async::<()>(connection).await).await;
        }
        pending().await
    }

    fn key(&self) -> String {
        self.remote.lease_key(&self.id)
    }
}

/// An asker who leaves gives the lease back, so that the others need not wait for its end.
impl Drop for Lease {
    fn drop(&mut self) {
        if !self.given_back
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
    // A fault is counted, and the lease ends by itself.
    let _ = remote.ask("release", async |connection| release.invoke_async::<()>(connection).await).await;
}
