//! JPEGs are decoded as Pillow decodes them: no pixel differs, and what a network says of one is what its original says.
//! `jpeg.py` made the pictures, the pixels and the answers.

use riveg::common::imaging::Picture;
use riveg::domain::{BBox, Frame};
use riveg::input::decode::{Config, picture};
use riveg::networks::sam::SamSegmenter;
use riveg::scheduler::Model;
use riveg::stages::segment::Request;
use safetensors::SafeTensors;
use tch::Device;

use super::parity_compared::Original;
use super::parity_sam::Fixture;

const ORIGINAL: Original = Original { network: "JPEG", size: "tiny", reference: "pillow 12" };
const SAM: Original = Original { network: "sam of a JPEG", size: "tiny", reference: "transformers 5.23.0" };
const GOLDENS: &[u8] = include_bytes!("jpeg.safetensors");

/// The limits that ship.
fn limits() -> Config {
    let settings: toml::Table = include_str!("../../config/default.toml").parse().unwrap();
    settings["decode"].clone().try_into().unwrap()
}

fn decoded(name: &str, jpeg: &[u8]) -> Frame {
    picture(name, jpeg, &limits()).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

#[test]
fn no_pixel_of_any_kind_of_jpeg_differs_from_pillow() {
    let goldens = SafeTensors::deserialize(GOLDENS).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(GOLDENS).unwrap();
    let names = metadata.metadata().as_ref().unwrap();
    let mut compared = 0;
    for index in 0.. {
        let Ok(jpeg) = goldens.tensor(&format!("{index}.jpeg")) else { break };
        let name = format!("{index}, {}", names[&index.to_string()]);
        let expected = goldens.tensor(&format!("{index}.rgb")).unwrap();
        let frame = decoded(&name, jpeg.data());
        let size = [frame.height as usize, frame.width as usize, 3];
        assert_eq!(size, expected.shape(), "{name}");
        let differing = frame.rgb.iter().zip(expected.data()).filter(|(ours, theirs)| ours != theirs).count();
        assert_eq!(differing, 0, "{name}: of {}", frame.rgb.len());
        ORIGINAL.note("decisions", frame.rgb.len() as f64);
        compared += 1;
    }
    assert_eq!(compared, 64);
}

#[test]
fn sam_finds_the_pixels_that_the_original_finds_from_the_bytes_of_a_jpeg_on() {
    let goldens = SafeTensors::deserialize(GOLDENS).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let tensor = goldens.tensor(name).unwrap();
        tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    };
    let boxes: Vec<BBox> =
        floats("sam.boxes").as_chunks().0.iter().map(|&[x0, y0, x1, y1]| BBox { x0, y0, x1, y1 }).collect();
    let frame = decoded("sam", goldens.tensor("sam.jpeg").unwrap().data());
    let pixels = (frame.width * frame.height) as usize;
    for (way, multimask) in [("single", false), ("multi", true)] {
        let mut segmenter = SamSegmenter::new(Fixture::read().sam(multimask), Device::Cpu, 1 << 20);
        let request = Request { picture: Picture::longest_side(&frame, 64), boxes: boxes.clone() };
        let replies = segmenter.run(&[request]).unwrap();
        let inside = goldens.tensor(&format!("sam.{way}.inside")).unwrap();
        let ious = floats(&format!("sam.{way}.ious"));
        let scores = ious.chunks(ious.len() / boxes.len());
        assert_eq!(replies[0].len(), boxes.len());
        for ((found, inside), scores) in replies[0].iter().zip(inside.data().chunks(pixels)).zip(scores) {
            SAM.same(way, &found.mask.to_pixels(), inside);
            let best = scores.iter().copied().fold(f32::MIN, f32::max);
            assert!((found.score - best).abs() < 1e-4 * best.abs().max(1.0), "{way}: {} {best}", found.score);
        }
    }
}
