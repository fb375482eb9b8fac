//! Memory that decoding really takes, measured in a process of its own for every kind of picture.

use std::process::Command;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::super::header::{Header, probe};
use super::super::hostile_pictures::{
    animation, blank_gif, blank_png, blank_webp, canvas, lossless, lossy, many_codes, progressive_jpeg,
    webp_of,
};
use super::super::stoppable::StopFlag;
use super::super::{content_hash, decode};
use super::*;
use crate::input::config::{Config, test_config};

/// Set in the process that measures.
const ALONE: &str = "RIVEG_TEST_ALONE";
const NAME: &str = "input::pictures::cost::tests::no_picture_takes_more_than_was_reserved_for_it";

/// 2 megapixels, of sides that are no whole blocks.
const WIDTH: u16 = 1801;
const HEIGHT: u16 = 1203;

/// Resident memory of the process, now or at its peak since [`reset_peak`], in bytes.
fn memory(which: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Resets the peak to what is resident now.
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn baseline() -> Vec<u8> {
    let stored: Vec<u8> = (0..3 * u32::from(WIDTH) * u32::from(HEIGHT))
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 80);
    encoder.write_image(&stored, WIDTH.into(), HEIGHT.into(), ExtendedColorType::Rgb8).unwrap();
    jpeg
}

/// A picture with the EXIF orientation of a camera held upright: it is rotated by a quarter.
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let exif = b"\xFF\xE1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&jpeg[..2], exif, &jpeg[2..]].concat()
}

fn pictures() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let png = |colours| blank_png(width, height, colours);
    let mut on_a_larger_screen = blank_gif(WIDTH, HEIGHT);
    on_a_larger_screen[6..8].copy_from_slice(&(WIDTH + 1).to_le_bytes());
    let alpha = [[1].as_slice(), &lossless(width, height, false)[5..]].concat();
    let with_alpha = [(b"ALPH", alpha), (b"VP8 ", lossy(WIDTH, HEIGHT))];
    let size = (width, height);
    vec![
        ("baseline JPEG", baseline()),
        ("turned JPEG", turned(&baseline())),
        ("progressive JPEG, grey", progressive_jpeg(WIDTH, HEIGHT, &[0x11], 6)),
        ("progressive JPEG, 4:4:4", progressive_jpeg(WIDTH, HEIGHT, &[0x11; 3], 10)),
        ("progressive JPEG, 4:2:0", progressive_jpeg(WIDTH, HEIGHT, &[0x22, 0x11, 0x11], 10)),
        ("progressive JPEG, 4 x 2 to 1", progressive_jpeg(WIDTH, HEIGHT, &[0x42, 0x11, 0x11], 10)),
        ("progressive JPEG, CMYK", progressive_jpeg(WIDTH, HEIGHT, &[0x11; 4], 10)),
        ("PNG, grey", png(ExtendedColorType::L8)),
        ("PNG, grey and alpha", png(ExtendedColorType::La8)),
        ("PNG", png(ExtendedColorType::Rgb8)),
        ("PNG, alpha", png(ExtendedColorType::Rgba8)),
        ("PNG, deep grey", png(ExtendedColorType::L16)),
        ("PNG, deep grey and alpha", png(ExtendedColorType::La16)),
        ("PNG, deep", png(ExtendedColorType::Rgb16)),
        ("PNG, deep, alpha", png(ExtendedColorType::Rgba16)),
        ("GIF", blank_gif(WIDTH, HEIGHT)),
        ("GIF on a larger screen", on_a_larger_screen),
        ("WebP without loss", blank_webp(width, height)),
        ("WebP without loss, alpha", webp_of(&[(b"VP8L", lossless(width, height, true))])),
        ("WebP without loss, many codes", webp_of(&[(b"VP8L", many_codes(width, height, MAX_CODE_GROUPS))])),
        ("WebP", webp_of(&[(b"VP8 ", lossy(WIDTH, HEIGHT))])),
        ("WebP, alpha", webp_of(&[&[(b"VP8X", canvas(16, width, height))], with_alpha.as_slice()].concat())),
        ("WebP in motion, without loss", animation(size, size, &[(b"VP8L", lossless(width, height, true))])),
        ("WebP in motion", animation(size, size, &[(b"VP8 ", lossy(WIDTH, HEIGHT))])),
        ("WebP in motion, alpha", animation(size, size, &with_alpha)),
    ]
}

/// The peak memory of decoding a picture, above what was resident before.
fn decoded(case: &str, bytes: &[u8], header: Header, config: &Config) -> u64 {
    reset_peak();
    let before = memory("VmRSS:");
    let frame = decode(bytes, header, content_hash(bytes), config, &StopFlag::default());
    let peak = memory("VmHWM:") - before;
    let frame = frame.unwrap_or_else(|fault| panic!("{case}: {}", fault.message));
    assert_eq!(frame.rgb.len() as u64, header.frame_bytes(), "{case}");
    peak
}

fn measure() {
    let whole = Config { free_pixels: 25_000_000, ..test_config() };
    // JPEGs at a quarter of their size.
    let reduced = Config { reduced_side: u32::from(HEIGHT) / 4, ..whole.clone() };
    let mut beyond = Vec::new();
    let pictures = pictures();
    let in_both = pictures.iter().flat_map(|picture| [(&whole, picture), (&reduced, picture)]);
    for (config, (case, bytes)) in
        in_both.filter(|(config, (case, _))| *config == &whole || case.contains("JPEG"))
    {
        let header = probe(bytes, config).unwrap_or_else(|fault| panic!("{case}: {}", fault.message));
        let mut peak = decoded(case, bytes, header, config);
        if peak > header.peak_bytes {
            // The first time the decoder's code was loaded too, which stays resident.
            peak = decoded(case, bytes, header, config);
        }
        let (took, reserved) =
            (peak as f64 / header.pixels() as f64, header.peak_bytes as f64 / header.pixels() as f64);
        println!("{case}: took {took:.2} bytes a pixel, {reserved:.2} reserved");
        // The reservation must not be so large that pictures are refused that would fit.
        if peak > header.peak_bytes
            || header.peak_bytes > peak + 3 * header.pixels() + MAX_HEADER_BYTES + MAX_CODE_BYTES
        {
            beyond.push((case, header.reduced));
        }
    }
    assert!(beyond.is_empty(), "{beyond:?}");
}

#[test]
fn no_picture_takes_more_than_was_reserved_for_it() {
    if std::env::var_os(ALONE).is_some() {
        return measure();
    }
    let arguments = ["--exact", NAME, "--nocapture", "--test-threads", "1"];
    let mut alone = Command::new(std::env::current_exe().unwrap());
    // Freed memory goes back to the system at once, so that no allocation reuses memory that is resident already.
    alone.args(arguments).envs([
        (ALONE, "1"),
        ("MALLOC_ARENA_MAX", "1"),
        ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ]);
    let output = alone.output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    println!("{out}");
    assert!(output.status.success() && out.contains("WebP in motion, alpha: took"), "{out}\n{err}");
}
