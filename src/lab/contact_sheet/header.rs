//! What does the top of the page say? What this is, and what its colours and lines mean.

use super::canvas::{Canvas, Rect};
use super::colours::{FAINT, INK, WHITE, of_type};
use super::font::Font;
use super::words::one_line;
use super::{MOST_OF_A_TYPE, Sheet, overlay};

/// Between the parts of the legend.
const APART: i32 = 26;
/// A sample of a colour or a line.
const SAMPLE: (i32, i32) = (22, 16);

/// Draws title and subtitle on the left, the legend on the right.
pub(super) fn draw(canvas: &mut Canvas, sheet: &Sheet, area: Rect) {
    let columns = area.width / Font::Title.advance();
    canvas.text((area.x, area.y - 4), &one_line(&sheet.title, columns as usize), Font::Title, INK);
    let columns = area.width / Font::Text.advance();
    let subtitle = one_line(&sheet.subtitle, columns as usize);
    canvas.text((area.x, area.y + 38), &subtitle, Font::Text, FAINT);

    let marks = ["box and mask found", "true box"];
    let types: Vec<String> = sheet.types.iter().map(|name| one_line(name, MOST_OF_A_TYPE)).collect();
    let names = types.iter().map(String::as_str).chain(marks);
    let width: i32 = names.map(|name| SAMPLE.0 + 8 + Font::SmallBold.width_of(name) + APART).sum();
    let mut x = area.right() - width + APART;
    let y = area.y + 4;
    for (name, said) in sheet.types.iter().zip(&types) {
        canvas.fill(Rect::new(x, y, SAMPLE.0, SAMPLE.1), of_type(&sheet.types, name));
        x = canvas.text((x + SAMPLE.0 + 8, y), said, Font::SmallBold, INK) + APART;
    }
    let found = Rect::new(x, y, SAMPLE.0, SAMPLE.1);
    canvas.fill(found, [196, 201, 210]);
    canvas.outline(found, 2, INK);
    x = canvas.text((found.right() + 8, y), marks[0], Font::SmallBold, INK) + APART;
    let gold = Rect::new(x, y, SAMPLE.0, SAMPLE.1);
    canvas.fill(gold, WHITE);
    canvas.dashes(gold, overlay::GOLD);
    canvas.text((gold.right() + 8, y), marks[1], Font::SmallBold, INK);
}
