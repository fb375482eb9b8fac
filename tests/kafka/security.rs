//! Security: every method of authentication, and every reason for denied access.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::message::Message;
use riveg::engine::{Settings, Summary};
use riveg::kafka::client::Connection;

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{
    OwnBroker, Writer, committed, create_topic, log_end, own_broker, read, read_committed, until,
};

/// A connection with further properties.
fn connection(bootstrap: &str, properties: &[(&str, &str)]) -> Connection {
    let mut connection = Connection::to(bootstrap);
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    connection.properties.extend(properties.iter().map(owned));
    connection
}

/// SASL over TLS with user and password.
fn by_password(broker: &OwnBroker, mechanism: &str, password: &str) -> Connection {
    let ca = broker.file("ca.pem");
    let properties = [
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", &ca),
        ("sasl.mechanism", mechanism),
        ("sasl.username", "riveg"),
        ("sasl.password", password),
    ];
    connection(&broker.sasl, &properties)
}

/// TLS with a client certificate.
fn by_certificate(broker: &OwnBroker) -> Connection {
    let (ca, certificate, key) =
        (broker.file("ca.pem"), broker.file("client.pem"), broker.file("client.key"));
    let properties = [
        ("security.protocol", "SSL"),
        ("ssl.ca.location", ca.as_str()),
        ("ssl.certificate.location", &certificate),
        ("ssl.key.location", &key),
    ];
    connection(&broker.mtls, &properties)
}

/// SASL over TLS with the token in a file.
fn by_token(broker: &OwnBroker, file: &Path) -> Connection {
    let ca = broker.file("ca.pem");
    let properties =
        [("security.protocol", "SASL_SSL"), ("ssl.ca.location", &ca), ("sasl.mechanism", "OAUTHBEARER")];
    Connection { oauth_token_file: file.to_owned(), ..connection(&broker.sasl, &properties) }
}

/// Replaces a token file by a token that expires then. It has no signature, which this broker accepts.
fn renew(file: &Path, until: SystemTime) {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (header, issued) = (r#"{"alg":"none"}"#, seconds(SystemTime::now()));
    let claims = format!(r#"{{"sub":"riveg","iat":{issued},"exp":{}}}"#, seconds(until));
    let token = format!("{}.{}.\n", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let new = file.with_extension("new");
    std::fs::write(&new, token).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// The same settings with another connection.
fn with_connection(mut settings: Settings, connection: &Connection) -> Settings {
    let kafka = &mut settings.kafka;
    kafka.bootstrap.clone_from(&connection.bootstrap);
    kafka.oauth_token_file.clone_from(&connection.oauth_token_file);
    kafka.properties.extend(connection.properties.iter().map(|(name, value)| (name.into(), value.into())));
    settings
}

fn topics(broker: &OwnBroker) -> TestTopics {
    let names = TestTopics::new(&broker.plain);
    for topic in [&names.input, &names.output, &names.dead] {
        create_topic(&broker.plain, topic, 3);
    }
    names
}

fn feed(names: &TestTopics, numbers: std::ops::Range<i32>) -> BTreeSet<String> {
    let writer = Writer::new(&names.bootstrap);
    let ids: Vec<String> = numbers.map(|number| format!("post-{number}")).collect();
    for (id, partition) in ids.iter().zip((0..3).cycle()) {
        writer.send(&names.input, partition, Some(id), Some(&post(id)));
    }
    writer.flush();
    ids.into_iter().collect()
}

#[test]
fn every_method_of_authentication_works_and_each_post_is_answered_once() {
    let broker = own_broker();
    let password = broker.password();
    let scram = by_password(broker, "SCRAM-SHA-512", &password);
    let ways = [
        ("SCRAM over TLS, at least once", &scram, false),
        ("SCRAM over TLS, exactly once", &scram, true),
        ("PLAIN over TLS", &by_password(broker, "PLAIN", &password), false),
        ("a certificate", &by_certificate(broker), false),
        ("a certificate, exactly once", &by_certificate(broker), true),
    ];
    // In parallel: most of the time is spent waiting for groups.
    let engines = ways.map(|(name, way, exactly_once)| {
        let names = topics(broker);
        let ids = feed(&names, 0..300);
        let settings = if exactly_once { names.exactly_once(64, "secure") } else { names.settings(64) };
        (name, names, ids, RunningEngine::start(with_connection(settings, way), &EchoPipeline::open()))
    });
    for (name, names, ids, engine) in engines {
        let ends = log_end(&broker.plain, &names.input, 3);
        until(&format!("{name}: the group stands at the end"), || {
            (committed(&broker.plain, &names.group, &names.input, 3) == ends).then_some(())
        });
        assert_eq!(engine.health.ready(std::time::Instant::now()), Ok(()), "{name}");
        let summary = engine.stop().unwrap();
        let expected = Summary { posts_in: 300, annotations: 300, dead_letters: 0, uncommitted: 0 };
        assert_eq!(summary, expected, "{name}");
        let answers = read_committed(&broker.plain, &names.output, 3);
        assert_eq!(answers.len(), 300, "{name}");
        let key = |answer: &rdkafka::message::OwnedMessage| answer.key().unwrap().to_vec();
        let answered = answers.iter().map(|answer| String::from_utf8(key(answer)).unwrap());
        assert_eq!(answered.collect::<BTreeSet<_>>(), ids, "{name}");
    }
}

#[test]
fn a_renewed_token_is_read_again_and_an_expired_one_is_reported() {
    let broker = own_broker();
    let (names, folder) = (topics(broker), tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    let life = Duration::from_secs(4);
    let first_ends = SystemTime::now() + life;
    renew(&file, first_ends);
    let way = by_token(broker, &file);
    let engine = RunningEngine::start(with_connection(names.settings(64), &way), &EchoPipeline::open());
    let mut output = read(&broker.plain, &names.output, 3);
    feed(&names, 0..100);
    output.at_least(100);
    until("the first token has expired", || {
        renew(&file, SystemTime::now() + life);
        (SystemTime::now() > first_ends + Duration::from_secs(1)).then_some(())
    });
    feed(&names, 100..200);
    output.at_least(200);

    until("readiness reports the expired token", || {
        engine
            .health
            .ready(std::time::Instant::now())
            .err()
            .filter(|words| words.contains("expired at") && words.contains("was not renewed"))
    });
    renew(&file, SystemTime::now() + 100 * life);
    feed(&names, 200..300);
    output.at_least(300);
    until("the engine is ready", || engine.health.ready(std::time::Instant::now()).ok());
    let summary = engine.stop().unwrap();
    assert_eq!((summary.annotations, summary.uncommitted), (300, 0));
}

#[test]
fn readiness_names_the_reason_for_denied_access_without_secrets() {
    const CANARY: &str = "canary-in-the-mine";
    let (broker, folder) = (own_broker(), tempfile::tempdir().unwrap());
    let (missing, old, garbage) =
        (folder.path().join("missing"), folder.path().join("old"), folder.path().join("garbage"));
    renew(&old, SystemTime::now() - Duration::from_secs(60));
    std::fs::write(&garbage, CANARY).unwrap();
    let with = |mut way: Connection, name: &str, value: &str| {
        way.properties.insert(name.to_owned(), value.to_owned());
        way
    };
    let at = |bootstrap: &str, way: Connection| Connection { bootstrap: bootstrap.to_owned(), ..way };
    let (scram, stranger) = (by_password(broker, "SCRAM-SHA-512", CANARY), broker.file("stranger.pem"));
    let plain = Connection::to(&broker.sasl);
    let no_certificate = connection(
        &broker.mtls,
        &[("security.protocol", "SSL"), ("ssl.ca.location", &broker.file("ca.pem"))],
    );
    let denied = "denies access";
    let cases = [
        ("a wrong password by SCRAM", scram.clone(), false, [denied, "Authentication failed"]),
        ("the same, exactly once", scram.clone(), true, [denied, "Authentication failed"]),
        (
            "a wrong password by PLAIN",
            by_password(broker, "PLAIN", CANARY),
            false,
            [denied, "Authentication failed"],
        ),
        (
            "an unsupported mechanism",
            by_password(broker, "SCRAM-SHA-256", CANARY),
            false,
            [denied, "SCRAM-SHA-256"],
        ),
        (
            "a certificate authority that is not the broker's",
            with(scram.clone(), "ssl.ca.location", &stranger),
            false,
            [denied, "ssl.ca.location"],
        ),
        ("plain text to a TLS port", plain, false, ["no Kafka broker answers", "security.protocol"]),
        ("TLS where none is spoken", at(&broker.plain, scram), false, [denied, "SSL handshake failed"]),
        ("no client certificate where one is required", no_certificate, false, [denied, "bad certificate"]),
        ("a missing token", by_token(broker, &missing), false, [denied, "No such file"]),
        ("an expired token", by_token(broker, &old), false, [denied, "expired at"]),
        ("a file without a token", by_token(broker, &garbage), false, [denied, "holds no JWT"]),
    ];
    let engines = cases.map(|(name, way, exactly_once, parts)| {
        let names = TestTopics::new(&broker.plain);
        let settings = if exactly_once { names.exactly_once(4, "out") } else { names.settings(4) };
        (name, parts, RunningEngine::start(with_connection(settings, &way), &EchoPipeline::open()))
    });
    for (name, parts, engine) in engines {
        let words = until(&format!("readiness says of {name}: {parts:?}"), || {
            engine
                .health
                .ready(std::time::Instant::now())
                .err()
                .filter(|words| parts.iter().all(|part| words.contains(part)))
        });
        assert!(!words.contains(CANARY), "{name}: {words}");
        assert!(!engine.has_ended(), "{name}: who is kept out waits");
        let summary = engine.stop().unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(
            summary,
            Summary { posts_in: 0, annotations: 0, dead_letters: 0, uncommitted: 0 },
            "{name}"
        );
    }
}
