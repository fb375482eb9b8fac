//! Selectors: which piece of a text and which part of a picture is meant (W3C Web Annotation Data Model, section 4).

use std::fmt::Write as _;
use std::sync::Arc;

use super::names::part;
use super::statement::Statements;
use super::vocabulary as v;
use crate::domain::{BBox, Mask, Mention};

/// The code points of context on each side of a quotation. Some words tell equal quotations of a post apart.
const CONTEXT: usize = 32;

/// The specification of a box's fragment.
const MEDIA_FRAGMENTS: &str = "http://www.w3.org/TR/media-frags/";

/// Selects a mention in the received text: by position in code points, and by quotation. Without the text, the
/// quotation has no context.
pub(super) fn of_mention(target: &Arc<str>, mention: &Mention, text: &str, out: &mut Statements) {
    let position = part(target, "position");
    out.node(target, &v::SELECTOR, &position);
    out.name(&position, &v::TYPE, &v::TEXT_POSITION_SELECTOR);
    out.integer(&position, &v::START, mention.span.start as u64);
    out.integer(&position, &v::END, mention.span.end as u64);
    let quote = part(target, "quote");
    out.node(target, &v::SELECTOR, &quote);
    out.name(&quote, &v::TYPE, &v::TEXT_QUOTE_SELECTOR);
    out.text(&quote, &v::EXACT, &mention.text);
    let (start, end) = (mention.span.byte_start, mention.span.byte_end);
    if text.get(start..end) == Some(&mention.text) {
        out.text(&quote, &v::PREFIX, last_characters(&text[..start]));
        out.text(&quote, &v::SUFFIX, first_characters(&text[end..]));
    }
}

fn last_characters(text: &str) -> &str {
    let begin = text.char_indices().rev().nth(CONTEXT - 1).map_or(0, |(begin, _)| begin);
    &text[begin..]
}

fn first_characters(text: &str) -> &str {
    let end = text.char_indices().nth(CONTEXT).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// Selects a region of a picture: its box and the outline of its mask.
pub(super) fn of_region(target: &Arc<str>, bbox: &BBox, mask: &Mask, out: &mut Statements) {
    let fragment = part(target, "box");
    out.node(target, &v::SELECTOR, &fragment);
    out.name(&fragment, &v::TYPE, &v::FRAGMENT_SELECTOR);
    out.node(&fragment, &v::CONFORMS_TO, &MEDIA_FRAGMENTS.into());
    out.text(&fragment, &v::VALUE, &media_fragment(bbox));
    if let Some(svg) = svg(mask) {
        let outline = part(target, "mask");
        out.node(target, &v::SELECTOR, &outline);
        out.name(&outline, &v::TYPE, &v::SVG_SELECTOR);
        out.text(&outline, &v::VALUE, &svg);
    }
}

/// The whole pixels that a box touches: media fragments have no fractions.
fn media_fragment(bbox: &BBox) -> String {
    // Conversion of floats saturates: a negative edge becomes 0.
    let (x0, y0) = (bbox.x0.floor() as u64, bbox.y0.floor() as u64);
    let (x1, y1) = (bbox.x1.ceil() as u64, bbox.y1.ceil() as u64);
    format!("xywh=pixel:{x0},{y0},{},{}", x1.saturating_sub(x0), y1.saturating_sub(y0))
}

/// The farthest that the outline of a mask may be from its pixels' edges, in pixels.
const TOLERANCE: f64 = 1.0;

/// The outline of a mask as SVG, in pixels of the upright picture. None for a mask without pixels.
fn svg(mask: &Mask) -> Option<String> {
    let mut path = String::new();
    for ring in mask.outlines(TOLERANCE) {
        for (place, (x, y)) in ring.into_iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(path, "{}{x},{y}", if place == 0 { "M" } else { " " });
        }
        path.push('Z');
    }
    let Mask { width, height, .. } = mask;
    (!path.is_empty()).then(|| {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\">\
             <path fill-rule=\"evenodd\" d=\"{path}\"/></svg>"
        )
    })
}
