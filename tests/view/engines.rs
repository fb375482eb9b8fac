//! Pages beside engines: `riveg run --view` and `riveg demo --view` with the real binary, their networks and their posts.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use riveg::kafka::publish::EmbeddedBroker;
use riveg::lab::world::{Split, World, write_dataset};

use super::page::Page;
use crate::support::{Process, Writer, binary, pocket_bundle, read, riveg, until};

/// Posts of the pocket world as a file; returns their lines.
fn feed(folder: &Path, posts: u64) -> Vec<String> {
    write_dataset(&World::new(1, Split::Test), posts, folder, || ()).unwrap();
    let feed = std::fs::read_to_string(folder.join("feed.jsonl")).unwrap();
    feed.lines().map(str::to_owned).collect()
}

/// The page of a command whose address `is_it` finds in a line of its output, and the lines so far.
fn page_of(mut child: Child, is_it: impl Fn(&str) -> Option<String>) -> (Page, Vec<String>) {
    let stream: Box<dyn std::io::Read + Send> = match child.stdout.take() {
        Some(stdout) => Box::new(stdout),
        None => Box::new(child.stderr.take().unwrap()),
    };
    let process = Process(child);
    let (mut lines, mut told) = (BufReader::new(stream).lines(), Vec::new());
    let url = loop {
        let line = lines.next().unwrap_or_else(|| panic!("it ended early:\n{}", told.join("\n"))).unwrap();
        let found = is_it(&line);
        told.push(line);
        if let Some(url) = found {
            break url;
        }
    };
    // Nobody else reads on: a full pipe would stop the process.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (Page::of(process, &url), told)
}

#[test]
fn an_engine_shows_the_posts_that_it_answers_and_its_own_figures() {
    let folder = tempfile::tempdir().unwrap();
    let posts = feed(folder.path(), 2);
    let broker = EmbeddedBroker::start().unwrap();
    for topic in ["riveg.posts", "riveg.annotations", "riveg.dead-letters"] {
        broker.create_topic(topic, 1).unwrap();
    }
    let child = binary()
        .args(["run", "--view", "127.0.0.1:0", "--log-format", "json"])
        .env("RIVEG_KAFKA__BOOTSTRAP", broker.bootstrap())
        .env("RIVEG_BUNDLE__PATH", pocket_bundle())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (page, _) = page_of(child, |line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["message"] == "the page is served")
            .then(|| format!("http://{}/", line["address"].as_str().unwrap()))
    });
    assert_eq!(page.get("/").status(), 200);
    let mut events = page.feed("");
    assert_eq!(events.next("hello")["metrics"], true);
    let writer = Writer::new(&broker.bootstrap());
    for post in &posts {
        writer.send("riveg.posts", 0, None, Some(post.as_bytes()));
    }
    writer.send("riveg.posts", 0, None, Some(b"no JSON"));
    writer.flush();
    let shown = events.posts_until("test-1-000001");
    let last = shown.last().unwrap();
    let text: serde_json::Value = serde_json::from_str(&posts[1]).unwrap();
    assert_eq!(last["answer"]["text"], text["text"]);
    assert_eq!(last["pictures"][0]["there"], true, "{}", last["pictures"]);
    assert_eq!(page.feed("").next("letters")[0]["class"], "malformed");
    assert_eq!(read(&broker.bootstrap(), "riveg.annotations", 1).at_least(2).len(), 2);
}

#[test]
fn the_demonstration_of_a_file_shows_its_posts_and_ends_without_scores() {
    let folder = tempfile::tempdir().unwrap();
    let posts = feed(folder.path(), 5);
    let file = folder.path().join("feed.jsonl");
    let deleted = "{\"did\":\"did:plc:a\",\"time_us\":1,\"kind\":\"commit\",\"commit\":{\"rev\":\"3l1\",\"operation\":\"delete\",\
                   \"collection\":\"app.bsky.feed.post\",\"rkey\":\"b\"}}";
    std::fs::write(&file, format!("{}\n\n{deleted}\n{}\n", posts[..4].join("\n"), posts[4])).unwrap();
    let out = folder.path().join("out");
    let child = binary()
        .args(["demo", "--view", "--set", "view.address=127.0.0.1:0", "--feed-file"])
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .env("RIVEG_BUNDLE__PATH", pocket_bundle())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (page, told) = page_of(child, |line| line.strip_prefix("page ").map(|url| url.trim().to_owned()));
    assert!(told[0].starts_with("feed ") && told[0].contains("5 posts of"), "{told:?}");
    assert!(told[0].ends_with("a line without a post is left out"), "{told:?}");
    let shown = page.feed("").posts_until("test-1-000004");
    let last = shown.last().unwrap();
    assert_eq!(last["pictures"][0]["there"], true, "{}", last["pictures"]);
    // The stand-in knows the names of the lexicon beside the file.
    let expansions = shown.iter().flat_map(|post| post["answer"]["entities"].as_array().unwrap());
    let sources: Vec<&serde_json::Value> =
        expansions.map(|entity| &entity["expansion"]["source"]).filter(|source| source.is_string()).collect();
    assert!(sources.iter().any(|source| *source == "llm"), "{sources:?}");
    assert!(sources.iter().all(|source| *source != "lexicon"), "{sources:?}");
    let report = until("the report", || std::fs::read(out.join("report.json")).ok());
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["posts"], report.get("scores"), report.get("seed")), (&5.into(), None, None));
    until("the contact sheet", || image::open(out.join("contact-sheet.png")).ok());
}

#[test]
fn a_damaged_file_of_posts_is_refused_by_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("feed.jsonl"), folder.path().join("out"));
    std::fs::write(&file, "{\"id\":\"1\",\"text\":\"Ada\",\"created_at\":\"2026-01-01T00:00:00Z\"}\n{}\n")
        .unwrap();
    let [file, out, nowhere] =
        [&file, &out, &folder.path().join("nowhere")].map(|path| path.to_str().unwrap().to_owned());
    for (feed, more, code, part) in [
        (&file, &[][..], 1, "1 of its lines damaged, and nothing was sent:\nline 2: "),
        (&nowhere, &[], 1, "failed to read"),
        (&out, &[], 1, "failed to read"),
        (&file, &["--seed", "3"], 2, "cannot be used with"),
        (&file, &["--feed", "jetstream"], 2, "cannot be used with"),
    ] {
        let finished = riveg(&[&["demo", "--feed-file", feed, "--out", &out][..], more].concat(), b"");
        assert!(finished.code == Some(code) && finished.stderr.contains(part), "{feed}: {}", finished.stderr);
    }
}
