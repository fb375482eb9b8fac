//! Emoji font: the colour pictures of Noto Color Emoji, from the file that the system has.
//!
//! The font is eleven megabytes, so the binary does not contain it. Three of its tables are read, as OpenType defines them:
//! `cmap` has the glyph of a code point, `CBLC` the place of the glyph's picture, and `CBDT` the pictures, which are PNGs.
//! Sequences of code points, such as flags, would need a fourth one; the first code point is drawn for them.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, ImageReader, Limits, RgbaImage};

/// Where Debian and Ubuntu have it: package `fonts-noto-color-emoji`.
const FILE: &str = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf";

/// The largest file that is read: six times that of 2024.
const LARGEST_FILE: u64 = 64 << 20;

/// The largest side of a picture; those of the font have 136 pixels.
const LARGEST_SIDE: u32 = 512;

/// A font in memory, with the offsets of the tables in use.
#[derive(Debug, Clone)]
pub struct EmojiFont {
    bytes: Vec<u8>,
    /// The subtable of `cmap` for all of Unicode.
    glyphs: usize,
    /// `CBLC`.
    places: usize,
    /// `CBDT`.
    pictures: usize,
}

impl EmojiFont {
    /// The font of this system, if it has one that can be read.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let file = Path::new(FILE);
        let length = fs::metadata(file).ok()?.len();
        (length <= LARGEST_FILE).then(|| fs::read(file).ok()).flatten().and_then(Self::read)
    }

    /// A font from the bytes of its file; none where they are no such font.
    pub(super) fn read(bytes: Vec<u8>) -> Option<Self> {
        let tables = 0..usize::from(u16_at(&bytes, 4)?);
        let table = |name: &[u8; 4]| {
            let records = tables.clone().map(|number| 12 + 16 * number);
            let record = records.into_iter().find(|&at| bytes.get(at..at + 4) == Some(&name[..]))?;
            offset_at(&bytes, record + 8)
        };
        let (map, places, pictures) = (table(b"cmap")?, table(b"CBLC")?, table(b"CBDT")?);
        let subtables = 0..usize::from(u16_at(&bytes, map + 2)?);
        let glyphs = subtables
            .filter_map(|number| Some(map + offset_at(&bytes, map + 4 + 8 * number + 4)?))
            .find(|&subtable| u16_at(&bytes, subtable) == Some(12))?;
        Some(Self { bytes, glyphs, places, pictures })
    }

    /// Whether a code point has a picture.
    pub(super) fn has(&self, code: char) -> bool {
        self.png(code).is_some()
    }

    /// The picture of a code point.
    pub(super) fn picture(&self, code: char) -> Option<RgbaImage> {
        let mut reader = ImageReader::with_format(Cursor::new(self.png(code)?), ImageFormat::Png);
        let mut limits = Limits::default();
        limits.max_image_width = Some(LARGEST_SIDE);
        limits.max_image_height = Some(LARGEST_SIDE);
        reader.limits(limits);
        Some(reader.decode().ok()?.into_rgba8())
    }

    /// The file of a code point's picture.
    fn png(&self, code: char) -> Option<&[u8]> {
        let (bytes, glyph) = (&self.bytes, self.glyph(code)?);
        // The first size; the font has one.
        let array = self.places + offset_at(bytes, self.places + 8)?;
        let subtables = (0..offset_at(bytes, self.places + 16)?).map(|number| array + 8 * number);
        let holds = |at: &usize| {
            let ends = u16_at(bytes, *at).zip(u16_at(bytes, at + 2));
            ends.is_some_and(|(first, last)| (u32::from(first)..=u32::from(last)).contains(&glyph))
        };
        let at = subtables.take_while(|&at| at < bytes.len()).find(holds)?;
        let first = u32::from(u16_at(bytes, at)?);
        let subtable = array + offset_at(bytes, at + 4)?;
        // Offsets of four bytes, and pictures behind five bytes of measures.
        if (u16_at(bytes, subtable)?, u16_at(bytes, subtable + 2)?) != (1, 17) {
            return None;
        }
        let data = self.pictures + offset_at(bytes, subtable + 4)?;
        let picture = data + offset_at(bytes, subtable + 8 + 4 * (glyph - first) as usize)?;
        let length = offset_at(bytes, picture + 5)?;
        bytes.get(picture + 9..picture + 9 + length)
    }

    /// The glyph of a code point.
    fn glyph(&self, code: char) -> Option<u32> {
        let groups =
            (0..offset_at(&self.bytes, self.glyphs + 12)?).map(|number| self.glyphs + 16 + 12 * number);
        for group in groups {
            let [first, last, glyph] = [0, 4, 8].map(|part| u32_at(&self.bytes, group + part));
            let first = first?;
            if (first..=last?).contains(&u32::from(code)) {
                return glyph?.checked_add(u32::from(code) - first);
            }
        }
        None
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn offset_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at).and_then(|offset| usize::try_from(offset).ok())
}

#[cfg(test)]
pub(super) mod tests {
    use image::Rgba;

    use super::*;

    /// A font with a green square for the fire and for what follows it.
    pub(in crate::lab::contact_sheet) fn font() -> Vec<u8> {
        let (short, long) = (u16::to_be_bytes, u32::to_be_bytes);
        let mut png = Vec::new();
        RgbaImage::from_pixel(4, 4, Rgba([0, 255, 0, 255]))
            .write_to(&mut Cursor::new(&mut png), ImageFormat::Png)
            .unwrap();
        let group = [long(0x1f525), long(0x1f526), long(7)].concat();
        let subtable = [&short(12)[..], &short(0), &long(28), &long(0), &long(1), &group].concat();
        let cmap = [&short(0)[..], &short(1), &short(3), &short(10), &long(12), &subtable].concat();
        let offsets = [long(0), long(0)].concat();
        let index = [&short(1)[..], &short(17), &long(4), &offsets].concat();
        let array = [&short(7)[..], &short(8), &long(8), &index].concat();
        let size = [&long(56)[..], &long(0), &long(1), &[0; 36]].concat();
        let places = [&short(3)[..], &short(0), &long(1), &size, &array].concat();
        let pictures = [&[0; 4][..], &[0; 5], &long(png.len() as u32), &png].concat();
        let mut font = [&long(0x1_0000)[..], &short(3), &[0; 6]].concat();
        let mut at = 12 + 3 * 16;
        for (name, table) in [(b"cmap", &cmap), (b"CBLC", &places), (b"CBDT", &pictures)] {
            font.extend([&name[..], &long(0), &long(at), &long(table.len() as u32)].concat());
            at += table.len() as u32;
        }
        [font, cmap, places, pictures].concat()
    }

    #[test]
    fn a_code_point_of_the_font_has_its_picture_and_others_have_none() {
        let font = EmojiFont::read(font()).unwrap();
        for code in ['🔥', '🔦'] {
            assert_eq!(font.picture(code).unwrap().get_pixel(3, 3).0, [0, 255, 0, 255]);
        }
        assert!(font.has('🔥') && !font.has('🔧') && font.picture('a').is_none());
    }

    #[test]
    fn a_damaged_font_has_no_pictures_and_is_no_fault() {
        let whole = font();
        for length in 0..whole.len() {
            let cut = EmojiFont::read(whole[..length].to_vec());
            assert!(cut.is_none_or(|font| font.picture('🔥').is_none()), "{length} bytes");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xff;
            // Some bytes do not matter; none ends the process.
            let _ = EmojiFont::read(damaged).and_then(|font| font.picture('🔥'));
        }
    }
}
