//! Error messages of the real binary: one paragraph that names the fault, its place and its cause; other posts are
//! unaffected.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    Finished, answered_records, assert_same_answer, pictures, post, refused_records, riveg,
};

/// The error is one paragraph without backtrace or panic, and contains all parts.
fn assert_reports(finished: &Finished, code: i32, parts: &[&str]) {
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    assert!(
        finished.stderr.starts_with("riveg: ") && !finished.stderr.contains("panicked"),
        "{}",
        finished.stderr
    );
    for part in parts {
        assert!(finished.stderr.contains(part), "`{part}` is not in: {}", finished.stderr);
    }
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    path.display().to_string()
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_valid_one_and_all_faults_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file =
        written(folder.path(), "bad.toml", "[engine]\nposts_in_flite = 3\n[decode]\nthreads = \"many\"\n");
    let finished = riveg(&["check", "--config", &file, "--set", "ingest.topik=x"], b"");
    let expected = [
        "the configuration has 3 faults",
        "bad.toml:2: engine.posts_in_flite: there is no such key",
        "did you mean engine.posts_in_flight?",
        "bad.toml:4: decode.threads: is \"many\"; it must be a whole number of 0 or more",
        "--set: ingest.topik: ",
        "did you mean ingest.topic?",
    ];
    assert_reports(&finished, 2, &expected);
}

#[test]
fn kafka_properties_that_break_guarantees_are_refused_with_the_setting_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[kafka.properties]\n\"enable.auto.commit\" = true\n\"enable.auto.offset.store\" = \"true\"\n\
                acks = 1\nsession.timeout.ms = 30000\n\"isolation.level\" = \"read_committed\"\n";
    let file = written(folder.path(), "a.toml", text);
    let expected = [
        "the configuration has 4 faults",
        "kafka.properties.enable.auto.commit",
        "must be `false`: the client would commit posts before they are answered",
        "kafka.properties.enable.auto.offset.store",
        "kafka.properties.acks",
        "kafka.properties.session.timeout.ms",
        "is set by ingest.session_timeout alone",
    ];
    for command in ["check", "run"] {
        assert_reports(&riveg(&[command, "--config", &file], b""), 2, &expected);
    }
}

#[test]
fn a_missing_or_malformed_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = written(folder.path(), "broken.toml", "[engine\nposts_in_flight = 3\n");
    let missing = folder.path().join("missing.toml").display().to_string();
    let finished = riveg(&["check", "--config", &broken, "--config", &missing], b"");
    assert_reports(
        &finished,
        2,
        &["broken.toml:1: column 8: this is not TOML", "missing.toml", "No such file"],
    );
}

#[test]
fn unknown_arguments_are_refused_with_the_usage() {
    let finished = riveg(&["chekc"], b"");
    assert_eq!(finished.code, Some(2));
    assert!(finished.stderr.contains("check") && finished.stdout.is_empty(), "{}", finished.stderr);
    let finished = riveg(&["check", "--log", "riveg=loud"], b"");
    assert_reports(&finished, 2, &["riveg=loud"]);
}

#[test]
fn secrets_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "a.toml", "[kafka.properties]\nsasl.password = \"hunter2\"\n");
    let finished = riveg(&["check", "--config", &file, "--skip", "kafka", "--skip", "bundle"], b"");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("\"sasl.password\" = \"[redacted]\""), "{}", finished.stdout);
    assert!(!finished.stdout.contains("hunter2") && !finished.stderr.contains("hunter2"));
    let finished =
        riveg(&["check", "--set", "kafka.properties.sasl.password=hunter2", "--set", "x.y=1"], b"");
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
}

/// A bundle of tiny networks in a temporary folder.
fn bundle() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_bundle(folder.path(), 1).unwrap();
    folder
}

fn annotate(bundle: &Path, more: &[&str], input: &[u8]) -> Finished {
    let path = format!("bundle.path={}", bundle.display());
    riveg(&[&["annotate", "-", "--set", &path], more].concat(), input)
}

/// The answers by post, without their timestamps.
fn answers(finished: &Finished) -> Vec<Value> {
    let records = finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let mut records: Vec<Value> = records.collect();
    for record in &mut records {
        let record = record.as_object_mut().expect("a record is an object");
        assert!(record.remove("ingested_at").is_some() && record.remove("published_at").is_some());
    }
    records
}

#[test]
fn a_bad_record_gives_an_error_that_names_it_and_the_posts_around_it_are_unharmed() {
    let (bundle, pictures) = (bundle(), pictures());
    let root = format!("fetch.file_root={}", pictures.path().display());
    let settings = ["--set", &root, "--set", "decode.degrade=dead-letter"];

    let good = answered_records(pictures.path());
    let alone = annotate(bundle.path(), &settings, good.join("\n").as_bytes());
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let expected = answers(&alone);
    let ids: Vec<&str> = expected.iter().map(|answer| answer["post_id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        ["plain", "empty", "long", "emoji", "no media", "animated", "from a file", "video", "surrogates"]
    );

    let bad = refused_records();
    let mut input = Vec::new();
    for (index, (_, record, _, _)) in bad.iter().enumerate() {
        input.extend_from_slice(record);
        input.push(b'\n');
        if let Some(good) = good.get(index) {
            input.extend_from_slice(good.as_bytes());
            input.push(b'\n');
        }
    }
    let mixed = annotate(bundle.path(), &settings, &input);
    assert_eq!(mixed.code, Some(3), "{}", mixed.stderr);
    assert_same_answer(&answers(&mixed).into(), &expected.into(), "among bad records");

    let errors = mixed.refused();
    assert_eq!(errors.len(), bad.len(), "{errors:?}");
    for (index, ((case, _, class, part), found)) in bad.iter().zip(&errors).enumerate() {
        let line = index + 1 + index.min(good.len());
        assert_eq!(found["line"], json!(line), "{case}");
        assert_eq!(
            (&found["error"]["stage"], &found["error"]["class"]),
            (&json!("decode"), &json!(class)),
            "{case}: {found}"
        );
        let message = found["error"]["message"].as_str().unwrap();
        assert!(message.contains(part) && !message.contains('\n'), "{case}: {message}");
    }
}

#[test]
fn refused_lines_get_no_answer_and_cause_their_own_exit_code() {
    let bundle = bundle();
    let file = bundle.path().join("refused.jsonl");
    let file = file.to_str().unwrap();
    let mixed = [post("1", "Jordan", &Value::Null), "no JSON".to_owned()].join("\n");
    let line = |refused: &Value| {
        assert_eq!(
            (&refused["line"], &refused["error"]["class"]),
            (&json!(2), &json!("malformed")),
            "{refused}"
        );
        assert!(refused["error"]["message"].as_str().unwrap().contains("not JSON"), "{refused}");
    };
    let message = "riveg: 1 of 2 lines were refused";
    // Destination of refused lines, whether they are allowed, and the exit code.
    let cases: [(&[&str], i32); 4] = [
        (&[], 3),
        (&["--rejected", file], 3),
        (&["--allow-rejected"], 0),
        (&["--allow-rejected", "--rejected", file], 0),
    ];
    for (arguments, code) in cases {
        let finished = annotate(bundle.path(), arguments, mixed.as_bytes());
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        assert_eq!(answers(&finished).len(), 1, "{arguments:?}: {}", finished.stdout);
        assert_eq!(finished.stderr.contains(message), code == 3, "{arguments:?}: {}", finished.stderr);
        let on_stderr = finished.refused();
        if arguments.contains(&file) {
            assert_eq!(on_stderr, [Value::Null; 0], "{arguments:?}");
            line(&serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap());
        } else {
            assert_eq!(on_stderr.len(), 1, "{arguments:?}: {}", finished.stderr);
            line(&on_stderr[0]);
        }
    }
    // An input without any valid post fails, whatever is allowed.
    let finished = annotate(bundle.path(), &["--log", "error", "--allow-rejected"], b"no JSON\n[]\n");
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(3), ""), "{}", finished.stderr);
    assert!(finished.stderr.ends_with("riveg: 2 of 2 lines were refused; standard error says why\n"));
    let finished = annotate(bundle.path(), &[], b"\n");
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""));
}

#[test]
fn a_check_names_an_occupied_port_and_a_missing_folder() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let sets = [
        format!("telemetry.address={}", taken.local_addr().unwrap()),
        format!("engine.state={}", file.path().display()),
    ];
    let others = ["check", "--skip", "bundle", "--skip", "kafka", "--skip", "llm"];
    let check = |more: &[&str]| {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        riveg(&others.into_iter().chain(sets).chain(more.iter().copied()).collect::<Vec<_>>(), b"")
    };
    let finished = check(&[]);
    assert_reports(&finished, 1, &["2 of 2 checks failed"]);
    for (what, parts) in
        [("telemetry ", ["in use", "set telemetry.address"]), ("state ", ["no file", "engine.state"])]
    {
        let row = finished.stdout.lines().find(|line| line.starts_with(what) && line.contains("FAILED"));
        let row = row.unwrap_or_else(|| panic!("{}", finished.stdout));
        assert!(parts.iter().all(|part| row.contains(part)), "{row}");
    }
    let skipped = check(&["--skip", "telemetry", "--skip", "state"]);
    assert_eq!(skipped.code, Some(0), "{}", skipped.stderr);
}

#[test]
fn a_failure_is_a_log_line_if_the_log_format_is_json() {
    let cases: [(&[&str], i32, &str); 4] = [
        (&["annotate", "/nowhere/posts.jsonl"], 1, "failed to read `/nowhere/posts.jsonl`: No such file"),
        (&["check", "--set", "ingest.topik=x"], 2, "--set: ingest.topik: there is no such key"),
        (&["check", "--log", "riveg=loud"], 2, "--log `riveg=loud` is not a filter"),
        (&["annotate", "/nowhere/posts.jsonl", "--log", "off"], 1, "failed to read `/nowhere/posts.jsonl`"),
    ];
    for (arguments, code, message) in cases {
        let finished = riveg(&[arguments, &["--log-format", "json"]].concat(), b"");
        assert_eq!(finished.code, Some(code), "{arguments:?}: {}", finished.stderr);
        let lines =
            finished.stderr.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
        let lines: Vec<Value> = lines.collect();
        let line = lines.last().expect("it says why");
        assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!(code)), "{line}");
        assert!(line["error"].as_str().unwrap().contains(message), "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn a_missing_file_of_posts_is_named() {
    let finished = riveg(&["annotate", "/nowhere/posts.jsonl"], b"");
    assert_reports(&finished, 1, &["failed to read `/nowhere/posts.jsonl`", "No such file"]);
}

#[test]
fn a_damaged_bundle_is_refused_with_the_file_and_what_is_wrong_with_it() {
    let manifest = |folder: &Path| std::fs::read_to_string(folder.join("bundle.toml")).unwrap();
    let weights = |folder: &Path| {
        let found = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> =
            found.filter(|path| path.extension().is_some_and(|ext| ext == "safetensors")).collect();
        found.sort();
        found.remove(0)
    };
    type Damage<'a> = (&'static str, Box<dyn Fn(&Path) + 'a>, &'static [&'static str]);
    let cases: [Damage<'_>; 6] = [
        (
            "no folder",
            Box::new(|folder| std::fs::remove_dir_all(folder).unwrap()),
            &["bundle.toml", "No such file"],
        ),
        (
            "a byte changed",
            Box::new(|folder| {
                let mut bytes = std::fs::read(weights(folder)).unwrap();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                std::fs::write(weights(folder), bytes).unwrap();
            }),
            &["sha256", ".safetensors", "expected", "found"],
        ),
        (
            "a file cut off",
            Box::new(|folder| {
                let bytes = std::fs::read(weights(folder)).unwrap();
                std::fs::write(weights(folder), &bytes[..bytes.len() / 2]).unwrap();
            }),
            &["sha256", ".safetensors"],
        ),
        (
            "a file missing",
            Box::new(|folder| std::fs::remove_file(weights(folder)).unwrap()),
            &[".safetensors", "No such file"],
        ),
        (
            "a wrong hash",
            Box::new(|folder| {
                let text = manifest(folder);
                let at = text.find("sha256 = \"").unwrap() + 10;
                let wrong = format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]);
                std::fs::write(folder.join("bundle.toml"), wrong).unwrap();
            }),
            &["sha256", "0000000000000000", "found"],
        ),
        (
            "an unknown key",
            Box::new(|folder| {
                std::fs::write(folder.join("bundle.toml"), format!("colour = 3\n{}", manifest(folder)))
                    .unwrap();
            }),
            &["bundle.toml", "unknown field `colour`", "line 1"],
        ),
    ];
    for (case, damage, parts) in cases {
        let bundle = bundle();
        damage(bundle.path());
        let finished = annotate(bundle.path(), &[], post("1", "x", &Value::Null).as_bytes());
        assert_reports(&finished, 1, parts);
        assert!(finished.stdout.is_empty(), "{case}: {}", finished.stdout);
    }
}

#[test]
fn a_check_names_an_unreachable_broker_and_reports_an_intact_bundle() {
    let bundle = bundle();
    // No server listens on the first port, and no other test uses it.
    let port = 1;
    let bootstrap = format!("kafka.bootstrap=127.0.0.1:{port}");
    let path = format!("bundle.path={}", bundle.path().display());
    let finished = riveg(&["check", "--log", "error", "--set", &bootstrap, "--set", &path], b"");
    assert_reports(&finished, 1, &["1 of 10 checks failed"]);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let rows = &lines[lines.len() - 10..];
    assert!(rows[0].starts_with("bundle ") && rows[0].contains("  ok  "), "{}", finished.stdout);
    assert!(
        rows[1].starts_with("device ") && rows[1].contains("  ok  ") && rows[1].contains(" cpu, "),
        "{}",
        finished.stdout
    );
    for (row, stage) in rows[2..6].iter().zip(["recognise", "entail", "ground", "segment"]) {
        let whose = format!("untrained 1 in {}", bundle.path().display());
        assert!(row.starts_with(&format!("stage {stage}")) && row.contains(&whose), "{}", finished.stdout);
    }
    assert!(rows[6].starts_with("memory ") && rows[6].contains(" MiB when warm"), "{}", finished.stdout);
    for (row, what) in rows[7..9].iter().zip(["telemetry 127.0.0.1:0", "state "]) {
        assert!(row.starts_with(what) && row.contains("  ok  "), "{}", finished.stdout);
    }
    assert!(
        rows[9].contains(&format!("127.0.0.1:{port}")) && rows[9].contains("FAILED"),
        "{}",
        finished.stdout
    );
    for part in ["no process listens there: is the broker up", "Connection refused"] {
        assert!(rows[9].contains(part), "{}", finished.stdout);
    }
}
