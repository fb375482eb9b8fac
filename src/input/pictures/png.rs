//! PNG size and colour type, read from the first chunks. The decoder would decompress a colour profile on the way,
//! which takes far longer than reading the chunks.

use image::ColorType;

/// Size and colours, where the chunks are those of a PNG (RFC 2083, the W3C's third edition).
pub(crate) fn shape(bytes: &[u8]) -> Option<((u32, u32), ColorType)> {
    let (name, header, mut rest) = chunk(bytes.get(8..)?)?;
    let &[w3, w2, w1, w0, h3, h2, h1, h0, depth, colours, ..] = header else { return None };
    if name != b"IHDR" {
        return None;
    }
    let size = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    let mut clear = false;
    while let Some((name, _, after)) = chunk(rest) {
        if name == b"IDAT" {
            break;
        }
        clear |= name == b"tRNS";
        rest = after;
    }
    // Fewer than 8 bits and palettes become 8 bits a channel; a clear colour becomes an alpha.
    let colours = match (colours, depth, clear) {
        (0, 1 | 2 | 4 | 8, false) => ColorType::L8,
        (0, 1 | 2 | 4 | 8, true) | (4, 8, _) => ColorType::La8,
        (0, 16, false) => ColorType::L16,
        (0, 16, true) | (4, 16, _) => ColorType::La16,
        (2, 8, false) | (3, 1 | 2 | 4 | 8, false) => ColorType::Rgb8,
        (2, 8, true) | (3, 1 | 2 | 4 | 8, true) | (6, 8, _) => ColorType::Rgba8,
        (2, 16, false) => ColorType::Rgb16,
        (2, 16, true) | (6, 16, _) => ColorType::Rgba16,
        _ => return None,
    };
    Some((size, colours))
}

/// The name and the body of the first chunk, and what follows it and its checksum.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (name, rest) = rest.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, body, rest.get(4..)?))
}

#[cfg(test)]
mod tests {
    use image::{ExtendedColorType, ImageDecoder};

    use super::super::hostile_pictures::blank_png;
    use super::*;

    /// As its decoder sees it.
    fn decoded(bytes: &[u8]) -> ((u32, u32), ColorType) {
        let decoder = image::codecs::png::PngDecoder::new(std::io::Cursor::new(bytes)).unwrap();
        (decoder.dimensions(), decoder.color_type())
    }

    #[test]
    fn size_and_colours_are_those_that_the_decoder_sees() {
        for colours in [
            ExtendedColorType::L8,
            ExtendedColorType::La8,
            ExtendedColorType::Rgb8,
            ExtendedColorType::Rgba8,
            ExtendedColorType::L16,
            ExtendedColorType::La16,
            ExtendedColorType::Rgb16,
            ExtendedColorType::Rgba16,
        ] {
            let png = blank_png(5, 3, colours);
            assert_eq!(shape(&png), Some(decoded(&png)), "{colours:?}");
            for length in 0..33 {
                assert_eq!(shape(&png[..length]), None, "{colours:?}");
            }
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
        let animated = std::fs::read(folder.join("animated.png")).unwrap();
        assert_eq!(shape(&animated), Some(decoded(&animated)));
    }

    #[test]
    fn a_clear_colour_is_an_alpha() {
        let png = blank_png(5, 3, ExtendedColorType::Rgb8);
        // Its checksum is wrong, which is not checked here.
        let clear = [&[0, 0, 0, 6], b"tRNS".as_slice(), &[0; 10]].concat();
        let with = |at: usize| shape(&[&png[..at], &clear, &png[at..]].concat()).unwrap().1;
        assert_eq!(with(33), ColorType::Rgba8);
        assert_eq!(with(png.len() - 12), ColorType::Rgb8, "behind the pixels it says nothing");
    }
}
