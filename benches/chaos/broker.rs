//! Kafka broker of a run: started, crashed and restarted over the same data, and read at the end.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Timeout of requests to a running broker.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 3;
/// The topics that are read: the engines name the first one, and match the second.
pub(crate) const INPUTS: [&str; 2] = ["posts", "posts.more"];
pub(crate) const OUTPUT: &str = "annotations";
pub(crate) const DEAD_LETTERS: &str = "dead-letters";
pub(crate) const GROUP: &str = "chaos";
/// Maximum size of records in the engines' output topics: the broker's default. The input topic allows more (8 MB), so
/// that some posts do not fit into the topic of their answers.
const MAX_ANSWER_BYTES: &str = "1048588";

/// An Apache Kafka broker on its own port.
pub(crate) struct Broker {
    pub(crate) bootstrap: String,
    port: String,
    data: PathBuf,
}

impl Broker {
    pub(crate) fn start(folder: &Path) -> Self {
        // A free port that the broker keeps through all its crashes. It lies outside of the system's range for outgoing
        // connections, one of which could otherwise take it while the broker is down.
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let first = 20_000 + (process::id() % 10_000) as u16;
        let port = (first..32_000).find(is_free).unwrap().to_string();
        let data = std::path::absolute(folder).unwrap().join("broker");
        let broker = Self { bootstrap: format!("127.0.0.1:{port}"), port, data };
        broker.boot();
        broker
    }

    /// Ends the broker as a crash would.
    pub(crate) fn crash(&self) {
        self.script(&["halt", "--port", &self.port]);
    }

    pub(crate) fn boot(&self) {
        let data = self.data.to_str().unwrap();
        let ends_with = process::id().to_string();
        self.script(&["start", "--port", &self.port, "--data", data, "--until-ends", &ends_with]);
    }

    /// Settings of an engine for the topics of this broker, with its state in the given folder.
    pub(crate) fn settings(&self, state: &Path) -> Vec<String> {
        vec![
            format!("kafka.bootstrap={}", self.bootstrap),
            format!("ingest.topic={}", INPUTS[0]),
            format!("ingest.group={GROUP}"),
            format!("publish.topic={OUTPUT}"),
            format!("publish.dead_letter_topic={DEAD_LETTERS}"),
            format!("engine.state={}", state.display()),
        ]
    }

    pub(crate) fn stop(&self) {
        self.script(&["stop", "--port", &self.port]);
    }

    fn script(&self, arguments: &[&str]) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka");
        let status = Command::new(script).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "scripts/kafka {arguments:?}: {status}");
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", GROUP);
        config
    }

    pub(crate) fn create_topics(&self) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let topic = |name| NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(1));
        let small = |name| topic(name).set("max.message.bytes", MAX_ANSWER_BYTES);
        let topics = [topic(INPUTS[0]), topic(INPUTS[1]), small(OUTPUT), small(DEAD_LETTERS)];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for result in runtime.block_on(admin.create_topics(&topics, &options)).unwrap() {
            result.unwrap();
        }
    }

    /// Waits until the group has committed the end of the input; `false` after the timeout.
    pub(crate) fn wait_until_all_answered(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let consumer: BaseConsumer = self.config().create().unwrap();
        let end = || -> Option<i64> {
            let partitions =
                INPUTS.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)));
            let ends = partitions
                .map(|(topic, partition)| consumer.fetch_watermarks(topic, partition, TIMEOUT).ok());
            ends.map(|marks| Some(marks?.1)).sum()
        };
        while Instant::now() < deadline {
            if end().is_some_and(|end| self.answered() == end) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        false
    }

    /// The number of posts whose offsets the group has committed.
    pub(crate) fn answered(&self) -> i64 {
        let consumer: BaseConsumer = self.config().create().unwrap();
        let mut list = TopicPartitionList::new();
        INPUTS.iter().for_each(|topic| list.add_partition_range(topic, 0, PARTITIONS - 1));
        let Ok(committed) = consumer.committed_offsets(list, TIMEOUT) else { return 0 };
        let offset = |offset| if let Offset::Offset(offset) = offset { offset } else { 0 };
        committed.elements().iter().map(|element| offset(element.offset())).sum()
    }

    /// The number of records that the topic of answers has taken.
    pub(crate) fn written(&self) -> i64 {
        let consumer: BaseConsumer = self.config().create().unwrap();
        let end = |partition| consumer.fetch_watermarks(OUTPUT, partition, TIMEOUT).map_or(0, |(_, end)| end);
        (0..PARTITIONS).map(end).sum()
    }

    /// Waits until the group has so many members, each with a share of the partitions.
    pub(crate) fn wait_for_members(&self, members: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let consumer: BaseConsumer = self.config().create().unwrap();
        let are_there = || {
            let groups = consumer.fetch_group_list(Some(GROUP), TIMEOUT).ok()?;
            let group = groups.groups().first()?;
            let with_share = group.members().iter().filter(|member| member.assignment().is_some());
            (group.state() == "Stable" && with_share.count() == members).then_some(())
        };
        while are_there().is_none() {
            assert!(Instant::now() < deadline, "the group does not have {members} members");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The records of the first topic that is read.
    pub(crate) fn posts(&self) -> Vec<OwnedMessage> {
        self.committed(INPUTS[0])
    }

    pub(crate) fn annotations(&self) -> Vec<OwnedMessage> {
        self.committed(OUTPUT)
    }

    pub(crate) fn dead_letters(&self) -> Vec<OwnedMessage> {
        self.committed(DEAD_LETTERS)
    }

    /// All committed records of a topic, in the order of each partition.
    fn committed(&self, topic: &str) -> Vec<OwnedMessage> {
        let mut config = self.config();
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let consumer: BaseConsumer = config.set("enable.auto.commit", "false").create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let deadline = Instant::now() + Duration::from_secs(120);
        let (mut ends, mut messages) = (BTreeSet::new(), Vec::new());
        while ends.len() < list.count() {
            assert!(Instant::now() < deadline, "the end of {topic} is not in sight");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => messages.push(message.detach()),
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(ends.insert(partition)),
                Some(Err(error)) => println!("reading {topic}: {error}"),
                None => {}
            }
        }
        messages.sort_by_key(|message| (message.partition(), message.offset()));
        messages
    }
}
