//! JPEGs that lack a part of their data though they end with an end marker, and JPEGs of a kind that is not decoded.

use image::{Rgb, RgbImage};

use super::super::hostile_pictures::jpeg_of_scans;
use super::tests::{as_jpeg, decoded};
use super::*;

fn picture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)).unwrap()
}

fn noise() -> Vec<u8> {
    as_jpeg(&RgbImage::from_fn(48, 40, |x, y| Rgb([(x * y) as u8, (x * 7 + y) as u8, (y * 13) as u8])))
}

/// The first bytes of a file with a new end.
fn closed(bytes: &[u8], length: usize) -> Vec<u8> {
    [&bytes[..length], b"\xff\xd9"].concat()
}

/// Where the data of each scan begins and ends.
fn scans(bytes: &[u8]) -> Vec<(usize, usize)> {
    let starts = (2..bytes.len() - 1).filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA]);
    let data = starts.map(|at| at + 2 + usize::from(bytes[at + 3]));
    let goes_on = |code: u8| code == 0 || (0xD0..=0xD7).contains(&code);
    let end = |start: usize| (start..).find(|&at| bytes[at] == 0xFF && !goes_on(bytes[at + 1])).unwrap();
    data.map(|start| (start, end(start))).collect()
}

/// A sequential JPEG of zeros: each block is two bits, and zeros are what decoders put in the place of missing data.
/// `interval` units are between restart markers if it is not 0.
fn zeros(interleaved: bool, interval: u16) -> Vec<u8> {
    zeros_of(0x11, if interleaved { &[&[0, 1, 2]] } else { &[&[0], &[1], &[2]] }, interval)
}

/// The same with other sampling factors of the first component, its components in these scans.
fn zeros_of(first: u8, scans: &[&[u8]], interval: u16) -> Vec<u8> {
    const SIZE: usize = 64;
    let segment = |code: u8, body: &[u8]| {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [[0xFF, code].as_slice(), &length, body].concat()
    };
    let table = |class: u8| segment(0xC4, &[[class].as_slice(), &[1], &[0; 15], &[0]].concat());
    let side = (SIZE as u16).to_be_bytes();
    let frame = [&[8], &side[..], &side, &[3, 0, first, 0, 1, 0x11, 0, 2, 0x11, 0]].concat();
    let mut jpeg = [b"\xff\xd8".as_slice(), &segment(0xDB, &[[0].as_slice(), &[1; 64]].concat())].concat();
    jpeg.extend(
        [segment(0xC0, &frame), table(0), table(0x10), segment(0xDD, &interval.to_be_bytes())].concat(),
    );
    let units = SIZE * SIZE / 64;
    let between = if interval == 0 { units } else { usize::from(interval) };
    for components in scans {
        let count = components.len();
        let named = components.iter().flat_map(|&id| [id, 0]);
        let head: Vec<u8> = [count as u8].into_iter().chain(named).chain([0, 63, 0]).collect();
        jpeg.extend(segment(0xDA, &head));
        for (number, first) in (0..units).step_by(between).enumerate() {
            if number > 0 {
                jpeg.extend([0xFF, 0xD0 + (number as u8 - 1) % 8]);
            }
            let bits = 2 * count * between.min(units - first);
            jpeg.resize(jpeg.len() + bits.div_ceil(8), 0);
        }
    }
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

/// Bytes whose loss cannot be detected: the rest of a code of up to 16 bits may be ones by chance, and up to 11 bits of
/// the number after it may be any bits.
const LAST_SYMBOL: usize = 4;

/// The missing bytes of each truncated file that was accepted, when it was cut off at every place from `start` to
/// `end`.
fn passed(bytes: &[u8], start: usize, end: usize, case: &str) -> Vec<usize> {
    let mut passed = Vec::new();
    for length in start..end {
        match decoded(&closed(bytes, length)) {
            Ok(_) => passed.push(end - length),
            Err(fault) => {
                assert_eq!(fault.class, RejectionClass::Malformed, "{case}: {}", fault.message);
                assert!(fault.message.contains("cut off"), "{case}: {length}: {}", fault.message);
            }
        }
    }
    passed
}

#[test]
fn a_sequential_jpeg_that_was_cut_off_and_closed_again_is_refused() {
    for (case, bytes) in [
        ("baseline", noise()),
        ("4:2:0", picture("baseline-420.jpg")),
        ("4:2:2", picture("baseline-422.jpg")),
        ("CMYK", picture("cmyk.jpg")),
        ("restart markers", picture("restarts.jpg")),
        ("zeros", zeros(true, 0)),
        ("zeros with restart markers", zeros(true, 4)),
        ("zeros, a scan for each component", zeros(false, 0)),
        ("zeros, two components together", zeros_of(0x11, &[&[0], &[1, 2]], 0)),
        ("zeros, a scan for each component, restart markers", zeros(false, 4)),
        ("zeros, a scan for each component in another order", zeros_of(0x11, &[&[2], &[1], &[0]], 0)),
    ] {
        assert!(decoded(&bytes).is_ok(), "{case}");
        let passed = passed(&bytes, scans(&bytes)[0].0, bytes.len() - 2, case);
        assert!(passed.iter().all(|&missing| missing <= LAST_SYMBOL), "{case}: {passed:?}");
    }
}

#[test]
fn a_progressive_jpeg_that_was_cut_off_within_a_scan_is_refused() {
    for name in ["progressive.jpg", "cmyk-progressive.jpg"] {
        let bytes = picture(name);
        // Cut off between scans, a picture has fewer details but is complete: it could have been made so.
        for (number, (start, end)) in scans(&bytes).into_iter().enumerate() {
            let passed = passed(&bytes, start, end, name);
            let few = passed.iter().all(|&missing| missing <= LAST_SYMBOL);
            assert!(few, "{name}: of {} bytes of scan {number}: {passed:?}", end - start);
        }
    }
}

#[test]
fn a_progressive_jpeg_with_only_means_is_accepted_if_they_are_complete() {
    let bytes = jpeg_of_scans(64, 64, 1);
    let frame = decoded(&bytes).unwrap_or_else(|fault| panic!("{}", fault.message));
    assert_eq!((frame.width, frame.height), (64, 64));
    let (start, end) = scans(&bytes)[0];
    for length in start..end {
        let fault = decoded(&closed(&bytes, length)).expect_err("a part is missing");
        assert!(fault.message.contains("cut off"), "{length}: {}", fault.message);
    }
}

#[test]
fn data_after_the_scan_of_a_sequential_picture_does_not_complete_it() {
    let bytes = noise();
    let (start, end) = scans(&bytes)[0];
    let header = &bytes[start - 14..start];
    assert_eq!(header[..2], [0xFF, 0xDA]);
    let again = [header, b"\0\0\xff\xfe\0\x04hm\xff\xd9"].concat();
    assert!(decoded(&[&bytes[..end], &again].concat()).is_ok());
    let fault = decoded(&[&bytes[..start + (end - start) / 2], &again].concat()).unwrap_err();
    assert!(fault.message.contains("cut off"), "{}", fault.message);
}

#[test]
fn an_unsupported_kind_of_jpeg_is_refused_by_its_kind() {
    let bytes = noise();
    let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    let lines_later = {
        let mut bytes = with(frame + 5, 0);
        bytes[frame + 6] = 0;
        let (_, end) = scans(&bytes)[0];
        [&bytes[..end], b"\xff\xdc\0\x04\0\x28", &bytes[end..]].concat()
    };
    let coding = |code| with(frame + 1, code);
    let mut cases = vec![
        (with(frame + 4, 12), "12 bits a sample"),
        (with(frame + 4, 16), "16 bits a sample"),
        (with(frame + 9, 2), "2 components"),
        (coding(0xF7), "JPEG-LS"),
        (coding(0xC3), "lossless coding"),
        ([&bytes[..frame], b"\xff\xde\0\x02", &bytes[frame..]].concat(), "hierarchical coding"),
    ];
    cases.extend([0xC5, 0xC6, 0xC7].map(|code| (coding(code), "hierarchical coding")));
    cases.extend([0xC9, 0xCA].map(|code| (coding(code), "arithmetic coding")));
    cases.extend([0xCB, 0xCD, 0xCE, 0xCF].map(|code| (coding(code), "arithmetic coding")));
    for (bytes, what) in cases {
        // Cut off or not: the kind decides.
        for bytes in [&bytes[..], &bytes[..bytes.len() - 9]] {
            let fault = decoded(bytes).expect_err(what);
            assert_eq!(fault.class, RejectionClass::UnsupportedMedia, "{what}: {}", fault.message);
            assert!(fault.message.contains(what), "{what}: {}", fault.message);
        }
    }
    let fault = decoded(&lines_later).unwrap_err();
    assert_eq!(fault.class, RejectionClass::UnsupportedMedia, "{}", fault.message);
    assert!(fault.message.contains("its height after its first scan"), "{}", fault.message);
    // Extended sequential coding with 8 bits is baseline with more tables.
    assert!(decoded(&coding(0xC1)).is_ok());
}
