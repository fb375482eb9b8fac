//! EXIF orientation: pictures are turned upright, and boxes can be mapped back to the stored picture.

use image::{Rgb, RgbImage};

use super::tests::{as_jpeg, assert_close, decoded, pixel, two_colours};

/// A JPEG with an EXIF block that says how the camera was held.
pub(super) fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut segment = vec![0xFF, 0xE1, 0, 34];
    segment.extend_from_slice(b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    segment.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

#[test]
fn pictures_are_turned_upright() {
    let stored = as_jpeg(&two_colours(32, 16));
    // The EXIF value, the upright size, and where the red half is then.
    let cases = [
        (1, (32, 16), (2, 8)),
        (2, (32, 16), (29, 8)),
        (3, (32, 16), (29, 8)),
        (6, (16, 32), (8, 2)),
        (8, (16, 32), (8, 29)),
        (99, (32, 16), (2, 8)),
    ];
    for (orientation, size, (x, y)) in cases {
        let frame = decoded(&with_orientation(&stored, orientation)).unwrap();
        assert_eq!((frame.width, frame.height), size, "{orientation}");
        assert_eq!(frame.orientation, if orientation == 99 { 1 } else { orientation });
        assert_close(pixel(&frame, x, y), [255, 0, 0], &format!("orientation {orientation}"));
    }
}

/// What the table of docs/output.md says of a box and a picture's size for an orientation.
fn documented(orientation: u8, [x0, y0, x1, y1]: [u32; 4], (w, h): (u32, u32)) -> ([u32; 4], (u32, u32)) {
    let named = |name: &str| match name {
        "x0" => x0,
        "y0" => y0,
        "x1" => x1,
        "y1" => y1,
        "W" => w,
        "H" => h,
        _ => panic!("{name} stands for nothing"),
    };
    let number = |term: &str| match term.split_once('-') {
        Some((from, less)) => named(from) - named(less),
        None => named(term),
    };
    let start = format!("| {orientation} | `[");
    let row = include_str!("../../../../docs/output.md").lines().find_map(|line| line.strip_prefix(&start));
    let (corners, size) = row.unwrap().strip_suffix("` |").unwrap().split_once("]` | `").unwrap();
    let corners: Vec<u32> = corners.split(", ").map(number).collect();
    let (width, height) = size.split_once(" x ").unwrap();
    (corners.try_into().unwrap(), (named(width), named(height)))
}

#[test]
fn a_box_is_found_in_the_stored_picture_as_the_documents_say() {
    // A red block on white, off the centre.
    let (size, block) = ((64, 48), [8, 8, 40, 24]);
    let within = |x, y, [x0, y0, x1, y1]: [u32; 4]| (x0..x1).contains(&x) && (y0..y1).contains(&y);
    let stored =
        RgbImage::from_fn(
            size.0,
            size.1,
            |x, y| {
                if within(x, y, block) { Rgb([255, 0, 0]) } else { Rgb([255; 3]) }
            },
        );
    let stored = as_jpeg(&stored);
    for orientation in 2..=8 {
        let frame = decoded(&with_orientation(&stored, orientation)).unwrap();
        assert_eq!(frame.orientation, orientation);
        let places = (0..frame.height).flat_map(|y| (0..frame.width).map(move |x| (x, y)));
        let red: Vec<(u32, u32)> = places.filter(|&(x, y)| pixel(&frame, x, y)[1] < 128).collect();
        let (x, y) = (red.iter().map(|at| at.0), red.iter().map(|at| at.1));
        let (x1, y1) = (x.clone().max().unwrap() + 1, y.clone().max().unwrap() + 1);
        let upright = [x.min().unwrap(), y.min().unwrap(), x1, y1];
        let found = documented(orientation, upright, (frame.width, frame.height));
        assert_eq!(found, (block, size), "{orientation}");
    }
}
