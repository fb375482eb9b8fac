//! How do answers look? Posts on one page: text, picture with boxes and masks, and what was said of each entity.

use std::path::Path;

use image::{ColorType, ImageError};

use crate::domain::{BBox, Post, Triple};

mod canvas;
mod card;
mod colours;
mod font;
mod header;
mod layout;
mod overlay;
mod spelling;
#[cfg(test)]
mod tests;
mod words;

use canvas::Canvas;

/// Letters of a type's name that have room beside a mention.
const MOST_OF_A_TYPE: usize = 16;

/// What stands on a page.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The large line at the top.
    pub title: String,
    /// The line below it.
    pub subtitle: String,
    /// The entity types, in the order in which they are given colours.
    pub types: Vec<String>,
    /// The posts, three in a row.
    pub cards: Vec<Card>,
}

/// One post and what was said of it.
#[derive(Debug, Clone)]
pub struct Card {
    /// The post; of its pictures the first is drawn.
    pub post: Post,
    /// What was said.
    pub triples: Vec<Triple>,
    /// Where the first picture truly shows what the text names.
    pub gold: Vec<BBox>,
    /// How right it was, in a few words.
    pub remark: String,
}

/// A drawn page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Columns of pixels.
    pub width: u32,
    /// Rows of pixels.
    pub height: u32,
    /// Red, green, blue, row by row: `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

/// Draws a page.
#[must_use]
pub fn draw(sheet: &Sheet) -> Page {
    let plan = layout::plan(&sheet.cards);
    let mut canvas = Canvas::new(plan.width, plan.height, colours::PAGE);
    header::draw(&mut canvas, sheet, plan.header);
    for (card, place) in sheet.cards.iter().zip(&plan.cards) {
        card::draw(&mut canvas, card, place, &sheet.types);
    }
    canvas.into_page()
}

impl Page {
    /// Writes it as a PNG.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn write_png(&self, file: &Path) -> Result<(), ImageError> {
        image::save_buffer_with_format(
            file,
            &self.rgb,
            self.width,
            self.height,
            ColorType::Rgb8,
            image::ImageFormat::Png,
        )
    }
}
