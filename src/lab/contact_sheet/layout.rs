//! Layout: positions of everything on the page, computed from the cards' contents.

use super::canvas::Rect;
use super::emoji_font::EmojiFont;
use super::font::Font;
use super::line_breaks::{Letter, letters, wrap, wrap_text};
use super::sheet::Card;
use crate::domain::{BBox, Triple};

/// Cards in a row.
pub(super) const CARDS_PER_ROW: usize = 2;

const MARGIN: i32 = 40;
const GAP: i32 = 32;
const HEADER: i32 = 100;
const CARD_WIDTH: i32 = 824;
const PADDING: i32 = 24;
/// Height of the caption with the space below it.
const CAPTION: i32 = 40;
/// Height of a text line, with room for the underline of a name.
const TEXT_LINE: i32 = 42;
const MAX_TEXT_LINES: usize = 6;
/// Space between text and picture, and between picture and list.
const SPACE: i32 = 24;
/// Side of the square that a picture fits into.
const PICTURE: i32 = 480;
/// Height of a line of the list.
pub(super) const LIST_LINE: i32 = 31;
const BETWEEN_ENTRIES: i32 = 20;
const MAX_EXPANSION_LINES: usize = 3;
/// Letters of a type's name that fit into the legend.
pub(super) const MAX_TYPE_LETTERS: usize = 16;
/// Letters of a type's name that fit before a mention.
pub(super) const MAX_BADGE_LETTERS: usize = 6;

/// Positions on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) header: Rect,
    pub(super) cards: Vec<Place>,
}

/// Positions on a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) card: Rect,
    pub(super) caption: (i32, i32),
    /// The text lines, each with its top left corner.
    pub(super) text: Vec<((i32, i32), Vec<Letter>)>,
    /// The square around the picture, which aligns pictures of all proportions.
    pub(super) picture_square: Rect,
    /// `None` if the post has no picture.
    pub(super) picture: Option<Rect>,
    /// One for each entity, in order.
    pub(super) entries: Vec<Entry>,
    /// The area of the list.
    pub(super) list: Rect,
}

/// One entity of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) area: Rect,
    pub(super) expansion: Vec<String>,
}

/// Lays out a page. The pictures of a row are aligned, and so are the lower edges of its cards.
pub(super) fn plan(cards: &[Card], emoji: Option<&EmojiFont>) -> Plan {
    let columns = CARDS_PER_ROW as i32;
    let width = 2 * MARGIN + columns * CARD_WIDTH + (columns - 1) * GAP;
    let header = Rect::new(MARGIN, MARGIN, width - 2 * MARGIN, HEADER);
    let mut places = Vec::with_capacity(cards.len());
    let mut top = header.bottom();
    for row in cards.chunks(CARDS_PER_ROW) {
        let texts: Vec<Vec<Vec<Letter>>> = row.iter().map(|card| text_lines(card, emoji)).collect();
        let lines = texts.iter().map(Vec::len).max().unwrap_or(0) as i32;
        let body = PADDING + CAPTION + lines * TEXT_LINE + SPACE;
        let bodies = row.iter().map(|card| picture_height(card).max(list_height(card)));
        let height = body + bodies.max().unwrap_or(0) + PADDING;
        for (column, (card, text)) in row.iter().zip(texts).enumerate() {
            let left = MARGIN + column as i32 * (CARD_WIDTH + GAP);
            places.push(place(card, text, Rect::new(left, top, CARD_WIDTH, height), top + body));
        }
        top += height + GAP;
    }
    let height = if cards.is_empty() { top } else { top - GAP + MARGIN };
    Plan { width: width as u32, height: height as u32, header, cards: places }
}

/// The position on the page of a box in a picture that fills `area`: at least one pixel.
pub(super) fn to_page(bbox: &BBox, (width, height): (u32, u32), area: Rect) -> Rect {
    let across = |x: f32| area.x + (x * area.width as f32 / width as f32).round() as i32;
    let down = |y: f32| area.y + (y * area.height as f32 / height as f32).round() as i32;
    let (left, top) = (across(bbox.x0), down(bbox.y0));
    Rect::new(left, top, (across(bbox.x1) - left).max(1), (down(bbox.y1) - top).max(1))
}

/// The size of a picture that is scaled into the square for pictures.
pub(super) fn fitted(width: u32, height: u32) -> (i32, i32) {
    let longest = width.max(height).max(1);
    let side = |length: u32| (f64::from(length) * f64::from(PICTURE) / f64::from(longest)).round() as i32;
    (side(width).max(1), side(height).max(1))
}

fn place(card: &Card, text: Vec<Vec<Letter>>, area: Rect, body: i32) -> Place {
    let left = area.x + PADDING;
    let text_top = area.y + PADDING + CAPTION;
    let line = |(number, line)| ((left, text_top + number as i32 * TEXT_LINE), line);
    let picture = card.post.media.first().map(|media| {
        let (width, height) = fitted(media.frame.width, media.frame.height);
        Rect::new(left + (PICTURE - width) / 2, body + (PICTURE - height) / 2, width, height)
    });
    let list = Rect::new(left + PICTURE + SPACE, body, list_width(), area.bottom() - PADDING - body);
    let mut top = body;
    let entries = card.triples.iter().map(|triple| {
        let expansion = expansion_lines(triple);
        let height = entry_height(triple, expansion.len());
        let area = Rect::new(list.x, top, list.width, height);
        top += height + BETWEEN_ENTRIES;
        Entry { area, expansion }
    });
    let entries = entries.collect();
    Place {
        card: area,
        caption: (left, area.y + PADDING - 4),
        text: text.into_iter().enumerate().map(line).collect(),
        picture_square: Rect::new(left, body, PICTURE, PICTURE),
        picture,
        entries,
        list,
    }
}

fn text_lines(card: &Card, emoji: Option<&EmojiFont>) -> Vec<Vec<Letter>> {
    let spans: Vec<(usize, usize)> =
        card.triples.iter().map(|triple| (triple.mention.span.start, triple.mention.span.end)).collect();
    let columns = (CARD_WIDTH - 2 * PADDING) / Font::Text.advance();
    wrap(&letters(&card.post.text, &spans, emoji), columns as usize, MAX_TEXT_LINES)
}

fn expansion_lines(triple: &Triple) -> Vec<String> {
    let columns = list_width() / Font::Small.advance();
    let expansion = triple.phrase.expansion.as_deref().unwrap_or_default();
    wrap_text(expansion, columns as usize, MAX_EXPANSION_LINES)
}

fn picture_height(card: &Card) -> i32 {
    if card.post.media.is_empty() { 0 } else { PICTURE }
}

fn list_height(card: &Card) -> i32 {
    let entries = card.triples.iter().map(|triple| entry_height(triple, expansion_lines(triple).len()));
    entries.map(|height| height + BETWEEN_ENTRIES).sum::<i32>().max(LIST_LINE + BETWEEN_ENTRIES)
        - BETWEEN_ENTRIES
}

/// Height of name, gate, expansion, and scores if there is a region.
fn entry_height(triple: &Triple, expansion_lines: usize) -> i32 {
    LIST_LINE * (2 + expansion_lines as i32 + i32::from(!triple.regions.is_empty()))
}

const fn list_width() -> i32 {
    CARD_WIDTH - 2 * PADDING - PICTURE - SPACE
}
