//! Header of the page: title, subtitle and legend.

use super::canvas::{Canvas, Rect};
use super::colours::{MUTED, TEXT, WHITE, of_type};
use super::font::Font;
use super::layout::MAX_TYPE_LETTERS;
use super::line_breaks::one_line;
use super::overlay;
use super::sheet::Sheet;

/// Space between the entries of the legend.
const LEGEND_GAP: i32 = 24;
/// Names of the marks on pictures.
const FOUND: &str = "box and mask found";
const GOLD: &str = "true box";
/// Size of a colour sample.
const SWATCH: (i32, i32) = (32, 24);

/// Draws title and subtitle on the left, the legend on the right.
pub(super) fn draw(canvas: &mut Canvas, sheet: &Sheet, area: Rect) {
    let columns = area.width / Font::Title.advance();
    canvas.text((area.x, area.y - 4), &one_line(&sheet.title, columns as usize), Font::Title, TEXT);
    let columns = area.width / Font::Small.advance();
    let subtitle = one_line(&sheet.subtitle, columns as usize);
    canvas.text((area.x, area.y + 42), &subtitle, Font::Small, MUTED);

    // Posts without gold have no true boxes.
    let has_gold = sheet.cards.iter().any(|card| !card.gold.is_empty());
    let marks: &[&str] = if has_gold { &[FOUND, GOLD] } else { &[FOUND] };
    let types: Vec<String> = sheet.types.iter().map(|name| one_line(name, MAX_TYPE_LETTERS)).collect();
    let names = types.iter().map(String::as_str).chain(marks.iter().copied());
    let width: i32 = names.map(|name| SWATCH.0 + 8 + Font::SmallBold.width_of(name) + LEGEND_GAP).sum();
    let mut x = area.right() - width + LEGEND_GAP;
    let y = area.y;
    for (name, label) in sheet.types.iter().zip(&types) {
        canvas.fill(Rect::new(x, y, SWATCH.0, SWATCH.1), of_type(&sheet.types, name));
        x = canvas.text((x + SWATCH.0 + 8, y), label, Font::SmallBold, TEXT) + LEGEND_GAP;
    }
    let found = Rect::new(x, y, SWATCH.0, SWATCH.1);
    canvas.fill(found, [196, 201, 210]);
    canvas.outline(found, 4, TEXT);
    x = canvas.text((found.right() + 8, y), FOUND, Font::SmallBold, TEXT) + LEGEND_GAP;
    if !has_gold {
        return;
    }
    let gold = Rect::new(x, y, SWATCH.0, SWATCH.1);
    canvas.fill(gold, WHITE);
    canvas.dashes(gold, overlay::GOLD);
    canvas.text((gold.right() + 8, y), GOLD, Font::SmallBold, TEXT);
}
