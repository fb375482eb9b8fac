//! Half precision: networks compute in 16 bits what they compute in 32, except for rounding.

use riveg::networks::blocks::device::use_threads;
use riveg::networks::grounding_dino::Prompt;
use riveg::networks::sam::Sam;
use riveg::networks::sam2::Sam2;
use riveg::networks::seqtr::Cells;
use riveg::networks::tagger::Positions;
use riveg::networks::umt::Umt;
use tch::{Device, Kind, Tensor};

use super::networks::{albef, filled, grounding_dino, ofa, sam_config, sam2_config, seqtr, tagger, umt};

/// The share of its largest value by which an output may be off. A bf16 has 8 significant bits, so that each rounding
/// is wrong by up to 2^-9, an f16 11, so 2^-12. On the way through a tiny network come some hundred roundings one after
/// the other, whose errors add up as a random walk does, to tenfold, and the worst of some thousand outputs is allowed
/// three times that. For f16 it is six times: the worst output was 19 of these units off on a processor with
/// instructions for f16, and 32 on the same one kept to AVX2.
const TOLERANCES: [(Kind, f64); 2] = [(Kind::BFloat16, 30.0 / 512.0), (Kind::Half, 60.0 / 4096.0)];

/// Cells that attend to points of maps, whose places are rounded as well: to some tenths of a cell, which a tiny network with
/// such weights makes much of. In 16 bits the original's are as far off: 0.21 of the largest in bf16 and 0.05 in f16
/// (`tests/parity/grounding_dino.py`; the test beside it holds both against each other).
const SAMPLED: &str = "fused cells";
/// How much farther than others they may be off.
const SAMPLED_FARTHER: f64 = 4.0;

/// What a network of that kind computes, by name.
type Outputs = fn(Kind) -> Vec<(&'static str, Tensor)>;

const NETWORKS: [(&str, Outputs); 10] = [
    ("XLM-R", |kind| emissions(kind, Positions::AfterPadding)),
    ("BERT", |kind| emissions(kind, Positions::FromZero)),
    ("OFA", of_ofa),
    ("ALBEF", of_albef),
    ("Grounding DINO", of_grounding_dino),
    ("SeqTR, boxes", |kind| of_seqtr(kind, None)),
    ("SeqTR, contours", |kind| of_seqtr(kind, Some(4))),
    ("UMT", of_umt),
    ("SAM", of_sam),
    ("SAM 2", of_sam2),
];

#[test]
fn every_network_computes_in_16_bits_what_it_does_in_32_but_for_rounding() {
    use_threads(1);
    let _no_grad = tch::no_grad_guard();
    let mut faults = Vec::new();
    for (network, outputs) in NETWORKS {
        let exact = outputs(Kind::Float);
        for (kind, tolerance) in TOLERANCES {
            for ((name, rounded), (_, exact)) in outputs(kind).into_iter().zip(&exact) {
                let (rounded, exact) = (rounded.to_kind(Kind::Double), exact.to_kind(Kind::Double));
                assert_eq!(rounded.size(), exact.size());
                let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
                let error = largest(&(rounded - &exact)) / largest(&exact);
                println!("{network} in {kind:?}, {name}: {error:.5}");
                let tolerance = if name == SAMPLED { SAMPLED_FARTHER * tolerance } else { tolerance };
                // Equal numbers would mean that nothing was rounded.
                if !(1e-9..=tolerance).contains(&error) {
                    faults.push(format!("{network} in {kind:?}: {name} is off by {error:.5} of its largest"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Numbers from -1 to 1 that look as if drawn.
fn numbers(size: &[i64], phase: f64) -> Tensor {
    let steps = Tensor::arange(size.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    let drawn = ((steps * 12.9898 + phase).sin() * 43_758.545_3).frac();
    drawn.view(size).to_kind(Kind::Float)
}

/// Three rows of tokens, the last one half filled up with `pad`.
fn tokens(pad: i64) -> (Tensor, Tensor) {
    let ids = (numbers(&[3, 12], 3.0) * 25.0 + 30.0).to_kind(Kind::Int64);
    let mask = Tensor::ones([3, 12], (Kind::Bool, Device::Cpu));
    let _ = mask.get(2).narrow(0, 6, 6).fill_(0);
    (ids.where_self(&mask, &Tensor::from(pad)), mask)
}

fn emissions(kind: Kind, positions: Positions) -> Vec<(&'static str, Tensor)> {
    let (tokens, mask) = tokens(i64::from(positions == Positions::AfterPadding));
    let first_pieces = Tensor::from_slice(&[1_i64, 3, 5]).expand([3, 3], false);
    vec![("emissions", tagger(kind, positions).emissions(&tokens, &mask, &first_pieces, 0.0))]
}

fn of_ofa(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let ofa = ofa(kind).freeze();
    let (tokens, _) = tokens(1);
    let trunk = ofa.trunk(&numbers(&[3, 3, 64, 64], 1.0).to_kind(kind), false);
    let encoded = ofa.encode(&trunk, &tokens, false);
    let prefix = Tensor::from_slice(&[0_i64, 65, 80, 71]).expand([3, 4], false);
    vec![
        ("trunk", trunk.shallow_clone()),
        ("answers", ofa.answer_logits(&encoded, &tokens, false)),
        ("next tokens", ofa.decode(&encoded, &prefix, false)),
    ]
}

fn of_albef(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let albef = albef(kind);
    let (tokens, mask) = tokens(0);
    let seen = albef.see(&albef.pixels(&(numbers(&[2, 3, 64, 64], 2.0) * 127.0 + 127.0)));
    let rows = Tensor::from_slice(&[0_i64, 1, 0]);
    vec![("seen", seen.shallow_clone()), ("logits", albef.logits(&tokens, &mask, &seen, &rows))]
}

fn of_grounding_dino(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let dino = grounding_dino(kind);
    // Large enough for norms over the coarsest map, which would make much of the differences of two cells.
    // And soft: a point that is attended to is rounded to some hundredths of a cell.
    let soft = (numbers(&[1, 3, 4, 5], 6.0) * 2.0).upsample_bilinear2d([400, 512], false, None, None);
    let cells = dino.cells(&soft.to_kind(kind));
    let seen = dino.see(cells.shallow_clone(), (400, 512));
    let prompt = Prompt::of(&[2, 20, 31, 9, 4, 3], dino.config());
    let words = dino.words(&prompt);
    let encoded = dino.encode_first(1, &seen, &words, &prompt);
    vec![("cells", cells), ("words", words), (SAMPLED, encoded.cells), ("fused words", encoded.words)]
}

fn of_seqtr(kind: Kind, contour_points: Option<i64>) -> Vec<(&'static str, Tensor)> {
    let seqtr = seqtr(kind, contour_points).freeze();
    let (words, _) = tokens(0);
    let words = words.constant_pad_nd([0, seqtr.config().max_words - 12]);
    // Levels as a trained trunk sees them behind its first norms: in this one they do not shrink.
    let shown = seqtr.picture(&seqtr.maps(&numbers(&[3, 3, 64, 64], 4.0)));
    let cells = [(2, 2), (1, 2), (2, 1)].map(|(rows, columns)| Cells { rows, columns });
    let phrases = seqtr.phrase(&words);
    let encoded = seqtr.encode(&seqtr.fuse(&shown, &phrases), &cells);
    let prefix = Tensor::from_slice(&[5_i64, 20, 31]).expand([3, 3], false);
    vec![("picture", shown), ("phrases", phrases), ("next tokens", seqtr.logits(&encoded, &prefix))]
}

fn of_umt(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let umt = umt(kind).freeze();
    let (tokens, mask) = tokens(0);
    let seen = umt.see(&umt.pixels(&(numbers(&[3, 3, 64, 64], 2.0) * 127.0 + 127.0)), false);
    let fused = umt.fuse(&tokens, &mask, &seen, 0.0) * mask.unsqueeze(-1);
    let features = Umt::pooled(&fused, &mask);
    vec![("seen", seen), ("fused", fused), ("features", features)]
}

fn of_sam(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let sam = filled(kind, |vs| Sam::new(vs, &sam_config(true)));
    let encoded = sam.encode(&numbers(&[2, 3, 64, 64], 5.0));
    let boxes = [[3.0_f32, 4.0, 40.0, 50.0], [10.0, 0.0, 60.0, 30.0]];
    let boxes = Tensor::from_slice(&boxes.concat()).view([2, 4]);
    let (masks, ious) = sam.decode(&encoded, &boxes);
    vec![("encodings", encoded), ("masks", masks), ("IoUs", ious)]
}

fn of_sam2(kind: Kind) -> Vec<(&'static str, Tensor)> {
    let sam2 = filled(kind, |vs| Sam2::new(vs, &sam2_config(true))).freeze();
    let encoded = sam2.encode(&numbers(&[2, 3, 64, 64], 5.0));
    let boxes = [[3.0_f32, 4.0, 40.0, 50.0], [10.0, 0.0, 60.0, 30.0]];
    let boxes = Tensor::from_slice(&boxes.concat()).view([2, 4]);
    let decoded = sam2.decode(&encoded, &Tensor::from_slice(&[1_i64, 0]), &boxes);
    vec![("encodings", encoded.coarse), ("masks", decoded.masks), ("IoUs", decoded.ious)]
}
