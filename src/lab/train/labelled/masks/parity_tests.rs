//! Parity of the loss of masks: a tiny SAM's loss and gradients are those of PyTorch, whose script states the loss anew.

use std::collections::HashMap;
use std::sync::Arc;

use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::super::present::Present;
use super::super::test_support::limits;
use super::batches::{Batch, Loader, Prompt};
use super::encodings::Encoder;
use super::regions::{Region, Regions};
use super::task::MaskLearner;
use crate::common::imaging::{Picture, View};
use crate::domain::{BBox, ContentHash, Mask};
use crate::lab::train::mask_loss::PAPER;
use crate::lab::train::training_loop::TrainingTask;
use crate::networks::bundle::tiny::sam::sam;
use crate::networks::sam::Sam;

/// The largest difference, of the largest number that is compared.
const TOLERANCE: f64 = 1e-3;

fn fixture() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/masks.safetensors");
    Tensor::read_safetensors(path).unwrap().into_iter().collect()
}

/// The pictures, boxes and masks of the fixture.
fn given(fixture: &HashMap<String, Tensor>) -> (Regions, Batch) {
    let (mut regions, mut prompts) = (Vec::new(), Vec::new());
    for number in 0..2 {
        let of = |name: &str| &fixture[&format!("case.{number}.{name}")];
        let bytes = |tensor: &Tensor| Vec::<u8>::try_from(tensor.reshape([-1])).unwrap();
        let (height, width) = (of("rgb").size()[0] as u32, of("rgb").size()[1] as u32);
        let picture = Arc::new(Picture {
            hash: ContentHash([number as u8; 32]),
            width,
            height,
            original_width: width,
            original_height: height,
            rgb: bytes(of("rgb")),
        });
        for (row, corners) in (0..).zip(Vec::<Vec<f32>>::try_from(of("boxes")).unwrap()) {
            let corners: [f32; 4] = corners.try_into().unwrap();
            let [x0, y0, x1, y1] = corners;
            let mask = Mask::from_pixels(&bytes(&of("truth").get(row)), width, height);
            prompts.push(Prompt { region: regions.len(), picture: Arc::clone(&picture), corners });
            regions.push(Region { picture: number, bbox: BBox { x0, y0, x1, y1 }, mask });
        }
    }
    let regions = Regions { pictures: Vec::new(), regions, posts: 2, hash: blake3::hash(b"") };
    (regions, Batch { prompts })
}

#[test]
fn loss_and_gradients_are_those_of_torch_over_the_parts_of_a_step() {
    let fixture = fixture();
    let store = VarStore::new(Device::Cpu);
    let network = Sam::new(&store.root(), &sam());
    for (name, variable) in store.variables() {
        tch::no_grad(|| variable.shallow_clone().copy_(&fixture[&format!("model.{name}")]));
    }
    let (regions, batch) = given(&fixture);
    let regions = Arc::new(regions);
    let mut task = MaskLearner {
        network: Box::new(network),
        device: Device::Cpu,
        encoder: Encoder::Learning,
        weights: PAPER,
        batches: Present::new(0, 2, move |_| Ok(batch.clone())),
        train: Arc::clone(&regions),
        dev: Loader { regions, limits: limits(), view: View::longest_side(64) },
        at_once: 2,
    };
    assert_eq!(task.parts(0).unwrap(), 2);
    let mut losses = 0.0;
    for part in 0..2 {
        let (loss, _) = task.loss(0, part).unwrap();
        loss.backward();
        losses += loss.double_value(&[]);
    }
    let expected = [0, 1].map(|number| fixture[&format!("case.{number}.loss")].sum(tch::Kind::Float));
    let expected = expected.iter().map(|loss| loss.double_value(&[])).sum::<f64>() / 3.0;
    assert!((losses / expected - 1.0).abs() < TOLERANCE, "loss {losses}, {expected}");

    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let gradients: HashMap<&str, &Tensor> =
        fixture.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("gradient.")?, tensor))).collect();
    // The largest gradient decides what counts: keys of attention have a bias without an effect, whose gradient is noise.
    let scale = gradients.values().map(|gradient| largest(gradient)).fold(0.0, f64::max);
    let mut compared = 0;
    for (name, variable) in store.variables() {
        let Some(gradient) = gradients.get(name.as_str()) else { continue };
        // The frequencies of places are drawn once and never learn, though `transformers` has them among the parameters.
        if !variable.requires_grad() {
            assert_eq!(name, "shared_image_embedding.positional_embedding");
            continue;
        }
        if largest(gradient) > 1e-6 * scale {
            let off = largest(&(variable.grad() - *gradient)) / largest(gradient);
            assert!(off < TOLERANCE, "gradient of {name} is off by {off}");
            compared += 1;
        }
    }
    assert!(compared >= gradients.len() - 8 && compared > 80, "only {compared} gradients are compared");
}
