//! Driver: runs each post in a task of its own, many at a time; a post suspected of a crash runs alone.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tracing::{error, warn};

use crate::common::panic_message;
use crate::domain::{Rejection, RejectionClass};
use crate::engine::EventAnswer;
use crate::engine::posts_in_flight::PostsInFlight;
use crate::input::formats::InputRecord;
use crate::kafka::attempts::{Attempts, RecordId, Verdict};
use crate::kafka::ingest::{SourceRecord, TicketedRecord, Tombstones};
use crate::kafka::publish::{Answer, Outcome};
use crate::telemetry::WorkProgress;

/// Runs each record through `annotate` in a task of its own, at most `max_in_flight` at a time, and sends the outcomes
/// in any order. Ends when the input is closed and all tasks are done, or when the receiver of outcomes is gone.
///
/// A panic in `annotate` rejects its post and does not affect the others. A post that may have crashed an earlier
/// process runs alone, and one that has crashed a process alone is rejected.
///
/// # Errors
/// If another part panics: the post's ticket is lost, so that its partition could not be committed any more.
pub(super) async fn drive<A, F>(
    mut records: Receiver<TicketedRecord>,
    annotate: A,
    (outcomes, attempts, progress): (Sender<Outcome>, Arc<Attempts>, WorkProgress),
    (max_in_flight, max_age, tombstones): (NonZeroUsize, Option<Duration>, Tombstones),
) -> Result<(), JoinError>
where
    A: Fn(InputRecord) -> F + Send + Sync + 'static,
    F: Future<Output = Vec<EventAnswer>> + Send,
{
    let annotate = Arc::new(annotate);
    let places = u32::try_from(max_in_flight.get().min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
    let permits = Arc::new(Semaphore::new(places as usize));
    let posts = PostsInFlight::new("posts", progress);
    let mut tasks = JoinSet::new();
    loop {
        let permit = places_of(&permits, 1).await;
        let record = tokio::select! {
            record = records.recv() => record,
            () = outcomes.closed() => None,
        };
        let Some(TicketedRecord { source, ticket, is_gap }) = record else { break };
        while let Some(ended) = tasks.try_join_next() {
            ended?;
        }
        let Some(value) = source.value.clone() else {
            // It needs no work and only keeps its place in the order of its partition.
            let answer = if is_gap { Answer::Gap } else { deletion(&source, tombstones) };
            if outcomes.send(Outcome { source, answer, ticket, attempts: 1 }).await.is_err() {
                warn!("an outcome is lost: the writing has ended");
            }
            continue;
        };
        let id = record_id(&source);
        let verdict = attempts.verdict(&id);
        let others = if verdict == Verdict::Suspect { places - 1 } else { 0 };
        let (permit, alone) = (permit, places_of(&permits, others).await);
        let (annotate, outcomes, attempts) = (annotate.clone(), outcomes.clone(), attempts.clone());
        let posts = posts.begin();
        tasks.spawn(async move {
            let expired = expired(&source, max_age, SystemTime::now());
            let (answer, tries) = match (verdict, expired) {
                (Verdict::Poison { deaths }, _) => (poisoned(deaths), deaths),
                (_, Some(answer)) => (answer, 1),
                (Verdict::Clear | Verdict::Suspect, None) => {
                    let attempt = attempts.begin(id).await;
                    let answer = one_record(&source, value, &*annotate, tombstones).await;
                    attempt.done().await;
                    (answer, 1)
                }
            };
            drop((permit, alone, posts));
            if outcomes.send(Outcome { source, answer, ticket, attempts: tries }).await.is_err() {
                warn!("an outcome is lost: the writing has ended");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    Ok(())
}

async fn places_of(permits: &Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
    match permits.clone().acquire_many_owned(count).await {
        Ok(permit) => permit,
        Err(_) => unreachable!("the semaphore is never closed"),
    }
}

fn record_id(source: &SourceRecord) -> RecordId {
    RecordId {
        topic: source.topic.clone(),
        partition: source.partition,
        offset: source.offset,
        timestamp: source.timestamp.unwrap_or(-1),
    }
}

/// The answer to a record without a value, which is not a post.
fn deletion(source: &SourceRecord, tombstones: Tombstones) -> Answer {
    let message = match (tombstones, &source.key) {
        (Tombstones::Forward, Some(_)) => return Answer::Tombstone,
        (Tombstones::Skip, _) => return Answer::Skipped,
        (Tombstones::Forward, None) => {
            "the record has neither key nor value: nobody can tell what was deleted"
        }
        (Tombstones::DeadLetter, _) => "the record has no value, and ingest.tombstones is `dead-letter`",
    };
    let (stage, class, message) = ("decode", RejectionClass::Malformed, message.to_owned());
    Answer::Rejected(Rejection { stage, class, message })
}

/// The rejection of a post that is older than `max_age`.
fn expired(source: &SourceRecord, max_age: Option<Duration>, now: SystemTime) -> Option<Answer> {
    let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(source.timestamp?).ok()?);
    // A timestamp in the future counts as no wait.
    let (age, max_age) = (now.duration_since(written).ok()?, max_age?);
    let message = || {
        let [age, most] = [age, max_age].map(|length| length.as_secs());
        format!("the post has waited {age} s, longer than the {most} s of engine.max_age")
    };
    let rejection = || Rejection { stage: "engine", class: RejectionClass::Expired, message: message() };
    (age > max_age).then(|| Answer::Rejected(rejection()))
}

fn poisoned(deaths: u32) -> Answer {
    let message = format!("{deaths} processes have died while they worked on this post and on nothing else");
    Answer::Rejected(Rejection { stage: "engine", class: RejectionClass::Poison, message })
}

async fn one_record<A, F>(
    source: &SourceRecord,
    payload: Bytes,
    annotate: &A,
    tombstones: Tombstones,
) -> Answer
where
    A: Fn(InputRecord) -> F,
    F: Future<Output = Vec<EventAnswer>>,
{
    let (topic, trace) = (Some(source.topic.clone()), source.trace.clone());
    let record = InputRecord { payload, topic, format: None, trace };
    // The call itself is inside: it may panic before it returns a future.
    let answers = AssertUnwindSafe(async { annotate(record).await }).catch_unwind().await;
    match answers {
        Ok(answers) => answer_of(answers.into_iter().map(|answer| answer.written(tombstones)).collect()),
        Err(panic) => {
            let said = panic_message(&*panic).unwrap_or("no words");
            let (topic, partition, offset) = (&*source.topic, source.partition, source.offset);
            error!(topic, partition, offset, said, "the pipeline panicked");
            let message = format!("the engine failed on this post: {said}");
            Answer::Rejected(Rejection { stage: "engine", class: RejectionClass::Internal, message })
        }
    }
}

/// The answer to a record of these events.
fn answer_of(mut answers: Vec<Answer>) -> Answer {
    match answers.len() {
        0 => Answer::Ignored,
        1 => answers.remove(0),
        _ => Answer::Several(answers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(key: Option<&'static str>) -> SourceRecord {
        SourceRecord {
            topic: "posts".into(),
            partition: 0,
            offset: 0,
            timestamp: None,
            key: key.map(|key| Bytes::from_static(key.as_bytes())),
            value: None,
            headers: crate::kafka::client::RecordHeaders::default(),
            received: UNIX_EPOCH,
            trace: crate::telemetry::traces::PostTrace::default(),
        }
    }

    #[test]
    fn a_record_without_a_value_is_a_deletion_where_it_says_of_what() {
        let becomes = |key, tombstones| deletion(&source(key), tombstones);
        assert_eq!(becomes(Some(""), Tombstones::Forward), Answer::Tombstone);
        assert_eq!(becomes(None, Tombstones::Skip), Answer::Skipped);
        for (key, tombstones) in [(None, Tombstones::Forward), (Some("a"), Tombstones::DeadLetter)] {
            let Answer::Rejected(rejection) = becomes(key, tombstones) else { panic!("{key:?}") };
            assert_eq!(rejection.class, RejectionClass::Malformed);
        }
    }

    #[test]
    fn a_post_expires_when_it_has_waited_longer_than_it_may() {
        let at = |second: u64| UNIX_EPOCH + Duration::from_secs(second);
        let source = |timestamp| SourceRecord { timestamp, ..source(None) };
        let minute = Some(Duration::from_secs(60));
        let cases = [
            ("in time", Some(1_000_000), minute, at(1060), false),
            ("too late", Some(1_000_000), minute, at(1061), true),
            ("from the future", Some(2_000_000), minute, at(1000), false),
            ("without a time", None, minute, at(1061), false),
            ("without a limit", Some(1_000_000), None, at(9_999_999), false),
        ];
        for (name, timestamp, max_age, now, is_expired) in cases {
            assert_eq!(expired(&source(timestamp), max_age, now).is_some(), is_expired, "{name}");
        }
    }
}
