//! Secrets: no output of the binary contains a canary secret, whatever its settings and arguments.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{
    Finished, OwnBroker, Process, Writer, binary, create_topic, get, own_broker, read, riveg, unique, until,
};

const CANARY: &str = "canary-in-the-mine";

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    path.display().to_string()
}

/// Settings for a secured broker with a password from a file, and topics of the given name.
fn settings(folder: &Path, broker: &OwnBroker, password: &str, topics: &str) -> String {
    let password = written(folder, "password", &format!("{password}\n"));
    let text = format!(
        "[kafka]\nbootstrap = \"{}\"\n[kafka.properties]\nsecurity.protocol = \"SASL_SSL\"\n\
         ssl.ca.location = \"{}\"\nsasl.mechanism = \"SCRAM-SHA-512\"\nsasl.username = \"riveg\"\n\
         sasl.password = \"${{file:{password}}}\"\ndebug = \"all\"\n[ingest]\ntopic = \"{topics}-in\"\n\
         group = \"{topics}\"\n[publish]\ntopic = \"{topics}-out\"\ndead_letter_topic = \"{topics}-dead\"\n",
        broker.sasl,
        broker.file("ca.pem"),
    );
    written(folder, "secure.toml", &text)
}

fn shows_no_secret(case: &str, Finished { stdout, stderr, .. }: &Finished) {
    for text in [stdout, stderr] {
        assert!(!text.contains(CANARY), "{case}: {text}");
    }
}

#[test]
fn a_check_shows_the_path_of_a_secret_and_a_successful_login() {
    let (broker, folder, topics) = (own_broker(), tempfile::tempdir().unwrap(), unique("secrets"));
    for kind in ["in", "out", "dead"] {
        create_topic(&broker.plain, &format!("{topics}-{kind}"), 2);
    }
    let file = settings(folder.path(), broker, &broker.password(), &topics);
    let check = ["check", "--log", "trace", "--skip", "bundle", "--config", &file];
    let finished = riveg(&check, b"");
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let reference = format!("\"sasl.password\" = \"${{file:{}/password}}\"", folder.path().display());
    assert!(finished.stdout.contains(&reference), "{}", finished.stdout);
    assert_eq!(finished.stdout.matches("2 partitions").count(), 3, "{}", finished.stdout);
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains(&broker.password()), "{text}");
    }

    // `riveg dlq` connects the same way.
    let writer = Writer::new(&broker.plain);
    writer.send(&format!("{topics}-dead"), 0, Some("a"), Some(b"{}"));
    writer.flush();
    read(&broker.plain, &format!("{topics}-dead"), 2).at_least(1);
    let listed = riveg(&["dlq", "list", "--config", &file], b"");
    assert!(
        listed.code == Some(0) && listed.stdout.contains("1 dead letter"),
        "{}{}",
        listed.stdout,
        listed.stderr
    );
    let replayed = riveg(&["dlq", "replay", "--config", &file], b"");
    assert_eq!(replayed.code, Some(0), "{}{}", replayed.stdout, replayed.stderr);
    read(&broker.plain, &format!("{topics}-in"), 2).at_least(1);

    // With a wrong password one line names the password as the cause.
    settings(folder.path(), broker, CANARY, &topics);
    let finished = riveg(&check, b"");
    shows_no_secret("a wrong password", &finished);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let failed: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("FAILED")).collect();
    let [line] = failed[..] else { panic!("{}", finished.stdout) };
    for part in [broker.sasl.as_str(), "do not let us in", "Authentication failed"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn no_configuration_error_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secret = written(folder.path(), "secret", CANARY);
    let reference = format!("${{file:{secret}}}");
    let unfinished =
        written(folder.path(), "a.toml", &format!("[kafka.properties]\nsasl.password = \"{CANARY}\n"));
    let set = |key: &str, value: &str| vec!["--set".to_owned(), format!("{key}={value}")];
    let both = |one: Vec<String>, other: Vec<String>| [one, other].concat();
    let cases = [
        ("a file that is no TOML", vec!["--config".to_owned(), unfinished], 2, "a.toml:2: column"),
        (
            "no equals sign",
            vec!["--set".to_owned(), format!("kafka.properties.sasl.password:{CANARY}")],
            2,
            "has no `=`",
        ),
        ("a duration that is none", set("ingest.commit_interval", &reference), 2, "is not what it must be"),
        ("a password in an address", set("kafka.bootstrap", &format!("me:{CANARY}@host:1")), 2, "has an `@`"),
        (
            "an address with a password",
            set("decode.memory", &format!("redis://:{CANARY}@host")),
            2,
            "decode.memory",
        ),
        (
            "half a reference",
            set("kafka.properties.sasl.password", &format!("{CANARY}${{file:x")),
            2,
            "without an end",
        ),
        (
            "tokens that the client is to fetch",
            both(
                set("kafka.properties.sasl.oauthbearer.method", "oidc"),
                set("kafka.properties.sasl.oauthbearer.client.secret", CANARY),
            ),
            2,
            "kafka.oauth_token_file",
        ),
        (
            "no key",
            both(
                set("kafka.properties.ssl.key.pem", CANARY),
                set("kafka.properties.security.protocol", "ssl"),
            ),
            1,
            "ssl.key.pem",
        ),
        (
            "the key of a language model",
            both(set("llm.local.api_key", &reference), set("llm.local.temperature", "9")),
            2,
            "llm.local.temperature",
        ),
        (
            "the secret that signs answers",
            both(set("answers.secret", &reference), set("answers.lease", "0s")),
            2,
            "answers.lease",
        ),
        (
            "a password of no Redis",
            set("answers.redis", &format!("http://:{CANARY}@host")),
            2,
            "answers.redis",
        ),
        (
            "a secret where there should be none",
            set("kafka.properties.compression.codec", &reference),
            1,
            "compression.codec",
        ),
    ];
    for (case, mut arguments, code, part) in cases {
        arguments.splice(0..0, ["check", "--skip", "bundle", "--log", "trace"].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let finished = riveg(&arguments, b"");
        shows_no_secret(case, &finished);
        assert_eq!(finished.code, Some(code), "{case}: {}{}", finished.stdout, finished.stderr);
        let text = finished.stdout + &finished.stderr;
        assert!(text.contains(part), "{case}: {part} is not in {text}");
    }
}

#[test]
fn an_engine_at_full_log_level_with_a_failed_login_shows_no_secret() {
    let (broker, folder) = (own_broker(), tempfile::tempdir().unwrap());
    let file = settings(folder.path(), broker, CANARY, &unique("secrets"));
    let bundle = folder.path().join("bundle");
    crate::support::write_bundle(&bundle, 1).unwrap();
    // A port that was free just now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let child = binary()
        .args(["run", "--log", "trace", "--config", &file])
        .env("RIVEG_BUNDLE__PATH", &bundle)
        .env("RIVEG_TELEMETRY__ADDRESS", &address)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let (mut log, mut output) = (process.0.stderr.take().unwrap(), process.0.stdout.take().unwrap());
    // Read continuously, so that a full pipe never blocks the process.
    let logged = std::thread::spawn(move || {
        let mut text = String::new();
        log.read_to_string(&mut text).map(|_| text)
    });
    let ready = until("readiness says why", || {
        get(&address, "/readyz").filter(|answer| answer.contains("denies access"))
    });
    let metrics = get(&address, "/metrics").unwrap();
    let pid = process.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = until("the process ends", || process.0.try_wait().unwrap());
    let mut stdout = String::new();
    output.read_to_string(&mut stdout).unwrap();
    let stderr = logged.join().unwrap().unwrap();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("sasl.password"), "librdkafka was to log its properties: {stderr}");
    for text in [ready, metrics, stdout, stderr] {
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn a_pipe_instead_of_a_secret_file_is_named_without_blocking() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let set = format!("kafka.properties.sasl.password=${{file:{}}}", pipe.display());
    let mut command = binary();
    command.args(["check", "--skip", "bundle", "--skip", "kafka", "--set", &set]).stderr(Stdio::piped());
    let mut process = Process(command.stdout(Stdio::null()).spawn().unwrap());
    let status = until("the process ends", || process.0.try_wait().unwrap());
    let mut text = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert_ne!(status.code(), Some(0));
    let named = ["kafka.properties.sasl.password", "cannot be read: it is not a plain file"];
    assert!(named.iter().all(|part| text.contains(part)), "{text}");
}
