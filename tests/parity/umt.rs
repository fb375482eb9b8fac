//! UMT's encoder computes what its re-statement in torch computes, and finds the same posts similar. `umt.py` made
//! weights and answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use riveg::common::imaging::Picture;
use riveg::domain::ContentHash;
use riveg::networks::blocks::preset::Preset;
use riveg::networks::umt::{Umt, UmtConfig, UmtEncoder, is_redundant};
use riveg::scheduler::{Cost, Model};
use riveg::stages::knowledge::{Reply, Request, Vectors};
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::Original;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/umt.safetensors");
const ORIGINAL: Original =
    Original { network: "umt", size: "tiny", reference: "re-statement, transformers 5.23.0" };
const PICTURES: u64 = 3;
/// What a cache keeps of one picture: nine cells of 128 numbers of four bytes.
const SEEN_BYTES: usize = 9 * 128 * 4;

fn tiny() -> UmtConfig {
    UmtConfig {
        vocabulary: 60,
        hidden: 32,
        layers: 2,
        heads: 4,
        ffn: 48,
        max_positions: 40,
        max_pieces: 30,
        type_vocabulary: 2,
        image_size: 96,
        resnet_layers: [1, 2, 2, 1],
        resnet_width: 4,
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

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn umt(&self) -> Umt {
        tiny().check().unwrap();
        let vs = nn::VarStore::new(Device::Cpu);
        let umt = Umt::new(&vs.root(), &tiny());
        let _no_grad = tch::no_grad_guard();
        let mut variables = vs.variables();
        for (name, tensor) in
            self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix("model.")?, tensor)))
        {
            assert!(!is_redundant(name), "{name}");
            let mut variable =
                variables.remove(name).unwrap_or_else(|| panic!("`{name}` is not of the network"));
            assert_eq!(variable.size(), tensor.size(), "{name}");
            variable.copy_(tensor);
        }
        assert!(variables.is_empty(), "left at random: {:?}", variables.keys());
        umt
    }

    fn mask(&self) -> Tensor {
        let places = Tensor::arange(self.get("pieces").size()[1], (Kind::Int64, Device::Cpu));
        places.lt_tensor(&self.get("lengths").unsqueeze(1))
    }

    /// Where there is a piece: what stands elsewhere means nothing, there and here.
    fn held(&self, fused: &Tensor) -> Tensor {
        fused * self.mask().unsqueeze(-1)
    }

    fn requests(&self) -> Vec<Request> {
        let numbers = |name: &str| Vec::<i64>::try_from(self.get(name)).unwrap();
        let pieces = Vec::<Vec<i64>>::try_from(self.get("pieces")).unwrap();
        pieces
            .iter()
            .zip(numbers("lengths"))
            .zip(numbers("rows"))
            .map(|((pieces, length), row)| Request {
                pieces: pieces[..length as usize].iter().map(|&id| id as u32).collect(),
                picture: self.picture(row),
            })
            .collect()
    }

    fn picture(&self, row: i64) -> Arc<Picture> {
        let rgb = Vec::try_from(self.get("pictures").get(row).flatten(0, -1)).unwrap();
        let hash = ContentHash([row as u8; 32]);
        let (width, height) = (96, 96);
        Arc::new(Picture { hash, width, height, original_width: 300, original_height: 200, rgb })
    }

    fn encoder(&self, cache_bytes: usize) -> UmtEncoder {
        UmtEncoder::new(self.umt(), cache_bytes)
    }
}

#[test]
fn umt_sees_and_fuses_as_the_restatement_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    let levels = fixture.get("pictures").permute([0, 3, 1, 2]);
    for (name, umt) in [("loaded", fixture.umt()), ("frozen", fixture.umt().freeze())] {
        let seen = umt.see(&umt.pixels(&levels), false);
        ORIGINAL.close(&format!("{name} seen"), &seen, fixture.get("seen"));
        let seen = seen.index_select(0, fixture.get("rows"));
        let fused = umt.fuse(fixture.get("pieces"), &fixture.mask(), &seen, 0.0);
        ORIGINAL.close(&format!("{name} fused"), &fixture.held(&fused), fixture.get("fused"));
        let features = Umt::pooled(&fused, &fixture.mask());
        ORIGINAL.close(&format!("{name} features"), &features, fixture.get("features"));
        ORIGINAL.note("parameters", umt.config().parameters() as f64);
    }
}

#[test]
fn the_same_posts_are_similar_as_in_the_restatement() {
    let fixture = Fixture::read();
    let replies = fixture.encoder(1 << 20).run(&fixture.requests()).unwrap();
    let rows: Vec<f32> = replies.iter().flat_map(|reply| reply.features.clone()).collect();
    let vectors = Vectors::new(64, rows).unwrap();
    let near = replies.iter().enumerate().map(|(own, reply)| {
        let near = vectors.nearest(&reply.features, usize::MAX, Some(own));
        near.iter().map(|near| near.row as i64).collect::<Vec<_>>()
    });
    let expected = Vec::<Vec<i64>>::try_from(fixture.get("neighbours")).unwrap();
    ORIGINAL.same("neighbours", &near.collect::<Vec<_>>().concat(), &expected.concat());
}

fn assert_near(one: &Reply, other: &Reply) {
    for (one, other) in one.features.iter().zip(&other.features) {
        assert!((one - other).abs() < 1e-5, "{one} and {other}");
    }
}

#[test]
fn a_batch_of_posts_answers_as_its_members_alone() {
    let fixture = Fixture::read();
    let requests = fixture.requests();
    let together = fixture.encoder(1 << 20).run(&requests).unwrap();
    let (mut alone, mut warm) = (fixture.encoder(0), fixture.encoder(1 << 20));
    for (request, together) in requests.iter().zip(&together) {
        assert_near(&alone.run(std::slice::from_ref(request)).unwrap()[0], together);
    }
    let reversed: Vec<_> = requests.iter().rev().cloned().collect();
    for _ in 0..2 {
        for (reversed, together) in warm.run(&reversed).unwrap().iter().rev().zip(&together) {
            assert_near(reversed, together);
        }
    }
}

#[test]
fn umt_says_the_same_each_time_and_sees_each_picture_once() {
    let fixture = Fixture::read();
    let requests = fixture.requests();
    for (bytes, runs) in [(3 * SEEN_BYTES, [PICTURES, PICTURES]), (0, [PICTURES, 2 * PICTURES])] {
        let mut encoder = fixture.encoder(bytes);
        let seen = encoder.pictures_seen();
        let first = encoder.run(&requests).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), runs[0], "with {bytes} bytes");
        assert_eq!(encoder.run(&requests).unwrap(), first);
        assert_eq!(seen.load(Ordering::Relaxed), runs[1], "with {bytes} bytes");
    }
    // 6 tokens of 16 pixels a side, and the text's 12 pieces.
    assert_eq!(UmtEncoder::cost(&requests[0]), Cost(36 + 12));
}

#[test]
fn the_published_network_is_as_large_as_the_restatement_at_full_size() {
    let expected = Fixture::read().get("published.umt-base-resnet152").int64_value(&[]);
    let config = UmtConfig::preset("umt-base-resnet152").unwrap();
    assert_eq!(config.parameters(), expected as u64);
}
