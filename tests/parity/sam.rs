//! SAM computes what `transformers` computes, and decides the same. `sam.py` made the weights and the answers.

use std::collections::HashMap;
use std::sync::Arc;

use riveg::common::imaging::Picture;
use riveg::domain::{BBox, ContentHash, Frame};
use riveg::networks::blocks::preset::Preset;
use riveg::networks::sam::{Sam, SamConfig, SamSegmenter};
use riveg::scheduler::Model;
use riveg::stages::segment::Request;
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::{Original, relative_error};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/sam.safetensors");
const ORIGINAL: Original = Original { network: "sam", size: "tiny", reference: "transformers 5.23.0" };
const CASES: usize = 3;

pub(crate) struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    pub(crate) fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn of(&self, case: usize, name: &str) -> Tensor {
        self.0[&format!("case.{case}.{name}")].shallow_clone()
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    pub(crate) fn sam(&self, multimask: bool) -> Sam {
        let vs = nn::VarStore::new(Device::Cpu);
        let sam = Sam::new(&vs.root(), &SamConfig { multimask, ..tiny() });
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
        sam
    }

    fn picture(&self, case: usize) -> Arc<Picture> {
        let rgb = self.of(case, "rgb");
        let frame = Frame {
            hash: ContentHash([case as u8; 32]),
            width: rgb.size()[1] as u32,
            height: rgb.size()[0] as u32,
            orientation: 1,
            reduced: 1,
            rgb: Vec::try_from(rgb.flatten(0, -1)).unwrap(),
        };
        Picture::longest_side(&frame, 64)
    }

    fn request(&self, case: usize) -> Request {
        let corners: Vec<f32> = Vec::try_from(self.of(case, "boxes").flatten(0, -1)).unwrap();
        let boxes = corners
            .chunks(4)
            .map(|edge| BBox { x0: edge[0], y0: edge[1], x1: edge[2], y1: edge[3] })
            .collect();
        Request { picture: self.picture(case), boxes }
    }
}

fn tiny() -> SamConfig {
    SamConfig {
        image_size: 64,
        patch_size: 8,
        hidden: 32,
        layers: 4,
        heads: 4,
        mlp_ratio: 2.0,
        window: 3,
        global_layers: vec![1, 3],
        output_channels: 16,
        decoder_layers: 2,
        decoder_heads: 2,
        decoder_mlp: 24,
        mask_threshold: 0.0,
        multimask: false,
    }
}

#[test]
fn sam_reads_pictures_as_the_original_processor_does() {
    let fixture = Fixture::read();
    let sam = fixture.sam(false);
    for case in 0..CASES {
        let picture = fixture.picture(case);
        let shape = [i64::from(picture.height), i64::from(picture.width), 3];
        let pixels = sam.pixels(&Tensor::from_slice(&picture.rgb).view(shape));
        let error = relative_error(&pixels, &fixture.of(case, "pixels"));
        assert!(error < 1e-6, "case {case}: {error:e}");
    }
}

#[test]
fn sam_encodes_and_decodes_as_the_original_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    ORIGINAL.note("parameters", tiny().parameters() as f64);
    for (name, multimask) in [("single", false), ("multi", true)] {
        let sam = fixture.sam(multimask);
        for case in 0..CASES {
            let encoding = sam.encode(&fixture.of(case, "pixels").unsqueeze(0));
            let boxes = fixture.of(case, "scaled");
            let rows = Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu));
            let (low_res, ious) = sam.decode(&encoding.index_select(0, &rows), &boxes);
            let expected_ious = fixture.of(case, &format!("{name}.ious"));
            for (tap, ours, theirs) in [
                ("encoding", &encoding.squeeze_dim(0), fixture.of(case, "encoding")),
                ("masks", &low_res, fixture.of(case, &format!("{name}.low_res"))),
                ("ious", &ious, expected_ious.shallow_clone()),
            ] {
                ORIGINAL.close(&format!("case {case} {name} {tap}"), ours, &theirs);
            }
            ORIGINAL.same_choices(&format!("case {case} {name} best"), &ious, &expected_ious);
        }
    }
}

#[test]
fn sam_finds_the_pixels_that_the_original_finds_pictures_and_boxes_in_one_batch() {
    let fixture = Fixture::read();
    for (name, multimask) in [("single", false), ("multi", true)] {
        let mut segmenter = SamSegmenter::new(fixture.sam(multimask), Device::Cpu, 1 << 20);
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
