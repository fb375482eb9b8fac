//! How is one transaction made? Records, then the offsets that they answer, then both become visible or neither.
//!
//! The protocol answers every step in one of four ways, and prescribes what to do next: go on, the same step again, give
//! the transaction up, or never write again. A step whose answer did not come in time is asked for again, never skipped:
//! nobody knows yet whether it happened.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio_util::sync::CancellationToken;

use super::PublishError;
use super::reports::Client;
use crate::telemetry::Causes;

/// One request waits no longer for its answer before the abort signal is looked at.
const OPERATION: Duration = Duration::from_secs(5);
/// Between two attempts at a step that failed at once.
const AGAIN: Duration = Duration::from_millis(100);

/// What the protocol asks for after a step has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The same step once more.
    Again,
    /// Give the transaction up; another may succeed.
    Abort,
    /// Somebody else writes under this name now.
    Fenced,
    /// The client can write no more.
    Fatal,
}

/// Why a step did not happen.
pub(super) enum Failure {
    /// The transaction must be given up; the next one may succeed.
    Abortable(KafkaError),
    /// No other transaction will succeed.
    Fatal(PublishError),
    /// The engine was told to wait for nothing: what became of the step is not known.
    Cut,
}

/// The steps, as one client makes them.
pub(super) struct Steps {
    client: Arc<Client>,
    id: String,
    abort: CancellationToken,
}

impl Steps {
    pub(super) fn new(client: Arc<Client>, id: &str, abort: CancellationToken) -> Self {
        Self { client, id: id.to_owned(), abort }
    }

    /// Takes the name that transactions are made under; who had it before can write no more, and a transaction that it
    /// left open is given up. Before it, nothing can be written. Told of each failure, since a broker may be away.
    pub(super) async fn take_name(
        &self,
        mut hindered: impl FnMut(&KafkaError) + Send,
    ) -> Result<(), Failure> {
        loop {
            match self.step_told(|client| client.init_transactions(OPERATION), &mut hindered).await {
                Err(Failure::Abortable(error)) => hindered(&error),
                other => return other,
            }
            self.unless_cut(tokio::time::sleep(AGAIN)).await?;
        }
    }

    pub(super) async fn begin(&self) -> Result<(), Failure> {
        self.step(|client| client.begin_transaction()).await
    }

    /// A step of the client's that needs more than the client.
    pub(super) async fn with(
        &self,
        step: impl Fn(&Client, Duration) -> KafkaResult<()> + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        self.step(move |client| step(client, OPERATION)).await
    }

    pub(super) async fn commit(&self) -> Result<(), Failure> {
        self.step(|client| client.commit_transaction(OPERATION)).await
    }

    /// Gives the transaction up, as often as it takes.
    pub(super) async fn give_up(&self) -> Result<(), Failure> {
        loop {
            match self.step(|client| client.abort_transaction(OPERATION)).await {
                Err(Failure::Abortable(error)) => {
                    tracing::debug!(error = %Causes(&error), "giving a transaction up")
                }
                other => return other,
            }
            self.unless_cut(tokio::time::sleep(AGAIN)).await?;
        }
    }

    /// Waits for something, unless the engine is told to wait for nothing.
    pub(super) async fn unless_cut<T>(
        &self,
        something: impl Future<Output = T> + Send,
    ) -> Result<T, Failure> {
        tokio::select! {
            () = self.abort.cancelled() => Err(Failure::Cut),
            happened = something => Ok(happened),
        }
    }

    /// Makes a step until its answer is known.
    async fn step(
        &self,
        step: impl Fn(&Client) -> KafkaResult<()> + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        self.step_told(
            step,
            |error| tracing::debug!(error = %Causes(&error), "a step of a transaction is made again"),
        )
        .await
    }

    /// The same, told why the step is made again.
    async fn step_told(
        &self,
        step: impl Fn(&Client) -> KafkaResult<()> + Send + Sync + 'static,
        mut again: impl FnMut(&KafkaError) + Send,
    ) -> Result<(), Failure> {
        let step = Arc::new(step);
        loop {
            let (client, once) = (Arc::clone(&self.client), Arc::clone(&step));
            // It blocks until the broker answers.
            let answer = tokio::task::spawn_blocking(move || once(&client));
            let error = match self.unless_cut(answer).await? {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            };
            match next(&error) {
                Next::Again => {
                    again(&error);
                    self.unless_cut(tokio::time::sleep(AGAIN)).await?;
                }
                Next::Abort => return Err(Failure::Abortable(error)),
                Next::Fenced => return Err(Failure::Fatal(self.fenced(error))),
                Next::Fatal => return Err(Failure::Fatal(self.fatal(error))),
            }
        }
    }

    /// What a client that can write no more says of itself.
    pub(super) fn fatal(&self, error: KafkaError) -> PublishError {
        match self.client.client().fatal_error() {
            Some((code, _)) if is_fence(code) => self.fenced(error),
            Some((_, reason)) => PublishError::Fatal { reason, source: Box::new(error) },
            None => PublishError::Fatal { reason: error.to_string(), source: Box::new(error) },
        }
    }

    fn fenced(&self, error: KafkaError) -> PublishError {
        PublishError::Fenced { id: self.id.clone(), source: Box::new(error) }
    }
}

/// What the protocol asks for after that error. What it does not name is taken for the worst.
fn next(error: &KafkaError) -> Next {
    match error {
        KafkaError::Transaction(error) if is_fence(error.code()) => Next::Fenced,
        KafkaError::Transaction(error) => {
            classify(error.is_fatal(), error.txn_requires_abort(), error.is_retriable())
        }
        // Before a commit, what is under way is waited for.
        KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => Next::Again,
        _ => Next::Fatal,
    }
}

fn classify(fatal: bool, requires_abort: bool, retriable: bool) -> Next {
    match (fatal, requires_abort, retriable) {
        (true, _, _) => Next::Fatal,
        (false, true, _) => Next::Abort,
        (false, false, true) => Next::Again,
        (false, false, false) => Next::Fatal,
    }
}

fn is_fence(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fatal_is_never_tried_again_and_what_is_unknown_is_fatal() {
        let cases = [
            ("fatal, whatever else", (true, true, true), Next::Fatal),
            ("to be given up, even if it could be tried again", (false, true, true), Next::Abort),
            ("to be given up", (false, true, false), Next::Abort),
            ("to be tried again", (false, false, true), Next::Again),
            ("without a word", (false, false, false), Next::Fatal),
        ];
        for (name, (fatal, abort, retriable), expected) in cases {
            assert_eq!(classify(fatal, abort, retriable), expected, "{name}");
        }
        assert_eq!(next(&KafkaError::Canceled), Next::Fatal);
        assert_eq!(next(&KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)), Next::Again);
    }
}
