//! Hostile pictures, and good pictures that resemble them. Those in tests/pictures are made by its script.

use image::{DynamicImage, GrayImage, Luma, RgbImage};

use super::super::header::{Header, probe};
use super::super::hostile_pictures::{
    animation, blank_gif, blank_webp, canvas, deep_png, jpeg_of_scans, lossy, many_codes, webp_of,
};
use super::tests::{as_jpeg, as_png, assert_close, crc32, decoded, pixel, two_colours};
use super::*;
use crate::input::config::test_config;

fn picture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)).unwrap()
}

/// Refused with this class and a message that contains all parts.
fn assert_refused(bytes: &[u8], class: RejectionClass, parts: &[&str], case: &str) {
    let fault = decoded(bytes).expect_err(case);
    assert_eq!(fault.class, class, "{case}: {}", fault.message);
    for part in parts {
        assert!(fault.message.contains(part), "{case}: {}", fault.message);
    }
}

#[test]
fn pictures_of_other_programs_are_decoded() {
    const RED: [u8; 3] = [255, 0, 0];
    const BLUE: [u8; 3] = [0, 0, 255];
    const WHITE: [u8; 3] = [255, 255, 255];
    for (case, bytes, left, right) in [
        ("progressive", picture("progressive.jpg"), RED, BLUE),
        ("4:2:0", picture("baseline-420.jpg"), RED, BLUE),
        ("4:2:2", picture("baseline-422.jpg"), RED, BLUE),
        ("restart markers", picture("restarts.jpg"), RED, BLUE),
        ("CMYK", picture("cmyk.jpg"), RED, WHITE),
        ("progressive CMYK", picture("cmyk-progressive.jpg"), RED, WHITE),
        ("lossy WebP", picture("lossy.webp"), RED, BLUE),
        ("lossy WebP with alpha", picture("transparent-lossy.webp"), WHITE, BLUE),
    ] {
        let frame = decoded(&bytes).unwrap_or_else(|fault| panic!("{case}: {}", fault.message));
        assert_eq!((frame.width, frame.height), (32, 16), "{case}");
        assert_close(pixel(&frame, 3, 8), left, case);
        assert_close(pixel(&frame, 28, 8), right, case);
    }
}

#[test]
fn the_first_frame_of_every_animation_is_decoded() {
    for (case, bytes) in [
        ("lossless WebP", picture("animated-lossless.webp")),
        ("lossy WebP", picture("animated-lossy.webp")),
        ("PNG", picture("animated.png")),
    ] {
        let frame = decoded(&bytes).unwrap_or_else(|fault| panic!("{case}: {}", fault.message));
        assert_eq!((frame.width, frame.height), (24, 12), "{case}");
        assert_close(pixel(&frame, 12, 6), [0, 255, 0], case);
    }
}

#[test]
fn unsupported_formats_are_refused_by_name() {
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0heicmif1";
    let video = b"\0\0\0\x18ftypisom\0\0\0\0isommp42";
    let class = RejectionClass::UnsupportedMedia;
    assert_refused(&picture("still.avif"), class, &["is Avif", "JPEG, PNG, WebP and GIF"], "AVIF");
    assert_refused(heic, class, &["kind `heic`", "JPEG, PNG, WebP and GIF"], "HEIC");
    assert_refused(video, class, &["kind `isom`"], "a video");
    for bytes in [
        b"II*\0\x08\0\0\0".as_slice(),
        b"%PDF-1.7",
        b"<svg xmlns",
        b"<html>",
        b"\x1f\x8b\x08\0",
        b"PK\x03\x04",
    ] {
        assert_refused(
            bytes,
            class,
            &["JPEG, PNG, WebP and GIF are decoded"],
            &bytes.escape_ascii().to_string(),
        );
    }
}

/// A chunk of a PNG.
fn chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [name.as_slice(), body].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [length.as_slice(), &named, &crc32(&named).to_be_bytes()].concat()
}

/// A PNG with a chunk after its header.
fn png_with(chunk: &[u8]) -> Vec<u8> {
    let bytes = as_png(&DynamicImage::ImageRgb8(two_colours(32, 16)));
    [&bytes[..33], chunk, &bytes[33..]].concat()
}

/// Very many zeros, compressed with the `png` crate's own encoder: an IDAT is a zlib stream.
fn packed_zeros(side: u32) -> Vec<u8> {
    let bytes = as_png(&DynamicImage::ImageLuma8(GrayImage::new(side, side)));
    let mut packed = Vec::new();
    let mut rest = &bytes[8..];
    while let [a, b, c, d, name @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        if name.starts_with(b"IDAT") {
            packed.extend_from_slice(&name[4..4 + length]);
        }
        rest = &rest[12 + length..];
    }
    packed
}

#[test]
fn memory_beside_the_pixels_of_a_png_is_limited() {
    let zeros = packed_zeros(4096);
    assert!(zeros.len() < 1 << 18, "{} bytes stand for 16 MiB", zeros.len());
    // A profile is decompressed up to the limit and then ignored, since it is not used.
    let profile = chunk(*b"iCCP", &[b"x\0\0".as_slice(), &zeros].concat());
    assert!(decoded(&png_with(&profile)).is_ok());
    // Compressed text is not decompressed, since it is not needed.
    let text = chunk(*b"zTXt", &[b"x\0\0".as_slice(), &zeros].concat());
    assert!(decoded(&png_with(&text)).is_ok());
    let long = chunk(*b"tEXt", &[b"x\0".as_slice(), &[b'y'; 4 << 20]].concat());
    let fault = decoded(&png_with(&[long.clone(), long].concat())).unwrap_err();
    assert_eq!(fault.class, RejectionClass::TooLarge, "{}", fault.message);
}

#[test]
fn a_colour_profile_is_not_applied() {
    // Networks were trained on stored values; a profile, even a damaged one, does not change them.
    let plain = decoded(&as_png(&DynamicImage::ImageRgb8(two_colours(32, 16)))).unwrap();
    let profile = chunk(*b"iCCP", &[b"x\0\0".as_slice(), &packed_zeros(16)].concat());
    assert_eq!(decoded(&png_with(&profile)).unwrap().rgb, plain.rgb);
    let jpeg = as_jpeg(&two_colours(32, 16));
    let segment = [b"\xff\xe2\0\x14ICC_PROFILE\0\x01\x01".as_slice(), b"what"].concat();
    let profiled = [&jpeg[..2], &segment, &jpeg[2..]].concat();
    assert_eq!(decoded(&profiled).unwrap().rgb, decoded(&jpeg).unwrap().rgb);
}

#[test]
fn a_large_gif_frame_on_a_screen_of_one_pixel_is_refused() {
    let mut gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    gif.extend_from_slice(b",\0\0\0\0\xff\x7f\xff\x7f\0\x02\x02\x4c\x01\0;");
    let parts = ["is 32767 x 32767 pixels", "decode.max_side"];
    assert_refused(&gif, RejectionClass::TooLarge, &parts, "32,767 x 32,767 in 1 x 1");
}

fn cut_short(width: u16, height: u16) -> Vec<u8> {
    let mut picture = lossy(width, height);
    picture.truncate(74);
    picture
}

#[test]
fn a_webp_may_not_be_larger_inside_than_its_header_announces() {
    let animated = |frame: (u32, u32), picture: Vec<u8>| animation((8, 8), frame, &[(b"VP8 ", picture)]);
    let still = webp_of(&[(b"VP8X", canvas(0, 8, 8)), (b"VP8 ", cut_short(16_383, 16_383))]);
    let malformed = RejectionClass::Malformed;
    assert_refused(&still, malformed, &["8 x 8 pixels, and that it has 16383 x 16383"], "a still picture");
    let frame = animated((8, 8), cut_short(16_383, 16_383));
    assert_refused(&frame, malformed, &["8 x 8 pixels, and that it has 16383 x 16383"], "a frame's picture");
    let frame = animated((9, 8), cut_short(9, 8));
    assert_refused(&frame, malformed, &["8 x 8 pixels with a frame of 9 x 8"], "a frame");
    // A chunk of four gigabytes, of which a few bytes are there.
    let mut described =
        webp_of(&[(b"VP8X", canvas(8, 8, 8)), (b"VP8 ", cut_short(8, 8)), (b"EXIF", vec![0; 8])]);
    let at = described.len() - 12;
    described[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_refused(&described, malformed, &["chunk `EXIF` says it has 4294967295"], "a description");
    let huge = webp_of(&[(b"VP8X", canvas(0, 20_000, 20_000)), (b"VP8 ", cut_short(1, 1))]);
    assert_refused(&huge, RejectionClass::TooLarge, &["decode.max_side"], "a canvas");
    // Bytes after the container are ignored.
    let followed = [picture("animated-lossy.webp"), b"VP8 \xff\xff\xff\xffand so on".to_vec()].concat();
    assert!(decoded(&followed).is_ok());
}

#[test]
fn every_webp_cut_short_anywhere_is_refused() {
    for bytes in [picture("animated-lossless.webp"), picture("transparent-lossy.webp"), picture("lossy.webp")]
    {
        for length in 12..bytes.len() - 1 {
            let fault = decoded(&bytes[..length]).expect_err("it is cut off");
            assert_eq!(fault.class, RejectionClass::Malformed, "{length}: {}", fault.message);
        }
    }
}

#[test]
fn a_picture_without_pixels_is_refused() {
    let mut png = as_png(&DynamicImage::ImageLuma8(GrayImage::new(1, 1)));
    png[16..20].fill(0);
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let mut jpeg = as_jpeg(&RgbImage::new(8, 8));
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].fill(0);
    let webp = webp_of(&[(b"VP8 ", cut_short(0, 8))]);
    for (case, bytes) in [("PNG", png), ("JPEG", jpeg), ("WebP", webp)] {
        assert_refused(&bytes, RejectionClass::Malformed, &[], case);
    }
}

#[test]
fn a_jpeg_with_too_many_scans_is_refused() {
    // Each scan of a few bytes passes over the whole picture again.
    let bytes = picture("progressive.jpg");
    let starts: Vec<usize> = (0..bytes.len() - 1).filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA]).collect();
    let last = &bytes[*starts.last().unwrap()..bytes.len() - 2];
    let many = [&bytes[..bytes.len() - 2], &last.repeat(200), b"\xff\xd9"].concat();
    assert_refused(&many, RejectionClass::TooLarge, &["210 scans", "decode.max_scans"], "200 passes");
}

#[test]
fn sixteen_bits_become_eight_at_every_depth() {
    for (stored, expected) in [(0_u16, 0_u8), (128, 0), (129, 1), (32_768, 128), (65_535, 255)] {
        let deep = image::ImageBuffer::from_pixel(2, 2, Luma([stored]));
        let frame = decoded(&as_png(&DynamicImage::ImageLuma16(deep))).unwrap();
        assert_eq!(pixel(&frame, 1, 1), [expected; 3], "{stored}");
    }
}

fn probed(bytes: &[u8]) -> Header {
    probe(bytes, &test_config()).unwrap_or_else(|fault| panic!("{}", fault.message))
}

#[test]
fn a_picture_must_have_bytes_for_its_pixels() {
    // Pictures up to the size of a screen may be blank, in any format.
    for (case, blank) in [
        ("WebP", blank_webp(1920, 1080)),
        ("GIF", blank_gif(1920, 1080)),
        ("JPEG", jpeg_of_scans(1920, 1080, 10)),
        ("PNG", deep_png(1920, 1080)),
    ] {
        let frame = decoded(&blank).unwrap_or_else(|fault| panic!("{case}: {}", fault.message));
        assert_eq!((frame.width, frame.height), (1920, 1080), "{case}");
        assert_eq!(pixel(&frame, 9, 9), pixel(&frame, 1900, 1070), "{case}");
    }
    let tiny = blank_webp(16_383, 1500);
    assert!(tiny.len() < 50, "{} bytes", tiny.len());
    let parts = ["16383 x 1500 pixels in ", " bytes", "1032 a byte of decode.max_pixels_per_byte"];
    assert_refused(&tiny, RejectionClass::TooLarge, &parts, "a WebP of 24 megapixels");
    let gif = blank_gif(5000, 4000);
    assert!(gif.len() > 5000, "{} bytes", gif.len());
    assert_refused(&gif, RejectionClass::TooLarge, &["decode.max_pixels_per_byte"], "a GIF of 20 megapixels");
    // Large and flat like a screenshot: it is accepted.
    assert!(decoded(&as_png(&DynamicImage::ImageRgb8(two_colours(3840, 2160)))).is_ok());
    assert!(decoded(&as_jpeg(&two_colours(3840, 2160))).is_ok());
}

#[test]
fn the_scans_of_a_jpeg_are_limited_and_count_as_work() {
    let bounded = jpeg_of_scans(640, 480, 99);
    let parts = ["is a JPEG of 99 scans, more than the 32 of decode.max_scans"];
    assert_refused(&bounded, RejectionClass::TooLarge, &parts, "99 scans");
    assert!(decoded(&jpeg_of_scans(640, 480, 32)).is_ok());
    let work = |scans| probed(&jpeg_of_scans(640, 480, scans)).work();
    assert_eq!((work(1), work(11), work(31)), (work(10), 2 * work(10), 4 * work(10)));
    // 2 megapixels are accepted whatever their bytes, but not with four passes.
    let parts = ["gone over 4 times, in ", "decode.max_pixels_per_byte"];
    let often = jpeg_of_scans(1920, 1080, 32);
    let strict = Config { max_pixels_per_byte: 100, ..test_config() };
    let fault = probe(&often, &strict).unwrap_err();
    assert!(parts.iter().all(|part| fault.message.contains(part)), "{}", fault.message);
}

#[test]
fn the_code_groups_of_a_webp_are_limited() {
    // 65,536 groups in 4 MB would become 1.3 GB of tables.
    let webp = |groups| webp_of(&[(b"VP8L", many_codes(64, 64, groups))]);
    assert!(decoded(&webp(cost::MAX_CODE_GROUPS)).is_ok());
    let parts = ["2601 groups of codes"];
    let too_many = webp(cost::MAX_CODE_GROUPS + 1);
    assert_refused(&too_many, RejectionClass::TooLarge, &parts, "a still picture");
    // Counting them takes as long as decoding: it is not done where texts wait.
    assert!(probe(&too_many, &test_config()).is_ok());
    let frame = animation((64, 64), (64, 64), &[(b"VP8L", many_codes(64, 64, 3000))]);
    assert_refused(&frame, RejectionClass::TooLarge, &["3000 groups of codes"], "a frame");
    let alpha = [[1].as_slice(), &many_codes(64, 64, 3000)[5..]].concat();
    let alpha = webp_of(&[(b"VP8X", canvas(16, 64, 64)), (b"ALPH", alpha), (b"VP8 ", lossy(64, 64))]);
    assert_refused(&alpha, RejectionClass::TooLarge, &["3000 groups of codes"], "an alpha");
}

#[test]
fn the_decoder_must_see_the_same_header_as_the_limits() {
    let jpeg = as_jpeg(&two_colours(32, 16));
    let read = jpeg::structure(&jpeg).unwrap();
    assert!(jpeg::size(&jpeg, Some(&read)).is_ok());
    for other in [
        jpeg::Structure { width: 16, ..read.clone() },
        jpeg::Structure { components: vec![(2, 2), (1, 1), (1, 1)], ..read.clone() },
        jpeg::Structure { components: vec![(1, 1)], ..read },
    ] {
        assert!(jpeg::size(&jpeg, Some(&other)).is_err(), "{other:?}");
    }
    // A second frame header is refused.
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let twice = [&jpeg[..at + 19], &jpeg[at..]].concat();
    assert_refused(&twice, RejectionClass::Malformed, &["Jpeg"], "two frame headers");
}

#[test]
fn a_picture_that_is_given_up_is_not_decoded_to_its_end() {
    for (case, bytes) in [
        ("WebP", blank_webp(64, 64)),
        ("GIF", blank_gif(64, 64)),
        ("JPEG", as_jpeg(&two_colours(64, 64))),
        ("PNG", as_png(&DynamicImage::ImageRgb8(two_colours(64, 64)))),
    ] {
        let header = probed(&bytes);
        let stop = StopFlag::default();
        stop.set();
        let fault = decode(&bytes, header, content_hash(&bytes), &test_config(), &stop).expect_err(case);
        assert!(fault.message.contains("was given up"), "{case}: {}", fault.message);
    }
}
