//! Picture headers: format, size and memory of a picture, checked against the limits before anything is allocated for
//! its pixels.

use std::time::Duration;

use image::{ColorType, ImageDecoder, ImageFormat};

use crate::domain::RejectionClass;
use crate::input::MediaFault;
use crate::input::config::Config;

use super::jpeg::Flaw;
use super::open::{damaged_webp, decoder, input, jpeg_fault};
use super::stoppable::StopFlag;
use super::{cost, gif, jpeg, png, webp};

/// A picture's header, within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) format: ImageFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The colour type that its decoder produces.
    pub(crate) colours: ColorType,
    /// What both sides are divided by when it is decoded.
    pub(crate) reduced: u32,
    /// Passes of the decoder over the picture, each of which costs as much as decoding it once.
    passes: u64,
    /// How many of the bytes the decoder reads: of a JPEG those up to the end of the last scan.
    pub(crate) data: usize,
    /// Memory that decoding takes at most, including the frame.
    pub(crate) peak_bytes: u64,
}

impl Header {
    pub(crate) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Bytes of the decoded picture.
    pub(crate) fn frame_bytes(self) -> u64 {
        cost::frame(cost::reduced_pixels((self.width, self.height), self.reduced))
    }

    /// About how long decoding takes: 10 ms a megapixel. Only the order of pictures by cost matters.
    pub(crate) fn work(self) -> Duration {
        Duration::from_nanos(10 * self.pixels() * self.passes)
    }
}

/// Scans that count as one pass. Encoders write progressive colour pictures in ten scans, each with a part of the
/// coefficients.
const SCANS_OF_A_PASS: u32 = 10;

/// Reads format and size of a picture from its bytes.
///
/// # Errors
/// `unsupported-media` for anything but JPEG, PNG, WebP and GIF, `too-large` beyond a limit, else `malformed`.
pub(crate) fn probe(bytes: &[u8], config: &Config) -> Result<Header, MediaFault> {
    if bytes.is_empty() {
        return Err(MediaFault::new(RejectionClass::Malformed, "has no bytes at all"));
    }
    let encoded = bytes.len() as u64;
    if encoded > config.max_picture.as_u64() {
        let message =
            format!("has {encoded} bytes, more than the {} of decode.max_picture", config.max_picture);
        return Err(MediaFault::new(RejectionClass::TooLarge, message));
    }
    let format = sniff(bytes)?;
    if format == ImageFormat::Jpeg {
        return probe_jpeg(bytes, config);
    }
    let (size, colours) = size_and_colours(bytes, format)?;
    size_within_limits(size, config)?;
    let pixels = u64::from(size.0) * u64::from(size.1);
    let (width, height) = size;
    let data = bytes.len();
    let mut header = Header { format, width, height, colours, reduced: 1, passes: 1, data, peak_bytes: 0 };
    check_pixels_per_byte(header, encoded, config)?;
    header.peak_bytes = match format {
        ImageFormat::WebP => {
            let coding = webp::check(bytes, size).map_err(|flaw| damaged_webp(&flaw))?;
            cost::webp(size, colours, &coding, encoded)
        }
        ImageFormat::Gif => cost::gif(pixels, colours, encoded),
        _ => cost::png(pixels, colours, encoded),
    };
    Ok(header)
}

fn size_and_colours(bytes: &[u8], format: ImageFormat) -> Result<((u32, u32), ColorType), MediaFault> {
    if format == ImageFormat::Png
        && let Some(shape) = png::shape(bytes)
    {
        return Ok(shape);
    }
    let stop = StopFlag::default();
    // Faults in a PNG's first chunks are reported here too.
    let input = input(bytes, format, &stop)?;
    let decoder = decoder(input, format, cost::MAX_HEADER_BYTES)?;
    let size = if format == ImageFormat::Gif { gif::screen(bytes) } else { None };
    Ok((size.unwrap_or(decoder.dimensions()), decoder.color_type()))
}

fn probe_jpeg(bytes: &[u8], config: &Config) -> Result<Header, MediaFault> {
    let structure = match jpeg::structure(bytes) {
        Err(Flaw::Unsupported(what)) => {
            let message = format!("is a JPEG with {what}, which is not decoded");
            return Err(MediaFault::new(RejectionClass::UnsupportedMedia, message));
        }
        structure => structure,
    };
    let (width, height) = jpeg::size(bytes, structure.as_ref().ok()).map_err(|error| jpeg_fault(&error))?;
    size_within_limits((width, height), config)?;
    let structure = structure.map_err(|flaw| {
        MediaFault::new(RejectionClass::Malformed, format!("is a JPEG that was cut off: {flaw}"))
    })?;
    if structure.scans > config.max_scans {
        let message = format!(
            "is a JPEG of {} scans, more than the {} of decode.max_scans",
            structure.scans, config.max_scans
        );
        return Err(MediaFault::new(RejectionClass::TooLarge, message));
    }
    let colours = if structure.components.len() == 1 { ColorType::L8 } else { ColorType::Rgb8 };
    let encoded = bytes.len() as u64;
    let reduced = reduction((width, height), config.reduced_side);
    let header = Header {
        format: ImageFormat::Jpeg,
        width,
        height,
        colours,
        reduced,
        passes: u64::from(structure.scans.div_ceil(SCANS_OF_A_PASS)),
        data: structure.end,
        peak_bytes: cost::jpeg(&structure, colours, reduced, encoded),
    };
    check_pixels_per_byte(header, encoded, config)?;
    Ok(header)
}

/// The largest divisor that JPEG can be decoded with and that leaves each side at least `least` pixels; 1 where `least`
/// is 0.
fn reduction((width, height): (u32, u32), least: u32) -> u32 {
    let is_enough = |divisor: &u32| least > 0 && width.min(height) / divisor >= least;
    [8, 4, 2].into_iter().find(is_enough).unwrap_or(1)
}

fn size_within_limits((width, height): (u32, u32), config: &Config) -> Result<(), MediaFault> {
    if width == 0 || height == 0 {
        return Err(MediaFault::new(
            RejectionClass::Malformed,
            format!("is {width} x {height} pixels: it has none"),
        ));
    }
    let too_large = |message| Err(MediaFault::new(RejectionClass::TooLarge, message));
    if width.max(height) > config.max_side {
        return too_large(format!(
            "is {width} x {height} pixels, a side longer than the {} of decode.max_side",
            config.max_side
        ));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > config.max_pixels {
        return too_large(format!(
            "is {width} x {height} = {pixels} pixels, more than the {} of decode.max_pixels",
            config.max_pixels
        ));
    }
    Ok(())
}

/// Checks that a picture has as many bytes as a real picture of its size needs.
fn check_pixels_per_byte(header: Header, encoded: u64, config: &Config) -> Result<(), MediaFault> {
    let Header { width, height, passes, .. } = header;
    let pixels = header.pixels() * passes;
    if pixels <= config.free_pixels.max(encoded.saturating_mul(config.max_pixels_per_byte)) {
        return Ok(());
    }
    let gone_over = if passes == 1 { String::new() } else { format!(", gone over {passes} times,") };
    let message = format!(
        "is {width} x {height} pixels{gone_over} in {encoded} bytes, more than the {} a byte of \
         decode.max_pixels_per_byte and the {} of decode.free_pixels",
        config.max_pixels_per_byte, config.free_pixels
    );
    Err(MediaFault::new(RejectionClass::TooLarge, message))
}

/// Whether bytes begin like a picture in a supported format.
pub(crate) fn is_decoded(bytes: &[u8]) -> bool {
    sniff(bytes).is_ok()
}

fn sniff(bytes: &[u8]) -> Result<ImageFormat, MediaFault> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif)) => {
            Ok(format)
        }
        Ok(other) => {
            let message = format!("is {other:?}; JPEG, PNG, WebP and GIF are decoded");
            Err(MediaFault::new(RejectionClass::UnsupportedMedia, message))
        }
        Err(_) => {
            let beginning = bytes[..bytes.len().min(12)].escape_ascii();
            // HEIC, AVIF and videos are containers of ISO/IEC 14496-12, which name their kind.
            if let (Some(b"ftyp"), Some(brand)) = (bytes.get(4..8), bytes.get(8..12)) {
                let message = format!(
                    "is a container of kind `{}` (HEIC, AVIF or a video); JPEG, PNG, WebP and GIF are decoded",
                    brand.escape_ascii()
                );
                return Err(MediaFault::new(RejectionClass::UnsupportedMedia, message));
            }
            let message = format!(
                "is not a picture: it begins with `{beginning}`; JPEG, PNG, WebP and GIF are decoded"
            );
            Err(MediaFault::new(RejectionClass::UnsupportedMedia, message))
        }
    }
}
