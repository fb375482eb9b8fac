//! Picture decoding: encoded bytes to an upright RGB picture, within what its header announced.

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, RgbImage};

use crate::domain::{ContentHash, Frame, RejectionClass};
use crate::input::MediaFault;
use crate::input::config::Config;

use super::header::Header;
use super::open::{damaged_webp, decoder, explained, input, jpeg_fault, only};
use super::stoppable::StopFlag;
use super::stored::{StoredPixels, rgb};
use super::{cost, jpeg, webp};

/// The hash that identifies all copies of the same encoded bytes.
pub(crate) fn content_hash(bytes: &[u8]) -> ContentHash {
    ContentHash(*blake3::hash(bytes).as_bytes())
}

/// Decodes a picture whose header was checked: its first frame, upright, on white, 8 bits a channel.
///
/// # Errors
/// `malformed` where the bytes are damaged, or the picture was given up; `unsupported-media` for a feature of the
/// format that is not decoded.
pub(crate) fn decode(
    bytes: &[u8],
    header: Header,
    hash: ContentHash,
    config: &Config,
    stop: &StopFlag,
) -> Result<Frame, MediaFault> {
    let stored = if header.format == ImageFormat::Jpeg {
        let stored = jpeg::pixels(bytes, header.data, header.reduced, stop);
        stored.map_err(|error| match jpeg_fault(&error) {
            damage @ MediaFault { class: RejectionClass::Malformed, .. } => {
                let message = format!("is a JPEG that is damaged or was cut off: it {}", damage.message);
                MediaFault { message, ..damage }
            }
            other => other,
        })?
    } else {
        stored(bytes, header, config, stop)?
    };
    let StoredPixels { width, height, colours, bytes, orientation } = stored;
    let picture = rgb(bytes, colours).and_then(|rgb| RgbImage::from_raw(width, height, rgb));
    let Some(picture) = picture else {
        return Err(MediaFault::new(
            RejectionClass::UnsupportedMedia,
            format!("stores its colours as {colours:?}"),
        ));
    };
    let mut picture = DynamicImage::ImageRgb8(picture);
    picture.apply_orientation(orientation);
    let Header { width, height, reduced, .. } = header;
    let (width, height) = if is_on_its_side(orientation) { (height, width) } else { (width, height) };
    let (orientation, rgb) = (orientation.to_exif(), picture.into_rgb8().into_raw());
    Ok(Frame { hash, width, height, orientation, reduced, rgb })
}

/// Whether columns become rows when a picture is turned upright.
fn is_on_its_side(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH)
}

/// Refuses a lossless WebP whose codes would take more memory than was reserved. This is done here and not with the
/// header, since it may take a quarter of a second for 50 megapixels.
fn check_code_groups(bytes: &[u8], header: Header) -> Result<(), MediaFault> {
    let coding = webp::check(bytes, (header.width, header.height)).map_err(|flaw| damaged_webp(&flaw))?;
    for (stream, (width, height)) in coding.streams {
        // A damaged stream is reported by its decoder, which gets no further than this.
        let groups = webp::code_groups(stream, width, height).unwrap_or(0);
        if groups > cost::MAX_CODE_GROUPS {
            let message = format!(
                "is a WebP without loss that has {groups} groups of codes, more than the {} of any encoder",
                cost::MAX_CODE_GROUPS
            );
            return Err(MediaFault::new(RejectionClass::TooLarge, message));
        }
    }
    Ok(())
}

fn stored(
    bytes: &[u8],
    header: Header,
    config: &Config,
    stop: &StopFlag,
) -> Result<StoredPixels, MediaFault> {
    if header.format == ImageFormat::WebP {
        check_code_groups(bytes, header)?;
    }
    let allowed = allocations(header);
    let input = input(bytes, header.format, stop)?;
    let mut decoder = decoder(input, header.format, allowed)?;
    let mut limits = only(allowed);
    (limits.max_image_width, limits.max_image_height) = (Some(config.max_side), Some(config.max_side));
    decoder.set_limits(limits).map_err(|error| explained(header.format, &error))?;
    // A damaged EXIF block does not make a picture unusable: it is taken as it is stored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = decoder.dimensions();
    let (colours, size) = (decoder.color_type(), decoder.total_bytes());
    // It may be less: decoders ignore a damaged transparent colour.
    let expected = (width, height) == (header.width, header.height)
        && colours.bytes_per_pixel() <= header.colours.bytes_per_pixel();
    let Some(size) = usize::try_from(size).ok().filter(|_| expected) else {
        let message = "has another size, or more of each pixel, than its header says";
        return Err(MediaFault::new(RejectionClass::Malformed, message));
    };
    let mut bytes = vec![0; size];
    decoder.read_image(&mut bytes).map_err(|error| explained(header.format, &error))?;
    Ok(StoredPixels { width, height, colours, bytes, orientation })
}

/// Bytes that a decoder may allocate beside the pixels, as [`cost`] counts them: the first frame of a GIF with four
/// channels, at most its screen; a header and a row of a PNG with four channels of 16 bits.
fn allocations(header: Header) -> u64 {
    match header.format {
        ImageFormat::Gif => 4 * header.pixels(),
        _ => cost::MAX_HEADER_BYTES + 8 * u64::from(header.width),
    }
}

#[cfg(test)]
mod cut_jpeg_tests;
#[cfg(test)]
mod gif_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod reduced_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod upright_tests;
