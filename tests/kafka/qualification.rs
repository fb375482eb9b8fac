//! Qualification of the broker: the promises that exactly-once delivery relies on. Without them other tests prove
//! nothing.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::{WITHIN, Writer, broker, committed, create_topic, read_committed, unique, until};

fn producer(id: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker()).set("transactional.id", id);
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(WITHIN).unwrap();
    producer
}

fn write(producer: &BaseProducer, topic: &str, value: &str) {
    producer.begin_transaction().unwrap();
    producer.send(BaseRecord::<str, str>::to(topic).payload(value)).map_err(|(error, _)| error).unwrap();
    // A record that is not on the broker would prove nothing.
    producer.flush(WITHIN).unwrap();
}

fn seen(topic: &str) -> Vec<String> {
    use rdkafka::Message;
    let messages = read_committed(broker(), topic, 1);
    messages.iter().map(|message| String::from_utf8(message.payload().unwrap().to_vec()).unwrap()).collect()
}

fn member(group: &str, topic: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker()).set("group.id", group).set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.set("enable.auto.commit", "false").create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    until("the member reads", || consumer.poll(Duration::from_millis(100)).and_then(Result::ok).map(drop));
    consumer
}

fn topic() -> String {
    let topic = unique("qualification");
    create_topic(broker(), &topic, 1);
    topic
}

fn offset(topic: &str, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    list
}

#[test]
fn records_of_open_and_aborted_transactions_are_not_read() {
    let topic = topic();
    let producer = producer(&unique("id"));
    write(&producer, &topic, "first");
    assert_eq!(seen(&topic), [""; 0], "an open transaction is read");
    producer.commit_transaction(WITHIN).unwrap();
    write(&producer, &topic, "second");
    producer.abort_transaction(WITHIN).unwrap();
    write(&producer, &topic, "third");
    producer.commit_transaction(WITHIN).unwrap();
    assert_eq!(seen(&topic), ["first", "third"]);
}

#[test]
fn offsets_move_with_their_transaction() {
    let (input, output, group) = (topic(), topic(), unique("group"));
    let writer = Writer::new(broker());
    writer.send(&input, 0, None, Some(b"post"));
    writer.flush();
    let consumer = member(&group, &input);
    let producer = producer(&unique("id"));
    for (offsets, commit, held) in [(1, false, None), (1, true, Some(1))] {
        write(&producer, &output, "answer");
        let metadata = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&offset(&input, offsets), &metadata, WITHIN).unwrap();
        let ended =
            if commit { producer.commit_transaction(WITHIN) } else { producer.abort_transaction(WITHIN) };
        ended.unwrap();
        assert_eq!(committed(broker(), &group, &input, 1).get(&0).copied(), held);
    }
}

#[test]
fn a_second_producer_with_a_transactional_id_fences_the_first() {
    let (topic, id) = (topic(), unique("id"));
    let first = producer(&id);
    write(&first, &topic, "of the first");
    let second = producer(&id);
    let KafkaError::Transaction(error) = first.commit_transaction(WITHIN).unwrap_err() else {
        panic!("not a transaction's error")
    };
    assert!(error.is_fatal(), "{error}");
    let (code, _) = first.client().fatal_error().unwrap();
    assert!(matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::InvalidProducerEpoch), "{code:?}");
    write(&second, &topic, "of the second");
    second.commit_transaction(WITHIN).unwrap();
    assert_eq!(seen(&topic), ["of the second"]);
}

#[test]
fn offsets_of_an_old_generation_are_refused_with_their_whole_transaction() {
    let (input, output, group) = (unique("qualification"), topic(), unique("group"));
    create_topic(broker(), &input, 2);
    let writer = Writer::new(broker());
    (0..20).for_each(|number| writer.send(&input, number % 2, None, Some(b"post")));
    writer.flush();
    let first = member(&group, &input);
    let stale = first.group_metadata().unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker()).set("group.id", &group).set("auto.offset.reset", "earliest");
    let second: BaseConsumer = config.create().unwrap();
    second.subscribe(&[&input]).unwrap();
    until("the second member has a partition", || {
        let _ = first.poll(Duration::from_millis(50));
        let _ = second.poll(Duration::from_millis(50));
        (second.assignment().unwrap().count() == 1).then_some(())
    });
    let producer = producer(&unique("id"));
    write(&producer, &output, "too late");
    let refused = producer.send_offsets_to_transaction(&offset(&input, 1), &stale, WITHIN).unwrap_err();
    let KafkaError::Transaction(error) = &refused else { panic!("{refused}") };
    assert!(error.txn_requires_abort() && !error.is_fatal(), "{error}");
    producer.abort_transaction(WITHIN).unwrap();
    assert_eq!(seen(&output), [""; 0]);
    assert_eq!(committed(broker(), &group, &input, 2).get(&0), None);
}
