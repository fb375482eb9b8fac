//! Rights: whether this user may read and write topics, tested without a change in Kafka.
//!
//! The client cannot query rights, so each is tested with an operation that changes nothing. Reading is tested at the end
//! of a partition, without a group. Writing is tested with a request that every broker refuses: a number of
//! acknowledgements that Kafka does not define. Brokers check rights first, so a missing right gives another error.

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::cli::brokers::FaultRecorder;
use crate::kafka::client::{Connection, Secrets, explain, explain_error};

/// The time limit of an answer: some round trips, and a metadata request.
const PATIENCE: Duration = Duration::from_secs(5);

/// The result of a test.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// It is granted.
    Granted(String),
    /// It is not granted.
    Denied(String),
    /// It cannot be tested without a change, or no broker answers.
    Unknown(String),
}

/// Whether posts may be read, and the group looked up.
pub(super) fn to_read(kafka: &Connection, topic: &str, group: &str) -> Right {
    try_read(kafka, topic, group).unwrap_or_else(|error| unknown(&error))
}

/// Whether records may be written.
pub(super) fn to_write(kafka: &Connection, topic: &str) -> Right {
    try_write(kafka, topic).map_or_else(|error| unknown(&error), right_of_answer)
}

fn unknown(error: &KafkaError) -> Right {
    Right::Unknown(format!("could not be tried: {}", explain_error(error)))
}

fn try_read(kafka: &Connection, topic: &str, group: &str) -> Result<Right, KafkaError> {
    let mut client = kafka.apply_to(ClientConfig::new());
    client
        .set("client.id", "riveg-check")
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100");
    let consumer: BaseConsumer<FaultRecorder> = kafka.client(&client, FaultRecorder::new(kafka.secrets()))?;
    let mut end = TopicPartitionList::new();
    end.add_partition_offset(topic, 0, Offset::End)?;
    consumer.assign(&end)?;
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {
                return Ok(group_right(&consumer, topic, group));
            }
            // The client looks up the group by itself, and this error may come before that of the topic.
            Some(Err(error))
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) =>
            {
                return Ok(group_denied(group, &error));
            }
            Some(Err(error)) if is_denial(error.rdkafka_error_code()) => {
                return Ok(Right::Denied(format!("READ is not granted: {}", explain_error(&error))));
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(Right::Unknown(format!("nothing was heard within {} s", PATIENCE.as_secs())))
}

/// Looks up the group without joining it: joining would move partitions of running engines.
fn group_right(consumer: &BaseConsumer<FaultRecorder>, topic: &str, group: &str) -> Right {
    let mut partition = TopicPartitionList::new();
    partition.add_partition(topic, 0);
    match consumer.committed_offsets(partition, PATIENCE) {
        Err(error) if is_denial(error.rdkafka_error_code()) => Right::Denied(format!(
            "READ is granted, but the group `{group}` may not be used: {}",
            explain_error(&error)
        )),
        Err(error) => {
            Right::Unknown(format!("READ is granted; the group `{group}`: {}", explain_error(&error)))
        }
        Ok(_) => Right::Granted(format!(
            "READ is granted, and the group `{group}` may be looked up; that it may be joined shows only when it is"
        )),
    }
}

fn group_denied(group: &str, error: &KafkaError) -> Right {
    Right::Denied(format!("the group `{group}` may not be used: {}", explain_error(error)))
}

fn try_write(kafka: &Connection, topic: &str) -> Result<Option<RDKafkaErrorCode>, KafkaError> {
    let mut client = kafka.apply_to(ClientConfig::new());
    client
        .set("client.id", "riveg-check")
        .set("allow.auto.create.topics", "false")
        .set("enable.idempotence", "false")
        // Kafka defines 0, 1 and all. Brokers refuse other values before they read the record.
        .set("acks", "2")
        .set("retries", "0")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string());
    let context = AnswerRecorder { secrets: kafka.secrets(), answer: Mutex::default() };
    let producer: ThreadedProducer<AnswerRecorder> = kafka.client(&client, context)?;
    producer.send(BaseRecord::<(), ()>::to(topic).partition(0)).map_err(|(error, _)| error)?;
    producer.flush(PATIENCE)?;
    let answer = producer.context().answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    // The producer has flushed, so there is a delivery report.
    Ok(answer.unwrap_or(Some(RDKafkaErrorCode::MessageTimedOut)))
}

/// The meaning of the answer to a record with an undefined number of acknowledgements; none: it was written.
fn right_of_answer(answer: Option<RDKafkaErrorCode>) -> Right {
    match answer {
        Some(RDKafkaErrorCode::InvalidRequiredAcks) => Right::Granted("WRITE is granted".to_owned()),
        None => Right::Unknown(
            "these brokers take what Kafka refuses: a record without key and value was written".to_owned(),
        ),
        code if is_denial(code) => Right::Denied(format!("WRITE is not granted: {}", explain_code(code))),
        code => Right::Unknown(format!("could not be tried: {}", explain_code(code))),
    }
}

fn explain_code(code: Option<RDKafkaErrorCode>) -> String {
    explain(&code.map(|code| code.to_string()).unwrap_or_default())
}

fn is_denial(code: Option<RDKafkaErrorCode>) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Some(
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
        )
    )
}

/// Records the answer to the one record.
struct AnswerRecorder {
    secrets: Secrets,
    /// The error of the delivery, if there was one.
    answer: Mutex<Option<Option<RDKafkaErrorCode>>>,
}

impl ClientContext for AnswerRecorder {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.secrets.token()
    }

    // Errors of the brokers were reported before the test of rights.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for AnswerRecorder {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let answer = result.as_ref().err().and_then(|(error, _)| error.rdkafka_error_code());
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_an_impossible_request_tells_who_may_write() {
        use RDKafkaErrorCode as Code;
        assert_eq!(
            right_of_answer(Some(Code::InvalidRequiredAcks)),
            Right::Granted("WRITE is granted".to_owned())
        );
        let Right::Denied(said) = right_of_answer(Some(Code::TopicAuthorizationFailed)) else { panic!() };
        assert!(said.contains("grant READ on ingest.topic, and WRITE on publish.topic"), "{said}");
        for code in [None, Some(Code::MessageTimedOut), Some(Code::UnknownTopic)] {
            assert!(matches!(right_of_answer(code), Right::Unknown(_)), "{code:?}");
        }
    }
}
