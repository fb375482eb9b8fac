//! Answers over HTTP: those of `riveg annotate`, in every form, and what is refused and why.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::curl::curl;
use super::pictures::Pictures;
use super::process::Engine;
use crate::support::{answered_records, assert_same_answer, pictures, refused_records, riveg};

const TOKEN: [&str; 2] = ["-H", "authorization: Bearer canary"];

/// An answer without the times, which differ.
fn timeless(mut answer: Value) -> Value {
    for time in ["ingested_at", "published_at"] {
        assert!(answer[time].is_string(), "{answer}");
        answer[time] = json!("");
    }
    answer
}

struct Asked {
    engine: Engine,
    records: Vec<String>,
    /// What `riveg annotate` answers, by id.
    expected: BTreeMap<String, Value>,
    _folders: [tempfile::TempDir; 2],
}

impl Asked {
    fn start() -> Self {
        let (bundle, folder) = (tempfile::tempdir().unwrap(), pictures());
        crate::support::write_bundle(bundle.path(), 1).unwrap();
        let server = Pictures::serve(std::fs::read(folder.path().join("picture.png")).unwrap());
        let mut settings = server.settings();
        settings.extend([
            format!("bundle.path={}", bundle.path().display()),
            format!("fetch.file_root={}", folder.path().display()),
            "decode.degrade=dead-letter".to_owned(),
            "http.max_body=2MiB".to_owned(),
            "http.max_posts=32".to_owned(),
        ]);
        let mut records = answered_records(folder.path());
        // One long text takes longer than all others together, and every form of request sends all of them.
        records.retain(|record| record.len() < 50_000);
        records.push(server.post("from a web server", false));
        let mut arguments = vec!["annotate", "-", "--log", "warn"];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        let annotated = riveg(&arguments, records.join("\n").as_bytes());
        assert_eq!(annotated.code, Some(0), "{}", annotated.stderr);
        let answers = annotated.stdout.lines().map(|line| timeless(serde_json::from_str(line).unwrap()));
        let expected =
            answers.map(|answer| (answer["post_id"].as_str().unwrap().to_owned(), answer)).collect();
        settings.push("http.token=canary".to_owned());
        let engine = Engine::start("serve", &settings);
        Self { engine, records, expected, _folders: [bundle, folder] }
    }

    /// Whether these are the answers to all records in their order.
    fn assert_all(&self, answers: &[Value], what: &str) {
        assert_eq!(answers.len(), self.records.len(), "{what}");
        for (answer, record) in answers.iter().zip(&self.records) {
            let record: Value = serde_json::from_str(&record.replace(r"\ud83d", "")).unwrap();
            let expected = &self.expected[record["id"].as_str().unwrap()];
            assert_same_answer(&timeless(answer.clone()), expected, what);
        }
    }
}

#[test]
fn posts_are_answered_as_annotate_answers_them_and_refusals_say_what_dead_letters_say() {
    let asked = Asked::start();
    let engine = &asked.engine;
    batches(&asked);
    single_posts(engine, &asked.records[0]);
    refusals(engine);
    python(&asked);
    engine.terminate();
    assert_eq!(asked.engine.code(), Some(0));
}

fn batches(asked: &Asked) {
    let engine = &asked.engine;
    let array = format!("[{}]", asked.records.join(",\n"));
    let found = engine.post("", &TOKEN, array.as_bytes());
    assert_eq!(
        (found.status, found.header("content-type")),
        (200, Some("application/json")),
        "{}",
        found.body
    );
    asked.assert_all(found.json().as_array().unwrap(), "an array");

    let lines = asked.records.join("\n");
    let ndjson = ["-H", "content-type: application/x-ndjson", "-H", "accept: application/x-ndjson"];
    let arguments = [&TOKEN[..], &ndjson].concat();
    let found = engine.post("", &arguments, lines.as_bytes());
    assert_eq!((found.status, found.header("content-type")), (200, Some("application/x-ndjson")));
    asked.assert_all(&found.lines(), "lines in the order of the input");

    let found = engine.post("?order=completion", &arguments, lines.as_bytes());
    let mut indexed: Vec<(u64, Value)> = found
        .lines()
        .into_iter()
        .map(|line| (line["index"].as_u64().unwrap(), line["answer"].clone()))
        .collect();
    indexed.sort_by_key(|(index, _)| *index);
    let (indices, answers): (Vec<u64>, Vec<Value>) = indexed.into_iter().unzip();
    assert_eq!(indices, (0..asked.records.len() as u64).collect::<Vec<_>>());
    asked.assert_all(&answers, "lines in the order of completion");

    // A refused post, a deletion and a keep-alive among posts, under the status of the batch.
    let deletion = r#"{"delete":{"status":{"id":17,"id_str":"17"}}}"#;
    let batch = format!("[{},{{\"text\":\"x\"}},{deletion}]", asked.records[0]);
    let found = engine.post("", &TOKEN, batch.as_bytes());
    let answers = found.json();
    assert_eq!((found.status, &answers[2]), (200, &json!({ "deleted": "17" })));
    assert_eq!(answers[0]["post_id"], "plain");
    let refused = json!([answers[1]["status"], answers[1]["class"], answers[1]["stage"]]);
    assert_eq!(refused, json!([422, "malformed", "decode"]), "{answers}");
    assert_eq!(engine.post("", &TOKEN, b"[]").body, "[]");
}

fn single_posts(engine: &Engine, record: &str) {
    let plain = engine.post("", &TOKEN, record.as_bytes());
    let answer = timeless(plain.json());
    assert_eq!((plain.status, &answer["post_id"]), (200, &json!("plain")));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(record.as_bytes()).unwrap();
    let zipped =
        engine.post("", &[&TOKEN[..], &["-H", "content-encoding: gzip"]].concat(), &gzip.finish().unwrap());
    assert_same_answer(&timeless(zipped.json()), &answer, "gzip");

    let event = json!({ "specversion": "1.0", "id": "e", "source": "/s", "type": "t", "data": serde_json::from_str::<Value>(record).unwrap() });
    let structured = ["-H", "content-type: application/cloudevents+json"];
    let found = engine.post("", &[&TOKEN[..], &structured].concat(), event.to_string().as_bytes());
    assert_same_answer(&timeless(found.json()), &answer, "a structured event");
    let binary = ["-H", "ce-specversion: 1.0", "-H", "ce-id: e", "-H", "ce-source: /s", "-H", "ce-type: t"];
    let found = engine.post("?format=riveg", &[&TOKEN[..], &binary].concat(), record.as_bytes());
    assert_same_answer(&timeless(found.json()), &answer, "a binary event");

    let triples = engine.post("?shape=triple&masks=none&boxes=relative", &TOKEN, record.as_bytes()).json();
    let triples = triples.as_array().unwrap();
    let entities = answer["entities"].as_array().unwrap();
    assert!(!entities.is_empty() && triples.len() >= entities.len(), "{answer}");
    for triple in triples {
        assert_eq!((&triple["schema"], triple.get("mask")), (&json!("riveg.triple"), None), "{triple}");
    }
}

fn refusals(engine: &Engine) {
    // Those of addresses depend on the settings of `fetch`, which are others here.
    for (case, record, class, part) in
        refused_records().into_iter().filter(|(case, ..)| !case.starts_with("an address"))
    {
        let found = engine.post("", &TOKEN, &record);
        let told = found.json();
        // A body that is no JSON has no post that could be refused.
        let expected = if case.starts_with("not ") { (400, Value::Null) } else { (422, json!(class)) };
        assert_eq!((found.status, told["class"].clone()), expected, "{case}: {told}");
        assert_eq!(found.header("content-type"), Some("application/problem+json"), "{case}");
        assert!(told["detail"].as_str().unwrap().contains(part), "{case}: {told}");
    }
    let long = vec![b' '; 3 << 20];
    let many = format!("[{}]", vec!["1"; 33].join(","));
    let post = br#"{"id":"1","text":"x"}"#;
    let of_mastodon =
        br#"{"id":"1","content":"x","visibility":"public","uri":"https://a/1","account":{"acct":"a"}}"#;
    let text = ["-H", "content-type: text/plain"];
    let brotli = ["-H", "content-encoding: br"];
    let html = ["-H", "accept: text/html"];
    let soon = ["-H", "x-server-timeout: soon"];
    for (query, arguments, body, status, part) in [
        ("", &[][..], &long[..], 413, "http.max_body"),
        ("", &["-H", "transfer-encoding: chunked"], &long, 413, "http.max_body"),
        ("", &[], many.as_bytes(), 413, "http.max_posts"),
        ("", &text, post, 415, "content-type"),
        ("", &brotli, post, 415, "content-encoding"),
        ("", &html, post, 406, "accept"),
        ("", &soon, post, 400, "x-server-timeout"),
        ("?format=tweets", &[], post, 400, "auto"),
        ("?shapes=post", &[], post, 400, "shapes"),
        ("?format=riveg", &[], of_mastodon, 422, "set the request's `format` to `mastodon`"),
    ] {
        let found = engine.post(query, &[&TOKEN[..], arguments].concat(), body);
        assert!(
            found.status == status && found.body.contains(part),
            "{query} {arguments:?}: {} {}",
            found.status,
            found.body
        );
    }
    for wrong in [&[][..], &["-H", "authorization: Bearer canar"]] {
        let found = engine.post("", wrong, post);
        assert_eq!((found.status, found.header("www-authenticate")), (401, Some("Bearer realm=\"riveg\"")));
    }
    let at = |path: &str| format!("http://{}{path}", engine.posts);
    assert_eq!(curl(&[&at("/v1/annotate")], None).status, 405);
    assert_eq!(curl(&[&at("/")], None).status, 404);
    let described = curl(&[&at("/v1/openapi.json")], None).json();
    assert!(described["paths"]["/v1/annotate"]["post"]["responses"]["429"].is_object(), "{described}");
}

/// A client of the standard library of Python, which posts a batch and reads the answers as they come.
fn python(asked: &Asked) {
    let folder = tempfile::tempdir().unwrap();
    let posts = folder.path().join("posts.jsonl");
    std::fs::write(&posts, asked.records.join("\n")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/client.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(&posts)
        .args([&asked.engine.posts, "canary"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    asked.assert_all(&answers, "a client in Python");
}

#[test]
fn an_address_that_others_reach_is_refused_without_a_token() {
    let refused = riveg(&["serve", "--http", "0.0.0.0:0"], b"");
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("http.token") && refused.stderr.contains("loopback"),
        "{}",
        refused.stderr
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = riveg(&["serve", "--http", &address], b"");
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let expected = format!("cannot listen at http.address `{address}`: Address already in use");
    assert!(refused.stderr.contains(&expected), "{}", refused.stderr);
}
