//! JPEG pixels: those of libjpeg-turbo, decoded row by row so that decoding can be stopped.
//!
//! MozJPEG's decoder is that of libjpeg-turbo: the same inverse DCT in integers and the same smooth upsampling, and so
//! the same pixels to the last bit as Pillow's, with which the networks were trained. `tests/parity/jpeg.rs` compares.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use image::ColorType;
use image::metadata::Orientation;
use mozjpeg::{ColorSpace, Decompress, Marker};

use super::super::stoppable::{StopFlag, StoppableReader};
use super::super::stored::StoredPixels;
use super::errors::{Damage, strict};
use super::structure::Structure;

/// Rows that are decoded between two checks of the flag: the most of one row of coding units, and at the widest picture
/// a few milliseconds.
const ROWS: usize = 32;

/// The marker of EXIF blocks, and how their content begins.
const EXIF: Marker = Marker::APP(1);
const EXIF_BEGINS: &[u8] = b"Exif\0\0";

/// How the wrapper's texts of faults begin.
const FATAL: &str = "libjpeg fatal error: ";

/// Why a JPEG has no pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JpegFault {
    /// It may be whole, but is not decoded.
    Unsupported(&'static str),
    Damaged(String),
}

impl JpegFault {
    fn damaged(how: &str) -> Self {
        Self::Damaged(how.to_owned())
    }
}

/// Runs the decoder, whose faults unwind through it.
fn caught<T>(decode: impl FnOnce() -> Result<T, JpegFault>) -> Result<T, JpegFault> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|fault| match fault.downcast::<Damage>() {
        Ok(damage) => Err(JpegFault::damaged(damage.explained())),
        // Without functions of ours for its faults, it unwinds with their text.
        Err(fault) => match fault.downcast_ref::<String>().and_then(|text| text.strip_prefix(FATAL)) {
            Some(text) => Err(JpegFault::damaged(text)),
            None => resume_unwind(fault),
        },
    })
}

/// The size according to the decoder, which must agree with [`super::structure`] about the headers.
pub(crate) fn size(bytes: &[u8], read: Option<&Structure>) -> Result<(u32, u32), JpegFault> {
    let stop = StopFlag::default();
    caught(|| {
        let decoder = Decompress::new_reader(StoppableReader::new(bytes, &stop))
            .map_err(|error| JpegFault::Damaged(error.to_string()))?;
        let size = (decoder.width() as u32, decoder.height() as u32);
        let factors = factors(&decoder);
        let alike = read.is_none_or(|read| (read.width, read.height) == size && read.components == factors);
        if !alike {
            return Err(JpegFault::damaged("more than one frame header"));
        }
        if !divide(&factors) {
            return Err(JpegFault::Unsupported("sampling factors of which one does not divide the largest"));
        }
        Ok(size)
    })
}

/// The sampling factors of each component, across and down.
fn factors<R>(decoder: &Decompress<R>) -> Vec<(u8, u8)> {
    decoder.components().iter().map(|one| (one.h_samp_factor as u8, one.v_samp_factor as u8)).collect()
}

/// Whether all components can be upsampled by whole numbers.
fn divide(factors: &[(u8, u8)]) -> bool {
    let across = factors.iter().map(|&(across, _)| across).max().unwrap_or(1);
    let down = factors.iter().map(|&(_, down)| down).max().unwrap_or(1);
    factors.iter().all(|&(h, v)| h > 0 && v > 0 && across % h == 0 && down % v == 0)
}

/// Pixels as they are stored, with both sides divided by `reduced`, which is 1, 2, 4 or 8; `end` is where their data ends.
///
/// A reduced picture is made from the lowest frequencies of each block: each pixel is about the mean of those in its place.
pub(crate) fn pixels(
    bytes: &[u8],
    end: usize,
    reduced: u32,
    stop: &StopFlag,
) -> Result<StoredPixels, JpegFault> {
    // An end marker follows at once: whoever needs one bit more than there is, reads it and warns.
    let data = bytes.get(..end).unwrap_or(bytes);
    let decoded = caught(|| decoded(StoppableReader::joined(data.into(), b"\xff\xd9", stop), reduced, stop));
    if stop.is_set() { Err(given_up()) } else { decoded }
}

fn given_up() -> JpegFault {
    JpegFault::damaged("the picture was given up")
}

fn decoded(input: StoppableReader<'_>, reduced: u32, stop: &StopFlag) -> Result<StoredPixels, JpegFault> {
    let read = |error: std::io::Error| JpegFault::Damaged(error.to_string());
    let decoder = Decompress::builder().with_err(strict()).with_markers(&[EXIF]).from_reader(input);
    let mut decoder = decoder.map_err(read)?;
    // In eighths.
    decoder.scale((8 / reduced) as u8);
    let orientation = decoder.markers().find_map(|marker| marker.data.strip_prefix(EXIF_BEGINS));
    let orientation = orientation.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    let components = decoder.components().len();
    let (colour_space, colours) = match components {
        1 => (ColorSpace::JCS_GRAYSCALE, ColorType::L8),
        4 => (ColorSpace::JCS_CMYK, ColorType::Rgb8),
        _ => (ColorSpace::JCS_RGB, ColorType::Rgb8),
    };
    let mut decoder = decoder.to_colorspace(colour_space).map_err(read)?;
    let (width, height) = (decoder.width(), decoder.height());
    let stored = usize::from(colours.bytes_per_pixel());
    let mut bytes = vec![0; stored * width * height];
    let mut inks = vec![0; if components == 4 { 4 * width * ROWS.min(height) } else { 0 }];
    for rows in bytes.chunks_mut((stored * width * ROWS).max(1)) {
        if stop.is_set() {
            return Err(given_up());
        }
        if components == 4 {
            let inks = &mut inks[..rows.len() / 3 * 4];
            decoder.read_scanlines_into(inks).map_err(read)?;
            without_inks(inks, rows);
        } else {
            decoder.read_scanlines_into(rows).map_err(read)?;
        }
    }
    Ok(StoredPixels { width: width as u32, height: height as u32, colours, bytes, orientation })
}

/// RGB of cyan, magenta, yellow and black. All writers store them inverted, as Adobe's programs do: 255 is no ink.
fn without_inks(inks: &[u8], rgb: &mut [u8]) {
    for (&[cyan, magenta, yellow, black], rgb) in
        inks.as_chunks().0.iter().zip(rgb.as_chunks_mut::<3>().0.iter_mut())
    {
        *rgb = [cyan, magenta, yellow].map(|light| black - of_255(255 - light, black));
    }
}

/// The product of two numbers of 255, rounded; never more than either of them.
fn of_255(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_darken_and_no_ink_is_white() {
        let mut rgb = [0; 15];
        let inks =
            [[255, 255, 255, 255], [0, 255, 255, 255], [255, 255, 255, 0], [128, 64, 0, 200], [0, 0, 0, 255]];
        without_inks(inks.as_flattened(), &mut rgb);
        assert_eq!(rgb.as_chunks().0, [[255; 3], [0, 255, 255], [0; 3], [100, 50, 0], [0; 3]]);
        for (a, b) in (0..=255_u8).flat_map(|a| (0..=255_u8).map(move |b| (a, b))) {
            let exact = f64::from(a) * f64::from(b) / 255.0;
            assert_eq!(f64::from(of_255(a, b)), exact.round(), "{a} of {b}");
        }
    }

    #[test]
    fn factors_must_divide_the_largest() {
        assert!(divide(&[(2, 2), (1, 1), (1, 1)]) && divide(&[(4, 1), (2, 1), (1, 1)]) && divide(&[(3, 3)]));
        for other in [&[(3, 1), (2, 1)][..], &[(1, 3), (1, 2)], &[(2, 2), (0, 1)]] {
            assert!(!divide(other), "{other:?}");
        }
    }
}
