//! What does the picture look like? Encoded bytes to an upright RGB picture, within limits.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::domain::{ContentHash, Frame, RejectionClass};

use super::{Config, jpeg, webp};

/// What a picture's header says, checked against the limits; nothing has been allocated for its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    format: ImageFormat,
    width: u32,
    height: u32,
}

impl Header {
    /// Bytes that the decoded picture takes.
    pub(super) fn decoded_bytes(self) -> u64 {
        3 * u64::from(self.width) * u64::from(self.height)
    }
}

/// Why bytes are no picture for the engine: the kind of fault, and a sentence that begins after the picture's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PictureFault {
    pub(super) class: RejectionClass,
    pub(super) message: String,
}

/// The name under which all copies of the same encoded bytes are known.
pub(super) fn content_hash(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

/// Learns the format from the bytes themselves and the size from the header.
///
/// # Errors
/// `unsupported-media` for anything but JPEG, PNG, WebP and GIF, `too-large` beyond a limit, else `malformed`.
pub(super) fn probe(bytes: &[u8], config: &Config) -> Result<Header, PictureFault> {
    if bytes.is_empty() {
        return Err(fault(RejectionClass::Malformed, "has no bytes at all"));
    }
    let size = bytes.len() as u64;
    if size > config.max_picture.as_u64() {
        let message = format!("has {size} bytes, more than the {} of decode.max_picture", config.max_picture);
        return Err(fault(RejectionClass::TooLarge, message));
    }
    let format = sniff(bytes)?;
    let (width, height) = decoder(bytes, format, MOST_OF_A_HEADER)?.dimensions();
    if width == 0 || height == 0 {
        return Err(fault(RejectionClass::Malformed, format!("is {width} x {height} pixels: it has none")));
    }
    if width.max(height) > config.max_side {
        let message = format!(
            "is {width} x {height} pixels, a side longer than the {} of decode.max_side",
            config.max_side
        );
        return Err(fault(RejectionClass::TooLarge, message));
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > config.max_pixels {
        let message = format!(
            "is {width} x {height} = {pixels} pixels, more than the {} of decode.max_pixels",
            config.max_pixels
        );
        return Err(fault(RejectionClass::TooLarge, message));
    }
    if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err(fault(RejectionClass::Malformed, "is a JPEG that was cut off: its end is missing"));
    }
    if format == ImageFormat::WebP {
        webp::check(bytes, (width, height)).map_err(|flaw| not_whole(&flaw))?;
    }
    Ok(Header { format, width, height })
}

/// Decodes a picture whose header was found good: first frame, turned upright, laid on white, 8 bits a channel.
///
/// # Errors
/// `malformed` where the bytes are damaged, `unsupported-media` for a feature of the format that is not decoded.
pub(super) fn decode(
    bytes: &[u8],
    header: Header,
    hash: ContentHash,
    config: &Config,
) -> Result<Frame, PictureFault> {
    let allowed = allocations(header);
    let mut decoder = decoder(bytes, header.format, allowed)?;
    let mut limits = only(allowed);
    (limits.max_image_width, limits.max_image_height) = (Some(config.max_side), Some(config.max_side));
    decoder.set_limits(limits).map_err(|error| explained(header.format, &error))?;
    // A damaged EXIF block is no reason to refuse a good picture: it is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture =
        DynamicImage::from_decoder(decoder).map_err(|error| explained(header.format, &error))?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    let rgb = if picture.color().has_alpha() {
        on_white(&picture.into_rgba8())
    } else {
        picture.into_rgb8().into_raw()
    };
    Ok(Frame { hash, width, height, rgb })
}

/// Lays a picture on white paper, as the sites that show it do.
fn on_white(picture: &image::RgbaImage) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(3 * (picture.len() / 4));
    for pixel in picture.pixels() {
        let [colours @ .., alpha] = pixel.0;
        let alpha = u16::from(alpha);
        rgb.extend(
            colours.map(|colour| ((u16::from(colour) * alpha + 255 * (255 - alpha) + 127) / 255) as u8),
        );
    }
    rgb
}

fn sniff(bytes: &[u8]) -> Result<ImageFormat, PictureFault> {
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif)) => {
            Ok(format)
        }
        Ok(other) => {
            let message = format!("is {other:?}; JPEG, PNG, WebP and GIF are decoded");
            Err(fault(RejectionClass::UnsupportedMedia, message))
        }
        Err(_) => {
            let beginning = bytes[..bytes.len().min(12)].escape_ascii();
            // HEIC and its relatives, and videos: containers of ISO/IEC 14496-12, which name their kind.
            if let (Some(b"ftyp"), Some(brand)) = (bytes.get(4..8), bytes.get(8..12)) {
                let message = format!(
                    "is a container of kind `{}` (HEIC, AVIF or a video); JPEG, PNG, WebP and GIF are decoded",
                    brand.escape_ascii()
                );
                return Err(fault(RejectionClass::UnsupportedMedia, message));
            }
            let message = format!(
                "is not a picture: it begins with `{beginning}`; JPEG, PNG, WebP and GIF are decoded"
            );
            Err(fault(RejectionClass::UnsupportedMedia, message))
        }
    }
}

/// A decoder that may allocate so many bytes. Sides are checked by `probe`, which can name them.
fn decoder(bytes: &[u8], format: ImageFormat, allowed: u64) -> Result<impl ImageDecoder + '_, PictureFault> {
    // What follows the picture is none of it, though its decoder would read on.
    let bytes = match format {
        ImageFormat::WebP => &bytes[..webp::end(bytes).map_err(|flaw| not_whole(&flaw))?],
        _ => bytes,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(only(allowed));
    reader.into_decoder().map_err(|error| explained(format, &error))
}

/// Bytes that reading a header may take: tables, texts, and a colour profile that is unpacked on the way though nobody reads it.
const MOST_OF_A_HEADER: u64 = 8 << 20;

/// Bytes that decoding may take: four channels of 16 bits, twice (a frame and the canvas that it is laid on), and a header.
/// By the picture's own size, so that one pixel outside does not stand for millions inside.
fn allocations(header: Header) -> u64 {
    16 * u64::from(header.width) * u64::from(header.height) + MOST_OF_A_HEADER
}

fn only(allowed: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(allowed);
    limits
}

fn not_whole(flaw: &str) -> PictureFault {
    fault(RejectionClass::Malformed, format!("is a WebP {flaw}"))
}

fn explained(format: ImageFormat, error: &ImageError) -> PictureFault {
    let class = match error {
        ImageError::Limits(_) => RejectionClass::TooLarge,
        ImageError::Unsupported(_) => RejectionClass::UnsupportedMedia,
        _ => RejectionClass::Malformed,
    };
    fault(class, format!("cannot be decoded as {format:?}: {}", super::wire::brief(&error.to_string())))
}

fn fault(class: RejectionClass, message: impl Into<String>) -> PictureFault {
    PictureFault { class, message: message.into() }
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
