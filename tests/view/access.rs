//! Access to a page: names of this machine, other sites, the token and those who guess it.

use super::page::{Page, answer, write_lines};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn without_a_token_only_this_machine_reads_and_other_sites_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    write_lines(&path, &[answer("a", true)]);
    let page = Page::start(&[path.to_str().unwrap(), "--allow-replay"]);
    for name in ["example.org", "10.0.0.1", "localhost.example.org"] {
        for path in ["/", "/api/feed", "/api/post?id=a", "/picture/x/0/0"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
            assert_eq!(page.ask(&request).status(), 421, "{name}{path}");
        }
    }
    let place = r#"{"partition":0,"offset":0}"#;
    let replay = |lines: &str| page.post("/api/replay", "application/json", place, lines);
    for lines in ["Origin: http://example.org\r\n", "Sec-Fetch-Site: cross-site\r\n", "Origin: null\r\n"] {
        let refused = replay(lines);
        assert!(
            refused.status() == 403 && refused.text().contains("page itself"),
            "{lines}: {}",
            refused.text()
        );
    }
    let of_a_file = replay("");
    assert!(of_a_file.status() == 403 && of_a_file.text().contains("view.replay"), "{}", of_a_file.text());
    // A form of another site cannot send JSON.
    assert_eq!(page.post("/api/replay", "text/plain", place, "").status(), 415);
    assert_eq!(page.post("/api/replay", "application/json", &"x".repeat(10_000), "").status(), 413);
    assert_eq!(page.get("/api/replay").status(), 405);
}

#[test]
fn a_token_is_typed_in_once_and_not_guessed_in_a_thousand_tries() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    write_lines(&path, &[answer("a", true)]);
    let page = Page::start(&[path.to_str().unwrap(), "--set", "view.token=canary-17"]);
    let form = page.get("/");
    assert!(form.status() == 401 && form.text().contains("type=\"password\""), "{}", form.head);
    for path in ["/api/feed", "/api/post?id=a", "/picture/x/0/0"] {
        assert_eq!(page.get(path).status(), 401, "{path}");
    }
    let opened = page.post("/session", FORM, "token=canary-17", "");
    assert!(opened.status() == 303 && opened.head.contains("httponly; samesite=strict"), "{}", opened.head);
    let cookie = opened.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let begun = std::time::Instant::now();
    let tries: Vec<u16> = (0..1000)
        .map(|guess| page.post("/session", FORM, &format!("token=guess-{guess}"), "").status())
        .collect();
    let compared = tries.iter().filter(|status| **status == 401).count();
    // Ten at once, and one more every six seconds.
    let most = 11 + begun.elapsed().as_secs() as usize / 6;
    assert!(compared <= most, "{compared} of 1000 guesses were compared with the token");
    assert_eq!(tries.iter().filter(|status| **status == 429).count(), 1000 - compared);
    // Who is in stays in.
    let host = &page.address;
    let with_cookie = format!(
        "GET /api/post?id=a HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
    );
    crate::support::until("the answer is there", || {
        Some(page.ask(&with_cookie)).filter(|response| response.status() == 200)
    });
    let mut feed = page.feed(&format!("Cookie: {cookie}\r\n"));
    assert_eq!(feed.posts_until("a").len(), 1);
}
