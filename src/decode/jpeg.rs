//! Is a JPEG all there? Decoders fill what is missing with grey, and a grey half would be searched like any other.

/// Whether the file goes on to its end-of-image marker, after at least one scan.
///
/// A picture that was cut off and closed again passes: nothing in the file tells it from one whose author drew it so.
///
/// Walks the marker segments (ITU T.81, annex B), so a thumbnail inside a segment does not count.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut scanned = false;
    while let Some(start) = rest.iter().position(|&byte| byte == 0xFF) {
        rest = &rest[start..];
        // Any number of fill bytes may precede the marker's code.
        let Some(code_at) = rest.iter().position(|&byte| byte != 0xFF) else { return false };
        let code = rest[code_at];
        rest = &rest[code_at + 1..];
        match code {
            END_OF_IMAGE => return scanned,
            // A stuffed zero inside a scan's data, and the markers that have no length.
            0x00 | 0x01 | 0xD0..=0xD7 => {}
            _ => {
                let &[high, low, ..] = rest else { return false };
                let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low]))..) else {
                    return false;
                };
                rest = after;
                scanned |= code == START_OF_SCAN;
            }
        }
    }
    false
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8]));
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn no_proper_beginning_of_a_jpeg_is_complete() {
        let bytes = encoded();
        assert!(is_complete(&bytes));
        for length in 0..bytes.len() - 1 {
            assert!(!is_complete(&bytes[..length]), "{length} of {}", bytes.len());
        }
    }

    #[test]
    fn a_thumbnail_and_trailing_bytes_decide_nothing() {
        let bytes = encoded();
        let mut segment = vec![0xFF, 0xE1];
        segment.extend_from_slice(&(u16::try_from(bytes.len()).unwrap() + 2).to_be_bytes());
        segment.extend_from_slice(&bytes);
        let with_thumbnail = [&bytes[..2], &segment, &bytes[2..], b"after the end"].concat();
        assert!(is_complete(&with_thumbnail));
        assert!(!is_complete(&with_thumbnail[..with_thumbnail.len() - 200]));
    }
}
