//! Box format: the unit and the order of the four numbers of a box, which differ between families of vision models.

use serde::Deserialize;

/// How a vision model writes boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BoxFormat {
    /// Left, top, right, bottom in pixels of the picture as it was sent.
    Pixels,
    /// As `pixels`, of the picture after its sides are rounded to multiples of 28, as Qwen2-VL's processor does.
    #[serde(rename = "pixels-28")]
    Pixels28,
    /// Left, top, right, bottom as fractions of the picture, 0 to 1.
    Unit,
    /// Left, top, right, bottom in thousandths of the picture, 0 to 1000.
    #[default]
    Thousand,
    /// Top, left, bottom, right in thousandths of the picture, 0 to 1000.
    ThousandYx,
}

/// The sides of patches that Qwen2-VL merges into one: 2 x 14 pixels.
const MERGED_PATCH: f64 = 28.0;
/// Below this many pixels Qwen2-VL's processor enlarges a picture.
const MIN_PIXELS: f64 = 56.0 * 56.0;

impl BoxFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Pixels, Self::Pixels28, Self::Unit, Self::Thousand, Self::ThousandYx];

    /// Its name in settings, prompts and cache keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Pixels28 => "pixels-28",
            Self::Unit => "unit",
            Self::Thousand => "thousand",
            Self::ThousandYx => "thousand-yx",
        }
    }

    /// Left, top, right, bottom as fractions of the picture, from the numbers of a box in a picture that was sent at this
    /// width and height. Nothing is checked: the fractions may lie outside of 0 to 1.
    #[must_use]
    pub fn fractions(self, numbers: [f64; 4], (width, height): (u32, u32)) -> [f64; 4] {
        let [first, second, third, fourth] = numbers;
        let over =
            |(width, height): (f64, f64)| [first / width, second / height, third / width, fourth / height];
        match self {
            Self::Pixels => over((width.into(), height.into())),
            Self::Pixels28 => over(qwen_size(width.into(), height.into())),
            Self::Unit => numbers,
            Self::Thousand => over((1000.0, 1000.0)),
            Self::ThousandYx => [second, first, fourth, third].map(|edge| edge / 1000.0),
        }
    }
}

/// The size to which Qwen2-VL's processor scales a picture (`smart_resize` in transformers). Pictures are sent below its
/// upper limit, which is not needed here.
fn qwen_size(width: f64, height: f64) -> (f64, f64) {
    let sides = [width, height];
    let [wide, high] = sides.map(|side| (side / MERGED_PATCH).round_ties_even() * MERGED_PATCH);
    if wide * high >= MIN_PIXELS {
        return (wide, high);
    }
    let scale = (MIN_PIXELS / (width * height)).sqrt();
    let [wide, high] = sides.map(|side| (side * scale / MERGED_PATCH).ceil() * MERGED_PATCH);
    (wide, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_gives_fractions_of_the_picture() {
        let sent = (768, 512);
        let expected = [0.25, 0.5, 0.5, 0.75];
        for (format, numbers) in [
            (BoxFormat::Pixels, [192.0, 256.0, 384.0, 384.0]),
            // 768 is 27.4 patches of 28 pixels, 512 is 18.3.
            (BoxFormat::Pixels28, [189.0, 252.0, 378.0, 378.0]),
            (BoxFormat::Unit, [0.25, 0.5, 0.5, 0.75]),
            (BoxFormat::Thousand, [250.0, 500.0, 500.0, 750.0]),
            (BoxFormat::ThousandYx, [500.0, 250.0, 750.0, 500.0]),
        ] {
            assert_eq!(format.fractions(numbers, sent), expected, "{}", format.as_str());
        }
    }

    #[test]
    fn sizes_are_those_of_smart_resize() {
        // Computed with transformers 5.23, qwen2_vl's `smart_resize`.
        for ((width, height), expected) in [
            ((768.0, 512.0), (756.0, 504.0)),
            ((770.0, 42.0), (784.0, 56.0)),
            ((50.0, 20.0), (112.0, 56.0)),
            ((28.0, 28.0), (56.0, 56.0)),
        ] {
            assert_eq!(qwen_size(width, height), expected, "{width} x {height}");
        }
    }

    #[test]
    fn a_format_is_read_by_its_name() {
        for format in BoxFormat::ALL {
            let named: BoxFormat = serde_json::from_value(format.as_str().into()).unwrap();
            assert_eq!(named, format);
        }
    }
}
