//! ALBEF computes what LAVIS' computes, and decides the same. `albef.py` made the weights and the answers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use riveg::common::imaging::Picture;
use riveg::domain::{ContentHash, Frame};
use riveg::networks::albef::{Albef, AlbefConfig, AlbefEntailer, PAD, is_redundant};
use riveg::networks::blocks::preset::Preset;
use riveg::scheduler::{Cost, Model, ModelError};
use riveg::stages::entail::{Reply, Request};
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::Original;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/albef.safetensors");
const ORIGINAL: Original = Original { network: "albef", size: "tiny", reference: "salesforce-lavis 1.0.2" };
const PICTURES: usize = 3;
/// What a cache keeps of one picture: ten vectors of 36 numbers of four bytes.
const SEEN_BYTES: usize = 10 * 36 * 4;

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn of(&self, name: &str) -> Tensor {
        self.0[name].shallow_clone()
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn albef(&self, config: &AlbefConfig) -> Albef {
        config.check().unwrap();
        let vs = nn::VarStore::new(Device::Cpu);
        let albef = Albef::new(&vs.root(), config);
        let _no_grad = tch::no_grad_guard();
        let mut variables = vs.variables();
        for (name, tensor) in
            self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("model.")?, tensor)))
        {
            if config.type_vocabulary == 0 && name.contains("token_type_embeddings") {
                continue;
            }
            let mut variable =
                variables.remove(name).unwrap_or_else(|| panic!("`{name}` is not of the network"));
            assert_eq!(variable.size(), tensor.size(), "{name}");
            variable.copy_(tensor);
        }
        assert!(variables.is_empty(), "left at random: {:?}", variables.keys());
        albef
    }

    fn entailer(&self, cache_bytes: usize) -> AlbefEntailer {
        AlbefEntailer::new(self.albef(&tiny()), cache_bytes)
    }

    fn picture(&self, index: usize) -> Arc<Picture> {
        let rgb = self.of(&format!("picture.{index}"));
        let frame = Frame {
            hash: ContentHash([index as u8; 32]),
            width: rgb.size()[1] as u32,
            height: rgb.size()[0] as u32,
            orientation: 1,
            reduced: 1,
            rgb: Vec::try_from(rgb.flatten(0, -1)).unwrap(),
        };
        Picture::squashed(&frame, 48)
    }

    /// Which tokens of each prompt are no padding.
    fn mask(&self) -> Tensor {
        let places = Tensor::arange(self.of("tokens").size()[1], (Kind::Int64, Device::Cpu));
        places.lt_tensor(&self.of("lengths").unsqueeze(1))
    }

    fn requests(&self) -> Vec<Request> {
        let numbers = |name: &str| Vec::<i64>::try_from(self.of(name)).unwrap();
        let tokens = Vec::<Vec<i64>>::try_from(self.of("tokens")).unwrap();
        tokens
            .iter()
            .zip(numbers("lengths"))
            .zip(numbers("rows"))
            .map(|((tokens, length), row)| Request {
                picture: self.picture(row as usize),
                prompt: tokens[..length as usize].iter().map(|&id| id as u32).collect(),
            })
            .collect()
    }
}

fn tiny() -> AlbefConfig {
    AlbefConfig {
        image_size: 48,
        patch_size: 16,
        vision_hidden: 36,
        vision_layers: 3,
        vision_heads: 3,
        vision_ffn: 72,
        vocabulary: 60,
        hidden: 32,
        layers: 4,
        fusion_layer: 2,
        heads: 4,
        ffn: 48,
        max_positions: 40,
        type_vocabulary: 2,
    }
}

fn assert_same(ours: &[Reply], theirs: &[Reply]) {
    assert_eq!(ours.len(), theirs.len());
    for (one, other) in ours.iter().zip(theirs) {
        let pairs = [(one.no, other.no), (one.yes, other.yes), (one.maybe, other.maybe)];
        assert!(pairs.iter().all(|(one, other)| (one - other).abs() < 1e-5), "{one:?} {other:?}");
    }
}

#[test]
fn albef_sees_and_answers_as_the_original_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let untyped = AlbefConfig { type_vocabulary: 0, ..tiny() };
    for (config, logits) in [(tiny(), "logits"), (untyped, "untyped")] {
        let albef = fixture.albef(&config);
        let seen = albef.see(&fixture.of("pixels"));
        ORIGINAL.close("seen", &seen, &fixture.of("seen"));
        let ours = albef.logits(&fixture.of("tokens"), &fixture.mask(), &seen, &fixture.of("rows"));
        ORIGINAL.close(logits, &ours, &fixture.of(logits));
        ORIGINAL.same_choices(logits, &ours, &fixture.of(logits));
        ORIGINAL.note("parameters", config.parameters() as f64);
    }
}

#[test]
fn albef_is_shown_pictures_as_the_original_is() {
    let fixture = Fixture::read();
    let albef = fixture.albef(&tiny());
    let pictures = (0..PICTURES).map(|index| {
        let levels = Tensor::from_slice(&fixture.picture(index).rgb).view([48, 48, 3]);
        levels.permute([2, 0, 1])
    });
    let pixels = albef.pixels(&Tensor::stack(&pictures.collect::<Vec<_>>(), 0));
    ORIGINAL.close("pixels", &pixels, &fixture.of("pixels"));
}

#[test]
fn what_contradicts_is_no_what_is_open_is_maybe_and_what_follows_is_yes() {
    let fixture = Fixture::read();
    let replies = fixture.entailer(0).run(&fixture.requests()).unwrap();
    let ours: Vec<f32> = replies.iter().flat_map(|reply| [reply.no, reply.maybe, reply.yes]).collect();
    let expected = fixture.of("logits").softmax(-1, Kind::Float);
    ORIGINAL.close("probabilities", &Tensor::from_slice(&ours).view([-1, 3]), &expected);
}

#[test]
fn a_batch_answers_as_its_members_alone_in_any_order_and_every_time() {
    let fixture = Fixture::read();
    let requests = fixture.requests();
    let together = fixture.entailer(usize::MAX / 2).run(&requests).unwrap();
    let mut forgetful = fixture.entailer(0);
    for (request, together) in requests.iter().zip(&together) {
        let alone = forgetful.run(std::slice::from_ref(request)).unwrap();
        assert_same(&alone, std::slice::from_ref(together));
    }
    let backwards: Vec<_> = requests.iter().rev().cloned().collect();
    let mut warm = fixture.entailer(usize::MAX / 2);
    for _ in 0..2 {
        let mut replies = warm.run(&backwards).unwrap();
        replies.reverse();
        assert_same(&replies, &together);
    }
    assert_eq!(warm.run(&requests).unwrap(), warm.run(&requests).unwrap());
    assert_eq!(fixture.entailer(0).run(&[]).unwrap(), []);
}

#[test]
fn each_picture_is_seen_once_as_long_as_the_cache_holds_it() {
    let fixture = Fixture::read();
    let requests = fixture.requests();
    for (bytes, expected) in
        [(PICTURES * SEEN_BYTES, [3, 3]), (PICTURES * SEEN_BYTES - 1, [3, 4]), (0, [3, 6])]
    {
        let mut entailer = fixture.entailer(bytes);
        let seen = entailer.pictures_seen();
        for expected in expected {
            entailer.run(&requests).unwrap();
            assert_eq!(seen.load(Ordering::Relaxed), expected, "with {bytes} bytes");
        }
    }
}

#[test]
fn what_padding_holds_changes_nothing() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let albef = fixture.albef(&tiny());
    let (tokens, mask, seen, rows) =
        (fixture.of("tokens"), fixture.mask(), fixture.of("seen"), fixture.of("rows"));
    let other = tokens.where_self(&mask, &Tensor::from(41_i64));
    assert_ne!(other, tokens);
    ORIGINAL.close("other padding", &albef.logits(&other, &mask, &seen, &rows), &fixture.of("logits"));
}

#[test]
fn what_it_cannot_read_is_refused_by_name() {
    let fixture = Fixture::read();
    let mut entailer = fixture.entailer(0);
    let fine = Request { picture: fixture.picture(0), prompt: vec![2, 5, 3] };
    assert_eq!(AlbefEntailer::cost(&fine), Cost(9 + 3));
    let wide = Arc::new(Picture { width: 64, ..Picture::clone(&fine.picture) });
    let short = Arc::new(Picture { rgb: vec![0; 5], ..Picture::clone(&fine.picture) });
    let cases = [
        ("is 64x48, where it sees 48x48", Request { picture: wide, ..fine.clone() }),
        ("has 5 bytes, not 6912", Request { picture: short, ..fine.clone() }),
        ("a prompt of 41 tokens, where 2 to 40 fit", Request { prompt: vec![5; 41], ..fine.clone() }),
        ("a prompt of 1 tokens", Request { prompt: vec![2], ..fine.clone() }),
        ("token 60", Request { prompt: vec![2, 60, 3], ..fine.clone() }),
        ("token 0 ", Request { prompt: vec![2, PAD as u32, 3], ..fine.clone() }),
    ];
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = entailer.run(&[fine.clone(), request]) else {
            panic!("{expected}")
        };
        assert!(message.starts_with("ALBEF cannot read its input: "), "{message}");
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(entailer.run(&[fine]).unwrap().len(), 1);
}

#[test]
fn of_a_published_checkpoint_only_redundant_tensors_are_left_out() {
    let fixture = Fixture::read();
    let names: Vec<u8> = Vec::try_from(fixture.of("names")).unwrap();
    let names: Vec<String> = serde_json::from_slice(&names).unwrap();
    let needed: HashSet<&str> = names.iter().map(String::as_str).filter(|name| !is_redundant(name)).collect();
    let vs = nn::VarStore::new(Device::Cpu);
    let _albef = Albef::new(&vs.root(), &tiny());
    let variables = vs.variables();
    assert_eq!(needed, variables.keys().map(String::as_str).collect());
}
