//! JPEGs that are decoded at a reduced size.

use image::{DynamicImage, Rgb, RgbImage};

use super::super::header::probe;
use super::tests::{as_jpeg, as_png, assert_close};
use super::upright_tests::with_orientation;
use super::*;
use crate::common::imaging::View;
use crate::input::config::test_config;

const WIDTH: u32 = 401;
const HEIGHT: u32 = 250;

/// Colours that change slowly, so that the mean of a few pixels is near each of them.
fn colours(x: u32, y: u32) -> Rgb<u8> {
    Rgb([(x * 255 / WIDTH) as u8, (y * 255 / HEIGHT) as u8, ((x + y) * 255 / (WIDTH + HEIGHT)) as u8])
}

fn picture() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, colours)
}

fn decoded(bytes: &[u8], reduced_side: u32) -> Frame {
    let config = Config { reduced_side, ..test_config() };
    let header = probe(bytes, &config).unwrap_or_else(|fault| panic!("{}", fault.message));
    let frame = decode(bytes, header, content_hash(bytes), &config, &StopFlag::default());
    frame.unwrap_or_else(|fault| panic!("{}", fault.message))
}

#[test]
fn each_side_keeps_as_many_pixels_as_asked_for_and_the_frame_its_size() {
    let bytes = as_jpeg(&picture());
    for (least, reduced) in [(0, 1), (251, 1), (126, 1), (125, 2), (63, 2), (62, 4), (32, 4), (31, 8), (1, 8)]
    {
        let frame = decoded(&bytes, least);
        assert_eq!((frame.width, frame.height, frame.reduced), (WIDTH, HEIGHT, reduced), "{least}");
        let (columns, rows) = frame.pixel_size();
        assert_eq!((columns, rows), (WIDTH.div_ceil(reduced), HEIGHT.div_ceil(reduced)), "{least}");
        assert_eq!(frame.rgb.len() as u32, 3 * columns * rows, "{least}");
        for (x, y) in [(0, 0), (columns / 2, rows / 3), (columns - 2, rows - 2)] {
            let at = 3 * (y * columns + x) as usize;
            let middle = |place: u32| place * reduced + reduced / 2;
            let found = frame.rgb[at..at + 3].try_into().unwrap();
            assert_close(found, colours(middle(x), middle(y)).0, &format!("{least}: {x}, {y}"));
        }
    }
}

#[test]
fn a_reduced_picture_is_turned_upright_and_scaled_like_the_whole_one() {
    let bytes = with_orientation(&as_jpeg(&picture()), 6);
    let (whole, reduced) = (decoded(&bytes, 0), decoded(&bytes, 100));
    assert_eq!((reduced.width, reduced.height, reduced.reduced), (HEIGHT, WIDTH, 2));
    assert_eq!((whole.width, whole.height, whole.orientation), (HEIGHT, WIDTH, reduced.orientation));
    for view in [View::squashed(48), View::longest_side(64), View::shortest_side(50, 90), View::centre(40)] {
        let [whole, reduced] = [&whole, &reduced].map(|frame| view.of(frame));
        assert_eq!((whole.width, whole.height), (reduced.width, reduced.height), "{view:?}");
        assert_eq!((reduced.original_width, reduced.original_height), (HEIGHT, WIDTH), "{view:?}");
        let largest = whole.rgb.iter().zip(&reduced.rgb).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(largest <= Some(8), "{view:?}: {largest:?}");
    }
}

#[test]
fn other_formats_are_decoded_whole() {
    let frame = decoded(&as_png(&DynamicImage::ImageRgb8(picture())), 10);
    assert_eq!((frame.reduced, frame.pixel_size()), (1, (WIDTH, HEIGHT)));
}
