//! Transaction steps: begin, send offsets, commit, abort. Records and offsets become visible together or not at all.
//!
//! The protocol has four results for a failed step: repeat the step, abort the transaction, fenced, fatal. A step whose
//! response did not come in time is repeated and never skipped, because its effect is unknown.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use tokio_util::sync::CancellationToken;

use super::PublishError;
use super::delivery_reports::ProducerClient;
use crate::telemetry::Causes;

/// Timeout of one request. The engine's abort signal is looked at no later than this.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a failed step is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What the protocol requires after a step has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextAction {
    Retry,
    /// Abort the transaction; the next one may succeed.
    Abort,
    /// Another producer uses the same transactional id.
    Fenced,
    /// The client cannot write any more.
    Fatal,
}

/// Why a step failed.
pub(super) enum StepError {
    /// The transaction must be aborted; the next one may succeed.
    Abortable(KafkaError),
    /// No other transaction will succeed.
    Fatal(PublishError),
    /// The engine was told to end at once. Whether the step took effect is unknown.
    Interrupted,
}

/// Makes transaction steps on a client.
pub(super) struct TransactionSteps {
    client: Arc<ProducerClient>,
    id: String,
    abort: CancellationToken,
}

impl TransactionSteps {
    pub(super) fn new(client: Arc<ProducerClient>, id: &str, abort: CancellationToken) -> Self {
        Self { client, id: id.to_owned(), abort }
    }

    /// Registers the transactional id. The broker fences an earlier producer with that id and aborts the transaction
    /// that it left open. Nothing can be written before. `failed` is called after each failed attempt: the broker may
    /// be unreachable.
    pub(super) async fn init(&self, mut failed: impl FnMut(&KafkaError) + Send) -> Result<(), StepError> {
        let mut failed_once = |error: &KafkaError| {
            failed(error);
            true
        };
        loop {
            match self.step_or(|client| client.init_transactions(REQUEST_TIMEOUT), &mut failed_once).await {
                Err(StepError::Abortable(error)) => drop(failed_once(&error)),
                other => return other,
            }
            self.unless_aborted(tokio::time::sleep(RETRY_PAUSE)).await?;
        }
    }

    pub(super) async fn begin(&self) -> Result<(), StepError> {
        self.step(|client| client.begin_transaction()).await
    }

    /// A step that needs more than the client, and that is not repeated once `is_vain`: the transaction is then to be
    /// aborted. `step` gets the client and the request timeout.
    pub(super) async fn run(
        &self,
        step: impl Fn(&ProducerClient, Duration) -> KafkaResult<()> + Send + Sync + 'static,
        is_vain: impl Fn() -> bool + Send + Sync,
    ) -> Result<(), StepError> {
        let repeats = |error: &KafkaError| {
            tracing::debug!(error = %Causes(error), "a step of a transaction is repeated");
            !is_vain()
        };
        self.step_or(move |client| step(client, REQUEST_TIMEOUT), repeats).await
    }

    pub(super) async fn commit(&self) -> Result<(), StepError> {
        self.step(|client| client.commit_transaction(REQUEST_TIMEOUT)).await
    }

    /// Aborts the transaction, with as many attempts as necessary.
    pub(super) async fn abort(&self) -> Result<(), StepError> {
        loop {
            match self.step(|client| client.abort_transaction(REQUEST_TIMEOUT)).await {
                Err(StepError::Abortable(error)) => {
                    tracing::debug!(error = %Causes(&error), "aborting a transaction")
                }
                other => return other,
            }
            self.unless_aborted(tokio::time::sleep(RETRY_PAUSE)).await?;
        }
    }

    /// Waits for a future, unless the engine is told to end at once.
    pub(super) async fn unless_aborted<T>(
        &self,
        future: impl Future<Output = T> + Send,
    ) -> Result<T, StepError> {
        tokio::select! {
            () = self.abort.cancelled() => Err(StepError::Interrupted),
            output = future => Ok(output),
        }
    }

    /// Makes a step until its result is known.
    async fn step(
        &self,
        step: impl Fn(&ProducerClient) -> KafkaResult<()> + Send + Sync + 'static,
    ) -> Result<(), StepError> {
        let log = |error: &KafkaError| {
            tracing::debug!(error = %Causes(error), "a step of a transaction is repeated");
            true
        };
        self.step_or(step, log).await
    }

    /// Makes a step until its result is known. `repeats` is called before each repetition; where it says no, the
    /// transaction is to be aborted.
    async fn step_or(
        &self,
        step: impl Fn(&ProducerClient) -> KafkaResult<()> + Send + Sync + 'static,
        mut repeats: impl FnMut(&KafkaError) -> bool + Send,
    ) -> Result<(), StepError> {
        let step = Arc::new(step);
        loop {
            let (client, attempt) = (Arc::clone(&self.client), Arc::clone(&step));
            // It blocks until the broker responds.
            let response = tokio::task::spawn_blocking(move || attempt(&client));
            let error = match self.unless_aborted(response).await? {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(panic) => std::panic::resume_unwind(panic.into_panic()),
            };
            match next_action(&error) {
                NextAction::Retry => {
                    if !repeats(&error) {
                        return Err(StepError::Abortable(error));
                    }
                    self.unless_aborted(tokio::time::sleep(RETRY_PAUSE)).await?;
                }
                NextAction::Abort => return Err(StepError::Abortable(error)),
                NextAction::Fenced => return Err(StepError::Fatal(self.fenced(error))),
                NextAction::Fatal => return Err(StepError::Fatal(self.fatal(error))),
            }
        }
    }

    /// The error of a client that cannot write any more.
    pub(super) fn fatal(&self, error: KafkaError) -> PublishError {
        match self.client.client().fatal_error() {
            Some((code, _)) if is_fenced(code) => self.fenced(error),
            Some((_, reason)) => PublishError::Fatal { reason, source: Box::new(error) },
            None => PublishError::Fatal { reason: error.to_string(), source: Box::new(error) },
        }
    }

    fn fenced(&self, error: KafkaError) -> PublishError {
        PublishError::Fenced { id: self.id.clone(), source: Box::new(error) }
    }
}

/// What the protocol requires after that error. An unknown error is treated as fatal.
fn next_action(error: &KafkaError) -> NextAction {
    match error {
        KafkaError::Transaction(error) if is_fenced(error.code()) => NextAction::Fenced,
        KafkaError::Transaction(error) => {
            classify(error.is_fatal(), error.txn_requires_abort(), error.is_retriable())
        }
        // Before a commit the client waits for records under way.
        KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => NextAction::Retry,
        _ => NextAction::Fatal,
    }
}

fn classify(fatal: bool, requires_abort: bool, retriable: bool) -> NextAction {
    match (fatal, requires_abort, retriable) {
        (true, _, _) => NextAction::Fatal,
        (false, true, _) => NextAction::Abort,
        (false, false, true) => NextAction::Retry,
        (false, false, false) => NextAction::Fatal,
    }
}

fn is_fenced(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fatal_errors_are_never_retried_and_unknown_errors_are_fatal() {
        let cases = [
            ("fatal wins", (true, true, true), NextAction::Fatal),
            ("abort wins over retry", (false, true, true), NextAction::Abort),
            ("abort", (false, true, false), NextAction::Abort),
            ("retry", (false, false, true), NextAction::Retry),
            ("without any flag", (false, false, false), NextAction::Fatal),
        ];
        for (name, (fatal, abort, retriable), expected) in cases {
            assert_eq!(classify(fatal, abort, retriable), expected, "{name}");
        }
        assert_eq!(next_action(&KafkaError::Canceled), NextAction::Fatal);
        assert_eq!(next_action(&KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)), NextAction::Retry);
    }
}
