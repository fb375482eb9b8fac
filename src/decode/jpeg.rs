//! What is a JPEG made of? Its segments, read before anything is allocated for its pixels.

/// What the frame header says, and how many passes over the picture there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Structure {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Whether later scans refine what earlier ones brought.
    pub(super) progressive: bool,
    /// The sampling factors of each component, across and down.
    pub(super) components: Vec<(u8, u8)>,
    pub(super) scans: u32,
    /// Whether the first scan has all components: otherwise their coefficients are kept until the last one.
    pub(super) whole_at_once: bool,
}

/// The structure of a file that goes on to its end-of-image marker, after a frame header and at least one scan. Decoders
/// fill what is missing with grey, and a grey half would be searched like any other.
///
/// A picture that was cut off and closed again passes: nothing in the file tells it from one whose author drew it so.
///
/// Walks the marker segments (ITU T.81, annex B), so a thumbnail inside a segment does not count.
pub(super) fn structure(bytes: &[u8]) -> Option<Structure> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut frame: Option<Structure> = None;
    while let Some(start) = rest.iter().position(|&byte| byte == 0xFF) {
        rest = &rest[start..];
        // Any number of fill bytes may precede the marker's code.
        let code_at = rest.iter().position(|&byte| byte != 0xFF)?;
        let code = rest[code_at];
        rest = &rest[code_at + 1..];
        match code {
            END_OF_IMAGE => return frame.filter(|frame| frame.scans > 0),
            // A stuffed zero inside a scan's data, and the markers that have no length.
            0x00 | 0x01 | 0xD0..=0xD7 => {}
            _ => {
                let &[high, low, ..] = rest else { return None };
                let (segment, after) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
                rest = after;
                match (code, &mut frame) {
                    (START_OF_SCAN, Some(frame)) => {
                        frame.whole_at_once |= frame.scans == 0
                            && segment.get(2).is_some_and(|&n| usize::from(n) == frame.components.len());
                        frame.scans += 1;
                    }
                    (START_OF_SCAN, None) => return None,
                    (0xC0..=0xCF, None) if !TABLES.contains(&code) => {
                        frame = Some(frame_header(code, segment)?)
                    }
                    _ => {}
                }
            }
        }
    }
    None
}

fn frame_header(code: u8, segment: &[u8]) -> Option<Structure> {
    // The segment's length, the bits of a sample, the height, the width, the number of components.
    let &[_, _, _, h1, h0, w1, w0, count, ref rest @ ..] = segment else { return None };
    let components = rest.as_chunks::<3>().0.iter().take(usize::from(count));
    Some(Structure {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
        progressive: PROGRESSIVE.contains(&code),
        components: components.map(|&[_, factors, _]| (factors >> 4, factors & 0xF)).collect(),
        scans: 0,
        whole_at_once: false,
    })
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;
/// Codes among those of frame headers that are none: Huffman tables, one that is reserved, arithmetic conditioning.
const TABLES: [u8; 3] = [0xC4, 0xC8, 0xCC];
/// Progressive frames: alone and differential, with either way of coding.
const PROGRESSIVE: [u8; 4] = [0xC2, 0xC6, 0xCA, 0xCE];

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(bytes: &[u8]) -> bool {
        structure(bytes).is_some()
    }

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8]));
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn no_proper_beginning_of_a_jpeg_complete() {
        let bytes = encoded();
        assert!(complete(&bytes));
        for length in 0..bytes.len() - 1 {
            assert!(!complete(&bytes[..length]), "{length} of {}", bytes.len());
        }
    }

    #[test]
    fn a_thumbnail_and_trailing_bytes_decide_nothing() {
        let bytes = encoded();
        let mut segment = vec![0xFF, 0xE1];
        segment.extend_from_slice(&(u16::try_from(bytes.len()).unwrap() + 2).to_be_bytes());
        segment.extend_from_slice(&bytes);
        let with_thumbnail = [&bytes[..2], &segment, &bytes[2..], b"after the end"].concat();
        assert!(complete(&with_thumbnail));
        assert!(!complete(&with_thumbnail[..with_thumbnail.len() - 200]));
    }

    #[test]
    fn the_frame_header_and_the_scans_are_told() {
        let baseline = structure(&encoded()).unwrap();
        assert_eq!((baseline.width, baseline.height, baseline.scans), (64, 48, 1));
        assert!(!baseline.progressive && baseline.whole_at_once);
        assert_eq!(baseline.components.len(), 3);
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures");
        let progressive = structure(&std::fs::read(folder.join("progressive.jpg")).unwrap()).unwrap();
        assert_eq!((progressive.width, progressive.height), (32, 16));
        assert_eq!(progressive.components, [(2, 2), (1, 1), (1, 1)]);
        assert!(progressive.progressive && progressive.scans == 10);
    }
}
