//! JPEG pixels, by a decoder that can be stopped and whose scans are limited.

use image::ColorType;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::super::stoppable::{StopFlag, StoppableReader};
use super::super::stored::StoredPixels;
use super::structure::Structure;

/// Bytes that a decoder reads after the data of a picture: ones, which are no code in any table, and an end marker. If
/// the data was complete, a decoder has read ahead at most eight of them. If not, it fails here; at an end marker alone
/// it would fill the rest of the picture. There are so many because refining scans have bits without codes.
const BEYOND: [u8; 2050] = {
    let mut beyond = [0xFF; 2050];
    let mut at = 1;
    while at < 2048 {
        // A zero after a byte of ones makes it data and not a marker.
        beyond[at] = 0;
        at += 2;
    }
    beyond[2049] = 0xD9;
    beyond
};

fn decoder(
    input: StoppableReader<'_>,
    max_scans: u32,
) -> Result<JpegDecoder<StoppableReader<'_>>, DecodeErrors> {
    // Unusual headers that other readers accept are accepted.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(max_scans as usize);
    let mut decoder = JpegDecoder::new_with_options(input, options);
    decoder.decode_headers()?;
    Ok(decoder)
}

/// The size according to the decoder, which must agree with [`super::structure`] about the headers.
pub(crate) fn size(bytes: &[u8], read: Option<&Structure>) -> Result<(u32, u32), DecodeErrors> {
    let stop = StopFlag::default();
    let decoder = decoder(StoppableReader::new(bytes, &stop), u32::MAX)?;
    let info = decoder.info().ok_or(DecodeErrors::FormatStatic("no headers"))?;
    let size = (u32::from(info.width), u32::from(info.height));
    let alike = read.is_none_or(|read| {
        (read.width, read.height, read.components.len()) == (size.0, size.1, usize::from(info.components))
            && read.progressive != info.sof.is_sequential_dct()
    });
    if alike { Ok(size) } else { Err(DecodeErrors::FormatStatic("more than one frame header")) }
}

/// All pixels as they are stored; `end` is where their data ends.
pub(crate) fn pixels(
    bytes: &[u8],
    end: usize,
    stop: &StopFlag,
    max_scans: u32,
) -> Result<StoredPixels, DecodeErrors> {
    let data = bytes.get(..end).unwrap_or(bytes);
    match decoded(StoppableReader::joined(data.into(), &BEYOND, stop), stop, max_scans) {
        // After the only scan of a progressive picture this decoder expects a marker at once.
        Err(DecodeErrors::FormatStatic("Marker missing where expected")) => {
            decoded(StoppableReader::new(bytes, stop), stop, max_scans)
        }
        decoded => decoded,
    }
}

fn decoded(
    input: StoppableReader<'_>,
    stop: &StopFlag,
    max_scans: u32,
) -> Result<StoredPixels, DecodeErrors> {
    let mut decoder = decoder(input, max_scans)?;
    let (colour_space, colours) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, ColorType::L8),
        _ => (ColorSpace::RGB, ColorType::Rgb8),
    };
    // Otherwise it fills undecodable parts with grey, which would be searched like any other picture.
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colour_space).set_strict_mode(true));
    let info = decoder.info().ok_or(DecodeErrors::FormatStatic("no headers"))?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let size = decoder.output_buffer_size().ok_or(DecodeErrors::FormatStatic("no size"))?;
    let mut bytes = vec![0; size];
    decoder.decode_into(&mut bytes)?;
    if stop.is_set() {
        // The decoder fills unread parts like missing ones.
        return Err(DecodeErrors::FormatStatic("the picture was given up"));
    }
    Ok(StoredPixels {
        width: u32::from(info.width),
        height: u32::from(info.height),
        colours,
        bytes,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    })
}
