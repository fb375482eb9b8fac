//! OFA computes what ModelScope's computes, and decides the same. `ofa.py` made the weights and the answers.

use std::collections::{HashMap, HashSet};

use riveg::networks::blocks::preset::Preset;
use riveg::networks::ofa::{Choice, Ofa, OfaConfig, PAD, is_redundant};
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::Original;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/ofa.safetensors");
const ORIGINAL: Original = Original { network: "ofa", size: "tiny", reference: "modelscope 1.40.2" };

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn of(&self, name: &str) -> Tensor {
        self.0[name].shallow_clone()
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn ofa(&self) -> Ofa {
        let config = tiny();
        config.check().unwrap();
        let vs = nn::VarStore::new(Device::Cpu);
        let ofa = Ofa::new(&vs.root(), &config);
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
        ofa
    }
}

fn tiny() -> OfaConfig {
    OfaConfig {
        vocabulary: 120,
        d_model: 32,
        ffn: 64,
        heads: 4,
        encoder_layers: 2,
        decoder_layers: 2,
        resnet_layers: [2, 1, 3],
        resnet_width: 4,
        token_bucket: 256,
        image_bucket: 42,
        max_positions: 1024,
        patch_image_size: 80,
        first_bin: 60,
        bins: 60,
        answers: [7, 20, 33],
    }
}

/// The network as it is after loading, and as it serves.
fn as_loaded_and_as_served(fixture: &Fixture) -> [(&'static str, Ofa); 2] {
    [("as loaded", fixture.ofa()), ("as served", fixture.ofa().freeze())]
}

#[test]
fn ofa_computes_what_modelscope_computes() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let (pixels, tokens, prefix) = (fixture.of("pixels"), fixture.of("tokens"), fixture.of("prefix"));
    ORIGINAL.note("parameters", (tiny().parameters() + tiny().drawing_parameters()) as f64);
    for (state, ofa) in as_loaded_and_as_served(&fixture) {
        // Twice: what a serving network remembers must be what it computed.
        for _ in 0..2 {
            let trunk = ofa.trunk(&pixels, false);
            ORIGINAL.close(&format!("trunk, {state}"), &trunk, &fixture.of("trunk"));
            let encoded = ofa.encode(&trunk, &tokens, false);
            let image = Tensor::ones([tokens.size()[0], trunk.size()[1]], (Kind::Bool, Device::Cpu));
            let kept = Tensor::cat(&[image, tokens.ne(PAD)], 1).unsqueeze(-1);
            let theirs = fixture.of("encoded") * &kept;
            ORIGINAL.close(&format!("encoder, {state}"), &(&encoded.states * kept), &theirs);
            let logits = ofa.decode(&encoded, &prefix, false);
            ORIGINAL.close(&format!("decoder, {state}"), &logits, &fixture.of("logits"));
            let answers = ofa.answer_logits(&encoded, &tokens, false);
            ORIGINAL.close(&format!("answers, {state}"), &answers, &fixture.of("answers"));
            ORIGINAL.same_choices(&format!("answers, {state}"), &answers, &fixture.of("answers"));
            ORIGINAL.same_choices(&format!("decoder, {state}"), &logits, &fixture.of("logits"));
        }
    }
}

#[test]
fn ofa_finds_the_beams_that_modelscope_finds() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let scores: Vec<f32> = Vec::try_from(fixture.of("beam.scores").flatten(0, -1)).unwrap();
    let tokens: Vec<i64> = Vec::try_from(fixture.of("beam.tokens").flatten(0, -1)).unwrap();
    for (state, ofa) in as_loaded_and_as_served(&fixture) {
        let encoded = ofa.encode(&ofa.trunk(&fixture.of("pixels"), false), &fixture.of("tokens"), false);
        let found = ofa.locate(&encoded, 5, Choice::Anything).unwrap();
        let found: Vec<_> = found.into_iter().flatten().collect();
        let beams: Vec<_> = found.iter().map(|beam| beam.tokens.as_slice()).collect();
        ORIGINAL.same(&format!("beams, {state}"), &beams, &tokens.chunks(4).collect::<Vec<_>>());
        for (ours, score) in found.iter().zip(&scores) {
            assert!((ours.score - score).abs() < 1e-4 * score.abs(), "{state}: {} for {score}", ours.score);
        }
    }
}

#[test]
fn a_beam_over_location_bins_scores_boxes_as_the_whole_decoder_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let ofa = fixture.ofa().freeze();
    let config = ofa.config().clone();
    let encoded = ofa.encode(&ofa.trunk(&fixture.of("pixels"), false), &fixture.of("tokens"), false);
    let found = ofa.locate(&encoded, 5, Choice::Bins).unwrap();
    for rank in 0..5 {
        let tokens: Vec<i64> = found.iter().flat_map(|answers| answers[rank].tokens.clone()).collect();
        assert!(
            tokens.iter().all(|token| (config.first_bin..config.first_bin + config.bins).contains(token))
        );
        let tokens = Tensor::from_slice(&tokens).view([-1, 4]);
        let prefix = Tensor::cat(
            &[Tensor::zeros([tokens.size()[0], 1], (Kind::Int64, Device::Cpu)), tokens.copy()],
            1,
        );
        let said = ofa.decode(&encoded, &prefix, false).log_softmax(-1, Kind::Float).narrow(1, 0, 4);
        let said = said.gather(2, &tokens.unsqueeze(-1), false).sum_dim_intlist(
            [1, 2].as_slice(),
            false,
            Kind::Float,
        );
        for (answers, said) in found.iter().zip(Vec::<f32>::try_from(said).unwrap()) {
            let ours = answers[rank].log_probability;
            assert!((ours - said).abs() < 1e-4 * said.abs(), "{ours} for {said}");
        }
    }
}

#[test]
fn of_a_published_checkpoint_only_redundant_tensors_are_left_out() {
    let fixture = Fixture::read();
    let names: Vec<u8> = Vec::try_from(fixture.of("names")).unwrap();
    let names: Vec<String> = serde_json::from_slice(&names).unwrap();
    let needed: HashSet<&str> = names.iter().map(String::as_str).filter(|name| !is_redundant(name)).collect();
    let vs = nn::VarStore::new(Device::Cpu);
    let _ofa = Ofa::new(&vs.root(), &tiny());
    let variables = vs.variables();
    assert_eq!(needed, variables.keys().map(String::as_str).collect());
}
