//! Hostile posts: each costs its sender little and the engine much.
//!
//! A further one is a line in [`all`] and a function that makes its record; those of pictures alone are beside this file.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::{ExtendedColorType, ImageFormat};
use riveg::lab::train::DEMO_SEED;
use riveg::lab::world::{Sample, Split, World};
use serde_json::{Value, json};

/// A post that takes more than its share, and how it does that.
pub(crate) struct Hostile {
    pub(crate) name: &'static str,
    /// Makes its record.
    pub(crate) record: fn() -> String,
    /// The same post without what is hostile about it, where there is one.
    pub(crate) tame: Option<fn() -> String>,
}

/// All of them.
pub(crate) fn all() -> Vec<Hostile> {
    vec![
        Hostile {
            name: "one name 60 times on 25 megapixels",
            record: || one_name_on_a_large_picture(60),
            tame: Some(|| one_name_on_a_large_picture(1)),
        },
        Hostile { name: "250 names on 16 pictures", record: many_names_on_many_pictures, tame: None },
        Hostile {
            name: "100 kB without a space",
            record: || record("one-word", &"x".repeat(100_000), &[]),
            tame: Some(|| record("word", "x", &[])),
        },
        Hostile {
            name: "100 kB, each of them a word",
            record: || record("marks", &",.".repeat(50_000), &[]),
            tame: Some(|| record("mark", ",.", &[])),
        },
    ]
}

/// A text of so many names, all the same, and a JPEG of 5000 x 5000 pixels that shows who is named.
pub(crate) fn one_name_on_a_large_picture(times: usize) -> String {
    let sample = shown();
    let text = vec![sample.mentions[0].text.as_str(); times].join(" and ");
    record("large", &text, &[jpeg(&sample, 5000)])
}

/// A text of 105 kB that names as many as an engine answers, and 16 small pictures.
pub(crate) fn many_names_on_many_pictures() -> String {
    let world = World::new(DEMO_SEED, Split::Test);
    let mut text = String::new();
    for index in 0.. {
        text += &world.text(index).text;
        text += " ";
        // Filled up with what names nobody, so that names come every few hundred characters.
        text += &"and so on ".repeat(20);
        if text.len() > 105_000 {
            break;
        }
    }
    let pictures: Vec<Vec<u8>> = (0..16).map(|index| world.sample(index).picture.jpeg).collect();
    record("many", &text, &pictures)
}

/// A post of everyday size: a sentence and a picture of its own.
pub(crate) fn innocent(number: u64) -> String {
    let sample = World::new(DEMO_SEED, Split::Test).sample(1_000 + number);
    record(&format!("innocent-{number}"), &sample.text, &[sample.picture.jpeg])
}

/// The first sample that is about one organisation and shows it: the tagger knows their names in any text.
fn shown() -> Sample {
    let world = World::new(DEMO_SEED, Split::Test);
    let fits = |sample: &Sample| match &sample.mentions[..] {
        [only] => only.entity_type.as_str() == "ORG" && !only.objects.is_empty(),
        _ => false,
    };
    (0..).map(|index| world.sample(index)).find(fits).expect("the world is endless")
}

/// A sample's picture, made square with sides of so many pixels.
fn jpeg(sample: &Sample, side: u32) -> Vec<u8> {
    let frame = &sample.picture.frame;
    let from = |place: u32, length: u32| (u64::from(place) * u64::from(length) / u64::from(side)) as usize;
    let mut rgb = Vec::with_capacity(3 * side as usize * side as usize);
    let (mut row, mut before) = (Vec::new(), None);
    for y in 0..side {
        let source = from(y, frame.height);
        // Many rows are alike: made once, since unoptimised code makes 25 million pixels slowly.
        if before != Some(source) {
            let pixels = &frame.rgb[3 * source * frame.width as usize..];
            row = (0..side).flat_map(|x| &pixels[3 * from(x, frame.width)..][..3]).copied().collect();
            before = Some(source);
        }
        rgb.extend_from_slice(&row);
    }
    // A file, since only that encoder was compiled with its crate, which is optimised.
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let (format, colours) = (ImageFormat::Jpeg, ExtendedColorType::Rgb8);
    image::save_buffer_with_format(file.path(), &rgb, side, side, colours, format).expect("it fits a JPEG");
    std::fs::read(file.path()).expect("it was written")
}

pub(crate) fn record(id: &str, text: &str, pictures: &[Vec<u8>]) -> String {
    let media = pictures.iter().enumerate().map(|(number, bytes)| {
        json!({ "key": format!("m{number}"), "type": "photo", "bytes": BASE64_STANDARD.encode(bytes) })
    });
    let media: Vec<Value> = media.collect();
    json!({ "id": id, "text": text, "created_at": "2026-01-01T00:00:00Z", "media": media }).to_string()
}
