//! Masks as PNG: one bit a pixel, white inside.

use png::{BitDepth, ColorType, Compression, EncodingError, Filter};

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
    // Most rows are like the one above: what differs needs no search for repetitions.
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Up);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&mask.to_bits())?;
    writer.finish()?;
    Ok(file)
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
