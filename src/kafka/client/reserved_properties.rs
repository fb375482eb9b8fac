//! Which properties of librdkafka are not free? Those on which delivery, order and membership rest.
//!
//! A property that has a setting of its own is refused with the name of that setting; any other may be set to what the
//! engine needs and to nothing else.

/// What the value of a guarded property must be.
#[derive(Debug, Clone, Copy)]
enum Must {
    /// Not set at all: this setting sets it.
    BeLeftTo(&'static str),
    /// One of these, of which the first is ours; upper and lower case are the same.
    Be(&'static [&'static str]),
    /// Anything but these.
    NotBe(&'static [&'static str]),
    AtLeast(i64),
    AtMost(i64),
}

use Must::{AtLeast, AtMost, Be, BeLeftTo, NotBe};

/// As librdkafka reads booleans.
const YES: Must = Be(&["true", "t", "1"]);
const NO: Must = Be(&["false", "f", "0"]);

/// Names of one property, what it must be, and why.
type Guarded = (&'static [&'static str], Must, &'static str);

const GUARDED: &[Guarded] = &[
    // Where the brokers are.
    (
        &["bootstrap.servers", "metadata.broker.list"],
        BeLeftTo("kafka.bootstrap"),
        "messages and probes name the brokers by it",
    ),
    (
        &["allow.auto.create.topics"],
        NO,
        "a misspelt name would become a new topic, and its posts would wait for ever",
    ),
    // What is committed, and when.
    (
        &["enable.auto.commit", "auto.commit.enable"],
        NO,
        "the client would commit posts that are not answered yet, and a crash would lose them",
    ),
    (
        &["auto.commit.interval.ms"],
        BeLeftTo("ingest.commit_interval"),
        "the engine commits what is answered, not the client",
    ),
    (
        &["enable.auto.offset.store"],
        NO,
        "the client would store offsets of posts that are not answered yet, and a crash would lose them",
    ),
    (
        &["offset.store.method"],
        Be(&["broker"]),
        "offsets in a file of one machine are unknown to the other engines of the group",
    ),
    (
        &["offset.store.path", "offset.store.sync.interval.ms"],
        BeLeftTo("ingest.group"),
        "offsets are kept by the brokers under the group, not in a file",
    ),
    (
        &["auto.offset.reset"],
        BeLeftTo("ingest.start"),
        "where a position is lost, the engine itself says so and goes on by its settings",
    ),
    // What is read.
    (
        &["isolation.level"],
        Be(&["read_committed"]),
        "records of transactions that are given up would be answered",
    ),
    (
        &["enable.partition.eof"],
        YES,
        "the engine commits past the markers of transactions where a partition ends",
    ),
    // Who is in the group, and who has which partitions.
    (&["group.id"], BeLeftTo("ingest.group"), "a transaction and the commits of the reader name one group"),
    (
        &["group.instance.id"],
        BeLeftTo("ingest.instance"),
        "one name for several engines would make them end each other",
    ),
    (&["group.protocol.type"], Be(&["consumer"]), "the engine is a consumer"),
    (
        &["group.protocol", "partition.assignment.strategy"],
        BeLeftTo("ingest.protocol"),
        "partitions are drained one by one before they change hands, which not every way of sharing them allows",
    ),
    (
        &["session.timeout.ms", "heartbeat.interval.ms"],
        BeLeftTo("ingest.session_timeout"),
        "heartbeats must be several times as frequent",
    ),
    (
        &["max.poll.interval.ms"],
        AtLeast(300_000),
        "the group would throw out an engine that drains a partition for ingest.revoke_deadline",
    ),
    // What is written: all of it, once, in order.
    (
        &["acks", "request.required.acks"],
        Be(&["all", "-1"]),
        "an answer that a broker loses after its post is committed is never given again",
    ),
    (&["enable.idempotence"], YES, "repeats by the client would double and reorder answers"),
    (&["enable.gapless.guarantee"], NO, "one answer that is too large would end the producer"),
    (
        &["max.in.flight", "max.in.flight.requests.per.connection"],
        AtMost(5),
        "brokers keep the order of no more requests than that when one of them is repeated",
    ),
    (
        &["message.send.max.retries", "retries"],
        AtLeast(2_147_483_647),
        "a client that stops repeating leaves a gap in the order of answers",
    ),
    (
        &["message.timeout.ms", "delivery.timeout.ms"],
        BeLeftTo("publish.delivery"),
        "an answer that the client gives up while later ones are on their way is out of order",
    ),
    (&["queuing.strategy"], Be(&["fifo"]), "answers would leave in reverse order"),
    (
        &["partitioner"],
        NotBe(&["random"]),
        "answers of one key would lie in several partitions, without order and out of reach of compaction",
    ),
    (&["delivery.report.only.error"], NO, "a post is committed when the delivery of its answer is reported"),
    (
        &["transactional.id"],
        BeLeftTo("publish.transactional_id"),
        "one name for several engines would make them end each other",
    ),
    // What the engine hears of its clients.
    (&["log.queue"], NO, "the engine reads in the client's log which commits were refused"),
    (
        &["log_level"],
        AtLeast(6),
        "the engine reads in the client's log which commits were refused; --log says what is shown of it",
    ),
];

/// What is wrong with a property of that name and value, if anything.
pub(super) fn fault(name: &str, value: &str) -> Option<String> {
    // librdkafka takes names of properties of topics with this in front too.
    let plain = name.strip_prefix("topic.").unwrap_or(name);
    let (_, must, why) =
        GUARDED.iter().find(|(names, ..)| names.iter().any(|known| *known == name || *known == plain))?;
    let is_one_of = |values: &[&str]| values.iter().any(|one| one.eq_ignore_ascii_case(value.trim()));
    let number = value.trim().parse::<i64>().ok();
    let (holds, message) = match must {
        BeLeftTo(setting) => (false, format!("is set by {setting} alone")),
        Be(values) => (is_one_of(values), format!("must be `{}`", values[0])),
        NotBe(values) => (!is_one_of(values), format!("must not be `{}`", values.join("` or `"))),
        AtLeast(least) => (number.is_some_and(|number| number >= *least), format!("must be {least} or more")),
        AtMost(most) => {
            (number.is_some_and(|number| (1..=*most).contains(&number)), format!("must be 1 to {most}"))
        }
    };
    (!holds).then(|| format!("{message}: {why}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rdkafka::ClientConfig;

    use super::*;

    /// All other properties of librdkafka: how it reaches brokers and is let in, how much it holds and asks for at one
    /// time, how long it waits before it asks again, and pointers of programs, which it refuses itself.
    const FREE: &str = "
        builtin.features client.id message.max.bytes message.copy.max.bytes receive.message.max.bytes
        metadata.recovery.strategy metadata.recovery.rebootstrap.trigger.ms topic.metadata.refresh.interval.ms
        metadata.max.age.ms topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.fast.cnt
        topic.metadata.refresh.sparse topic.metadata.propagation.max.ms topic.blacklist debug socket.timeout.ms
        socket.blocking.max.ms socket.send.buffer.bytes socket.receive.buffer.bytes socket.keepalive.enable
        socket.nagle.disable socket.max.fails broker.address.ttl broker.address.family
        socket.connection.setup.timeout.ms connections.max.idle.ms reconnect.backoff.jitter.ms reconnect.backoff.ms
        reconnect.backoff.max.ms statistics.interval.ms error_cb throttle_cb stats_cb log_cb log.thread.name
        enable.random.seed log.connection.close background_event_cb socket_cb connect_cb closesocket_cb open_cb
        resolve_cb opaque default_topic_conf internal.termination.signal api.version.request
        api.version.request.timeout.ms api.version.fallback.ms broker.version.fallback security.protocol
        ssl.cipher.suites ssl.curves.list ssl.sigalgs.list ssl.key.location ssl.key.password ssl.key.pem ssl_key
        ssl.certificate.location ssl.certificate.pem ssl_certificate ssl.ca.location https.ca.location https.ca.pem
        ssl.ca.pem ssl_ca ssl.ca.certificate.stores ssl.crl.location ssl.keystore.location ssl.keystore.password
        ssl.providers ssl.engine.location ssl.engine.id ssl_engine_callback_data enable.ssl.certificate.verification
        ssl.endpoint.identification.algorithm ssl.certificate.verify_cb sasl.mechanisms sasl.mechanism
        sasl.kerberos.service.name sasl.kerberos.principal sasl.kerberos.kinit.cmd sasl.kerberos.keytab
        sasl.kerberos.min.time.before.relogin sasl.username sasl.password sasl.oauthbearer.config
        enable.sasl.oauthbearer.unsecure.jwt oauthbearer_token_refresh_cb sasl.oauthbearer.method
        sasl.oauthbearer.client.id sasl.oauthbearer.client.credentials.client.id
        sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.secret sasl.oauthbearer.scope
        sasl.oauthbearer.extensions sasl.oauthbearer.token.endpoint.url sasl.oauthbearer.grant.type
        sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.private.key.file
        sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
        sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.claim.aud
        sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
        sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
        sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.jwt.template.file
        sasl.oauthbearer.metadata.authentication.type plugin.library.paths interceptors group.remote.assignor
        coordinator.query.interval.ms queued.min.messages queued.max.messages.kbytes fetch.wait.max.ms
        fetch.queue.backoff.ms fetch.message.max.bytes max.partition.fetch.bytes fetch.max.bytes fetch.min.bytes
        fetch.error.backoff.ms consume_cb rebalance_cb offset_commit_cb check.crcs client.rack transaction.timeout.ms
        queue.buffering.max.messages queue.buffering.max.kbytes queue.buffering.max.ms linger.ms retry.backoff.ms
        retry.backoff.max.ms queue.buffering.backpressure.threshold compression.codec compression.type
        batch.num.messages batch.size dr_cb dr_msg_cb sticky.partitioning.linger.ms client.dns.lookup
        enable.metrics.push request.timeout.ms produce.offset.report partitioner_cb msg_order_cmp compression.level
        consume.callback.max.messages enabled_events";

    /// How many properties librdkafka 2.12.1 lists in its CONFIGURATION.md, names that occur twice counted once.
    const ALL: usize = 190;

    #[test]
    fn every_property_of_the_librdkafka_in_use_is_either_free_or_guarded() {
        let (_, version) = rdkafka::util::get_rdkafka_version();
        assert_eq!(
            version, "2.12.1",
            "another librdkafka may have other properties: hold its list against both"
        );
        let free: BTreeSet<&str> = FREE.split_whitespace().collect();
        let guarded: BTreeSet<&str> = GUARDED.iter().flat_map(|(names, ..)| *names).copied().collect();
        assert!(free.is_disjoint(&guarded));
        assert_eq!(free.len() + guarded.len(), ALL);
        for name in &free {
            assert_eq!(fault(name, "anything"), None, "{name}");
        }
        // A name that librdkafka does not know would guard nothing.
        for name in guarded.iter().filter(|name| **name != "offset.store.path") {
            let mut config = ClientConfig::new();
            let error =
                config.set(*name, "\u{1}").create_native_config().err().map(|error| error.to_string());
            assert!(!error.unwrap_or_default().contains("No such configuration property"), "{name}");
        }
    }

    #[test]
    fn a_guarded_property_may_be_what_the_engine_needs_and_nothing_else() {
        let cases: [(&str, &[&str], &[&str], &str); 12] = [
            ("enable.auto.commit", &["false", "FALSE", "0"], &["true", "1", ""], "must be `false`: "),
            ("auto.commit.enable", &["false"], &["true"], "would lose them"),
            ("enable.auto.offset.store", &["f"], &["true", "t"], "must be `false`: "),
            ("acks", &["all", "-1"], &["0", "1", "2"], "must be `all`: "),
            ("topic.request.required.acks", &["all"], &["1"], "must be `all`: "),
            ("topic.enable.auto.commit", &["false"], &["true"], "must be `false`: "),
            ("isolation.level", &["read_committed"], &["read_uncommitted"], "must be `read_committed`: "),
            ("max.in.flight", &["1", "5"], &["6", "0", "many"], "must be 1 to 5: "),
            ("max.poll.interval.ms", &["300000", "900000"], &["299999"], "must be 300000 or more: "),
            ("partitioner", &["murmur2", "consistent"], &["random", "RANDOM"], "must not be `random`: "),
            ("group.id", &[], &["riveg", ""], "is set by ingest.group alone: "),
            ("transactional.id", &[], &["riveg"], "is set by publish.transactional_id alone: "),
        ];
        for (name, good, bad, message) in cases {
            for value in good {
                assert_eq!(fault(name, value), None, "{name} = {value}");
            }
            for value in bad {
                let said = fault(name, value).unwrap_or_else(|| panic!("{name} = {value} is taken"));
                assert!(said.contains(message), "{name} = {value}: {said}");
            }
        }
    }

    #[test]
    fn every_setting_that_is_named_instead_is_a_setting() {
        let settings: toml::Table = include_str!("../../../config/default.toml").parse().unwrap();
        for (names, must, _) in GUARDED {
            if let BeLeftTo(setting) = must {
                let (section, key) = setting.split_once('.').unwrap();
                assert!(settings[section].get(key).is_some(), "{names:?} name {setting}");
            }
        }
    }
}
