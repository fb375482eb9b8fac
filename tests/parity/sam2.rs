//! SAM 2 computes what `transformers` computes, and decides the same. `sam2.py` made the weights and the answers.

use std::collections::HashMap;

use riveg::common::imaging::Picture;
use riveg::domain::{BBox, ContentHash, Frame};
use riveg::networks::blocks::preset::Preset;
use riveg::networks::sam2::{Sam2, Sam2Config, Sam2Segmenter};
use riveg::scheduler::Model;
use riveg::stages::segment::Request;
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::{Original, relative_error};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/sam2.safetensors");
const ORIGINAL: Original = Original { network: "sam2", size: "tiny", reference: "transformers 5.23.0" };
const CASES: usize = 3;
const SIDE: i64 = 64;

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn of(&self, case: usize, name: &str) -> Tensor {
        self.0[&format!("case.{case}.{name}")].shallow_clone()
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn sam2(&self, multimask: bool) -> Sam2 {
        let vs = nn::VarStore::new(Device::Cpu);
        let sam2 = Sam2::new(&vs.root(), &Sam2Config { multimask, ..tiny() });
        let _no_grad = tch::no_grad_guard();
        let mut variables = vs.variables();
        for (name, tensor) in
            self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("model.")?, tensor)))
        {
            let mut variable =
                variables.remove(name).unwrap_or_else(|| panic!("`{name}` is not of the network"));
            assert_eq!(variable.size(), tensor.size(), "{name}");
            variable.copy_(tensor);
        }
        assert!(variables.is_empty(), "left at random: {:?}", variables.keys());
        sam2
    }

    fn request(&self, case: usize) -> Request {
        let rgb = self.of(case, "rgb");
        let frame = Frame {
            hash: ContentHash([case as u8; 32]),
            width: rgb.size()[1] as u32,
            height: rgb.size()[0] as u32,
            orientation: 1,
            reduced: 1,
            rgb: Vec::try_from(rgb.flatten(0, -1)).unwrap(),
        };
        let corners: Vec<f32> = Vec::try_from(self.of(case, "boxes").flatten(0, -1)).unwrap();
        let boxes = corners
            .chunks(4)
            .map(|edge| BBox { x0: edge[0], y0: edge[1], x1: edge[2], y1: edge[3] })
            .collect();
        Request { picture: Picture::squashed_bilinear(&frame, SIDE as u32), boxes }
    }
}

fn tiny() -> Sam2Config {
    Sam2Config {
        image_size: SIDE,
        widths: [8, 16, 24, 48],
        heads: [1, 2, 3, 6],
        blocks: [1, 2, 3, 2],
        windows: [4, 2, 6, 4],
        global_blocks: vec![4],
        position_side: 3,
        mlp_ratio: 2.0,
        output_channels: 32,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 24,
        mask_threshold: 0.0,
        multimask: false,
        stability_delta: 0.05,
        stability_threshold: 0.98,
    }
}

#[test]
fn sam2_reads_pictures_as_the_original_processor_does() {
    let fixture = Fixture::read();
    let sam2 = fixture.sam2(false);
    for case in 0..CASES {
        let picture = fixture.request(case).picture;
        let pixels = sam2.pixels(&Tensor::from_slice(&picture.rgb).view([1, SIDE, SIDE, 3])).squeeze_dim(0);
        let theirs = fixture.of(case, "pixels");
        // Of levels that are one apart, the normalised values are 1/58 apart: no pixel differs.
        let error = relative_error(&pixels, &theirs);
        assert!(error < 1e-6, "case {case}: {error:e}");
    }
}

#[test]
fn sam2_encodes_and_decodes_as_the_original_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    ORIGINAL.note("parameters", tiny().parameters() as f64);
    for (name, multimask, frozen) in
        [("single", false, false), ("single", false, true), ("multi", true, true)]
    {
        let sam2 = fixture.sam2(multimask);
        let sam2 = if frozen { sam2.freeze() } else { sam2 };
        for case in 0..CASES {
            let close = |tap: &str, ours: &Tensor, theirs: &Tensor| {
                ORIGINAL.close(&format!("case {case} {name} {tap}"), ours, theirs);
            };
            let pixels = fixture.of(case, "pixels").unsqueeze(0);
            for (stage, ours) in sam2.stages(&pixels).iter().enumerate() {
                let tap = format!("stage.{stage}");
                close(&tap, &ours.squeeze_dim(0), &fixture.of(case, &tap));
            }
            let encoded = sam2.encode(&pixels);
            let boxes = fixture.of(case, "scaled");
            let rows = Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu));
            let decoded = sam2.decode(&encoded, &rows, &boxes);
            let expected_ious = fixture.of(case, &format!("{name}.ious"));
            for (tap, ours, theirs) in [
                ("fine", encoded.fine.squeeze_dim(0), fixture.of(case, "fine")),
                ("middle", encoded.middle.squeeze_dim(0), fixture.of(case, "middle")),
                ("coarse", encoded.coarse.squeeze_dim(0), fixture.of(case, "coarse")),
                ("masks", decoded.masks, fixture.of(case, &format!("{name}.low_res"))),
                ("ious", decoded.ious.shallow_clone(), expected_ious.shallow_clone()),
                ("object", decoded.object, fixture.of(case, "object")),
            ] {
                close(tap, &ours, &theirs);
            }
            ORIGINAL.same_choices(&format!("case {case} {name} best"), &decoded.ious, &expected_ious);
        }
    }
}

#[test]
fn sam2_finds_the_pixels_that_the_original_finds_pictures_and_boxes_in_one_batch() {
    let fixture = Fixture::read();
    let stability: Vec<f64> = (0..CASES)
        .flat_map(|case| Vec::<f64>::try_from(fixture.of(case, "stability").to_kind(Kind::Double)).unwrap())
        .collect();
    let stable = stability.iter().filter(|&&share| share >= 0.98).count();
    assert!((1..stability.len()).contains(&stable), "both ways to choose a mask are needed: {stability:?}");
    for (name, multimask) in [("single", false), ("multi", true)] {
        let mut segmenter = Sam2Segmenter::new(fixture.sam2(multimask).freeze(), Device::Cpu, 1 << 20);
        let batch: Vec<Request> = (0..CASES).map(|case| fixture.request(case)).collect();
        let replies = segmenter.run(&batch).unwrap();
        for (case, reply) in replies.iter().enumerate() {
            let expected = fixture.of(case, &format!("{name}.inside"));
            let ious = fixture.of(case, &format!("{name}.ious")).amax(1, false);
            assert_eq!(reply.len() as i64, expected.size()[0]);
            for (index, found) in reply.iter().enumerate() {
                let inside: Vec<u8> = Vec::try_from(expected.get(index as i64).flatten(0, -1)).unwrap();
                assert!(found.mask.to_pixels() == inside, "case {case} box {index} {name}: other pixels");
                ORIGINAL.note("decisions", inside.len() as f64);
                let score = ious.double_value(&[index as i64]);
                assert!((f64::from(found.score) - score).abs() < 1e-4 * score.abs().max(1.0));
            }
        }
    }
}
