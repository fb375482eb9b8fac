//! Canvas: draws rectangles, letters and pictures on a page, clipped at its edges.

use image::RgbaImage;

use super::colours::{EDGE, MUTED, Rgb, mix};
use super::font::Font;
use super::page::Page;

/// A rectangle of pixels; its right and bottom edges are outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Rect {
    pub(super) const fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { x, y, width, height }
    }

    pub(super) const fn right(self) -> i32 {
        self.x + self.width
    }

    pub(super) const fn bottom(self) -> i32 {
        self.y + self.height
    }

    /// Larger by `by` pixels on each side.
    pub(super) const fn grown(self, by: i32) -> Self {
        Self::new(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)
    }

    /// The four edges inside the rectangle, `thick` pixels each.
    fn edges(self, thick: i32) -> [Self; 4] {
        [
            Self::new(self.x, self.y, self.width, thick),
            Self::new(self.x, self.bottom() - thick, self.width, thick),
            Self::new(self.x, self.y, thick, self.height),
            Self::new(self.right() - thick, self.y, thick, self.height),
        ]
    }
}

/// A page under construction.
pub(super) struct Canvas {
    page: Page,
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, ground: Rgb) -> Self {
        let pixels = width as usize * height as usize;
        Self { page: Page { width, height, rgb: ground.repeat(pixels) } }
    }

    pub(super) fn into_page(self) -> Page {
        self.page
    }

    /// Blends a colour into one pixel, with `alpha` of 255.
    pub(super) fn blend(&mut self, x: i32, y: i32, colour: Rgb, alpha: u8) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.page.width || y >= self.page.height {
            return;
        }
        let at = 3 * (y as usize * self.page.width as usize + x as usize);
        for (under, over) in self.page.rgb[at..at + 3].iter_mut().zip(colour) {
            *under = mix(over, *under, alpha);
        }
    }

    pub(super) fn fill(&mut self, rect: Rect, colour: Rgb) {
        for y in rect.y..rect.bottom() {
            for x in rect.x..rect.right() {
                self.blend(x, y, colour, 255);
            }
        }
    }

    /// Draws the edges of a rectangle, inside it.
    pub(super) fn outline(&mut self, rect: Rect, thick: i32, colour: Rgb) {
        rect.edges(thick).into_iter().for_each(|edge| self.fill(edge, colour));
    }

    /// Draws dashed edges of a rectangle in two alternating colours, which are visible on any background.
    pub(super) fn dashes(&mut self, rect: Rect, [first, second]: [Rgb; 2]) {
        for edge in rect.edges(2) {
            for y in edge.y..edge.bottom() {
                for x in edge.x..edge.right() {
                    let colour = if (x + y).rem_euclid(20) < 10 { first } else { second };
                    self.blend(x, y, colour, 255);
                }
            }
        }
    }

    /// Draws a letter by its top left corner; a small box if the font lacks it.
    pub(super) fn letter(&mut self, (x, y): (i32, i32), letter: char, font: Font, colour: Rgb) {
        let Some(glyph) = font.glyph(letter) else {
            let (width, height) = (font.advance(), font.height());
            let tofu = Rect::new(x + 1, y + height * 3 / 10, width - 2, height / 2);
            self.fill(tofu, EDGE);
            return self.outline(tofu, 1, MUTED);
        };
        for (row, levels) in glyph.raster().iter().enumerate() {
            for (column, &level) in levels.iter().enumerate() {
                self.blend(x + column as i32, y + row as i32, colour, level);
            }
        }
    }

    /// Draws a line of text by its top left corner; returns the column after its end.
    pub(super) fn text(&mut self, (x, y): (i32, i32), text: &str, font: Font, colour: Rgb) -> i32 {
        text.chars().fold(x, |x, letter| {
            self.letter((x, y), letter, font, colour);
            x + font.advance()
        })
    }

    /// Draws a picture with transparent parts, reduced to a rectangle: each pixel is the mean of those that it stands for.
    pub(super) fn picture(&mut self, rect: Rect, picture: &RgbaImage) {
        let part = |place: i32, places: i32, pixels: u32| {
            let edge = |place: i32| (place as u32 * pixels / places as u32).min(pixels - 1);
            edge(place)..edge(place + 1).max(edge(place) + 1)
        };
        for y in 0..rect.height {
            for x in 0..rect.width {
                let (mut colours, mut alphas, mut pixels) = ([0; 3], 0, 0);
                for row in part(y, rect.height, picture.height()) {
                    for column in part(x, rect.width, picture.width()) {
                        let [rgb @ .., alpha] = picture.get_pixel(column, row).0.map(u32::from);
                        colours = std::array::from_fn(|channel| colours[channel] + rgb[channel] * alpha);
                        (alphas, pixels) = (alphas + alpha, pixels + 1);
                    }
                }
                let colour = colours.map(|sum: u32| sum.checked_div(alphas).unwrap_or(0) as u8);
                self.blend(rect.x + x, rect.y + y, colour, (alphas / pixels) as u8);
            }
        }
    }

    /// Draws pixels that fill a rectangle.
    pub(super) fn pixels(&mut self, rect: Rect, rgb: &[u8]) {
        let (pixels, _) = rgb.as_chunks::<3>();
        for (row, line) in pixels.chunks(rect.width.max(1) as usize).enumerate() {
            for (column, &pixel) in line.iter().enumerate() {
                self.blend(rect.x + column as i32, rect.y + row as i32, pixel, 255);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::lab::contact_sheet::colours::BLACK;

    fn dark(canvas: &Canvas) -> Vec<(u32, u32)> {
        let page = &canvas.page;
        let places = (0..page.height).flat_map(|y| (0..page.width).map(move |x| (x, y)));
        places.filter(|&(x, y)| page.rgb[3 * (y * page.width + x) as usize] == 0).collect()
    }

    #[test]
    fn shapes_beyond_the_edges_are_cut_off() {
        let mut canvas = Canvas::new(3, 2, [255; 3]);
        canvas.fill(Rect::new(-5, 1, 6, 9), BLACK);
        canvas.letter((2, -40), 'x', Font::Text, BLACK);
        assert_eq!(dark(&canvas), [(0, 1)]);
    }

    #[test]
    fn an_outline_lies_inside_its_rectangle() {
        let mut canvas = Canvas::new(5, 5, [255; 3]);
        canvas.outline(Rect::new(1, 1, 3, 3), 1, BLACK);
        let dark = dark(&canvas);
        assert_eq!(dark.len(), 8);
        assert!(!dark.contains(&(2, 2)) && dark.contains(&(1, 1)) && dark.contains(&(3, 3)));
    }

    #[test]
    fn a_letter_that_the_font_lacks_is_a_box() {
        let mut canvas = Canvas::new(14, 32, [255; 3]);
        canvas.letter((0, 0), '🔥', Font::Text, BLACK);
        let rgb = &canvas.page.rgb;
        let at = |x: usize, y: usize| -> Rgb { rgb[3 * (14 * y + x)..][..3].try_into().unwrap() };
        assert_eq!((at(1, 9), at(6, 16), at(6, 4)), (MUTED, EDGE, [255; 3]));
    }

    #[test]
    fn a_reduced_picture_is_the_mean_of_what_is_not_transparent() {
        // Two columns of red and of nothing, black as in most files.
        let picture =
            RgbaImage::from_fn(4, 4, |x, _| image::Rgba(if x == 0 { [200, 0, 0, 255] } else { [0; 4] }));
        let mut canvas = Canvas::new(4, 4, [255; 3]);
        canvas.picture(Rect::new(1, 1, 2, 2), &picture);
        let rgb = &canvas.page.rgb;
        let at = |x: usize, y: usize| -> Rgb { rgb[3 * (4 * y + x)..][..3].try_into().unwrap() };
        assert_eq!((at(1, 1), at(2, 2), at(0, 0)), ([228, 128, 128], [255; 3], [255; 3]));
        // Larger than the picture, and beyond the page.
        canvas.picture(Rect::new(-2, -2, 9, 9), &picture);
    }
}
