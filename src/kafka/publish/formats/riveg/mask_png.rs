//! Masks as PNG: one bit a pixel, white inside.

use png::{BitDepth, ColorType, EncodingError};

use crate::domain::Mask;

/// The file.
///
/// # Errors
/// The mask has no pixels.
pub(super) fn png(mask: &Mask) -> Result<Vec<u8>, EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, mask.width, mask.height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&bits(mask))?;
    writer.finish()?;
    Ok(file)
}

/// Rows of whole bytes, the first pixel in the highest bit.
fn bits(mask: &Mask) -> Vec<u8> {
    let width = (mask.width as usize).max(1);
    let pack = |row: &[u8]| {
        let byte = |pixels: &[u8]| {
            pixels.iter().enumerate().fold(0, |byte, (place, pixel)| byte | pixel << (7 - place))
        };
        row.chunks(8).map(byte).collect::<Vec<u8>>()
    };
    mask.to_pixels().chunks(width).flat_map(pack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_is_white_inside_the_mask() {
        let pixels: Vec<u8> = (0..11 * 3).map(|pixel| u8::from(pixel % 3 == 0)).collect();
        let file = png(&Mask::from_pixels(&pixels, 11, 3)).unwrap();
        let picture = image::load_from_memory(&file).unwrap();
        assert_eq!((picture.width(), picture.height()), (11, 3));
        let expected: Vec<u8> = pixels.iter().map(|&pixel| pixel * 255).collect();
        assert_eq!(picture.into_luma8().into_raw(), expected);
        assert_eq!(file[24..26], [1, 0], "one bit a pixel, grey");
    }
}
