//! Hostile pictures: few bytes that take long or much memory to decode.

use super::posts::{Hostile, record};

#[path = "../../tests/pictures/hostile.rs"]
#[expect(dead_code, reason = "tests of the decoder make more of them")]
mod made;

/// Posts of 50 megapixels a picture, which their bytes do not tell.
pub(crate) fn all() -> Vec<Hostile> {
    let post = |name, record| Hostile { name, record, tame: None };
    vec![
        post("3 WebPs of 50 megapixels in 500 bytes", || {
            // Each another, or it would be decoded once.
            with_pictures(&[0, 1, 2].map(|less| made::blank_webp(16_383, 3051 - less)))
        }),
        post("GIF of 50 megapixels in 21 kB", || with_pictures(&[made::blank_gif(10_000, 5000)])),
        post("JPEG of 50 megapixels and 99 scans", || {
            with_pictures(&[made::progressive_jpeg(10_000, 5000, &[0x11; 3], 99)])
        }),
        post("PNG of 50 megapixels and 16 bits", || with_pictures(&[made::deep_png(10_000, 5000)])),
    ]
}

fn with_pictures(pictures: &[Vec<u8>]) -> String {
    record("pictures", "Kessa Varn opened the new bridge", pictures)
}
