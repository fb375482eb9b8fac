//! Stored pixels, and their conversion to RGB: on white, as the sites that show them do, 8 bits a channel.

use image::ColorType;
use image::metadata::Orientation;

/// Pixels as a format stores them.
pub(crate) struct StoredPixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colours: ColorType,
    pub(crate) bytes: Vec<u8>,
    pub(crate) orientation: Orientation,
}

/// The picture with 3 bytes a pixel; none for colour types that no supported format uses.
pub(crate) fn rgb(stored: Vec<u8>, colours: ColorType) -> Option<Vec<u8>> {
    match colours {
        ColorType::Rgb8 => Some(stored),
        ColorType::L8 => Some(each(&stored, |[grey]| [grey; 3])),
        ColorType::La8 => Some(each(&stored, |[grey, alpha]| [on_white(grey, alpha); 3])),
        ColorType::Rgba8 => Some(each(&stored, |[r, g, b, alpha]| match alpha {
            u8::MAX => [r, g, b],
            _ => [r, g, b].map(|colour| on_white(colour, alpha)),
        })),
        ColorType::L16 => Some(each(&stored, |[a, b]| [eight(a, b); 3])),
        ColorType::La16 => Some(each(&stored, |[a, b, c, d]| [on_white(eight(a, b), eight(c, d)); 3])),
        ColorType::Rgb16 => Some(each(&stored, |[a, b, c, d, e, f]| [eight(a, b), eight(c, d), eight(e, f)])),
        ColorType::Rgba16 => Some(each(&stored, |[a, b, c, d, e, f, g, h]| {
            [eight(a, b), eight(c, d), eight(e, f)].map(|colour| on_white(colour, eight(g, h)))
        })),
        _ => None,
    }
}

fn each<const STORED: usize>(stored: &[u8], colours: impl Fn([u8; STORED]) -> [u8; 3]) -> Vec<u8> {
    let (stored, _) = stored.as_chunks();
    let mut rgb = vec![0; 3 * stored.len()];
    for (rgb, &stored) in rgb.as_chunks_mut().0.iter_mut().zip(stored) {
        *rgb = colours(stored);
    }
    rgb
}

fn on_white(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u16::from(colour), u16::from(alpha));
    ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// 16 bits in native byte order to 8, rounded: 65,535 is 257 times 255.
fn eight(first: u8, second: u8) -> u8 {
    ((u32::from(u16::from_ne_bytes([first, second])) + 128) / 257) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_type_gives_the_same_colour() {
        let wide = |values: &[u8]| values.iter().flat_map(|&v| (u16::from(v) * 257).to_ne_bytes()).collect();
        let cases: [(&str, ColorType, Vec<u8>, [u8; 3]); 10] = [
            ("grey", ColorType::L8, vec![7], [7; 3]),
            ("grey, clear", ColorType::La8, vec![7, 0], [255; 3]),
            ("grey, half clear", ColorType::La8, vec![0, 128], [127; 3]),
            ("colours", ColorType::Rgb8, vec![1, 2, 3], [1, 2, 3]),
            ("colours, whole", ColorType::Rgba8, vec![1, 2, 3, 255], [1, 2, 3]),
            ("colours, half clear", ColorType::Rgba8, vec![0, 255, 0, 128], [127, 255, 127]),
            ("deep grey", ColorType::L16, wide(&[7]), [7; 3]),
            ("deep grey, half clear", ColorType::La16, wide(&[0, 128]), [127; 3]),
            ("deep colours", ColorType::Rgb16, wide(&[1, 2, 3]), [1, 2, 3]),
            ("deep colours, half clear", ColorType::Rgba16, wide(&[0, 255, 0, 128]), [127, 255, 127]),
        ];
        for (case, colours, stored, expected) in cases {
            assert_eq!(rgb(stored.repeat(2), colours).unwrap(), expected.repeat(2), "{case}");
        }
        assert_eq!(rgb(vec![0; 12], ColorType::Rgb32F), None);
    }
}
