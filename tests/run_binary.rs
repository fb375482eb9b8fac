//! Command `riveg run` as a process: readiness, answers and dead letters in Kafka, and clean shutdown at SIGTERM.

use std::io::ErrorKind::ConnectionReset;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rdkafka::message::Message;
use riveg::kafka::publish::EmbeddedBroker;
use serde_json::{Value, json};

use crate::support::{
    Process, WITHIN, Writer, answered_records, binary, committed, get, header, pictures, read,
    refused_records, until,
};

#[test]
fn the_process_answers_posts_from_kafka_and_ends_cleanly_at_sigterm() {
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let (bundle, pictures) = (tempfile::tempdir().unwrap(), pictures());
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    // A port that was free just now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = Command::new(env!("CARGO_BIN_EXE_riveg"))
        .args(["run", "--log-format", "json"])
        .env("RIVEG_KAFKA__BOOTSTRAP", broker.bootstrap())
        .env("RIVEG_BUNDLE__PATH", bundle.path())
        .env("RIVEG_TELEMETRY__ADDRESS", &address)
        .env("RIVEG_FETCH__FILE_ROOT", pictures.path())
        .env("RIVEG_DECODE__DEGRADE", "dead-letter")
        // Frequent enough for this test to see it.
        .env("RIVEG_TELEMETRY__PROGRESS", "100ms")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let mut log = process.0.stderr.take().unwrap();
    // Read continuously, so that a full pipe never blocks the process.
    let logged = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });

    // Each kind of bad record between good ones.
    let writer = Writer::new(&broker.bootstrap());
    let (bad, good) = (refused_records(), answered_records(pictures.path()));
    for index in 0..bad.len().max(good.len()) {
        if let Some((case, record, _, _)) = bad.get(index) {
            writer.send("riveg.posts", 0, Some(case), Some(record));
        }
        if let Some(record) = good.get(index) {
            writer.send("riveg.posts", 0, Some("good"), Some(record.as_bytes()));
        }
    }
    writer.flush();

    let mut annotations = read(&broker.bootstrap(), "riveg.annotations", 1);
    for (answer, asked) in annotations.at_least(good.len()).iter().zip(&good) {
        let annotation: Value = serde_json::from_slice(answer.payload().unwrap()).unwrap();
        let asked: Value = serde_json::from_str(&asked.replace(r"\ud83d", "")).unwrap();
        assert_eq!(
            (&annotation["post_id"], &annotation["schema"]),
            (&asked["id"], &json!("riveg.annotation"))
        );
    }
    let mut letters = read(&broker.bootstrap(), "riveg.dead-letters", 1);
    for (letter, (case, record, class, part)) in letters.at_least(bad.len()).iter().zip(&bad) {
        assert_eq!(
            (letter.key(), letter.payload()),
            (Some(case.as_bytes()), Some(record.as_slice())),
            "{case}"
        );
        assert_eq!(header(letter, "riveg.error.class"), Some(*class), "{case}");
        let message = header(letter, "riveg.error.message").unwrap();
        assert!(message.contains(part), "{case}: {message}");
        assert_eq!(header(letter, "riveg.error.topic"), Some("riveg.posts"), "{case}");
        assert!(
            header(letter, "riveg.error.offset").is_some_and(|offset| offset.parse::<i64>().is_ok()),
            "{case}"
        );
    }

    let ready =
        until("readiness", || get(&address, "/readyz").filter(|answer| answer.starts_with("HTTP/1.1 200")));
    assert!(ready.ends_with("ok"), "{ready}");
    let metrics = get(&address, "/metrics").unwrap();
    assert!(metrics.contains("riveg_records_consumed_total"), "{metrics}");
    let left_out = "riveg_media_left_out_total{reason=\"unsupported-media\"} 1\n";
    assert!(metrics.contains(left_out), "{metrics}");

    let pid = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = until("the process ends", || process.0.try_wait().unwrap());
    let logged = logged.join().unwrap().unwrap();
    assert_eq!(status.code(), Some(0), "{logged}");
    assert_logged(&logged, &bad, good.len());
    assert_eq!(
        committed(&broker.bootstrap(), "riveg", "riveg.posts", 1)[&0] as usize,
        bad.len() + good.len()
    );
}

/// Checks the log: fields, dead letters or their number, progress, and no contents of posts.
fn assert_logged(logged: &str, bad: &[(&str, Vec<u8>, &str, &str)], good: usize) {
    let lines: Vec<Value> = logged
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    assert!(!logged.contains("Jordan"), "the log holds what posts say: {logged}");
    for debug in ["Some(", "Ok(", "Err(", "Summary {", "Published {"] {
        assert!(!logged.contains(debug), "`{debug}` is no value: {logged}");
    }
    let lines_with =
        |message: &str| lines.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    let number = |line: &Value, field: &str| {
        line[field].as_u64().unwrap_or_else(|| panic!("`{field}` is no number: {line}"))
    };

    let letters = lines_with("a post has become a dead letter");
    let mut classes: Vec<&str> = bad.iter().map(|(_, _, class, _)| *class).collect();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        let all = bad.iter().filter(|(_, _, one, _)| *one == class).count();
        let named = letters.iter().filter(|line| line["class"] == class).count();
        assert_eq!(named, all.min(5), "{class}: {logged}");
        let unnamed = lines.iter().find(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.ends_with(&format!("more dead letters of class `{class}` in the last minute"))
        });
        assert_eq!(
            unnamed.map_or(0, |line| number(line, "letters")),
            (all - named) as u64,
            "{class}: {logged}"
        );
    }
    for line in &letters {
        assert_eq!(
            (&line["level"], &line["topic"], &line["partition"]),
            (&json!("WARN"), &json!("riveg.posts"), &json!(0))
        );
        number(line, "offset");
    }
    assert!(letters.iter().any(|line| line["id"] == "bad"), "{letters:?}");

    let progress = lines_with("progress");
    let total = |field: &str| progress.iter().map(|line| number(line, field)).sum::<u64>();
    assert!(!progress.is_empty() && total("answered") <= good as u64, "{progress:?}");
    assert!(total("answered") + total("dead_letters") > 0, "{progress:?}");
    for line in progress {
        assert!(line["posts_per_second"].is_f64() && line["level"] == "INFO", "{line}");
        number(line, "in_flight");
    }
    let [ended] = lines_with("the engine has ended")[..] else { panic!("{logged}") };
    assert_eq!(
        (number(ended, "annotations"), number(ended, "dead_letters")),
        (good as u64, bad.len() as u64)
    );
}

#[test]
fn an_occupied_address_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_riveg"))
        .args(["run", "--set", &format!("telemetry.address={address}")])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains(&format!("cannot listen at telemetry.address `{address}`: Address already in use")),
        "{stderr}"
    );
}

#[test]
fn probes_are_answered_despite_many_silent_connections() {
    let bundle = tempfile::tempdir().unwrap();
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    // Fewer descriptors than connections, as in a container with the usual 1,024 under a slow attack.
    let engine = binary();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(engine.get_program());
    for (name, value) in engine.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Without a broker the engine waits for one and is alive.
    let settings = [
        "kafka.bootstrap=127.0.0.1:1".to_owned(),
        format!("bundle.path={}", bundle.path().display()),
        format!("telemetry.address={address}"),
    ];
    command.arg("run").args(settings.iter().flat_map(|setting| ["--set", setting]));
    let _process = Process(command.stderr(Stdio::null()).spawn().unwrap());
    until("the port answers", || get(&address, "/livez"));

    let silent = (0..300).map(|number| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let half = if number % 2 == 0 { "GET /livez HTTP/1.1\r\nHost: " } else { "" };
        stream.write_all(half.as_bytes()).unwrap();
        stream
    });
    let silent: Vec<TcpStream> = silent.collect();
    let mut probe = TcpStream::connect(&address).unwrap();
    probe.set_read_timeout(Some(WITHIN)).unwrap();
    probe.write_all(b"GET /livez HTTP/1.1\r\nHost: riveg\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    probe.read_to_string(&mut answer).expect("the probe is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // The remaining silent connections are closed after their timeout.
    for mut stream in silent {
        stream.set_read_timeout(Some(WITHIN)).unwrap();
        let ended = stream.read(&mut [0]);
        let is_over =
            ended.as_ref().map_or_else(|error| error.kind() == ConnectionReset, |&count| count == 0);
        assert!(is_over, "{ended:?}");
    }
}
