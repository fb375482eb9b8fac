//! Reserved properties of librdkafka: those on which delivery, order and group membership depend.
//!
//! A property that has a setting of its own is rejected with the name of that setting. Any other may only be set to the
//! value that the engine needs.

/// The rule for the value of a reserved property.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// It must not be set: this setting of the engine sets it.
    SetBy(&'static str),
    /// It must have one of these values, of which the engine uses the first. Case is ignored.
    OneOf(&'static [&'static str]),
    /// It must not have these values.
    NoneOf(&'static [&'static str]),
    AtLeast(i64),
    AtMost(i64),
}

use Rule::{AtLeast, AtMost, NoneOf, OneOf, SetBy};

/// Booleans as librdkafka parses them.
const YES: Rule = OneOf(&["true", "t", "1"]);
const NO: Rule = OneOf(&["false", "f", "0"]);

/// The names of a property, its rule, and the reason.
type Reserved = (&'static [&'static str], Rule, &'static str);

const RESERVED: &[Reserved] = &[
    // Addresses of the brokers.
    (
        &["bootstrap.servers", "metadata.broker.list"],
        SetBy("kafka.bootstrap"),
        "messages and probes use it to name the brokers",
    ),
    (
        &["allow.auto.create.topics"],
        NO,
        "a misspelt name would create a new topic, and its posts would never be read",
    ),
    // Commits.
    (
        &["enable.auto.commit", "auto.commit.enable"],
        NO,
        "the client would commit posts before they are answered, and a crash would lose them",
    ),
    (
        &["auto.commit.interval.ms"],
        SetBy("ingest.commit_interval"),
        "the engine commits answered posts; the client does not commit",
    ),
    (
        &["enable.auto.offset.store"],
        NO,
        "the client would store offsets of posts before they are answered, and a crash would lose them",
    ),
    (&["offset.store.method"], OneOf(&["broker"]), "other engines of the group do not see offsets in a file"),
    (
        &["offset.store.path", "offset.store.sync.interval.ms"],
        SetBy("ingest.group"),
        "the brokers keep offsets under the group; there is no file",
    ),
    (
        &["auto.offset.reset"],
        SetBy("ingest.start"),
        "the engine itself detects a lost position, reports it and continues as its settings say",
    ),
    // Reading.
    (&["isolation.level"], OneOf(&["read_committed"]), "records of aborted transactions would be answered"),
    (&["enable.partition.eof"], YES, "the engine commits past transaction markers at the end of a partition"),
    // Group membership and assignment.
    (&["group.id"], SetBy("ingest.group"), "transactions and commits of the reader must name the same group"),
    (
        &["group.instance.id"],
        SetBy("ingest.instance"),
        "several engines with one name would fence each other",
    ),
    (&["group.protocol.type"], OneOf(&["consumer"]), "the engine is a consumer"),
    (
        &["group.protocol", "partition.assignment.strategy"],
        SetBy("ingest.protocol"),
        "partitions are drained one by one before they are handed over, which not every assignment strategy allows",
    ),
    (
        &["session.timeout.ms", "heartbeat.interval.ms"],
        SetBy("ingest.session_timeout"),
        "several heartbeats must fit into a session timeout",
    ),
    (
        &["max.poll.interval.ms"],
        AtLeast(300_000),
        "the group would remove an engine that drains a partition for ingest.revoke_deadline",
    ),
    // Writing: complete, once, in order.
    (
        &["acks", "request.required.acks"],
        OneOf(&["all", "-1"]),
        "an answer that a broker loses after its post is committed is never written again",
    ),
    (&["enable.idempotence"], YES, "retries of the client would duplicate and reorder answers"),
    (&["enable.gapless.guarantee"], NO, "one answer that is too large would end the producer"),
    (
        &["max.in.flight", "max.in.flight.requests.per.connection"],
        AtMost(5),
        "brokers keep the order of at most five requests when one of them is retried",
    ),
    (
        &["message.send.max.retries", "retries"],
        AtLeast(2_147_483_647),
        "a client that stops retrying leaves a gap in the order of answers",
    ),
    (
        &["message.timeout.ms", "delivery.timeout.ms"],
        SetBy("publish.delivery"),
        "an answer that the client drops while later ones are under way is out of order",
    ),
    (&["queuing.strategy"], OneOf(&["fifo"]), "answers would be written in reverse order"),
    (
        &["partitioner"],
        NoneOf(&["random"]),
        "answers with one key would be in several partitions, without order, and compaction would miss them",
    ),
    (&["delivery.report.only.error"], NO, "a post is committed when the delivery of its answer is reported"),
    (
        &["transactional.id"],
        SetBy("publish.transactional_id"),
        "several engines with one name would fence each other",
    ),
    // Reports of the clients.
    (&["log.queue"], NO, "the engine reads refused commits from the client's log"),
    (
        &["log_level"],
        AtLeast(6),
        "the engine reads refused commits from the client's log; --log sets how much of it is shown",
    ),
];

/// Why a property must not have that value. None if it may.
pub(super) fn fault(name: &str, value: &str) -> Option<String> {
    // librdkafka also accepts topic properties with this prefix.
    let plain = name.strip_prefix("topic.").unwrap_or(name);
    let (_, rule, why) =
        RESERVED.iter().find(|(names, ..)| names.iter().any(|known| *known == name || *known == plain))?;
    let is_one_of = |values: &[&str]| values.iter().any(|one| one.eq_ignore_ascii_case(value.trim()));
    let number = value.trim().parse::<i64>().ok();
    let (holds, message) = match rule {
        SetBy(setting) => (false, format!("is set by {setting} alone")),
        OneOf(values) => (is_one_of(values), format!("must be `{}`", values[0])),
        NoneOf(values) => (!is_one_of(values), format!("must not be `{}`", values.join("` or `"))),
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

    /// All other properties of librdkafka: addresses and authentication, sizes of buffers and requests, pauses between
    /// retries, and pointers of programs, which librdkafka itself refuses.
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
    fn every_property_of_the_librdkafka_in_use_is_either_free_or_reserved() {
        let (_, version) = rdkafka::util::get_rdkafka_version();
        assert_eq!(
            version, "2.12.1",
            "another librdkafka may have other properties: compare its list with both"
        );
        let free: BTreeSet<&str> = FREE.split_whitespace().collect();
        let reserved: BTreeSet<&str> = RESERVED.iter().flat_map(|(names, ..)| *names).copied().collect();
        assert!(free.is_disjoint(&reserved));
        assert_eq!(free.len() + reserved.len(), ALL);
        for name in &free {
            assert_eq!(fault(name, "anything"), None, "{name}");
        }
        // A name that librdkafka does not know would have no effect.
        for name in reserved.iter().filter(|name| **name != "offset.store.path") {
            let mut config = ClientConfig::new();
            let error =
                config.set(*name, "\u{1}").create_native_config().err().map(|error| error.to_string());
            assert!(!error.unwrap_or_default().contains("No such configuration property"), "{name}");
        }
    }

    #[test]
    fn a_reserved_property_may_only_have_the_value_that_the_engine_needs() {
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
                let said = fault(name, value).unwrap_or_else(|| panic!("{name} = {value} is accepted"));
                assert!(said.contains(message), "{name} = {value}: {said}");
            }
        }
    }

    #[test]
    fn every_setting_that_is_named_instead_exists() {
        let settings: toml::Table = include_str!("../../../config/default.toml").parse().unwrap();
        for (names, rule, _) in RESERVED {
            if let SetBy(setting) = rule {
                let (section, key) = setting.split_once('.').unwrap();
                assert!(settings[section].get(key).is_some(), "{names:?} name {setting}");
            }
        }
    }
}
