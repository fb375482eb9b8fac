//! How long and how often is a picture asked for? Until the patience with it is at an end: turns, room, attempts and
//! redirects all count.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use url::Url;

use super::body::Allowance;
use super::config::Config;
use super::error::{FetchError, FetchErrorKind};
use super::room::{NoRoom, Share};
use super::target::Target;
use super::web::Answer;
use super::{Place, Shared, file, target};
use crate::common::cache::Way;
use crate::common::http_util::{MayPass, Schedule, patiently};
use crate::telemetry::Causes;

impl Shared {
    /// Waits and attempts until the post's patience with this picture is at an end. Its clock stands still while the
    /// decoder is behind, which is no server's fault: then it waits as long as that lasts, and begins anew.
    pub(super) async fn in_time(&self, what: (&str, &Place), share: &Share) -> Result<Bytes, FetchError> {
        /// Who makes an answer ends at the deadline and says why; those who wait for it hear that, too.
        const TO_BE_TOLD: Duration = Duration::from_secs(1);
        self.memory.decoder_keeps_up().await;
        let mut deadline = Instant::now() + self.config.patience;
        let mut has_joined = false;
        loop {
            let answer = timeout_at(deadline + TO_BE_TOLD, self.in_turn(what, Allowance { share, deadline }));
            let (way, fetched) = answer.await.unwrap_or_else(|_| (Way::Made, Err(self.late())));
            let has_time = Instant::now() < deadline;
            match fetched {
                // The wait for room ends before its time only if the decoder is behind, or was another's.
                Err(FetchError { kind: FetchErrorKind::NoRoom, .. }) if has_time => {
                    self.memory.decoder_keeps_up().await;
                    if way == Way::Made {
                        deadline = Instant::now() + self.config.patience;
                    }
                }
                // Whoever asked may have had less time left.
                Err(error)
                    if has_time && way == Way::Joined && !has_joined && error.passes_after().is_some() =>
                {
                    has_joined = true;
                }
                fetched => return fetched,
            }
        }
    }

    /// In the post's turn, so that no address is being asked for that waits behind others of its post.
    async fn in_turn(
        &self,
        (address, place): (&str, &Place),
        allowance: Allowance<'_>,
    ) -> (Way, Result<Bytes, FetchError>) {
        let Allowance { share, deadline } = allowance;
        let Ok(_turn) = timeout_at(deadline, share.turn()).await else {
            return (Way::Made, Err(self.late()));
        };
        let made = self.patiently(place, allowance);
        let (way, fetched) = self.joined.obtain(&address.to_owned(), |_| true, made).await;
        if way == Way::Made {
            return (way, fetched);
        }
        // The bytes may outlast the post that fetched them: each post that holds them has room for them.
        let Ok(bytes) = fetched else { return (way, fetched) };
        let mut room = share.begin();
        let grown = room.grow_to(bytes.len() as u64, deadline).await;
        let kept = grown.map(|()| room.keep()).map_err(|NoRoom| FetchError::no_room(&place.shown()));
        (way, kept.map(|()| bytes))
    }

    /// Attempts until one succeeds, none is left, or the time is over.
    async fn patiently(&self, place: &Place, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let Config { retries, backoff, .. } = self.config;
        let again = |error: &FetchError, wait: Duration| {
            debug!(error = %Causes(&error), wait_seconds = wait.as_secs_f64(), "fetching is tried again");
            self.metrics.retried();
        };
        let attempt = || self.once(place, allowance);
        patiently(Schedule { retries, backoff }, allowance.deadline, attempt, again)
            .await
            .map_err(|last| last.unwrap_or_else(|| self.late()))
    }

    fn late(&self) -> FetchError {
        let patience = self.config.patience;
        FetchError::no_answer(format!("did not come: no turn, no room and no answer within {patience:?}"))
    }

    async fn once(&self, place: &Place, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        match place {
            Place::Web(target) => self.follow(target.clone(), allowance).await,
            Place::Object(object) => {
                let read = self.stores.read(object, &self.config, allowance);
                self.at_host((&object.name, &object.to_string()), allowance.share, read).await
            }
            Place::File(url) => {
                let _turn = self.turns.take("", allowance.share.first()).await;
                self.file(url, allowance).await
            }
        }
    }

    /// Asks a host in its turn, unless it is left alone for a while.
    async fn at_host<T>(
        &self,
        (host, shown): (&str, &str),
        share: &Share,
        ask: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        // Known before a turn comes: who waits in vain keeps others waiting.
        self.hosts.check(host, shown, Instant::now().into_std())?;
        let _turn = self.turns.take(host, share.first()).await;
        let entered = self.hosts.enter(host, shown, Instant::now().into_std())?;
        let asked = ask.await;
        entered.ended(asked.as_ref().err(), Instant::now().into_std());
        asked
    }

    async fn file(&self, url: &Url, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let (address, shown) = (url.clone(), target::shown(url));
        let (root, limit) = (self.config.file_root().map(ToOwned::to_owned), self.limit);
        let find = move || file::find(&address, (root.as_deref(), limit), &target::shown(&address));
        let found = on_a_thread(find).await?;
        let mut room = allowance.share.begin();
        let grown = room.grow_to(found.size, allowance.deadline).await;
        grown.map_err(|NoRoom| FetchError::no_room(&shown))?;
        let bytes = on_a_thread(move || found.read(&shown)).await?;
        room.keep();
        Ok(bytes.into())
    }

    /// Follows redirects by hand: each leads to an address like the first, judged like it.
    async fn follow(&self, mut target: Target, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let first = target.shown();
        for _ in 0..=self.config.redirects {
            let asked = self.web.ask(&target, allowance);
            let asked = self.at_host((target.host(), &target.shown()), allowance.share, asked).await?;
            let location = match asked {
                Answer::Bytes(bytes) => return Ok(bytes),
                Answer::Redirect(location) => location,
            };
            target::of_length(&location).map_err(|why| {
                FetchError::refused(format!("at `{first}` is redirected to a url that {why}"))
            })?;
            let url = target.url().join(&location).map_err(|error| {
                FetchError::lasting(format!("at `{first}` is redirected to what is no address: {error}"))
            })?;
            let shown = format!("{first}` which leads to `{}", target::shown(&url));
            target = self.rules.target(url, &shown)?;
        }
        let redirects = self.config.redirects;
        Err(FetchError::lasting(format!(
            "at `{first}` did not come: it is redirected more than {redirects} times"
        )))
    }
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|fault| FetchError::lasting(format!("could not be read: {fault}")))?
}
