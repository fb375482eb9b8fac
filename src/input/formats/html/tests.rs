//! HTML as people see it, and the place of each piece in it.

use proptest::prelude::*;

use crate::domain::Span;

use super::*;

fn read(html: &str) -> String {
    visible_text(html).text().to_owned()
}

#[test]
fn a_page_is_read_as_it_is_shown() {
    let cases = [
        ("", ""),
        ("plain 橋 🌉", "plain 橋 🌉"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<br>two<br /><br/>three</p>", "one\ntwo\n\nthree"),
        ("a<br><br><br><br>b", "a\n\nb"),
        ("<div>a</div><div>b</div>c", "a\nb\nc"),
        ("<ul><li>a</li><li>b</li></ul>c", "a\nb\n\nc"),
        ("a<b>b</b><i>c</i> d", "abc d"),
        (" a \r\n\t b ", "a b"),
        ("<p> a </p> <p> b </p>", "a\n\nb"),
        ("a <b> b</b>", "a b"),
        ("AT&amp;T &lt;b&gt; &#x1F309;&eacute;&copy", "AT&T <b> 🌉é&copy"),
        ("R&D; a&&amp;b", "R&D; a&&b"),
        ("a &amp;", "a &"),
        ("a&nbsp;b", "a\u{a0}b"),
        // Addresses as Mastodon writes them.
        (
            r#"<a href="https://a.example/b/c"><span class="invisible">https://</span><span class="ellipsis">a.example/b</span><span class="invisible">/c</span></a> x"#,
            "a.example/b… x",
        ),
        (r#"<span class="invisible">a<span>b</span>c</span>d"#, "d"),
        (r#"<p class="quote-inline">RE: <a href="https://a">a</a></p><p>b</p>"#, "b"),
        (r#"a <img class="custom emoji" alt=":star:" src="x"> b<img alt="no">"#, "a :star: b"),
        ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
        ("<script>if (a<b) {}</script>a<style>b</style>", "a"),
        ("a<!-- b -->c<?php d ?>e", "ace"),
        ("I <3 you, 1<2 & 3>2", "I <3 you, 1<2 & 3>2"),
        ("<td>a</td><td>b</td>", "a b"),
        ("a</p>b</br>c", "a\n\nb\nc"),
        (r#"a<span class="invisible">never closed"#, "a"),
        (r#"<br class="invisible">a"#, "a"),
        ("a <a href=\"x>y</a> z", "a"),
        ("a\u{0}b", "a\u{0}b"),
    ];
    for (html, expected) in cases {
        assert_eq!(read(html), expected, "{html}");
    }
}

/// A piece of HTML, and what people see of it.
fn pieces() -> impl Strategy<Value = Vec<(String, String)>> {
    let seen = |text: &str| (text.to_owned(), text.to_owned());
    let piece = prop_oneof![
        "[a-z橋🌉é]{1,4}".prop_map(move |word| seen(&word)),
        Just(("&amp;".to_owned(), "&".to_owned())),
        Just(("&#x1F309;".to_owned(), "🌉".to_owned())),
        Just(("<b>".to_owned(), String::new())),
        Just(("</b>".to_owned(), String::new())),
        Just(("<!-- & < -->".to_owned(), String::new())),
        Just((r#"<i class="invisible">x</i>"#.to_owned(), String::new())),
        Just((r#"<img class="emoji" alt=":x:">"#.to_owned(), ":x:".to_owned())),
    ];
    prop::collection::vec(piece, 0..12)
}

fn span(text: &str, byte_start: usize, byte_end: usize) -> Span {
    let start = text[..byte_start].chars().count();
    Span { start, end: start + text[byte_start..byte_end].chars().count(), byte_start, byte_end }
}

fn ends(text: &str) -> Vec<usize> {
    text.char_indices().map(|(place, _)| place).chain([text.len()]).collect()
}

/// The HTML or the text of a piece.
type Part = fn(&(String, String)) -> &String;

proptest! {
    /// Pieces that are seen are found again in the HTML, whole, with what stands between them.
    #[test]
    fn any_piece_is_found_again(pieces in pieces(), first: prop::sample::Index, last: prop::sample::Index) {
        let html: String = pieces.iter().map(|(html, _)| html.as_str()).collect();
        let read = visible_text(&html);
        prop_assert_eq!(read.text(), pieces.iter().map(|(_, seen)| seen.as_str()).collect::<String>());
        let shown: Vec<usize> = (0..pieces.len()).filter(|index| !pieces[*index].1.is_empty()).collect();
        if !shown.is_empty() {
            let (first, last) = (*first.get(&shown), *last.get(&shown));
            let (first, last) = (first.min(last), first.max(last));
            let length = |range: std::ops::Range<usize>, of: Part| -> usize {
                pieces[range].iter().map(|piece| of(piece).len()).sum()
            };
            let (html_of, seen_of): (Part, Part) = (|piece| &piece.0, |piece| &piece.1);
            let found = read.received_span(&html, span(read.text(), length(0..first, seen_of), length(0..last + 1, seen_of)));
            prop_assert_eq!((found.byte_start, found.byte_end), (length(0..first, html_of), length(0..last + 1, html_of)));
        }
    }

    /// Any text at all has a reading, whose pieces lie in it in order.
    #[test]
    fn any_text_is_html(html in "([a-z<>/&;#\"'= \n橋-]|<p>|</p>|<br>|<pre>|<span class=\"(invisible|ellipsis)\">|</span>|&lt;|\u{0}){0,40}") {
        let read = visible_text(&html);
        let mut before = 0;
        for pair in ends(read.text()).windows(2) {
            let found = read.received_span(&html, span(read.text(), pair[0], pair[1]));
            prop_assert!(html.get(found.byte_start..found.byte_end).is_some());
            prop_assert!(before <= found.byte_start, "{} after {}", found.byte_start, before);
            before = found.byte_start;
        }
    }
}

#[test]
fn time_is_linear_in_the_length() {
    // Each of these makes readers that look ahead or back quadratic: 16,384 of them would take minutes.
    for piece in [
        "<",
        "<a ",
        "<a href='",
        "&",
        "&#",
        "</",
        "<!--",
        "<b>",
        "<p>",
        " ",
        "<pre>",
        "<span class=invisible>",
        "<script>",
    ] {
        let html = piece.repeat(1 << 14);
        assert!(visible_text(&html).text().len() <= html.len());
    }
}
