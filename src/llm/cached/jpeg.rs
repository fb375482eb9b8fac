//! JPEG encoding: pictures for vision models, no larger than such models use.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use image::{ExtendedColorType, RgbImage};

use crate::common::imaging::Workers;
use crate::domain::Frame;
use crate::llm::client::Picture;

/// The longest side: vision models of a few billion parameters scale to between 336 and 1,024.
const SIDE: u32 = 768;
/// Of 100. Text in pictures stays readable.
const QUALITY: u8 = 85;

/// The name of this encoding, a part of the cache key.
pub(super) const ENCODING: &str = "jpeg 768 85";

/// The width and height at which a picture of this size is sent.
#[must_use]
pub fn sent_size(width: u32, height: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= SIDE {
        return (width, height);
    }
    let scaled =
        |side: u32| u32::try_from(u64::from(side) * u64::from(SIDE) / u64::from(longer)).unwrap_or(1);
    (scaled(width).max(1), scaled(height).max(1))
}

/// Encodes a picture off the async threads.
pub(super) async fn encode_jpeg(workers: &Workers, frame: &Arc<Frame>) -> Picture {
    let frame = Arc::clone(frame);
    let bytes = workers.run(move || jpeg(&frame)).await;
    Picture { bytes, media_type: "image/jpeg" }
}

fn jpeg(frame: &Frame) -> Bytes {
    // Of a picture that was decoded at a reduced size as many pixels as there are.
    let (width, height) = frame.pixel_size();
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let sent = sent_size(width, height);
    let encoding = if sent == (width, height) {
        encoder.encode(&frame.rgb, width, height, ExtendedColorType::Rgb8)
    } else {
        let Some(pixels) = RgbImage::from_raw(width, height, frame.rgb.clone()) else {
            unreachable!("a frame holds as many pixels as its sides say")
        };
        let small = thumbnail(&pixels, sent.0, sent.1);
        encoder.encode(&small, small.width(), small.height(), ExtendedColorType::Rgb8)
    };
    match encoding {
        Ok(()) => bytes.into_inner().into(),
        Err(error) => {
            unreachable!("a picture within the limits of the decoder is written to memory: {error}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContentHash;

    #[test]
    fn a_picture_keeps_its_shape_and_is_no_larger_than_needed() {
        for (width, height, expected) in [(40, 30, (40, 30)), (1536, 100, (768, 50)), (2, 3000, (1, 768))] {
            let rgb = vec![128; 3 * width as usize * height as usize];
            let frame = Frame { hash: ContentHash([0; 32]), width, height, orientation: 1, reduced: 1, rgb };
            let decoded = image::load_from_memory(&jpeg(&frame)).unwrap();
            assert_eq!((decoded.width(), decoded.height()), expected);
            assert_eq!(sent_size(width, height), expected);
        }
    }
}
