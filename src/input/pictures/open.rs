//! Decoders of the `image` crate, opened on encoded bytes, and their faults in words.

use image::{ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::domain::RejectionClass;
use crate::input::MediaFault;
use crate::input::escape::shortened;

use super::jpeg::JpegFault;
use super::stoppable::{StopFlag, StoppableReader};
use super::{gif, webp};

/// The bytes that a decoder reads.
pub(crate) fn input<'a>(
    bytes: &'a [u8],
    format: ImageFormat,
    stop: &'a StopFlag,
) -> Result<StoppableReader<'a>, MediaFault> {
    Ok(match format {
        ImageFormat::Gif => match gif::screen(bytes).and_then(|size| gif::with_screen(bytes, size)) {
            Some((start, rest)) => StoppableReader::joined(start.into(), rest, stop),
            None => StoppableReader::new(bytes, stop),
        },
        // The decoder would read on past the end of the container.
        ImageFormat::WebP => {
            StoppableReader::new(&bytes[..webp::end(bytes).map_err(|flaw| damaged_webp(&flaw))?], stop)
        }
        _ => StoppableReader::new(bytes, stop),
    })
}

/// A decoder that may allocate `allowed` bytes beside the pixels. Sides are checked by `probe`, whose errors name them.
pub(crate) fn decoder<'a>(
    input: StoppableReader<'a>,
    format: ImageFormat,
    allowed: u64,
) -> Result<impl ImageDecoder + 'a, MediaFault> {
    let mut reader = ImageReader::with_format(input, format);
    reader.limits(only(allowed));
    reader.into_decoder().map_err(|error| explained(format, &error))
}

/// Limits on nothing but the bytes that a decoder allocates.
pub(crate) fn only(allowed: u64) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(allowed);
    limits
}

pub(crate) fn damaged_webp(flaw: &str) -> MediaFault {
    MediaFault::new(RejectionClass::Malformed, format!("is a WebP {flaw}"))
}

pub(crate) fn explained(format: ImageFormat, error: &ImageError) -> MediaFault {
    let class = match error {
        ImageError::Limits(_) => RejectionClass::TooLarge,
        ImageError::Unsupported(_) => RejectionClass::UnsupportedMedia,
        _ => RejectionClass::Malformed,
    };
    undecodable(class, format, &error.to_string())
}

pub(crate) fn jpeg_fault(fault: &JpegFault) -> MediaFault {
    match fault {
        JpegFault::Unsupported(what) => MediaFault::new(
            RejectionClass::UnsupportedMedia,
            format!("is a JPEG with {what}, which is not decoded"),
        ),
        JpegFault::Damaged(how) => undecodable(RejectionClass::Malformed, ImageFormat::Jpeg, how),
    }
}

fn undecodable(class: RejectionClass, format: ImageFormat, error: &str) -> MediaFault {
    MediaFault::new(class, format!("cannot be decoded as {format:?}: {}", shortened(error)))
}
