//! Mask target: run lengths survive writing and reading; pixels survive encoding.

use riveg::domain::Mask;

/// Two bytes for each side of the picture, then the text of its runs; the same bytes are also used as pixels.
pub fn mask(input: &[u8]) {
    let Some((&[a, b, c, d], rest)) = input.split_first_chunk() else { return };
    let (width, height) = (u32::from(u16::from_le_bytes([a, b])), u32::from(u16::from_le_bytes([c, d])));
    let text = String::from_utf8_lossy(rest);
    match Mask::from_coco_counts(width, height, &text) {
        Ok(mask) => read_alike(&mask, &text),
        Err(error) => super::assert_sayable(&error.to_string()),
    }
    drawn_alike(rest, usize::from(a).clamp(1, 64));
}

fn read_alike(mask: &Mask, text: &str) {
    let Mask { width, height, ref runs } = *mask;
    assert!(runs.len() <= text.len(), "{} runs of {} characters", runs.len(), text.len());
    assert!(mask.area() <= u64::from(width) * u64::from(height));
    let written = mask.to_coco_counts();
    assert!(written.len() <= text.len(), "`{written}` is longer than `{text}`");
    assert_eq!(Mask::from_coco_counts(width, height, &written).as_ref(), Ok(mask));
    const LARGEST: u32 = 1 << 16; // pixels: enough for runs of three characters, little enough to draw a thousand a second
    if width * height > 0 && width * height <= LARGEST {
        let pixels = mask.to_pixels();
        assert_eq!(pixels.len(), (width * height) as usize);
        assert_eq!(pixels.iter().map(|&pixel| u64::from(pixel)).sum::<u64>(), mask.area());
        assert_eq!(Mask::from_pixels(&pixels, width, height).to_pixels(), pixels);
    }
}

/// The lowest bit of each byte as a picture of the given width.
fn drawn_alike(bytes: &[u8], width: usize) {
    let height = bytes.len() / width;
    let pixels: Vec<u8> = bytes[..width * height].iter().map(|byte| byte & 1).collect();
    let (columns, rows) = (width as u32, height as u32);
    let mask = Mask::from_pixels(&pixels, columns, rows);
    assert_eq!(mask.to_pixels(), pixels);
    assert_eq!(Mask::from_coco_counts(columns, rows, &mask.to_coco_counts()), Ok(mask));
}
