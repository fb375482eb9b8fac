//! MQSPN answers what its re-statement in torch answers, and one step of its training has the same loss and gradients.
//! `mqspn.py` made weights and answers.

use std::collections::HashMap;

use riveg::lab::train::set_loss::{AUTHORS, GoldEntity, SetLoss};
use riveg::networks::mqspn::{Mqspn, MqspnConfig, Predictions, Scene, Text};
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::Original;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/mqspn.safetensors");
const ORIGINAL: Original =
    Original { network: "mqspn", size: "tiny", reference: "re-statement, torch 2.11.0" };
/// As far as answers may be apart, and gradients.
const ANSWERS: f64 = 1e-5;
const GRADIENTS: f64 = 1e-3;
/// What rounding leaves of gradients of up to 49: biases of keys move nothing, and theirs are sums that should be 0.
const ROUNDED: f64 = 1e-5;

fn tiny() -> MqspnConfig {
    MqspnConfig {
        vocabulary: 40,
        hidden: 16,
        heads: 4,
        layers: 3,
        ffn: 24,
        max_positions: 24,
        first_position: 2,
        type_vocabulary: 1,
        pad: 1,
        image_size: 48,
        patch_size: 12,
        resnet_layers: Vec::new(),
        resnet_width: 0,
        vision_layers: 3,
        vision_ffn: 20,
        fused_layers: 2,
        types: 3,
        queries: 7,
        fusion_layers: 2,
        region_bins: 2,
    }
}

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn get(&self, name: &str) -> &Tensor {
        &self.0[name]
    }

    fn flags(&self, name: &str) -> Tensor {
        self.get(name).to_kind(Kind::Bool)
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn network(&self) -> (Mqspn, nn::VarStore) {
        tiny().check().unwrap();
        let vs = nn::VarStore::new(Device::Cpu);
        let mqspn = Mqspn::new(&vs.root(), &tiny());
        let random = self.load("model.", &vs);
        assert!(random.is_empty(), "left at random: {random:?}");
        (mqspn, vs)
    }

    /// Loads the weights whose names begin so; the names of the variables that have none.
    fn load(&self, prefix: &str, vs: &nn::VarStore) -> Vec<String> {
        let _no_grad = tch::no_grad_guard();
        let mut variables = vs.variables();
        for (name, tensor) in
            self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
        {
            let mut variable =
                variables.remove(name).unwrap_or_else(|| panic!("`{name}` is not of the network"));
            assert_eq!(variable.size(), tensor.size(), "{name}");
            variable.copy_(tensor);
        }
        variables.into_keys().collect()
    }

    fn seen(&self, mqspn: &Mqspn) -> Tensor {
        mqspn.see(&mqspn.pixels(&self.get("pictures").permute([0, 3, 1, 2])))
    }

    fn answers(&self, mqspn: &Mqspn) -> Vec<Predictions> {
        let text = Text {
            pieces: self.get("pieces").shallow_clone(),
            mask: self.flags("mask"),
            word_of: self.get("word_of").shallow_clone(),
            is_word: self.flags("is_word"),
        };
        let scene = Scene {
            seen: self.seen(mqspn),
            shown: self.flags("shown"),
            boxes: self.get("boxes").shallow_clone(),
            is_candidate: self.flags("is_candidate"),
        };
        mqspn.answers(mqspn.read(&text, &scene, 0.0), &text, &scene, 0.0)
    }

    /// The repeated gold of each text.
    fn gold(&self) -> Vec<Vec<GoldEntity>> {
        let mut rows = vec![Vec::new(); self.get("pieces").size()[0] as usize];
        let entities = Vec::<Vec<i64>>::try_from(self.get("gold")).unwrap();
        let good = Vec::<Vec<f32>>::try_from(self.get("good")).unwrap();
        for (entity, regions) in entities.iter().zip(good) {
            let [row, left, right, class] = entity[..] else { panic!("{entity:?}") };
            rows[row as usize].push(GoldEntity { left, right, class, regions });
        }
        rows
    }
}

/// The weights of the script.
const LOSS: SetLoss = SetLoss { share: 0.6, ..AUTHORS };

#[test]
fn mqspn_answers_as_the_restatement_does() {
    let fixture = Fixture::read();
    let (mqspn, _) = fixture.network();
    let _no_grad = tch::no_grad_guard();
    ORIGINAL.close_within(ANSWERS, "seen", &fixture.seen(&mqspn), fixture.get("seen"));
    for (layer, answer) in fixture.answers(&mqspn).iter().enumerate() {
        // Where there is no word or candidate, both have the same large number, which would hide differences.
        let open = |logits: &Tensor, flags: &Tensor| logits * flags.unsqueeze(1);
        let (words, candidates) = (fixture.flags("is_word"), fixture.flags("is_candidate"));
        let none = Tensor::ones([candidates.size()[0], 1], (Kind::Bool, Device::Cpu));
        let regions = Tensor::cat(&[none, candidates], 1);
        let parts = [
            ("left", &answer.left, Some(&words)),
            ("right", &answer.right, Some(&words)),
            ("regions", &answer.regions, Some(&regions)),
            ("types", &answer.types, None),
        ];
        for (part, ours, flags) in parts {
            let theirs = fixture.get(&format!("{part}.{layer}"));
            let of =
                |logits: &Tensor| flags.map_or_else(|| logits.shallow_clone(), |flags| open(logits, flags));
            ORIGINAL.close_within(ANSWERS, &format!("{part} {layer}"), &of(ours), &of(theirs));
            ORIGINAL.same_choices(part, ours, theirs);
        }
    }
    ORIGINAL.note("parameters", riveg::networks::blocks::preset::Preset::parameters(mqspn.config()) as f64);
}

#[test]
fn patches_of_a_resnet_are_seen_as_in_the_restatement() {
    let fixture = Fixture::read();
    // Of three by three cells each.
    let config = MqspnConfig { resnet_layers: vec![2], resnet_width: 4, ..tiny() };
    config.check().unwrap();
    let vs = nn::VarStore::new(Device::Cpu);
    let mqspn = Mqspn::new(&vs.root(), &config);
    let random = fixture.load("hybrid.", &vs);
    assert!(random.iter().all(|name| !name.starts_with("vision_model.")), "left at random: {random:?}");
    let _no_grad = tch::no_grad_guard();
    let pixels = mqspn.pixels(&fixture.get("hybrid_pictures").permute([0, 3, 1, 2]));
    let theirs = fixture.get("hybrid_seen");
    ORIGINAL.close_within(ANSWERS, "seen by a ResNet", &mqspn.see(&pixels), theirs);
    ORIGINAL.close_within(ANSWERS, "seen by a folded ResNet", &mqspn.freeze().see(&pixels), theirs);
}

#[test]
fn one_step_of_training_has_the_gradients_of_the_restatement() {
    let fixture = Fixture::read();
    let (mqspn, vs) = fixture.network();
    let gold = fixture.gold();
    for (own, name) in gold.iter().zip(["first", "second", "third", "fourth"]) {
        // Repeating what is repeated already changes nothing: as many are given to queries there as here.
        let distinct = own.iter().enumerate().filter(|(place, one)| !own[..*place].contains(one));
        let distinct: Vec<GoldEntity> = distinct.map(|(_, one)| one.clone()).collect();
        assert_eq!(&LOSS.repeated(&distinct, 7), own, "the {name} text");
    }
    let loss = LOSS.of(&fixture.answers(&mqspn), &gold);
    ORIGINAL.close_within(ANSWERS, "loss", &loss, fixture.get("loss"));
    loss.backward();
    let mut compared = 0;
    for (name, variable) in vs.variables() {
        let theirs = fixture.get(&format!("gradient.{name}"));
        let ours = variable.grad();
        assert!(ours.defined(), "{name} takes no part");
        let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
        let (difference, size) = (largest(&(&ours - theirs)), largest(theirs));
        assert!(difference <= GRADIENTS * size + ROUNDED, "{name}: {difference:e} of {size:e}");
        compared += usize::from(GRADIENTS * size > ROUNDED);
    }
    assert!(compared > 250, "only {compared} gradients were compared");
}
