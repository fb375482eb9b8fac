//! Contact sheet: posts with their answers on one page: text, picture with boxes and masks, list of entities.
//!
//! Read `sheet` (the input) first, then `layout` (positions), `card` and `overlay` (drawing). All sizes are for a page that is
//! shown at half its width, as a README shows it.

mod canvas;
mod card;
mod colours;
mod emoji_font;
mod font;
mod header;
mod layout;
mod overlay;
mod page;
mod sheet;
mod transliteration;
#[cfg(test)]
mod tests;
mod line_breaks;

use canvas::Canvas;

pub use emoji_font::EmojiFont;
pub use page::Page;
pub use sheet::{Card, Sheet};

/// Draws a page.
#[must_use]
pub fn draw(sheet: &Sheet) -> Page {
    let plan = layout::plan(&sheet.cards, sheet.emoji.as_ref());
    let mut canvas = Canvas::new(plan.width, plan.height, colours::PAGE);
    header::draw(&mut canvas, sheet, plan.header);
    for (card, place) in sheet.cards.iter().zip(&plan.cards) {
        card::draw(&mut canvas, (card, place), sheet);
    }
    canvas.into_page()
}
