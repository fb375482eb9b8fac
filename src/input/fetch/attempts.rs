//! Fetch attempts: waits, retries and redirects of one picture, all within `fetch.patience`.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tracing::debug;
use url::Url;

use super::body::Allowance;
use super::byte_budget::{BudgetExhausted, PostShare};
use super::config::Config;
use super::error::{FetchError, FetchErrorKind};
use super::file;
use super::shared::{Shared, Source};
use super::target::{self, Target};
use super::web::Answer;
use crate::common::cache::Lookup;
use crate::common::http_util::{RetrySchedule, Retryable, with_retries};
use crate::telemetry::Causes;

impl Shared {
    /// Fetches a picture within `fetch.patience`. The clock stops while the decoder is behind, which is no server's
    /// fault; then the time begins anew.
    pub(super) async fn fetch_in_time(
        &self,
        what: (&str, &Source),
        share: &PostShare,
    ) -> Result<Bytes, FetchError> {
        /// The request that fetches ends at the deadline with its reason; requests that joined it wait for that reason.
        const FOR_THE_REASON: Duration = Duration::from_secs(1);
        self.memory.wait_for_decoder().await;
        let mut deadline = Instant::now() + self.config.patience;
        let mut has_joined = false;
        loop {
            let answer =
                timeout_at(deadline + FOR_THE_REASON, self.fetch_joined(what, Allowance { share, deadline }));
            let (way, fetched) = answer.await.unwrap_or_else(|_| (Lookup::Miss, Err(self.out_of_patience())));
            let has_time = Instant::now() < deadline;
            match fetched {
                // The wait for memory ends early only where the decoder is behind, or where it was another request's
                // wait.
                Err(FetchError { kind: FetchErrorKind::OutOfMemory, .. }) if has_time => {
                    self.memory.wait_for_decoder().await;
                    if way == Lookup::Miss {
                        deadline = Instant::now() + self.config.patience;
                    }
                }
                // The request that was joined may have had less time left.
                Err(error)
                    if has_time && way == Lookup::Joined && !has_joined && error.retry_delay().is_some() =>
                {
                    has_joined = true;
                }
                fetched => return fetched,
            }
        }
    }

    /// Fetches a picture when the post has a free request, together with other posts that ask for the same URL.
    async fn fetch_joined(
        &self,
        (address, place): (&str, &Source),
        allowance: Allowance<'_>,
    ) -> (Lookup, Result<Bytes, FetchError>) {
        let Allowance { share, deadline } = allowance;
        let Ok(_request) = timeout_at(deadline, share.request()).await else {
            return (Lookup::Miss, Err(self.out_of_patience()));
        };
        let made = Box::pin(self.with_retries(place, allowance));
        let (way, fetched) = self.joined.get_valid_or_make(&address.to_owned(), |_| true, made).await;
        if way == Lookup::Miss {
            return (way, fetched);
        }
        // The bytes may outlive the post that fetched them: each post that holds them accounts for them.
        let Ok(bytes) = fetched else { return (way, fetched) };
        let mut reservation = share.begin();
        let grown = reservation.grow_to(bytes.len() as u64, deadline).await;
        let kept = grown
            .map(|()| reservation.keep())
            .map_err(|BudgetExhausted| FetchError::out_of_memory(&place.shown()));
        (way, kept.map(|()| bytes))
    }

    /// Attempts until one succeeds, none is left, or the time is over.
    async fn with_retries(&self, place: &Source, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let Config { retries, backoff, .. } = self.config;
        let again = |error: &FetchError, wait: Duration| {
            debug!(error = %Causes(&error), wait_seconds = wait.as_secs_f64(), "fetching is tried again");
            self.metrics.retried();
        };
        let attempt = || self.once(place, allowance);
        with_retries(RetrySchedule { retries, backoff }, allowance.deadline, attempt, again)
            .await
            .map_err(|last| last.unwrap_or_else(|| self.out_of_patience()))
    }

    fn out_of_patience(&self) -> FetchError {
        let patience = self.config.patience;
        FetchError::no_answer(format!(
            "did not come: no free slot, no memory and no answer within {patience:?}"
        ))
    }

    async fn once(&self, place: &Source, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        match place {
            Source::Web(target) => self.follow(target.clone(), allowance).await,
            Source::Object(object) => {
                let read = self.stores.read(object, &self.config, allowance);
                self.at_host((&object.name, &object.to_string()), allowance.share, read).await
            }
            Source::File(url) => {
                let _slot = self.host_limits.take("", allowance.share.first()).await;
                self.file(url, allowance).await
            }
        }
    }

    /// Asks a host within its limits, unless its breaker is open.
    async fn at_host<T>(
        &self,
        (host, shown): (&str, &str),
        share: &PostShare,
        ask: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        // Checked before waiting for a slot: a request that will be refused must not keep others waiting.
        self.host_breakers.check(host, shown, Instant::now().into_std())?;
        let _slot = self.host_limits.take(host, share.first()).await;
        let pass = self.host_breakers.enter(host, shown, Instant::now().into_std())?;
        let asked = ask.await;
        pass.record(asked.as_ref().err(), Instant::now().into_std());
        asked
    }

    async fn file(&self, url: &Url, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let (address, shown) = (url.clone(), target::shown(url));
        let (root, limit) = (self.config.file_root().map(ToOwned::to_owned), self.limit);
        let open = move || file::open_under(&address, (root.as_deref(), limit), &target::shown(&address));
        let found = on_a_thread(open).await?;
        let mut reservation = allowance.share.begin();
        let grown = reservation.grow_to(found.size, allowance.deadline).await;
        grown.map_err(|BudgetExhausted| FetchError::out_of_memory(&shown))?;
        let bytes = on_a_thread(move || found.read(&shown)).await?;
        reservation.keep();
        Ok(bytes.into())
    }

    /// Follows redirects one by one. The URL of each is checked like the first.
    async fn follow(&self, mut target: Target, allowance: Allowance<'_>) -> Result<Bytes, FetchError> {
        let first = target.shown();
        for _ in 0..=self.config.redirects {
            let asked = self.web.ask(&target, allowance);
            let asked = self.at_host((target.host(), &target.shown()), allowance.share, asked).await?;
            let location = match asked {
                Answer::Bytes(bytes) => return Ok(bytes),
                Answer::Redirect(location) => location,
            };
            target::check_length(&location).map_err(|why| {
                FetchError::refused(format!("at `{first}` is redirected to a url that {why}"))
            })?;
            let url = target.url().join(&location).map_err(|error| {
                FetchError::permanent(format!("at `{first}` is redirected to what is no address: {error}"))
            })?;
            let shown = format!("{first}` which leads to `{}", target::shown(&url));
            target = self.rules.target(url, &shown)?;
        }
        let redirects = self.config.redirects;
        Err(FetchError::permanent(format!(
            "at `{first}` did not come: it is redirected more than {redirects} times"
        )))
    }
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    let worked = tokio::task::spawn_blocking(work).await;
    worked.map_err(|fault| FetchError::permanent(format!("could not be read: {fault}")))?
}
