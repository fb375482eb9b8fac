//! Which replica asks? The one that has the lease; the others look again and again until its answer is there.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use super::{Remote, RemoteError, at_least_one};
use crate::cache::answers::asked::Id;
use crate::cache::answers::record::Record;

/// A lease is made to last this many times its length at most: a maker that hangs must not hold up all replicas for ever.
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
    /// There is none, and the asker is by itself: Redis is away, or the replica that had the lease has failed.
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
enum Glance {
    Value(Vec<u8>),
    Leased,
    Held(Vec<u8>),
}

impl Remote {
    /// The answer to a question, or the lease to ask it; waits where another replica has that, until it has an answer,
    /// fails or falls silent. What is not `good` is as if it were not there.
    pub(in super::super) async fn look(&self, id: &Id, good: impl Fn(&Record) -> bool) -> Look {
        let token = format!("{:032x}", rand::random::<u128>());
        let (mut refused, mut holder, mut wait) = (Vec::new(), None, FIRST_WAIT);
        loop {
            match self.glance(id, &token, &refused).await {
                Ok(Glance::Value(bytes)) => match self.read(id, &bytes).filter(&good) {
                    Some(record) => return Look::Found { record, meanwhile: holder.is_some() },
                    None => refused = bytes,
                },
                Ok(Glance::Leased) => {
                    let lease = Lease { remote: self.clone(), id: *id, token, given_back: false };
                    return Look::Leased(lease);
                }
                // One was waited for, and has failed: whoever has the lease now may fail as well, and all would wait in a
                // row.
                Ok(Glance::Held(other)) if holder.as_ref().is_some_and(|holder| *holder != other) => {
                    return Look::Alone;
                }
                Ok(Glance::Held(other)) => {
                    holder = Some(other);
                    sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(_) => return Look::Alone,
            }
        }
    }

    async fn glance(&self, id: &Id, token: &str, refused: &[u8]) -> Result<Glance, RemoteError> {
        let mut look = self.0.scripts.look.key(self.key(id));
        look.key(self.lease_key(id)).arg(token).arg(at_least_one(self.0.lease)).arg(refused);
        let (what, value): (String, Vec<u8>) =
            self.ask("look", async |connection| look.invoke_async(connection).await).await?;
        Ok(match what.as_str() {
            "value" => Glance::Value(value),
            "leased" => Glance::Leased,
            _ => Glance::Held(value),
        })
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
        fulfil.key(self.key()).arg(&self.token).arg(record.encode(&self.id)).arg(at_least_one(life));
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
