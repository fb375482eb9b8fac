//! A page of a file: what it is served with, posts joined to their answers, a file that grows, and bounds.

use std::io::Read;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::page::{Page, answer, post, write_lines};

/// A GIF of one pixel.
const GIF: &str = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=";
/// An SVG with a script.
const SVG: &str = "PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnPjxzY3JpcHQvPjwvc3ZnPg==";

/// A folder with `answers.jsonl` and `posts.jsonl`.
fn files(answers: &[String], posts: &[String]) -> (TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["answers.jsonl", "posts.jsonl"].map(|name| folder.path().join(name));
    write_lines(&paths[0], answers);
    write_lines(&paths[1], posts);
    (folder, paths)
}

fn page(paths: &[PathBuf; 2], more: &[&str]) -> Page {
    let [answers, posts] = paths.each_ref().map(|path| path.to_str().unwrap());
    Page::start(&[&[answers, "--posts", posts], more].concat())
}

#[test]
fn answers_come_with_the_texts_and_pictures_of_their_posts_and_as_the_file_grows() {
    // Posts in another order than their answers.
    let (_folder, paths) = files(
        &[answer("a", true), "no json".to_owned(), answer("b", false)],
        &[post("b", SVG), post("a", GIF)],
    );
    let page = page(&paths, &[]);
    let mut feed = page.feed("");
    let hello = feed.next("hello");
    assert_eq!(
        (&hello["replay"], &hello["letters"], &hello["metrics"]),
        (&json!(false), &json!(false), &json!(false))
    );
    let posts = feed.posts_until("b");
    assert_eq!(posts.len(), 2);
    for (number, post) in posts.iter().enumerate() {
        assert_eq!(post["seq"], number);
        assert_eq!(
            (&post["answer"]["text"], &post["answer"]["author"]),
            (&json!("Ada is here"), &json!("ada"))
        );
        assert_eq!(post["pictures"], json!([{"key": "m1", "there": true, "why": null, "alt": "a hat"}]));
    }
    assert_eq!(
        posts[0]["answer"]["entities"][0]["regions"][0]["mask"],
        json!({"size": [1, 1], "counts": "01"})
    );

    let process = hello["process"].as_str().unwrap();
    let picture = page.get(&format!("/picture/{process}/0/0"));
    assert!(picture.status() == 200 && picture.body.starts_with(b"GIF89a"), "{}", picture.head);
    assert!(picture.head.contains("\r\ncontent-type: image/gif\r\n"), "{}", picture.head);
    assert!(picture.head.contains("default-src 'none'; sandbox"), "{}", picture.head);
    let svg = page.get(&format!("/picture/{process}/1/0"));
    assert!(svg.status() == 415 && !svg.text().contains("<"), "an SVG is no picture here: {}", svg.text());
    for gone in ["/picture/other/0/0", &format!("/picture/{process}/9/0"), &format!("/picture/{process}/0/9")]
    {
        assert_eq!(page.get(gone).status(), 404, "{gone}");
    }

    let id = feed.id();
    write_lines(&paths[1], &[post("c", GIF)]);
    write_lines(&paths[0], &[answer("c", true)]);
    let more = feed.posts_until("c");
    assert_eq!(
        (more.len(), &more[0]["seq"], &more[0]["answer"]["text"]),
        (1, &json!(2), &json!("Ada is here"))
    );
    // A page that lost its connection goes on where it was.
    let again = page.feed(&format!("Last-Event-ID: {id}\r\n")).posts_until("c");
    assert_eq!(again.len(), 1, "{again:?}");
    let one = page.get("/api/post?id=b");
    assert!(one.status() == 200 && one.text().starts_with("{\"seq\":1,"), "{}", one.text());
    assert_eq!(page.get("/api/post?id=nobody").status(), 404);
}

#[test]
fn every_response_says_that_only_the_page_itself_may_run() {
    let (_folder, paths) = files(&[answer("a", true)], &[post("a", GIF)]);
    let page = page(&paths, &[]);
    for path in
        ["/", "/assets/main.js", "/assets/tokens.css", "/api/post?id=a", "/nowhere", "/assets/../Cargo.toml"]
    {
        let head = page.get(path).head;
        let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        for line in ["x-content-type-options: nosniff", "referrer-policy: no-referrer"] {
            assert!(head.contains(line), "{path}: {head}");
        }
    }
    assert!(page.get("/").text().contains("<title>riveg"));
    assert!(page.get("/assets/main.js").head.contains("content-type: text/javascript"));
    assert_eq!(page.get("/assets/other.js").status(), 404);
}

#[test]
fn the_window_is_bounded_and_a_page_that_does_not_read_holds_up_nobody() {
    let all: Vec<String> = (0..30).map(|number| answer(&number.to_string(), true)).collect();
    let (_folder, paths) = files(&all, &[]);
    let page = page(&paths, &["--set", "view.posts=5", "--set", "view.max_connections=4"]);
    let mut feed = page.feed("");
    assert_eq!(feed.posts_until("29").last().unwrap()["seq"], 29);
    let late = page.feed("").posts_until("29");
    assert_eq!(
        late.iter().map(|post| post["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        [25, 26, 27, 28, 29]
    );
    assert_eq!(late[0]["pictures"][0]["there"], json!(false), "the file of posts does not have it");

    // One page reads nothing more than its status; with the first one, it has both places of pages. The place of the page
    // that has just gone is free a moment later.
    let request = format!("GET /api/feed HTTP/1.1\r\nHost: {}\r\n\r\n", page.address);
    let silent = crate::support::until("a place is free", || {
        let mut silent = page.connect(&request);
        let mut first = [0; 12];
        silent.read_exact(&mut first).unwrap();
        first.ends_with(b"200").then_some(silent)
    });
    crate::support::until("all places are taken", || {
        page.status("/api/feed").filter(|status| *status == 503)
    });
    let more: Vec<String> = (30..400).map(|number| answer(&number.to_string(), true)).collect();
    write_lines(&paths[0], &more);
    assert_eq!(feed.posts_until("399").last().unwrap()["seq"], 399);
    drop(silent);
}

#[test]
fn a_post_of_ten_megabytes_is_cut_and_the_next_one_is_shown() {
    let mut large: serde_json::Value = serde_json::from_str(&answer("large", true)).unwrap();
    large["text"] = json!("Ada is here ".repeat(900_000));
    // A picture of ten megabytes, above the limit of pictures.
    let posts = [post("large", &"AAAA".repeat(3_500_000)), post("a", GIF)];
    let (_folder, paths) = files(&[large.to_string(), answer("a", true)], &posts);
    let page = page(&paths, &[]);
    let shown = page.feed("").posts_until("a");
    let text = shown[0]["answer"]["text"].as_str().unwrap();
    assert!(text.starts_with("Ada is here") && text.chars().count() <= 10_000, "{} letters", text.len());
    let degraded = shown[0]["answer"]["provenance"]["degraded"].to_string();
    assert!(degraded.contains("the page leaves out"), "{degraded}");
    assert_eq!(shown[0]["pictures"][0]["there"], json!(false), "{}", shown[0]["pictures"]);
    assert!(shown[0].to_string().len() < 100_000);
    assert_eq!(shown[1]["pictures"][0]["there"], json!(true));
}

#[test]
fn a_port_in_use_and_missing_files_are_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, paths) = files(&[], &[]);
    let answers = paths[0].to_str().unwrap();
    for (arguments, code, part) in [
        (&["view", answers, "--address", &address][..], 1, "cannot listen at view.address"),
        (
            &["view", "/nowhere/answers.jsonl", "--address", "127.0.0.1:0"],
            1,
            "failed to read `/nowhere/answers.jsonl`",
        ),
        (
            &["view", answers, "--posts", "/nowhere", "--address", "127.0.0.1:0"],
            1,
            "failed to read `/nowhere`",
        ),
        (&["view", answers, "--address", "0.0.0.0:0"], 2, "view.token is empty"),
        (&["view", answers, "--metrics", "engine:9090"], 2, "--metrics"),
        (&["view", "--posts", answers], 2, "ANSWERS"),
    ] {
        let finished = crate::support::riveg(arguments, b"");
        assert!(
            finished.code == Some(code) && finished.stderr.contains(part),
            "{arguments:?}: {}",
            finished.stderr
        );
    }
}
