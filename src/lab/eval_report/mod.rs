//! Report of an evaluation: one page of HTML with all figures, and the judged posts with their pictures, to search and filter.
//!
//! Read `content` (the input) first, then `page`, `tables`, `card` and `overlay`. The page needs no network and no server, and
//! its policy allows nothing but its own style, script and pictures.

mod content;
mod html;
mod overlay;
mod card;
mod sweep_plot;
mod tables;
mod page;
#[cfg(test)]
mod tests;

pub use content::{Card, Content, Picture};
pub use page::{IMAGES, page};
