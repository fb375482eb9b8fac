//! Memory that decoding takes at most, by format, known from the header before anything is allocated.
//!
//! The decoders' buffers were taken from their sources; the tests beside this file measure them.

use image::ColorType;

use super::jpeg::Structure;
use super::webp::Coding;

/// Memory that reading a header may take: tables, texts, and a colour profile that decoders decompress without need.
pub(crate) const MAX_HEADER_BYTES: u64 = 8 << 20;

/// Windows, tables and rows of every decoder.
const FIXED_BYTES: u64 = 1 << 20;

/// The most code groups of a lossless WebP; libwebp, the encoder that all use, makes no more.
pub(crate) const MAX_CODE_GROUPS: u32 = 2600;

/// Bytes of all code groups: five tables of 1024 numbers each, and codes longer than ten bits.
const MAX_CODE_BYTES: u64 = MAX_CODE_GROUPS as u64 * 5 * 5120;

/// The most bytes of tables for one byte of a code's description.
const MAX_EXPANSION_OF_CODES: u64 = 400;

/// The most bytes that one byte of DEFLATE expands to.
const MAX_EXPANSION_OF_DEFLATE: u64 = 1032;

/// Bytes of a frame.
pub(crate) fn frame(pixels: u64) -> u64 {
    3 * pixels
}

/// Pixels of a picture of this size once its sides are divided.
pub(crate) fn reduced_pixels((width, height): (u32, u32), reduced: u32) -> u64 {
    u64::from(width.div_ceil(reduced)) * u64::from(height.div_ceil(reduced))
}

/// What every picture takes: its frame and the stored pixels that it is made from, or its frame twice while it is
/// rotated.
fn whole(pixels: u64, colours: ColorType, decoding: u64, encoded: u64) -> u64 {
    let stored = u64::from(colours.bytes_per_pixel()) * pixels;
    let converting = if colours == ColorType::Rgb8 { stored } else { stored + frame(pixels) };
    let turning = 2 * frame(pixels);
    (stored + decoding).max(converting).max(turning) + encoded + FIXED_BYTES
}

/// PNG is decoded row by row; profiles and texts are kept.
pub(crate) fn png(pixels: u64, colours: ColorType, encoded: u64) -> u64 {
    whole(pixels, colours, 0, 0) + encoded.saturating_mul(MAX_EXPANSION_OF_DEFLATE).min(MAX_HEADER_BYTES)
}

/// GIF is decoded to indices, then to colours with alpha; a frame that does not cover its screen takes memory beside
/// it. The first frame, the only one that is decoded, is never larger than the screen, which is enlarged to hold it.
pub(crate) fn gif(pixels: u64, colours: ColorType, encoded: u64) -> u64 {
    whole(pixels, colours, pixels + 4 * pixels, encoded)
}

/// WebP: planes of luma and chroma in 16 x 16 blocks, or one plane of four channels with its transforms. Alpha is a
/// picture of its own. A frame of an animation takes memory beside its canvas.
pub(crate) fn webp(size: (u32, u32), colours: ColorType, coding: &Coding<'_>, encoded: u64) -> u64 {
    let padded = size_in_blocks(size, (16, 16));
    let pixels = u64::from(size.0) * u64::from(size.1);
    let planes = padded + padded / 2;
    // Four bytes for each 4 x 4 pixels: two transforms, the code groups, and these once more as numbers.
    let codes = encoded.saturating_mul(MAX_EXPANSION_OF_CODES).min(MAX_CODE_BYTES);
    let lossless = 4 * pixels + pixels + codes;
    let mut decoding = 0;
    if coding.lossy {
        decoding = planes;
    }
    if coding.lossless {
        decoding = decoding.max(lossless);
    }
    if coding.alpha {
        decoding = decoding.max(planes + lossless + pixels);
    }
    if coding.animated {
        // A frame and its decoding, then the frame and the canvas.
        decoding = (4 * pixels + decoding).max(8 * pixels);
    }
    // Partitions are copied, and copied once more to align them.
    whole(pixels, colours, decoding, 4 * encoded)
}

/// JPEG is decoded by rows of blocks, unless its coefficients come in several scans: then all are kept until the last.
pub(crate) fn jpeg(structure: &Structure, colours: ColorType, reduced: u32, encoded: u64) -> u64 {
    let (width, height) = (structure.width, structure.height);
    let across = structure.components.iter().map(|&(across, _)| u64::from(across)).max().unwrap_or(1).max(1);
    let down = structure.components.iter().map(|&(_, down)| u64::from(down)).max().unwrap_or(1).max(1);
    let (columns, rows) = (u64::from(width).div_ceil(8 * across), u64::from(height).div_ceil(8 * down));
    let (mut coefficients, mut strips) = (0, 0);
    for &(h, v) in &structure.components {
        let (h, v) = (u64::from(h), u64::from(v));
        // 2 bytes for each of 64 coefficients of a block.
        coefficients += 128 * columns * rows * h * v;
        // A row of blocks, its neighbours, and the same upsampled to the largest component.
        strips += 2 * (8 * columns * h) * (10 * v + (v + 16) * across * down + 8);
    }
    if !structure.progressive && structure.whole_at_once {
        coefficients = 0;
    }
    whole(reduced_pixels((width, height), reduced), colours, coefficients + strips, encoded)
}

/// Pixels with both sides rounded up to whole blocks.
fn size_in_blocks((width, height): (u32, u32), (across, down): (u64, u64)) -> u64 {
    u64::from(width).next_multiple_of(across) * u64::from(height).next_multiple_of(down)
}

#[cfg(test)]
mod tests;
