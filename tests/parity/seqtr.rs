//! SeqTR computes what its re-statement in torch computes, and decides the same. `seqtr.py` made weights and answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use riveg::common::imaging::{Picture, polygon};
use riveg::domain::ContentHash;
use riveg::networks::blocks::preset::Preset;
use riveg::networks::seqtr::{Cells, Encoded, SeqTr, SeqTrConfig, SeqTrGrounder, Sequence, is_redundant};
use riveg::scheduler::{Cost, Model};
use riveg::stages::ground::{Reply, Request};
use tch::{Device, Kind, Tensor, nn};

use super::parity_compared::Original;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/seqtr.safetensors");
const ORIGINAL: Original =
    Original { network: "seqtr", size: "tiny", reference: "re-statement, torch 2.11.0" };
const CASES: usize = 4;

fn tiny() -> SeqTrConfig {
    SeqTrConfig {
        vocabulary: 40,
        word_width: 12,
        max_words: 7,
        image_size: 128,
        darknet_width: 2,
        darknet_blocks: [1, 2, 1, 1, 1],
        d_model: 16,
        ffn: 24,
        heads: 2,
        groups: 4,
        encoder_layers: 2,
        decoder_layers: 2,
        bins: 50,
        contour_points: None,
    }
}

/// Random weights amplify the rounding of what the decoder reads, which is up to 7e-5: on two kinds of processors the logits
/// of a step were 8e-5 and 1.1e-4 from the restatement. The bins that they choose must be equal.
const STEP_TOLERANCE: f64 = 3e-4;

/// A network that draws contours which enclose something: its dimensions and its weights.
pub(crate) fn drawing() -> (SeqTrConfig, Vec<(String, Tensor)>) {
    let fixture = Fixture::read();
    let weights = fixture.weights("contour.").into_iter();
    let owned = weights.map(|(name, tensor)| (name.to_owned(), tensor.shallow_clone())).collect();
    (SeqTrConfig { contour_points: Some(6), ..tiny() }, owned)
}

struct Fixture(HashMap<String, Tensor>);

impl Fixture {
    fn read() -> Self {
        Self(Tensor::read_safetensors(FIXTURE).unwrap().into_iter().collect())
    }

    fn get(&self, name: &str) -> &Tensor {
        &self.0[name]
    }

    /// The tensors of one network: those under `prefix` instead of the common ones.
    fn weights(&self, prefix: &str) -> HashMap<&str, &Tensor> {
        let under = |prefix: &str| -> HashMap<&str, &Tensor> {
            let own = self.0.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
            own.collect()
        };
        let mut weights = under("model.");
        weights.extend(under(prefix));
        weights.retain(|name, _| !is_redundant(name));
        weights
    }

    /// The network with the fixture's weights: every one of them is used, and every parameter is among them.
    fn seqtr(&self, contours: bool) -> SeqTr {
        let vs = nn::VarStore::new(Device::Cpu);
        let config = SeqTrConfig { contour_points: contours.then_some(6), ..tiny() };
        let seqtr = SeqTr::new(&vs.root(), &config);
        let _no_grad = tch::no_grad_guard();
        let mut variables = vs.variables();
        for (name, tensor) in self.weights(if contours { "contour." } else { "model." }) {
            let mut variable =
                variables.remove(name).unwrap_or_else(|| panic!("`{name}` is not of the network"));
            assert_eq!(variable.size(), tensor.size(), "{name}");
            variable.copy_(tensor);
        }
        assert!(variables.is_empty(), "left at random: {:?}", variables.keys());
        seqtr
    }

    fn picture(&self, case: usize) -> Arc<Picture> {
        let sizes: Vec<i64> = Vec::try_from(self.get("sizes").get(case as i64).flatten(0, -1)).unwrap();
        let [width, height, original_width, original_height] = [0, 1, 2, 3].map(|index| sizes[index] as u32);
        let rgb = Vec::try_from(self.get(&format!("picture.{case}")).flatten(0, -1)).unwrap();
        let hash = ContentHash([case as u8; 32]);
        Arc::new(Picture { hash, width, height, original_width, original_height, rgb })
    }

    fn request(&self, case: usize) -> Request {
        let words: Vec<i64> = Vec::try_from(self.get("words").get(case as i64)).unwrap();
        let prompt = words.into_iter().filter(|&word| word != 0).map(|word| word as u32).collect();
        Request { picture: self.picture(case), prompt }
    }

    /// Every picture with its own phrase, and two of them with another's.
    fn requests(&self) -> Vec<Request> {
        let own = (0..CASES).map(|case| self.request(case));
        let other = |picture: usize, phrase: usize| Request {
            picture: self.picture(picture),
            ..self.request(phrase)
        };
        own.chain([other(1, 0), other(3, 1)]).collect()
    }

    fn encoded(&self, seqtr: &SeqTr) -> Encoded {
        let pictures: Vec<_> = (0..CASES).map(|case| self.picture(case)).collect();
        let pixels: Vec<Tensor> = pictures.iter().map(|picture| pixels(seqtr, picture)).collect();
        let shown = seqtr.picture(&seqtr.maps(&Tensor::stack(&pixels, 0)));
        seqtr.encode(&seqtr.fuse(&shown, &seqtr.phrase(self.get("words"))), &CELLS)
    }

    /// The tokens of each row up to the end.
    fn tokens(&self, name: &str) -> Vec<Vec<i64>> {
        let rows = Vec::<Vec<i64>>::try_from(self.get(name)).unwrap();
        rows.into_iter()
            .map(|row| row.into_iter().take_while(|&token| token != tiny().bins).collect())
            .collect()
    }
}

/// Of pictures of 128x70, 50x128, 128x128 and 128x96 pixels.
const CELLS: [Cells; CASES] = [
    Cells { rows: 3, columns: 4 },
    Cells { rows: 4, columns: 2 },
    Cells { rows: 4, columns: 4 },
    Cells { rows: 3, columns: 4 },
];

fn pixels(seqtr: &SeqTr, picture: &Picture) -> Tensor {
    let shape = [i64::from(picture.height), i64::from(picture.width), 3];
    seqtr.pixels(&Tensor::from_slice(&picture.rgb).view(shape))
}

#[test]
fn seqtr_sees_and_reads_as_the_restatement_does() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    for (name, seqtr) in [("loaded", fixture.seqtr(false)), ("frozen", fixture.seqtr(false).freeze())] {
        let squares: Vec<Tensor> = (0..CASES).map(|case| pixels(&seqtr, &fixture.picture(case))).collect();
        let maps = seqtr.maps(&Tensor::stack(&squares, 0));
        for (depth, map) in maps.iter().enumerate() {
            ORIGINAL.close(&format!("{name} map {depth}"), map, fixture.get(&format!("map.{depth}")));
        }
        let phrase = seqtr.phrase(fixture.get("words"));
        ORIGINAL.close(&format!("{name} phrase"), &phrase, fixture.get("phrase"));
        let fused = seqtr.fuse(&seqtr.picture(&maps), &phrase);
        ORIGINAL.close(&format!("{name} fused"), &fused, fixture.get("fused"));
        // What the encoder says of cells without a picture means nothing, there and here.
        let hidden = fixture.get("hidden").unsqueeze(-1);
        let shown = |memory: &Tensor| memory.masked_fill(&hidden, 0.0);
        let states = seqtr.encode(&fused, &CELLS).states;
        ORIGINAL.close(&format!("{name} memory"), &shown(&states), &shown(fixture.get("memory")));
    }
}

#[test]
fn every_step_of_an_answer_is_that_of_the_restatement() {
    let fixture = Fixture::read();
    let _no_grad = tch::no_grad_guard();
    for (name, contours) in [("boxes", false), ("contours", true)] {
        let seqtr = fixture.seqtr(contours);
        let encoded = fixture.encoded(&seqtr);
        let tokens = fixture.get(&format!("{name}.tokens"));
        let prefix = tokens.narrow(1, 0, tokens.size()[1] - 1);
        let logits = seqtr.logits(&encoded, &prefix);
        let expected = fixture.get(&format!("{name}.logits"));
        for step in 0..tokens.size()[1] {
            let (ours, expected) = (logits.select(1, step), expected.select(1, step));
            ORIGINAL.close_within(STEP_TOLERANCE, &format!("{name} step {step}"), &ours, &expected);
        }
        let answers = seqtr.answer(&encoded).unwrap();
        let bins: Vec<Vec<i64>> = answers.iter().map(|answer| answer.bins.clone()).collect();
        ORIGINAL.same(name, &bins.concat(), &fixture.tokens(&format!("{name}.tokens")).concat());
        ORIGINAL.note("parameters", seqtr.config().parameters() as f64);
        assert_likelihoods(&answers, expected, contours);
    }
}

/// The sum of the chosen tokens' log-probabilities, recounted from the expected logits.
fn assert_likelihoods(answers: &[Sequence], logits: &Tensor, contours: bool) {
    let choices = if contours { 51 } else { 50 };
    let chosen = logits.narrow(2, 0, choices).log_softmax(-1, Kind::Double).amax(2, false);
    for (row, answer) in (0..).zip(answers) {
        // The end counts where it was said.
        let counted = (answer.bins.len() as i64 + 1).min(chosen.size()[1]);
        let expected = chosen.get(row).narrow(0, 0, counted).sum(Kind::Double).double_value(&[]);
        let difference = (f64::from(answer.log_probability) - expected).abs();
        assert!(difference < 1e-3 * expected.abs().max(0.1), "row {row}: {answer:?}, not {expected}");
    }
}

#[test]
fn a_box_is_told_in_fractions_of_the_original_picture() {
    let fixture = Fixture::read();
    let requests: Vec<Request> = (0..CASES).map(|case| fixture.request(case)).collect();
    let replies = SeqTrGrounder::new(fixture.seqtr(false), 1 << 20).run(&requests).unwrap();
    // Sides padded to cells, over sides as seen: what 50 bins divide, in pictures.
    let divided = [[1.0, 96.0 / 70.0], [64.0 / 50.0, 1.0], [1.0, 1.0], [1.0, 1.0]];
    for ((reply, divided), tokens) in replies.iter().zip(divided).zip(fixture.tokens("boxes.tokens")) {
        for (edge, (corner, token)) in reply.corners.iter().zip(tokens).enumerate() {
            let expected = (token as f64 / 50.0 * divided[edge % 2]).min(1.0);
            assert!((corner - expected).abs() < 1e-12, "{reply:?}");
        }
    }
    assert!(replies.iter().any(|reply| reply.corners.contains(&1.0)), "nothing was cut off");
}

#[test]
fn a_contour_is_drawn_in_pixels_of_the_original_picture() {
    let fixture = Fixture::read();
    let requests: Vec<Request> = (0..CASES).map(|case| fixture.request(case)).collect();
    let replies = SeqTrGrounder::new(fixture.seqtr(true), 1 << 20).run(&requests).unwrap();
    let divided = [[300.0, 164.0 * 96.0 / 70.0], [70.0 * 64.0 / 50.0, 180.0], [128.0, 128.0], [64.0, 48.0]];
    let mut painted = 0;
    for (case, tokens) in fixture.tokens("contours.tokens").iter().enumerate() {
        let (outline, picture) = (replies[case].outline.as_ref().unwrap(), &requests[case].picture);
        let (width, height) = (picture.original_width, picture.original_height);
        let corners = outline.pixels(width, height);
        assert_eq!(corners.len(), tokens.len() / 2);
        for (corner, point) in corners.iter().zip(tokens.chunks_exact(2)) {
            for (axis, side) in [width, height].into_iter().enumerate() {
                let expected = (point[axis] as f64 / 50.0 * divided[case][axis]).min(f64::from(side));
                assert!((f64::from(corner[axis]) - expected).abs() < 1e-4, "case {case}: {outline:?}");
            }
        }
        let mask = outline.mask(width, height);
        assert_eq!(mask, polygon::mask(&corners, width, height));
        // The box is drawn around the outline.
        let bbox = replies[case].bbox(picture);
        for [x, y] in corners {
            assert!((bbox.x0..=bbox.x1).contains(&x) && (bbox.y0..=bbox.y1).contains(&y), "{bbox:?}");
        }
        painted += mask.area();
    }
    assert!(painted > 0, "no contour encloses anything");
}

/// Runs a batch in its order and the other way round, and each member alone on a network that remembers nothing.
fn assert_answers_alone(make: impl Fn(usize) -> SeqTrGrounder, assert_equal: impl Fn(&Reply, &Reply)) {
    let requests = Fixture::read().requests();
    let together = make(1 << 20).run(&requests).unwrap();
    let mut alone = make(0);
    for (request, together) in requests.iter().zip(&together) {
        assert_equal(&alone.run(std::slice::from_ref(request)).unwrap()[0], together);
    }
    let reversed: Vec<_> = requests.iter().rev().cloned().collect();
    let mut warm = make(1 << 20);
    for _ in 0..2 {
        for (reversed, together) in warm.run(&reversed).unwrap().iter().rev().zip(&together) {
            assert_equal(reversed, together);
        }
    }
}

#[test]
fn a_batch_of_phrases_and_pictures_answers_as_its_members_alone() {
    let fixture = Fixture::read();
    // What rounding changes in a sum grows a few thousandfold on its way through the fixture's network, and with another
    // number of threads, or other instructions, sums are rounded otherwise: 4e-4 was seen.
    let close = |one: f32, other: f32| (one - other).abs() < 1e-3 * one.abs().max(1.0);
    for contours in [false, true] {
        assert_answers_alone(
            |bytes| SeqTrGrounder::new(fixture.seqtr(contours), bytes),
            |one: &Reply, other: &Reply| {
                assert_eq!((one.corners, &one.outline), (other.corners, &other.outline));
                assert_eq!(one.outline.is_some(), contours);
                assert!(close(one.log_probability, other.log_probability), "{one:?} {other:?}");
            },
        );
    }
}

#[test]
fn seqtr_says_the_same_each_time_and_sees_each_picture_once() {
    let fixture = Fixture::read();
    let requests = fixture.requests();
    let encoding = 4 * 64 * 4 * 4;
    for (bytes, runs) in [(4 * encoding, [4, 4]), (0, [4, 8])] {
        let mut grounder = SeqTrGrounder::new(fixture.seqtr(false), bytes);
        let seen = grounder.trunk_runs();
        let first = grounder.run(&requests).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), runs[0], "with {bytes} bytes");
        assert_eq!(grounder.run(&requests).unwrap(), first);
        assert_eq!(seen.load(Ordering::Relaxed), runs[1], "with {bytes} bytes");
    }
    // The whole square is paid for, 4 cells a side, and the phrase's 7 words.
    assert_eq!(SeqTrGrounder::cost(&requests[1]), Cost(64 + 7));
}

#[test]
fn the_published_networks_are_as_large_as_the_restatement_at_full_size() {
    let fixture = Fixture::read();
    for name in ["seqtr-refcoco", "seqtr-refcoco-contour"] {
        let expected = fixture.get(&format!("published.{name}")).int64_value(&[]);
        assert_eq!(SeqTrConfig::preset(name).unwrap().parameters(), expected as u64, "{name}");
    }
    assert_eq!(SeqTrConfig::preset("seqtr"), None);
}
