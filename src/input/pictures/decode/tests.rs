//! Pictures that these tests encode, valid and damaged.

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

use super::super::header::probe;
use super::*;
use crate::input::config::test_config;

/// Red on the left, blue on the right, so that rotation and mirroring are visible.
pub(crate) fn two_colours(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) })
}

pub(crate) fn as_jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95).encode_image(picture).unwrap();
    bytes
}

pub(crate) fn as_png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

pub(crate) fn decoded(bytes: &[u8]) -> Result<Frame, MediaFault> {
    let config = test_config();
    let header = probe(bytes, &config)?;
    decode(bytes, header, content_hash(bytes), &config, &StopFlag::default())
}

pub(crate) fn pixel(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
    let at = 3 * (y * frame.width + x) as usize;
    frame.rgb[at..at + 3].try_into().unwrap()
}

/// JPEG and palettes change colours a little.
pub(crate) fn assert_close(found: [u8; 3], expected: [u8; 3], case: &str) {
    let near = found.iter().zip(expected).all(|(&found, expected)| found.abs_diff(expected) <= 12);
    assert!(near, "{case}: {found:?} is not {expected:?}");
}

/// A PNG header with any size, followed by the beginning of its data and much padding.
fn huge_png(width: u32, height: u32, length: usize) -> Vec<u8> {
    let mut bytes = as_png(&DynamicImage::ImageLuma8(GrayImage::new(1, 1)));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes.resize(length, 0);
    bytes
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn the_four_formats_are_known_by_their_bytes() {
    let picture = two_colours(32, 16);
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp).write_image(&picture, 32, 16, ExtendedColorType::Rgb8).unwrap();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&picture, 32, 16, ExtendedColorType::Rgb8).unwrap();
    let cases = [
        ("jpeg", as_jpeg(&picture)),
        ("png", as_png(&DynamicImage::ImageRgb8(picture))),
        ("webp", webp),
        ("gif", gif),
    ];
    for (case, bytes) in cases {
        let frame = decoded(&bytes).unwrap();
        assert_eq!((frame.width, frame.height, frame.rgb.len()), (32, 16, 32 * 16 * 3), "{case}");
        assert_close(pixel(&frame, 3, 8), [255, 0, 0], case);
        assert_close(pixel(&frame, 28, 8), [0, 0, 255], case);
        assert_eq!(frame.hash.0, *blake3::hash(&bytes).as_bytes(), "{case}");
    }
}

#[test]
fn every_colour_type_becomes_rgb() {
    let grey = GrayImage::from_pixel(4, 4, image::Luma([128]));
    let deep = image::ImageBuffer::from_pixel(4, 4, Rgb([65_535_u16, 32_768, 0]));
    let clear = RgbaImage::from_pixel(4, 4, Rgba([255, 0, 0, 0]));
    let half = RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 128]));
    let cases = [
        ("grey", as_png(&DynamicImage::ImageLuma8(grey)), [128, 128, 128]),
        ("16 bits", as_png(&DynamicImage::ImageRgb16(deep)), [255, 128, 0]),
        ("clear lies on white", as_png(&DynamicImage::ImageRgba8(clear)), [255, 255, 255]),
        ("half black on white is grey", as_png(&DynamicImage::ImageRgba8(half)), [127, 127, 127]),
    ];
    for (case, bytes, expected) in cases {
        assert_close(pixel(&decoded(&bytes).unwrap(), 2, 2), expected, case);
    }
}

#[test]
fn cmyk_is_decoded_too() {
    use base64::Engine;
    // Red and white in the inverted CMYK that Adobe's programs write, 8 x 8.
    const CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBE\
                        TFBUVFQwPFxgWFBgSFBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EABUAAQEAAAAAAAAAAAAAAAAAAAEJ/8QAGBAAAgMAAA\
                        AAAAAAAAAAAAAAAAlHhcT/2gAOBEMATQBZAEsAAD8AqmCMZspN4Ixmyk3lUz//2Q==";
    let bytes = base64::engine::general_purpose::STANDARD.decode(CMYK).unwrap();
    let frame = decoded(&bytes).unwrap();
    assert_close(pixel(&frame, 1, 1), [255, 0, 0], "red");
    assert_close(pixel(&frame, 6, 1), [255, 255, 255], "white");
}

#[test]
fn the_first_frame_of_an_animation_is_decoded() {
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for colour in [[0, 255, 0, 255], [255, 0, 0, 255]] {
        encoder.encode_frame(image::Frame::new(RgbaImage::from_pixel(9, 7, Rgba(colour)))).unwrap();
    }
    drop(encoder);
    let frame = decoded(&gif).unwrap();
    assert_eq!((frame.width, frame.height), (9, 7));
    assert_close(pixel(&frame, 4, 3), [0, 255, 0], "first frame");
}

#[test]
fn a_picture_that_was_cut_off_is_refused_in_every_format() {
    let noise = RgbImage::from_fn(64, 64, |x, y| Rgb([(x * y) as u8, (x * 7 + y) as u8, (y * 13) as u8]));
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp).write_image(&noise, 64, 64, ExtendedColorType::Rgb8).unwrap();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&noise, 64, 64, ExtendedColorType::Rgb8).unwrap();
    let cases = [
        ("jpeg", as_jpeg(&noise)),
        ("png", as_png(&DynamicImage::ImageRgb8(noise))),
        ("webp", webp),
        ("gif", gif),
    ];
    for (case, bytes) in cases {
        assert!(decoded(&bytes).is_ok(), "{case}");
        for percent in [1, 10, 50, 90, 95] {
            let fault = decoded(&bytes[..bytes.len() * percent / 100]).expect_err(case);
            assert_eq!(fault.class, RejectionClass::Malformed, "{case} at {percent} %: {}", fault.message);
        }
    }
}

#[test]
fn a_picture_too_large_is_refused_from_its_header() {
    let bomb = huge_png(30_000, 30_000, 1 << 20);
    let fault = decoded(&bomb).unwrap_err();
    assert_eq!(fault.class, RejectionClass::TooLarge);
    assert!(
        fault.message.contains("30000 x 30000") && fault.message.contains("max_side"),
        "{}",
        fault.message
    );

    let config = Config { max_side: 50_000, ..test_config() };
    let fault = probe(&bomb, &config).unwrap_err();
    assert!(
        fault.message.contains("= 900000000 pixels") && fault.message.contains("max_pixels"),
        "{}",
        fault.message
    );

    let config = Config { max_picture: bytesize::ByteSize::kib(1023), ..test_config() };
    assert!(probe(&bomb, &config).unwrap_err().message.contains("max_picture"));
    let config = Config { max_side: 32, ..test_config() };
    assert!(probe(&as_jpeg(&two_colours(32, 32)), &config).is_ok());
    assert!(probe(&as_jpeg(&two_colours(33, 32)), &config).is_err());
}

#[test]
fn bytes_that_are_no_picture_are_refused_with_their_kind() {
    let cases: [(&[u8], RejectionClass, &str); 5] = [
        (b"", RejectionClass::Malformed, "no bytes"),
        (b"hello, this is a text", RejectionClass::UnsupportedMedia, "begins with `hello, this `"),
        (b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0", RejectionClass::UnsupportedMedia, "is Bmp"),
        (b"\xff\xd8\xff", RejectionClass::Malformed, "Jpeg"),
        (b"GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0;", RejectionClass::Malformed, "0 x 0"),
    ];
    for (bytes, class, part) in cases {
        let fault = decoded(bytes).unwrap_err();
        assert_eq!(fault.class, class, "{part}: {}", fault.message);
        assert!(fault.message.contains(part), "{part}: {}", fault.message);
    }
}

#[test]
fn no_damage_makes_the_decoder_panic() {
    let noise = RgbImage::from_fn(24, 24, |x, y| Rgb([(x * y) as u8, (x * 7 + y) as u8, (y * 13) as u8]));
    let mut webp = Vec::new();
    WebPEncoder::new_lossless(&mut webp).write_image(&noise, 24, 24, ExtendedColorType::Rgb8).unwrap();
    let mut gif = Vec::new();
    GifEncoder::new(&mut gif).encode(&noise, 24, 24, ExtendedColorType::Rgb8).unwrap();
    for bytes in [as_jpeg(&noise), as_png(&DynamicImage::ImageRgb8(noise)), webp, gif] {
        for at in 0..bytes.len().min(600) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            // Success and failure are both right; a panic is not.
            let _ = decoded(&damaged);
        }
    }
}
