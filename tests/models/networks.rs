//! Served networks of these tests. Each of them tiny, with weights that are the same every time, and asked by number.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use riveg::common::imaging::Picture;
use riveg::domain::{BBox, ContentHash};
use riveg::networks::albef::{Albef, AlbefConfig, AlbefEntailer};
use riveg::networks::blocks::device::use_threads;
use riveg::networks::grounding_dino::{
    GroundingDino, GroundingDinoConfig, GroundingDinoEntailer, GroundingDinoGrounder,
};
use riveg::networks::ofa::{Ofa, OfaConfig, OfaEntailer, OfaGrounder};
use riveg::networks::sam::{Sam, SamConfig, SamSegmenter};
use riveg::networks::seqtr::{SeqTr, SeqTrConfig, SeqTrGrounder};
use riveg::networks::tagger::{Positions, ServedTagger, Tagger, TaggerConfig};
use riveg::networks::umt::{Umt, UmtConfig, UmtEncoder};
use riveg::scheduler::{Model, ReplyOf, RequestOf};
use riveg::stages::entail;
use riveg::stages::ground;
use riveg::stages::knowledge;
use riveg::stages::recognise;
use riveg::stages::segment;
use tch::{Device, Kind, Tensor, nn};

/// What a reply says, whichever network gave it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// What was chosen: labels, places, pixels.
    pub(crate) decisions: Vec<f64>,
    /// How sure the network is of it.
    pub(crate) scores: Vec<f32>,
}

/// Requests have numbers: a number decides a request's lengths, sizes, picture and words.
type Asked = Box<dyn FnMut(&[u64]) -> Vec<Answer>>;

/// A kind of network, and how to make one of them.
pub(crate) struct Network {
    pub(crate) name: &'static str,
    make: Box<dyn Fn(Kind, usize) -> Asked>,
}

impl Network {
    fn of<M: Model>(
        name: &'static str,
        make: impl Fn(Kind, usize) -> M + 'static,
        request: fn(&mut ChaCha8Rng) -> RequestOf<M>,
        answer: fn(&ReplyOf<M>) -> Answer,
    ) -> Self {
        let make = move |kind, cache_bytes| -> Asked {
            let mut model = make(kind, cache_bytes);
            Box::new(move |numbers| {
                let requests = numbers.iter().map(|&number| request(&mut ChaCha8Rng::seed_from_u64(number)));
                let requests: Vec<RequestOf<M>> = requests.collect();
                let replies = model.run(&requests).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(replies.len(), requests.len(), "{name}");
                replies.iter().map(answer).collect()
            })
        };
        Self { name, make: Box::new(make) }
    }

    /// A new one that computes in `kind` and remembers so much of pictures.
    pub(crate) fn make(&self, kind: Kind, cache_bytes: usize) -> Asked {
        (self.make)(kind, cache_bytes)
    }
}

/// All of them, for this thread to run.
pub(crate) fn all() -> Vec<Network> {
    // Threads of one operator of a tiny network would only wait for each other, and for those of other tests.
    use_threads(1);
    let sam = |multimask| {
        move |kind, cache_bytes| {
            let sam = filled(kind, |vs| Sam::new(vs, &sam_config(multimask)));
            SamSegmenter::new(sam, Device::Cpu, cache_bytes)
        }
    };
    vec![
        Network::of(
            "XLM-R",
            |kind, _| ServedTagger::new(tagger(kind, Positions::AfterPadding)),
            text,
            labels,
        ),
        Network::of("BERT", |kind, _| ServedTagger::new(tagger(kind, Positions::FromZero)), text, labels),
        Network::of("OFA, entailing", |kind, bytes| OfaEntailer::new(ofa(kind), bytes), entailing, verdict),
        Network::of("OFA, grounding", |kind, bytes| OfaGrounder::new(ofa(kind), 5, bytes), grounding, place),
        Network::of("ALBEF", |kind, bytes| AlbefEntailer::new(albef(kind), bytes), entailing, verdict),
        Network::of(
            "Grounding DINO, entailing",
            |kind, bytes| GroundingDinoEntailer::new(grounding_dino(kind), bytes),
            |rng| {
                let ground::Request { picture, prompt } = phrase(rng);
                entail::Request { picture, prompt }
            },
            verdict,
        ),
        Network::of(
            "Grounding DINO, grounding",
            |kind, bytes| GroundingDinoGrounder::new(grounding_dino(kind), bytes),
            phrase,
            place,
        ),
        Network::of("SeqTR, boxes", |kind, bytes| SeqTrGrounder::new(seqtr(kind, None), bytes), words, place),
        Network::of(
            "SeqTR, contours",
            |kind, bytes| SeqTrGrounder::new(seqtr(kind, Some(4)), bytes),
            words,
            |reply| {
                let outline = reply.outline.as_ref().expect("a network of contours draws one");
                let decisions = outline.points.iter().flatten().copied().collect();
                Answer { decisions, scores: vec![reply.log_probability] }
            },
        ),
        Network::of(
            "UMT",
            |kind, bytes| UmtEncoder::new(umt(kind), bytes),
            knowing,
            |reply| Answer { decisions: Vec::new(), scores: reply.features.clone() },
        ),
        Network::of("SAM", sam(false), boxes, masks),
        Network::of("SAM, several masks", sam(true), boxes, masks),
    ]
}

pub(crate) fn tagger(kind: Kind, positions: Positions) -> Tagger {
    let pad = i64::from(positions == Positions::AfterPadding);
    let config = TaggerConfig {
        vocabulary: TOKENS,
        hidden: 32,
        layers: 2,
        heads: 4,
        ffn: 64,
        max_positions: 42,
        positions,
        type_vocabulary: 2,
        layer_norm_eps: 1e-5,
        pad,
        labels: 17,
        span: 0,
        convolution: 0,
    };
    config.check().unwrap();
    filled(kind, |vs| Tagger::new(vs, config))
}

pub(crate) fn ofa(kind: Kind) -> Ofa {
    let config = OfaConfig {
        vocabulary: TOKENS + 30,
        d_model: 16,
        ffn: 32,
        heads: 2,
        encoder_layers: 2,
        decoder_layers: 2,
        resnet_layers: [1, 1, 1],
        resnet_width: 4,
        token_bucket: 16,
        image_bucket: 6,
        max_positions: LONGEST as i64,
        patch_image_size: i64::from(SIDE),
        first_bin: TOKENS,
        bins: 30,
        answers: [10, 11, 12],
    };
    config.check().unwrap();
    filled(kind, |vs| Ofa::new(vs, &config))
}

pub(crate) fn albef(kind: Kind) -> Albef {
    let config = AlbefConfig {
        image_size: i64::from(SIDE),
        patch_size: 16,
        vision_hidden: 24,
        vision_layers: 2,
        vision_heads: 2,
        vision_ffn: 48,
        vocabulary: TOKENS,
        hidden: 16,
        layers: 3,
        fusion_layer: 1,
        heads: 2,
        ffn: 32,
        max_positions: LONGEST as i64,
        type_vocabulary: 2,
    };
    config.check().unwrap();
    filled(kind, |vs| Albef::new(vs, &config))
}

pub(crate) fn grounding_dino(kind: Kind) -> GroundingDino {
    let config = GroundingDinoConfig {
        shortest_side: i64::from(SIDE),
        longest_side: i64::from(SIDE),
        swin_width: 8,
        swin_depths: [1, 2, 1, 1],
        swin_heads: [1, 2, 2, 4],
        swin_window: 3,
        vocabulary: TOKENS,
        delimiters: [2, 3, 4, 5],
        text_hidden: 16,
        text_layers: 1,
        text_heads: 2,
        text_ffn: 24,
        max_positions: LONGEST as i64,
        type_vocabulary: 2,
        max_text: LONGEST as i64,
        d_model: 32,
        ffn: 48,
        heads: 4,
        encoder_layers: 2,
        decoder_layers: 2,
        points: 2,
        queries: 12,
    };
    config.check().unwrap();
    filled(kind, |vs| GroundingDino::new(vs, &config))
}

pub(crate) fn seqtr(kind: Kind, contour_points: Option<i64>) -> SeqTr {
    let config = SeqTrConfig {
        vocabulary: TOKENS,
        word_width: 12,
        max_words: WORDS as i64,
        image_size: i64::from(SIDE),
        darknet_width: 2,
        darknet_blocks: [1, 1, 1, 1, 1],
        d_model: 16,
        ffn: 24,
        heads: 2,
        groups: 4,
        encoder_layers: 2,
        decoder_layers: 2,
        bins: 50,
        contour_points,
    };
    config.check().unwrap();
    filled(kind, |vs| SeqTr::new(vs, &config))
}

pub(crate) fn umt(kind: Kind) -> Umt {
    let config = UmtConfig {
        vocabulary: TOKENS,
        hidden: 16,
        layers: 2,
        heads: 2,
        ffn: 32,
        max_positions: LONGEST as i64 + 2,
        max_pieces: LONGEST as i64,
        type_vocabulary: 2,
        image_size: i64::from(SIDE),
        resnet_layers: [1, 1, 2, 1],
        resnet_width: 4,
    };
    config.check().unwrap();
    filled(kind, |vs| Umt::new(vs, &config))
}

pub(crate) fn sam_config(multimask: bool) -> SamConfig {
    SamConfig { multimask, ..crate::support::tiny::sam::sam() }
}

/// A network none of whose parameters is what it begins as: as if drawn, from its name, so that other tests, which share
/// libtorch's seed, change nothing.
pub(crate) fn filled<N>(kind: Kind, make: impl FnOnce(&nn::Path<'_>) -> N) -> N {
    let mut store = nn::VarStore::new(Device::Cpu);
    store.set_kind(kind);
    let network = make(&store.root());
    let _no_grad = tch::no_grad_guard();
    for (name, mut variable) in store.variables() {
        let phase = name.bytes().fold(0.0, |sum, byte| sum * 1.7 % 91.0 + f64::from(byte));
        let steps = Tensor::arange(variable.numel() as i64, (Kind::Double, Device::Cpu));
        let drawn = ((steps * 12.9898 + phase).sin() * 43_758.545_3).frac().view_as(&variable);
        let one = Tensor::ones_like(&variable);
        let value = if variable == one {
            // Factors of norms, variances, gains.
            drawn * 0.2 + 1.0
        } else if variable.dim() > 1 && !name.contains("pos_table") {
            // What comes out varies as much as what went in.
            let fan_in = variable.numel() as f64 / variable.size()[0] as f64;
            drawn * (3.0 / fan_in).sqrt()
        } else {
            drawn * 0.5
        };
        variable.copy_(&value);
    }
    network
}

/// Tokens of every vocabulary, location bins not counted.
const TOKENS: i64 = 60;
/// The longest text in tokens.
const LONGEST: usize = 40;
/// The longest phrase in words.
const WORDS: usize = 14;
/// The longest side of a picture.
const SIDE: u32 = 64;
/// So many pictures are asked about: fewer than requests, so that batches ask several things of one.
const PICTURES: u8 = 6;

fn text(rng: &mut ChaCha8Rng) -> recognise::Request {
    let length = rng.random_range(2..=LONGEST);
    let pieces = tokens(rng, length);
    let mut first_pieces: Vec<u32> = (1..length as u32).filter(|_| rng.random_bool(0.6)).collect();
    let own = rng.random_range(0..=first_pieces.len());
    let context_first_pieces = first_pieces.split_off(own);
    recognise::Request { pieces, first_pieces, context_first_pieces }
}

fn entailing(rng: &mut ChaCha8Rng) -> entail::Request {
    let (picture, length) = (square(rng), rng.random_range(2..=LONGEST));
    entail::Request { picture, prompt: tokens(rng, length) }
}

fn knowing(rng: &mut ChaCha8Rng) -> knowledge::Request {
    let entail::Request { picture, prompt } = entailing(rng);
    knowledge::Request { picture, pieces: prompt }
}

fn grounding(rng: &mut ChaCha8Rng) -> ground::Request {
    let entail::Request { picture, prompt } = entailing(rng);
    ground::Request { picture, prompt }
}

/// Words between both ends, the last a full stop.
fn phrase(rng: &mut ChaCha8Rng) -> ground::Request {
    let (picture, length) = (of_any_shape(rng), rng.random_range(1..=WORDS));
    let words = (0..length).map(|_| rng.random_range(6..TOKENS as u32)).collect();
    ground::Request { picture, prompt: [vec![2], words, vec![4, 3]].concat() }
}

fn words(rng: &mut ChaCha8Rng) -> ground::Request {
    let (picture, length) = (of_any_shape(rng), rng.random_range(1..=WORDS));
    ground::Request { picture, prompt: tokens(rng, length) }
}

/// Up to three boxes, none at times.
fn boxes(rng: &mut ChaCha8Rng) -> segment::Request {
    let picture = of_any_shape(rng);
    let edges = |rng: &mut ChaCha8Rng, side: u32| {
        let edges = [0, 1].map(|_| rng.random_range(0.0..side as f32));
        (edges[0].min(edges[1]), edges[0].max(edges[1]))
    };
    let count = rng.random_range(0..=3);
    let bbox = |rng: &mut ChaCha8Rng| {
        let ((x0, x1), (y0, y1)) = (edges(rng, picture.original_width), edges(rng, picture.original_height));
        BBox { x0, y0, x1, y1 }
    };
    let boxes = (0..count).map(|_| bbox(rng)).collect();
    segment::Request { picture, boxes }
}

/// Tokens none of which fills up, in any vocabulary.
fn tokens(rng: &mut ChaCha8Rng, count: usize) -> Vec<u32> {
    (0..count).map(|_| rng.random_range(2..TOKENS as u32)).collect()
}

fn square(rng: &mut ChaCha8Rng) -> Arc<Picture> {
    let number = rng.random_range(0..PICTURES);
    picture(number, SIDE, SIDE)
}

/// A picture as large as the network's square, or narrower, or lower.
fn of_any_shape(rng: &mut ChaCha8Rng) -> Arc<Picture> {
    let number = rng.random_range(0..PICTURES);
    let less = SIDE - 9 * u32::from(number);
    if number % 2 == 0 { picture(number, SIDE, less) } else { picture(number, less, SIDE) }
}

/// A pattern of its own for each number.
fn picture(number: u8, width: u32, height: u32) -> Arc<Picture> {
    let [across, down, channels] = [7, 13, 50].map(|step| step + 5 * u32::from(number));
    let level = |x: u32, y: u32, c: u32| ((x * across + y * down + c * channels + x * y / 3) % 256) as u8;
    let rgb =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |c| level(x, y, c)))).collect();
    let (original_width, original_height) = (width + 20, height + 10);
    Arc::new(Picture { hash: ContentHash([number; 32]), width, height, original_width, original_height, rgb })
}

fn labels(reply: &recognise::Reply) -> Answer {
    let labels = reply.labels.iter().map(|&label| label as f64);
    Answer { decisions: labels.collect(), scores: reply.posteriors.clone() }
}

fn verdict(reply: &entail::Reply) -> Answer {
    Answer { decisions: Vec::new(), scores: vec![reply.no, reply.yes, reply.maybe] }
}

fn place(reply: &ground::Reply) -> Answer {
    Answer { decisions: reply.corners.to_vec(), scores: vec![reply.log_probability] }
}

fn masks(reply: &segment::Reply) -> Answer {
    let pixels = reply.iter().flat_map(|one| one.mask.to_pixels()).map(f64::from);
    Answer { decisions: pixels.collect(), scores: reply.iter().map(|one| one.score).collect() }
}
