//! What does the picture look like? Encoded bytes to an upright RGB picture, within what its header promised.

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use zune_jpeg::errors::DecodeErrors;

use crate::domain::{ContentHash, Frame, RejectionClass};

use super::header::Header;
use super::rgb::rgb;
use super::watched::{Stop, Watched};
use super::{Config, cost, gif, jpeg_decoder, webp, webp_codes};

/// Why bytes are no picture for the engine: the kind of fault, and a sentence that begins after the picture's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PictureFault {
    pub(super) class: RejectionClass,
    pub(super) message: String,
}

/// Pixels as a format stores them.
pub(super) struct Stored {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) colours: ColorType,
    pub(super) bytes: Vec<u8>,
    pub(super) orientation: Orientation,
}

/// The name under which all copies of the same encoded bytes are known.
pub(super) fn content_hash(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

/// Decodes a picture whose header was found good: first frame, turned upright, laid on white, 8 bits a channel.
///
/// # Errors
/// `malformed` where the bytes are damaged, or the picture was given up; `unsupported-media` for a feature of the format that
/// is not decoded.
pub(super) fn decode(
    bytes: &[u8],
    header: Header,
    hash: ContentHash,
    config: &Config,
    stop: &Stop,
) -> Result<Frame, PictureFault> {
    let stored = if header.format == ImageFormat::Jpeg {
        let stored = jpeg_decoder::stored(bytes, header.data, stop, config.max_scans);
        stored.map_err(|error| match jpeg_fault(&error) {
            damage @ PictureFault { class: RejectionClass::Malformed, .. } => {
                let message = format!("is a JPEG that is damaged or was cut off: it {}", damage.message);
                PictureFault { message, ..damage }
            }
            other => other,
        })?
    } else {
        stored(bytes, header, config, stop)?
    };
    let Stored { width, height, colours, bytes, orientation } = stored;
    let picture = rgb(bytes, colours).and_then(|rgb| RgbImage::from_raw(width, height, rgb));
    let Some(picture) = picture else {
        return Err(fault(RejectionClass::UnsupportedMedia, format!("stores its colours as {colours:?}")));
    };
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    Ok(Frame { hash, width, height, orientation: orientation.to_exif(), rgb: picture.into_rgb8().into_raw() })
}

/// Refuses a WebP without loss whose codes would take more than was reserved for them. Where the picture is decoded, not where
/// its header is read: what is read here of 50 megapixels may take a quarter of a second.
fn few_codes(bytes: &[u8], header: Header) -> Result<(), PictureFault> {
    let coding = webp::check(bytes, (header.width, header.height)).map_err(|flaw| not_whole(&flaw))?;
    for (stream, (width, height)) in coding.streams {
        // What is damaged is told by its decoder, which gets no further than this.
        let groups = webp_codes::groups(stream, width, height).unwrap_or(0);
        if groups > cost::MOST_GROUPS {
            let message = format!(
                "is a WebP without loss that has {groups} groups of codes, more than the {} of any encoder",
                cost::MOST_GROUPS
            );
            return Err(fault(RejectionClass::TooLarge, message));
        }
    }
    Ok(())
}

fn stored(bytes: &[u8], header: Header, config: &Config, stop: &Stop) -> Result<Stored, PictureFault> {
    if header.format == ImageFormat::WebP {
        few_codes(bytes, header)?;
    }
    let allowed = allocations(header);
    let input = input(bytes, header.format, stop)?;
    let mut decoder = decoder(input, header.format, allowed)?;
    let mut limits = only(allowed);
    (limits.max_image_width, limits.max_image_height) = (Some(config.max_side), Some(config.max_side));
    decoder.set_limits(limits).map_err(|error| explained(header.format, &error))?;
    // A damaged EXIF block is no reason to refuse a good picture: it is shown as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = decoder.dimensions();
    let (colours, size) = (decoder.color_type(), decoder.total_bytes());
    // Less may it be: a decoder passes over what is wrong with a clear colour.
    let expected = (width, height) == (header.width, header.height)
        && colours.bytes_per_pixel() <= header.colours.bytes_per_pixel();
    let Some(size) = usize::try_from(size).ok().filter(|_| expected) else {
        let message = "has another size, or more of each pixel, than its header says";
        return Err(fault(RejectionClass::Malformed, message));
    };
    let mut bytes = vec![0; size];
    decoder.read_image(&mut bytes).map_err(|error| explained(header.format, &error))?;
    Ok(Stored { width, height, colours, bytes, orientation })
}

/// What a decoder is to read of the bytes.
pub(super) fn input<'a>(
    bytes: &'a [u8],
    format: ImageFormat,
    stop: &'a Stop,
) -> Result<Watched<'a>, PictureFault> {
    Ok(match format {
        ImageFormat::Gif => match gif::screen(bytes).and_then(|size| gif::with_screen(bytes, size)) {
            Some((start, rest)) => Watched::joined(start.into(), rest, stop),
            None => Watched::new(bytes, stop),
        },
        // What follows the picture is none of it, though its decoder would read on.
        ImageFormat::WebP => Watched::new(&bytes[..webp::end(bytes).map_err(|flaw| not_whole(&flaw))?], stop),
        _ => Watched::new(bytes, stop),
    })
}

/// A decoder that may allocate so many bytes beside the pixels. Sides are checked by `probe`, which can name them.
pub(super) fn decoder<'a>(
    input: Watched<'a>,
    format: ImageFormat,
    allowed: u64,
) -> Result<impl ImageDecoder + 'a, PictureFault> {
    let mut reader = ImageReader::with_format(input, format);
    reader.limits(only(allowed));
    reader.into_decoder().map_err(|error| explained(format, &error))
}

/// Bytes that a decoder may take beside the pixels, as [`cost`] counts them: the first frame of a GIF with four channels,
/// which its screen holds; a header and a row of a PNG with four channels of 16 bits.
fn allocations(header: Header) -> u64 {
    match header.format {
        ImageFormat::Gif => 4 * header.pixels(),
        _ => cost::MOST_OF_A_HEADER + 8 * u64::from(header.width),
    }
}

fn only(allowed: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(allowed);
    limits
}

pub(super) fn not_whole(flaw: &str) -> PictureFault {
    fault(RejectionClass::Malformed, format!("is a WebP {flaw}"))
}

fn explained(format: ImageFormat, error: &ImageError) -> PictureFault {
    let class = match error {
        ImageError::Limits(_) => RejectionClass::TooLarge,
        ImageError::Unsupported(_) => RejectionClass::UnsupportedMedia,
        _ => RejectionClass::Malformed,
    };
    undecodable(class, format, &error.to_string())
}

pub(super) fn jpeg_fault(error: &DecodeErrors) -> PictureFault {
    let class = match error {
        DecodeErrors::Unsupported(_) => RejectionClass::UnsupportedMedia,
        DecodeErrors::LargeDimensions(_) => RejectionClass::TooLarge,
        _ => RejectionClass::Malformed,
    };
    undecodable(class, ImageFormat::Jpeg, &error.to_string())
}

fn undecodable(class: RejectionClass, format: ImageFormat, error: &str) -> PictureFault {
    fault(class, format!("cannot be decoded as {format:?}: {}", super::wire::brief(error)))
}

pub(super) fn fault(class: RejectionClass, message: impl Into<String>) -> PictureFault {
    PictureFault { class, message: message.into() }
}

#[cfg(test)]
#[path = "cut_jpeg_tests.rs"]
mod cut_jpeg_tests;
#[cfg(test)]
#[path = "gif_tests.rs"]
mod gif_tests;
#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "upright_tests.rs"]
mod upright_tests;
