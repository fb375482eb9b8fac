//! What does the picture look like? Encoded bytes to an upright RGB picture, within limits.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::domain::{ContentHash, Frame, RejectionClass};

use super::{Config, jpeg};

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
    let (width, height) = decoder(bytes, format, config)?.dimensions();
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
    if let Some(promised) = promised_by_riff(bytes, format).filter(|&promised| promised > size) {
        let message = format!("is a WebP that was cut off: it has {size} of {promised} bytes");
        return Err(fault(RejectionClass::Malformed, message));
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
    let mut decoder = decoder(bytes, header.format, config)?;
    decoder.set_limits(limits(config)).map_err(|error| explained(header.format, &error))?;
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
            let message = format!(
                "is not a picture: it begins with `{beginning}`; JPEG, PNG, WebP and GIF are decoded"
            );
            Err(fault(RejectionClass::UnsupportedMedia, message))
        }
    }
}

fn decoder<'a>(
    bytes: &'a [u8],
    format: ImageFormat,
    config: &Config,
) -> Result<impl ImageDecoder + 'a, PictureFault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    // Sides are checked by `probe`, which can name them; here only what a decoder may allocate.
    let mut limits = limits(config);
    (limits.max_image_width, limits.max_image_height) = (None, None);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| explained(format, &error))
}

fn limits(config: &Config) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(config.max_side);
    limits.max_image_height = Some(config.max_side);
    // Four channels of 16 bits, twice (a frame and the canvas that it is laid on), and room for tables.
    limits.max_alloc = Some(16 * config.max_pixels + (8 << 20));
    limits
}

/// The length that a RIFF container gives itself.
fn promised_by_riff(bytes: &[u8], format: ImageFormat) -> Option<u64> {
    let length: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
    (format == ImageFormat::WebP).then(|| 8 + u64::from(u32::from_le_bytes(length)))
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
#[path = "image_tests.rs"]
mod tests;
