//! Card of one post: the text with names in colour, the picture, and the list of entities.

use super::canvas::{Canvas, Rect};
use super::colours::{CARD, EDGE, MUTED, PICTURE_GROUND, Rgb, TEXT, WHITE, of_type, tint};
use super::emoji_font::EmojiFont;
use super::font::Font;
use super::layout::{Entry, LIST_LINE, MAX_BADGE_LETTERS, Place};
use super::line_breaks::{Sign, one_line};
use super::overlay::{self, Mark};
use super::sheet::{Card, Sheet};
use crate::domain::{GateVerdict, Region, Triple};

/// Size of a probability's bar, which leaves room for the words beside it.
const BAR: (i32, i32) = (44, 12);

/// Draws a card at its position.
pub(super) fn draw(canvas: &mut Canvas, (card, place): (&Card, &Place), sheet: &Sheet) {
    canvas.fill(place.card.grown(1), EDGE);
    canvas.fill(place.card, CARD);
    caption(canvas, card, place);
    let colours: Vec<Rgb> = card
        .triples
        .iter()
        .map(|triple| of_type(&sheet.types, triple.mention.entity_type.as_str()))
        .collect();
    text(canvas, place, &colours, sheet.emoji.as_ref());
    picture(canvas, card, place, &colours);
    if card.triples.is_empty() {
        canvas.text((place.list.x, place.list.y), "no entity found", Font::Small, MUTED);
    }
    for (number, ((triple, entry), &colour)) in
        card.triples.iter().zip(&place.entries).zip(&colours).enumerate()
    {
        self::entry(canvas, (number + 1, triple), entry, (colour, shown_key(card)));
    }
}

fn caption(canvas: &mut Canvas, card: &Card, place: &Place) {
    let (x, y) = place.caption;
    let right = place.list.right() - Font::SmallBold.width_of(&card.remark);
    let columns = (right - x) / Font::Small.advance() - 1;
    canvas.text((x, y), &one_line(&card.post.id, columns.max(4) as usize), Font::Small, MUTED);
    canvas.text((right, y), &card.remark, Font::SmallBold, MUTED);
}

/// Names have a tint and an underline in their type's colour; transliterated letters are muted.
fn text(canvas: &mut Canvas, place: &Place, colours: &[Rgb], emoji: Option<&EmojiFont>) {
    let (advance, height) = (Font::Text.advance(), Font::Text.height());
    for ((left, top), line) in &place.text {
        for (column, letter) in line.iter().enumerate() {
            let x = left + column as i32 * advance;
            let of_mention = letter.mention.and_then(|mention| colours.get(mention).copied());
            if let Some(colour) = of_mention {
                canvas.fill(Rect::new(x, *top, advance, height), tint(colour));
                canvas.fill(Rect::new(x, top + height, advance, 4), colour);
            }
            let font = if of_mention.is_some() { Font::TextBold } else { Font::Text };
            match letter.sign {
                Sign::Letter => canvas.letter((x, *top), letter.glyph, font, of_mention.unwrap_or(TEXT)),
                Sign::Spelling => canvas.letter((x, *top), letter.glyph, font, of_mention.unwrap_or(MUTED)),
                Sign::EmojiEnd => {}
                Sign::Emoji => {
                    if let Some(picture) = emoji.and_then(|font| font.picture(letter.glyph)) {
                        // As high as it is wide: two letters, in the middle of the line.
                        let side = 2 * advance;
                        canvas.picture(Rect::new(x, top + (height - side) / 2, side, side), &picture);
                    }
                }
            }
        }
    }
}

fn picture(canvas: &mut Canvas, card: &Card, place: &Place, colours: &[Rgb]) {
    let (Some(media), Some(area)) = (card.post.media.first(), place.picture) else {
        return;
    };
    let mark = |(number, (triple, &colour))| {
        let region = region_in(triple, &media.key)?;
        Some(Mark { number: number + 1, colour, region })
    };
    let marks: Vec<Mark<'_>> = card.triples.iter().zip(colours).enumerate().filter_map(mark).collect();
    canvas.fill(place.picture_square, PICTURE_GROUND);
    overlay::draw(canvas, &media.frame, area, (&marks, &card.gold));
}

fn entry(
    canvas: &mut Canvas,
    (number, triple): (usize, &Triple),
    entry: &Entry,
    (colour, media_key): (Rgb, Option<&str>),
) {
    let Rect { x, mut y, .. } = entry.area;
    let type_name = one_line(triple.mention.entity_type.as_str(), MAX_BADGE_LETTERS);
    let label = format!("{number} {type_name}");
    let badge = Rect::new(x, y, Font::SmallBold.width_of(&label) + 10, Font::SmallBold.height() + 2);
    canvas.fill(badge, colour);
    canvas.text((x + 5, y + 1), &label, Font::SmallBold, WHITE);
    let columns = (entry.area.right() - badge.right() - 8) / Font::SmallBold.advance();
    let name = one_line(&triple.mention.text, columns.max(4) as usize);
    canvas.text((badge.right() + 8, y), &name, Font::SmallBold, TEXT);

    y += LIST_LINE;
    let verdict = media_key.and_then(|key| triple.verdicts.iter().find(|verdict| verdict.media_key == key));
    gate(canvas, (x, y), verdict, colour);
    for line in &entry.expansion {
        y += LIST_LINE;
        canvas.text((x, y), line, Font::Small, MUTED);
    }
    if let Some(region) = media_key.and_then(|key| region_in(triple, key)) {
        y += LIST_LINE;
        let scores = format!("box {:.2}  mask {:.2}", region.box_score, region.mask_score);
        canvas.text((x, y), &scores, Font::Small, MUTED);
    }
}

/// Draws the gate's probability as a bar, a number and a word.
fn gate(canvas: &mut Canvas, (x, y): (i32, i32), verdict: Option<&GateVerdict>, colour: Rgb) {
    let Some(verdict) = verdict else {
        canvas.text((x, y), "no picture to ask", Font::Small, MUTED);
        return;
    };
    let bar = Rect::new(x, y + 8, BAR.0, BAR.1);
    canvas.fill(bar, EDGE);
    let full = (verdict.probability.clamp(0.0, 1.0) * BAR.0 as f32).round() as i32;
    canvas.fill(Rect::new(bar.x, bar.y, full, bar.height), if verdict.depicted { colour } else { MUTED });
    let word = if verdict.depicted { "shown" } else { "not shown" };
    let label = format!("gate {:.2}, {word}", verdict.probability);
    canvas.text((bar.right() + 8, y), &label, Font::Small, if verdict.depicted { TEXT } else { MUTED });
}

fn shown_key(card: &Card) -> Option<&str> {
    card.post.media.first().map(|media| media.key.as_str())
}

fn region_in<'a>(triple: &'a Triple, media_key: &str) -> Option<&'a Region> {
    triple.regions.iter().find(|region| region.media_key == media_key)
}
