//! Card of a post: its text with marked names, its pictures, and one line for each verdict.

use std::fmt::Write as _;

use crate::lab::eval::JudgedPair;

use super::content::Card;
use super::html::{text, word};
use super::overlay::{figure, ground};

/// The card; `folder` is that of the pictures.
pub(super) fn article(card: &Card, folder: &str) -> String {
    let faults = card.faults();
    let kinds: Vec<&str> =
        if faults.is_empty() { vec!["right"] } else { faults.iter().map(|f| word(Some(*f))).collect() };
    let mut html = format!("<article data-kinds=\"{}\"><h3>{}</h3>", kinds.join(" "), text(&card.gold.id));
    if !card.gold.text.is_empty() {
        let _ = write!(html, "<p class=\"post\">{}</p>", marked(card));
    }
    html.push_str("<div class=\"figures\">");
    for picture in &card.pictures {
        html.push_str(&figure(card, picture, folder));
    }
    if card.pictures.is_empty() {
        for picture in keys(card).iter().filter_map(|key| ground(card, key)) {
            html.push_str(&figure(card, &picture, folder));
        }
    }
    html.push_str("</div><ol class=\"verdicts\">");
    for pair in &card.pairs {
        html.push_str(&verdict(card, pair));
    }
    if card.pairs.is_empty() {
        html.push_str("<li class=\"right\">no entity, and none was found</li>");
    }
    html + "</ol></article>"
}

/// The keys of pictures with regions.
fn keys(card: &Card) -> Vec<&str> {
    let gold = card
        .gold
        .mentions
        .iter()
        .flat_map(|mention| &mention.regions)
        .map(|region| region.media_key.as_str());
    let said =
        card.predicted.iter().flat_map(|mention| &mention.regions).map(|region| region.media_key.as_str());
    let mut keys: Vec<&str> = gold.chain(said).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The text, with the names of gold and answer marked.
fn marked(card: &Card) -> String {
    let mut html = String::new();
    let within = |place: usize, span: Option<(usize, usize)>| {
        span.is_some_and(|(start, end)| (start..end).contains(&place))
    };
    let class = |place: usize| {
        let gold = card.gold.mentions.iter().any(|mention| within(place, mention.span));
        let said = card.predicted.iter().any(|mention| within(place, mention.span));
        match (gold, said) {
            (false, false) => "",
            (true, false) => "gold",
            (false, true) => "said",
            (true, true) => "both",
        }
    };
    let letters: Vec<char> = card.gold.text.chars().collect();
    let mut from = 0;
    while from < letters.len() {
        let of = class(from);
        let end = (from + 1..letters.len()).find(|&place| class(place) != of).unwrap_or(letters.len());
        let part = text(&letters[from..end].iter().collect::<String>());
        let _ = match of {
            "" => write!(html, "{part}"),
            of => write!(html, "<mark class=\"{of}\">{part}</mark>"),
        };
        from = end;
    }
    html
}

fn verdict(card: &Card, pair: &JudgedPair) -> String {
    let said_of = |regions: usize, grounded: bool| match regions {
        _ if !grounded => String::new(),
        0 => ", absent".to_owned(),
        1 => ", shown".to_owned(),
        many => format!(", shown {many} times"),
    };
    let gold = pair.gold.and_then(|place| card.gold.mentions.get(place)).map(|mention| {
        let shown = said_of(mention.regions.len(), card.gold.grounded);
        format!("{} ({}){shown}", mention.text, mention.entity_type)
    });
    let said = pair.predicted.and_then(|place| card.predicted.get(place)).map(|mention| {
        format!("{} ({}){}", mention.text, mention.entity_type, said_of(mention.regions.len(), true))
    });
    let both = match (gold, said) {
        (Some(gold), Some(said)) if gold == said => format!("<span>{}</span>", text(&gold)),
        (gold, said) => {
            let side = |name: &str, of: Option<String>| {
                format!("<span class=\"{name}\">{}</span>", text(of.as_deref().unwrap_or("nothing")))
            };
            format!("{} {}", side("gold", gold), side("said", said))
        }
    };
    let name = pair.fault.map_or("right", crate::lab::eval::Fault::as_str);
    format!("<li class=\"{}\"><b>{name}</b> {both}</li>", word(pair.fault))
}
