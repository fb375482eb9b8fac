//! Page of a report: figures, filters and cards in one HTML file, with its style and script in it.
//!
//! Its policy names both by their hashes, so that nothing in a post can run or load anything.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::lab::eval::Fault;

use super::card::article;
use super::content::Content;
use super::html::{text, word};
use super::{sweep_plot, tables};

/// The folder of pictures beside the page.
pub const IMAGES: &str = "images";

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The page. Cards stand in the order of the kinds of their errors, those without errors last.
#[must_use]
pub fn page(content: &Content) -> String {
    let mut cards: Vec<(usize, String)> = Vec::new();
    for card in &content.cards {
        let first =
            card.faults().first().and_then(|fault| Fault::ALL.iter().position(|known| known == fault));
        cards.push((first.unwrap_or(Fault::ALL.len()), article(card, IMAGES)));
    }
    cards.sort_by_key(|(first, _)| *first);
    let cards: String = cards.into_iter().map(|(_, article)| article + "\n").collect();
    let policy = format!(
        "default-src 'none'; img-src 'self' file:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<header><h1>{title}</h1><p>{}</p></header>\n\
         <section class=\"figures-of-run\" aria-label=\"Figures\">{}{}</section>\n{}\n<main id=\"cards\">\n{cards}</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        text(&content.subtitle),
        tables::tables(content),
        sweep_plot::svg(&content.sweep),
        filters(content),
        title = text(&content.title),
    )
}

/// The source of a policy that allows exactly this text.
fn hash(of: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(of)))
}

/// Search, kinds of errors, and what is drawn.
fn filters(content: &Content) -> String {
    let mut html = format!(
        "<section class=\"filters\" aria-label=\"Filters\"><label>Search <input id=\"search\" type=\"search\" \
         placeholder=\"id, text, name\"></label><label>Show <select id=\"kind\"><option value=\"\">all posts</option>\
         <option value=\"wrong\">posts with an error ({})</option>",
        content.cards.iter().filter(|card| !card.faults().is_empty()).count()
    );
    let kinds = Fault::ALL.into_iter().map(Some).chain([None]);
    for kind in kinds {
        let has = content.cards.iter().filter(|card| match kind {
            Some(fault) => card.faults().contains(&fault),
            None => card.faults().is_empty(),
        });
        let name = kind.map_or("all right", Fault::as_str);
        let _ = write!(html, "<option value=\"{}\">{name} ({})</option>", word(kind), has.count());
    }
    html.push_str("</select></label>");
    for (id, name) in [("gold", "gold (dashed)"), ("said", "answer (solid)"), ("masks", "masks")] {
        let _ = write!(html, "<label><input type=\"checkbox\" id=\"{id}\" checked> {name}</label>");
    }
    let (shown, posts) = (content.cards.len(), content.posts);
    let rest = if shown < posts { format!(" of {posts} that were scored") } else { String::new() };
    html + &format!("<p><output id=\"count\">{shown}</output> posts shown{rest}</p></section>")
}
