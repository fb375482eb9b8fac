//! GIFs whose first frame does not fit their screen. The expected pixels are those of Pillow 13.0 for each of them.
//! Outside the frame Pillow gives a transparent pixel if the frame has a transparent colour; transparency lies on white
//! here.

use super::super::gif::{screen, with_screen};
use super::super::header::probe;
use super::tests::{decoded, pixel};
use crate::domain::RejectionClass;
use crate::input::config::{Config, test_config};

const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const WHITE: [u8; 3] = [255; 3];

/// A GIF of one frame whose columns are red and green by turns, after extensions: a comment of two blocks, and one that
/// says which colour is clear.
fn gif(screen: [u16; 2], place: [u16; 2], size: [u16; 2]) -> Vec<u8> {
    let numbers = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    // Codes of three bits; the table is cleared before each so that codes stay short.
    let pixels = (0..u32::from(size[0]) * u32::from(size[1])).map(|n| n % u32::from(size[0]) % 2 + 1);
    let codes: Vec<u32> = pixels.flat_map(|colour| [4, colour]).chain([5]).collect();
    let mut data = vec![0; codes.len() * 3 / 8 + 1];
    for (number, bit) in codes.iter().flat_map(|code| (0..3).map(move |bit| code >> bit & 1)).enumerate() {
        data[number / 8] |= (bit as u8) << (number % 8);
    }
    let mut gif = [b"GIF89a".as_slice(), &numbers(&screen), &[0x81, 0, 0]].concat();
    gif.extend([[0, 0, 255], RED, GREEN, [255, 255, 0]].concat());
    gif.extend(b"!\xfe\x03one\x03two\0!\xf9\x04\x01\0\0\x03\0,");
    gif.extend(numbers(&[place, size].concat()));
    gif.extend([0, 2]);
    for block in data.chunks(255) {
        gif.push(block.len() as u8);
        gif.extend(block);
    }
    gif.extend(b"\0;");
    gif
}

#[test]
fn a_screen_is_enlarged_until_it_holds_the_first_frame() {
    // The screen, the frame's place and size, and the size that Pillow gives.
    for (screen, place, size, shown) in [
        ([6, 6], [1, 1], [2, 2], (6, 6)),
        ([2, 2], [0, 0], [4, 3], (4, 3)),
        ([2, 2], [1, 1], [4, 3], (5, 4)),
        ([3, 9], [5, 6], [2, 2], (7, 9)),
        ([0, 0], [0, 0], [2, 2], (2, 2)),
    ] {
        let frame = decoded(&gif(screen, place, size)).unwrap();
        assert_eq!((frame.width, frame.height), shown, "{screen:?} {place:?} {size:?}");
        let [left, top, columns, rows] = [place, size].concat()[..] else { unreachable!() };
        for (x, y) in (0..frame.height).flat_map(|y| (0..frame.width).map(move |x| (x, y))) {
            let column = x.wrapping_sub(left.into());
            let inside = column < columns.into() && y.wrapping_sub(top.into()) < rows.into();
            let expected = if !inside {
                WHITE
            } else if column % 2 == 0 {
                RED
            } else {
                GREEN
            };
            assert_eq!(pixel(&frame, x, y), expected, "{screen:?} {place:?} {size:?}: {x}, {y}");
        }
    }
}

#[test]
fn a_frame_far_outside_is_refused_by_the_size_of_the_enlarged_screen() {
    let far = gif([2, 2], [65_535, 0], [2, 2]);
    assert_eq!(screen(&far), Some((65_537, 2)));
    let config = Config { max_side: 65_535, ..test_config() };
    let fault = probe(&far, &config).unwrap_err();
    assert_eq!(fault.class, RejectionClass::TooLarge);
    assert!(fault.message.contains("65537 x 2 pixels"), "{}", fault.message);
    assert_eq!(with_screen(&far, (65_537, 2)), None, "no GIF can say that");
}

#[test]
fn a_prefix_without_a_frame_has_no_screen() {
    let whole = gif([2, 2], [0, 0], [4, 3]);
    let frame = whole.iter().position(|&byte| byte == b',').unwrap() + 1;
    assert_eq!(screen(&whole[..frame + 8]), Some((4, 3)));
    for length in 0..frame + 8 {
        assert_eq!(screen(&whole[..length]), None, "{length}");
    }
}
