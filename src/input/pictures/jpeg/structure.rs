//! JPEG structure: the segments of the file, read before anything is allocated for its pixels.

use std::fmt;

use super::scan::Scan;

/// The frame header, and the number of scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Structure {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Whether the picture is progressive: later scans refine earlier ones.
    pub(crate) progressive: bool,
    /// The sampling factors of each component, across and down.
    pub(crate) components: Vec<(u8, u8)>,
    pub(crate) scans: u32,
    /// Whether the first scan has all components: otherwise their coefficients are kept until the last one.
    pub(crate) whole_at_once: bool,
    /// The end of the data of the last scan: no byte from here on concerns pixels.
    pub(crate) end: usize,
}

/// Why a JPEG is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It may be complete, but the decoder does not support this part of the standard.
    Unsupported(String),
    /// Its end is missing, or data before a rewritten end.
    CutOff(&'static str),
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(what) => formatter.write_str(what),
            Self::CutOff(how) => formatter.write_str(how),
        }
    }
}

const NO_END: Flaw = Flaw::CutOff("its end is missing");

/// Reads the structure of a complete file: a frame header, scans for every component, and the end-of-image marker.
/// Decoders fill missing parts with grey, and a grey half would be searched like any other picture.
///
/// A truncated file may have been given a new end marker. This function finds what can be counted; [`super::pixels`]
/// finds scans with too little data.
///
/// It walks the marker segments (ITU T.81, annex B), so thumbnails inside segments do not count.
pub(crate) fn structure(bytes: &[u8]) -> Result<Structure, Flaw> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    let mut reading = Reading::default();
    while let Some(start) = rest.iter().position(|&byte| byte == 0xFF) {
        let marker_at = bytes.len() - rest.len() + start;
        rest = &rest[start..];
        // Any number of fill bytes may precede the marker's code.
        let code_at = rest.iter().position(|&byte| byte != 0xFF).ok_or(NO_END)?;
        let code = rest[code_at];
        rest = &rest[code_at + 1..];
        match code {
            END_OF_IMAGE => return reading.end(marker_at),
            STUFFED => reading.within_scan(|scan| scan.stuffed += 1),
            RESTART_0..=RESTART_7 => reading.within_scan(|scan| scan.restarts += 1),
            TEMPORARY => {}
            _ => {
                reading.end_of_scan(marker_at);
                let &[high, low, ..] = rest else { return Err(NO_END) };
                let length = usize::from(u16::from_be_bytes([high, low]));
                let (segment, after) = rest.split_at_checked(length).ok_or(NO_END)?;
                rest = after;
                reading.segment(code, segment, bytes.len() - rest.len())?;
            }
        }
    }
    Err(NO_END)
}

/// The state while segments are read.
#[derive(Default)]
struct Reading {
    frame: Option<Structure>,
    /// The ids of its components, and whether a scan began their coefficients.
    ids: Vec<u8>,
    begun: Vec<bool>,
    /// The scan whose data is being read.
    open: Option<Scan>,
    /// The last complete scan.
    last: Option<Scan>,
    /// Units between restart markers; 0: there are none.
    interval: usize,
}

impl Reading {
    fn segment(&mut self, code: u8, segment: &[u8], data_at: usize) -> Result<(), Flaw> {
        match (code, &mut self.frame) {
            (START_OF_SCAN, Some(frame)) => {
                let scan = Scan::read(segment, &self.ids, frame.progressive, self.interval, data_at);
                let scan = scan.ok_or(NO_END)?;
                let scan_has_all = scan.components.len() == self.ids.len();
                if scan.begins {
                    scan.components.iter().for_each(|&place| self.begun[place] = true);
                }
                // Nothing follows the only scan of a sequential picture.
                if frame.progressive || !frame.whole_at_once {
                    self.open = Some(scan);
                }
                frame.whole_at_once |= frame.scans == 0 && scan_has_all;
                frame.scans += 1;
            }
            (START_OF_SCAN, None) => return Err(NO_END),
            (RESTART_INTERVAL, _) => {
                if let &[_, _, high, low, ..] = segment {
                    self.interval = usize::from(u16::from_be_bytes([high, low]));
                }
            }
            (NUMBER_OF_LINES, Some(frame)) if frame.height == 0 => {
                return Err(Flaw::Unsupported("its height after its first scan".to_owned()));
            }
            (code, None) => {
                if let Some(what) = unsupported(code) {
                    return Err(Flaw::Unsupported(what.to_owned()));
                }
                if FRAMES.contains(&code) {
                    let (frame, ids) = frame_header(code, segment)?;
                    self.frame = Some(frame);
                    self.begun = vec![false; ids.len()];
                    self.ids = ids;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn within_scan(&mut self, count: impl FnOnce(&mut Scan)) {
        if let Some(scan) = &mut self.open {
            count(scan);
        }
    }

    fn end_of_scan(&mut self, marker_at: usize) {
        if let Some(mut scan) = self.open.take() {
            scan.end = marker_at;
            self.last = Some(scan);
        }
    }

    fn end(mut self, marker_at: usize) -> Result<Structure, Flaw> {
        self.end_of_scan(marker_at);
        let (Some(mut frame), Some(last)) = (self.frame, self.last) else {
            return Err(NO_END);
        };
        if self.begun.contains(&false) {
            return Err(Flaw::CutOff("a part of its colours is missing"));
        }
        if !last.may_be_whole((frame.width, frame.height), &frame.components) {
            return Err(Flaw::CutOff("its last scan has too little data"));
        }
        frame.end = last.end;
        Ok(frame)
    }
}

/// A frame header, and the ids of its components.
fn frame_header(code: u8, segment: &[u8]) -> Result<(Structure, Vec<u8>), Flaw> {
    // The segment's length, the bits of a sample, the height, the width, the number of components.
    let &[_, _, bits, h1, h0, w1, w0, count, ref rest @ ..] = segment else { return Err(NO_END) };
    if bits != 8 {
        return Err(Flaw::Unsupported(format!("{bits} bits a sample")));
    }
    if !matches!(count, 0 | 1 | 3 | 4) {
        return Err(Flaw::Unsupported(format!("{count} components")));
    }
    let components = || rest.as_chunks::<3>().0.iter().take(usize::from(count));
    let frame = Structure {
        width: u32::from(u16::from_be_bytes([w1, w0])),
        height: u32::from(u16::from_be_bytes([h1, h0])),
        progressive: code == PROGRESSIVE,
        components: components().map(|&[_, factors, _]| (factors >> 4, factors & 0xF)).collect(),
        scans: 0,
        whole_at_once: false,
        end: 0,
    };
    Ok((frame, components().map(|&[id, ..]| id).collect()))
}

/// The unsupported coding that a marker before the frame header announces.
fn unsupported(code: u8) -> Option<&'static str> {
    Some(match code {
        0xC3 => "lossless coding",
        0xC5..=0xC7 | 0xDE => "hierarchical coding",
        0xC9 | 0xCA => "arithmetic coding",
        0xCB => "lossless arithmetic coding",
        0xCD..=0xCF => "hierarchical arithmetic coding",
        0xC8 => "an extension of the standard",
        0xF7 => "the coding of JPEG-LS",
        _ => return None,
    })
}

const STUFFED: u8 = 0x00;
const TEMPORARY: u8 = 0x01;
const RESTART_0: u8 = 0xD0;
const RESTART_7: u8 = 0xD7;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const NUMBER_OF_LINES: u8 = 0xDC;
const RESTART_INTERVAL: u8 = 0xDD;
/// Supported frame headers: baseline, extended sequential, progressive.
const FRAMES: [u8; 3] = [0xC0, 0xC1, PROGRESSIVE];
const PROGRESSIVE: u8 = 0xC2;

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(bytes: &[u8]) -> bool {
        structure(bytes).is_ok()
    }

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, (x * y) as u8]));
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture).unwrap();
        bytes
    }

    #[test]
    fn no_proper_prefix_of_a_jpeg_is_complete() {
        let bytes = encoded();
        assert!(complete(&bytes));
        for length in 0..bytes.len() - 1 {
            assert!(!complete(&bytes[..length]), "{length} of {}", bytes.len());
        }
    }

    #[test]
    fn thumbnails_and_trailing_bytes_do_not_count() {
        let bytes = encoded();
        let mut segment = vec![0xFF, 0xE1];
        segment.extend_from_slice(&(u16::try_from(bytes.len()).unwrap() + 2).to_be_bytes());
        segment.extend_from_slice(&bytes);
        let with_thumbnail = [&bytes[..2], &segment, &bytes[2..], b"after the end"].concat();
        assert!(complete(&with_thumbnail));
        assert!(!complete(&with_thumbnail[..with_thumbnail.len() - 200]));
    }

    #[test]
    fn the_frame_header_and_the_scans_are_read() {
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
