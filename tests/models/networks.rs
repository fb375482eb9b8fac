//! Served networks of these tests. Each of them tiny, with weights that are the same every time, and asked by number.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use riveg::networks::albef::{Albef, AlbefConfig, AlbefEntailer};
use riveg::networks::blocks::device::use_threads;
use riveg::networks::grounding_dino::{
    GroundingDino, GroundingDinoConfig, GroundingDinoEntailer, GroundingDinoGrounder,
};
use riveg::networks::mqspn::{Mqspn, MqspnConfig, MqspnReader};
use riveg::networks::ofa::{Ofa, OfaConfig, OfaEntailer, OfaGrounder};
use riveg::networks::sam::{Sam, SamConfig, SamSegmenter};
use riveg::networks::sam2::{Sam2, Sam2Config, Sam2Segmenter};
use riveg::networks::seqtr::{SeqTr, SeqTrConfig, SeqTrGrounder};
use riveg::networks::tagger::{Positions, ServedTagger, Tagger, TaggerConfig};
use riveg::networks::umt::{Umt, UmtConfig, UmtEncoder};
use riveg::scheduler::{Model, ReplyOf, RequestOf};
use riveg::stages::entail;
use riveg::stages::ground;
use riveg::stages::recognise::joint;
use tch::{Device, Kind, Tensor, nn};

use super::requests::{
    Answer, LONGEST, SIDE, TOKENS, WORDS, boxes, boxes_of_squares, entailing, grounding, knowing, labels,
    masks, phrase, place, reading, text, verdict, words,
};

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
    let sam2 = |multimask| {
        move |kind, cache_bytes| {
            let sam2 = filled(kind, |vs| Sam2::new(vs, &sam2_config(multimask))).freeze();
            Sam2Segmenter::new(sam2, Device::Cpu, cache_bytes)
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
        Network::of("MQSPN", |kind, bytes| MqspnReader::new(mqspn(kind), bytes), reading, entities),
        Network::of("SAM", sam(false), boxes, masks),
        Network::of("SAM, several masks", sam(true), boxes, masks),
        Network::of("SAM 2", sam2(false), boxes_of_squares, masks),
        Network::of("SAM 2, several masks", sam2(true), boxes_of_squares, masks),
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

pub(crate) fn mqspn(kind: Kind) -> Mqspn {
    let config = MqspnConfig {
        vocabulary: TOKENS,
        hidden: 16,
        heads: 2,
        layers: 2,
        ffn: 32,
        max_positions: LONGEST as i64 + 2,
        first_position: 2,
        type_vocabulary: 1,
        pad: 1,
        image_size: i64::from(SIDE),
        patch_size: 16,
        resnet_layers: vec![1, 1],
        resnet_width: 4,
        vision_layers: 2,
        vision_ffn: 32,
        fused_layers: 1,
        types: 3,
        queries: 6,
        fusion_layers: 2,
        region_bins: 2,
    };
    config.check().unwrap();
    filled(kind, |vs| Mqspn::new(vs, &config))
}

/// What a joint network finds.
fn entities(reply: &joint::Reply) -> Answer {
    let decisions = |one: &joint::Found| {
        let region = one.region.map_or(-1.0, |(place, _)| place as f64);
        [one.words.start as f64, one.words.end as f64, one.entity_type as f64, region]
    };
    let scores = |one: &joint::Found| [one.score, one.shown, one.region.map_or(0.0, |(_, score)| score)];
    Answer {
        decisions: reply.found.iter().flat_map(decisions).collect(),
        scores: reply.found.iter().flat_map(scores).collect(),
    }
}

pub(crate) fn sam_config(multimask: bool) -> SamConfig {
    SamConfig { multimask, ..crate::support::tiny::sam::sam() }
}

pub(crate) fn sam2_config(multimask: bool) -> Sam2Config {
    Sam2Config { multimask, ..crate::support::tiny::sam2::sam2() }
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
