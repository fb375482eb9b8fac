//! The engine before brokers that ask who it is: every way in, and every way to be kept out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::message::Message;
use riveg::engine::{Settings, Summary};
use riveg::kafka::client::Connection;

use super::echo::{Echo, post};
use super::running::{Names, Running};
use crate::support::{
    OwnBroker, Writer, committed, create_topic, log_end, own_broker, read, read_committed, until,
};

/// Brokers at an address, with what is asked for there.
fn connection(bootstrap: &str, properties: &[(&str, &str)]) -> Connection {
    let mut connection = Connection::to(bootstrap);
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    connection.properties.extend(properties.iter().map(owned));
    connection
}

/// Over TLS, with a name and a password.
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

/// Over TLS, with a certificate.
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

/// Over TLS, with the token in a file.
fn by_token(broker: &OwnBroker, file: &Path) -> Connection {
    let ca = broker.file("ca.pem");
    let properties =
        [("security.protocol", "SASL_SSL"), ("ssl.ca.location", &ca), ("sasl.mechanism", "OAUTHBEARER")];
    Connection { oauth_token_file: file.to_owned(), ..connection(&broker.sasl, &properties) }
}

/// Puts a token in a file's place that is good until then: one without a signature, which this broker takes.
fn renew(file: &Path, until: SystemTime) {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (header, issued) = (r#"{"alg":"none"}"#, seconds(SystemTime::now()));
    let claims = format!(r#"{{"sub":"riveg","iat":{issued},"exp":{}}}"#, seconds(until));
    let token = format!("{}.{}.\n", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let new = file.with_extension("new");
    std::fs::write(&new, token).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// The same settings by another way in.
fn over(mut settings: Settings, way: &Connection) -> Settings {
    for kafka in [&mut settings.ingest.kafka, &mut settings.publish.kafka] {
        kafka.bootstrap.clone_from(&way.bootstrap);
        kafka.oauth_token_file.clone_from(&way.oauth_token_file);
        kafka.properties.extend(way.properties.iter().map(|(name, value)| (name.into(), value.into())));
    }
    settings
}

fn topics(broker: &OwnBroker) -> Names {
    let names = Names::new(&broker.plain);
    for topic in [&names.input, &names.output, &names.dead] {
        create_topic(&broker.plain, topic, 3);
    }
    names
}

fn feed(names: &Names, numbers: std::ops::Range<i32>) -> BTreeSet<String> {
    let writer = Writer::new(&names.bootstrap);
    let ids: Vec<String> = numbers.map(|number| format!("post-{number}")).collect();
    for (id, partition) in ids.iter().zip((0..3).cycle()) {
        writer.send(&names.input, partition, Some(id), Some(&post(id)));
    }
    writer.flush();
    ids.into_iter().collect()
}

#[test]
fn three_hundred_posts_go_by_every_way_in_and_each_is_answered_once() {
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
    // One beside the other: most of the time is waiting for groups.
    let engines = ways.map(|(name, way, exactly_once)| {
        let names = topics(broker);
        let ids = feed(&names, 0..300);
        let settings = if exactly_once { names.exactly_once(64, "secure") } else { names.settings(64) };
        (name, names, ids, Running::start(over(settings, way), &Echo::open()))
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
fn a_token_is_read_anew_while_it_is_renewed_and_missed_when_it_is_not() {
    let broker = own_broker();
    let (names, folder) = (topics(broker), tempfile::tempdir().unwrap());
    let file = folder.path().join("token");
    let life = Duration::from_secs(4);
    let first_ends = SystemTime::now() + life;
    renew(&file, first_ends);
    let way = by_token(broker, &file);
    let engine = Running::start(over(names.settings(64), &way), &Echo::open());
    let mut output = read(&broker.plain, &names.output, 3);
    feed(&names, 0..100);
    output.at_least(100);
    until("the first token has run out", || {
        renew(&file, SystemTime::now() + life);
        (SystemTime::now() > first_ends + Duration::from_secs(1)).then_some(())
    });
    feed(&names, 100..200);
    output.at_least(200);

    until("readiness misses a token", || {
        engine
            .health
            .ready(std::time::Instant::now())
            .err()
            .filter(|words| words.contains("ran out at") && words.contains("nothing has"))
    });
    renew(&file, SystemTime::now() + 100 * life);
    feed(&names, 200..300);
    output.at_least(300);
    until("the engine is ready", || engine.health.ready(std::time::Instant::now()).ok());
    let summary = engine.stop().unwrap();
    assert_eq!((summary.annotations, summary.uncommitted), (300, 0));
}

#[test]
fn who_is_kept_out_says_why_in_readiness_and_gives_no_secret_away() {
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
    let kept_out = "does not let us in";
    let cases = [
        ("a wrong password by SCRAM", scram.clone(), false, [kept_out, "Authentication failed"]),
        ("the same, exactly once", scram.clone(), true, [kept_out, "Authentication failed"]),
        (
            "a wrong password by PLAIN",
            by_password(broker, "PLAIN", CANARY),
            false,
            [kept_out, "Authentication failed"],
        ),
        (
            "a mechanism that is not offered",
            by_password(broker, "SCRAM-SHA-256", CANARY),
            false,
            [kept_out, "SCRAM-SHA-256"],
        ),
        (
            "an authority that is not the broker's",
            with(scram.clone(), "ssl.ca.location", &stranger),
            false,
            [kept_out, "ssl.ca.location"],
        ),
        ("no TLS where TLS is spoken", plain, false, ["no Kafka broker answers", "security.protocol"]),
        ("TLS where none is spoken", at(&broker.plain, scram), false, [kept_out, "SSL handshake failed"]),
        ("no certificate where one is asked for", no_certificate, false, [kept_out, "bad certificate"]),
        ("a token that is not there", by_token(broker, &missing), false, [kept_out, "No such file"]),
        ("a token that ran out", by_token(broker, &old), false, [kept_out, "ran out at"]),
        ("a file that holds no token", by_token(broker, &garbage), false, [kept_out, "holds no JWT"]),
    ];
    let engines = cases.map(|(name, way, exactly_once, parts)| {
        let names = Names::new(&broker.plain);
        let settings = if exactly_once { names.exactly_once(4, "out") } else { names.settings(4) };
        (name, parts, Running::start(over(settings, &way), &Echo::open()))
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
