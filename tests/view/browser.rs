//! The page in a real browser, in short: it shows posts as they come, obeys keys, and no post runs script. `make page` does
//! far more.

use serde_json::{Value, json};

use super::page::{Page, answer, post, write_lines};
use crate::support::chromium::Chromium;

/// A GIF of one pixel.
const GIF: &str = "R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs=";

/// Text that is script for a page that takes it for its own.
const ATTACK: &str = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>";

/// An answer whose words are all script, apart from its keys.
fn hostile(id: &str) -> String {
    let mut answer: Value = serde_json::from_str(&answer(id, true)).unwrap();
    answer["text"] = json!(format!("Ada {ATTACK}"));
    answer["author"] = json!({ "name": ATTACK });
    let entity = &mut answer["entities"][0];
    entity["type"] = json!(ATTACK);
    entity["expansion"]["text"] = json!(ATTACK);
    entity["phrase"] = json!(ATTACK);
    answer.to_string()
}

#[test]
fn a_browser_shows_posts_as_they_come_obeys_keys_and_runs_no_script_of_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let [answers, posts] = ["answers.jsonl", "posts.jsonl"].map(|name| folder.path().join(name));
    write_lines(&posts, &["absent", "hostile", "shown", "late"].map(|id| post(id, GIF)));
    write_lines(&answers, &[answer("absent", false), hostile("hostile"), answer("shown", true)]);
    let page = Page::start(&[answers.to_str().unwrap(), "--posts", posts.to_str().unwrap()]);
    let mut browser = Chromium::open(&format!("http://{}/", page.address));

    browser.until("document.querySelectorAll('.row').length", &json!(3));
    browser.until("document.querySelector('#status-text').textContent", &json!("Live"));
    // The newest post is on the stage, with the outline of its one pixel and its picture.
    browser
        .until("document.querySelector('.post-text .mention').textContent.startsWith('Ada')", &json!(true));
    browser.until("document.querySelector('.easel .mask').getBBox().width", &json!(1));
    browser.until("document.querySelectorAll('.easel image').length", &json!(1));

    // One post further down, all of whose words are script.
    browser.press('k');
    browser.press('j');
    browser.until("document.querySelector('.row[aria-selected=true]').dataset.seq", &json!("1"));
    browser.until("document.querySelector('.post-text').textContent.includes('<script>')", &json!(true));
    let scripts = "document.querySelectorAll('main script, main img, main iframe, main a').length";
    assert_eq!(browser.value(scripts), json!(0));
    // One more: the entity that no picture shows, and why.
    browser.press('j');
    browser.until("document.querySelector('.entity-why').textContent.length > 0", &json!(true));

    write_lines(&answers, &[answer("late", true)]);
    browser.until("document.querySelectorAll('.row').length", &json!(4));
    browser.press(' ');
    browser.until("document.querySelector('#status-text').textContent", &json!("Paused"));

    assert_eq!(browser.value("typeof window.hacked"), json!("undefined"));
    let elsewhere = "fetch('https://example.org/').then(() => 'sent', () => 'refused')";
    assert_eq!(browser.faults(), Vec::<String>::new());
    assert_eq!(browser.value(elsewhere), json!("refused"));
    // The policy tells the browser's log what it has refused.
    browser.complains("connect-src");
}
