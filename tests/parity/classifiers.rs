//! Token classifiers at parity with Transformers, piece by piece and word by word. `classifiers.py` made the fixture.

use std::collections::HashMap;

use riveg::networks::blocks::preset::Preset;
use riveg::networks::blocks::words::Pooling;
use riveg::networks::checkpoint::{Family, Renamed};
use riveg::networks::tagger::{
    DEBERTA, DISTILBERT, Positions, ROBERTA, ServedTagger, SoftmaxConfig, TaggerConfig, TokenClassifier,
    WordDecoding,
};
use riveg::scheduler::Model;
use riveg::stages::recognise::{Reply, Request};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::parity_compared::Original;

/// Of a probability.
const TOLERANCE: f32 = 1e-4;

const BERT: TaggerConfig = TaggerConfig {
    vocabulary: 50,
    hidden: 16,
    layers: 2,
    heads: 2,
    ffn: 24,
    max_positions: 64,
    positions: Positions::FromZero,
    type_vocabulary: 0,
    layer_norm_eps: 1e-12,
    pad: 0,
    labels: 9,
    span: 0,
    convolution: 0,
};

/// What the original says of one network.
struct Network {
    name: &'static str,
    family: &'static Family,
    config: TaggerConfig,
    fixture: HashMap<String, Tensor>,
}

fn networks() -> [Network; 4] {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/classifiers.safetensors");
    let roberta = TaggerConfig {
        max_positions: 66,
        positions: Positions::AfterPadding,
        type_vocabulary: 1,
        layer_norm_eps: 1e-5,
        pad: 1,
        ..BERT
    };
    let deberta = TaggerConfig { layer_norm_eps: 1e-7, span: 16, ..BERT };
    let convolving = TaggerConfig { convolution: 3, ..deberta.clone() };
    [
        ("roberta", &ROBERTA, roberta),
        ("distilbert", &DISTILBERT, BERT),
        ("deberta", &DEBERTA, deberta),
        ("deberta_v2", &DEBERTA, convolving),
    ]
    .map(|(name, family, config)| {
        let all = Tensor::read_safetensors(path).unwrap().into_iter();
        Network { name, family, config, fixture: all.collect() }
    })
}

impl Network {
    fn original(&self) -> Original {
        Original { network: self.name, size: "tiny", reference: "transformers 5.23.0" }
    }

    fn get(&self, name: &str) -> &Tensor {
        &self.fixture[&format!("{}.{name}", self.name)]
    }

    /// The network with the weights of the fixture, under the names that an import gives them.
    fn classifier(&self) -> TokenClassifier {
        let store = VarStore::new(Device::Cpu);
        let classifier = TokenClassifier::new(&store.root(), self.config.clone());
        let mut variables = store.variables();
        let prefix = format!("{}.weights.", self.name);
        for (published, value) in
            self.fixture.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)))
        {
            let Renamed::Keep(name) = self.family.rename(published) else { panic!("{published} is dropped") };
            let mut variable = variables.remove(&name).unwrap_or_else(|| panic!("no parameter {name}"));
            assert_eq!(variable.size(), value.size(), "{name}");
            tch::no_grad(|| variable.copy_(value));
        }
        assert!(variables.is_empty(), "not in the fixture: {:?}", variables.keys());
        classifier
    }

    fn lengths(&self, name: &str) -> Vec<usize> {
        let lengths = Vec::<i64>::try_from(&self.fixture[name]).unwrap();
        lengths.into_iter().map(|length| usize::try_from(length).unwrap()).collect()
    }

    fn requests(&self) -> Vec<Request> {
        let [pieces, words, own] =
            ["piece_lengths", "word_lengths", "own_words"].map(|name| self.lengths(name));
        let rows = |name: &str| Vec::<Vec<i64>>::try_from(self.get(name)).unwrap();
        let ids = |row: &[i64]| row.iter().map(|&id| u32::try_from(id).unwrap()).collect::<Vec<_>>();
        let (all, first) = (rows("pieces"), rows("first_pieces"));
        (0..all.len())
            .map(|row| Request {
                pieces: ids(&all[row][..pieces[row]]),
                first_pieces: ids(&first[row][..own[row]]),
                context_first_pieces: ids(&first[row][own[row]..words[row]]),
            })
            .collect()
    }

    fn served(&self, pooling: Pooling) -> ServedTagger {
        ServedTagger::of_classifier(self.classifier(), WordDecoding { pooling, rules: None })
    }
}

#[test]
fn scores_of_pieces_are_those_of_the_originals_padding_or_not() {
    for network in networks() {
        let classifier = network.classifier();
        let pieces = network.get("pieces");
        let (rows, width) = pieces.size2().unwrap();
        let places = Tensor::arange(width, (Kind::Int64, Device::Cpu));
        let mask = places.lt_tensor(&network.fixture["piece_lengths"].unsqueeze(1));
        let every_piece = places.expand([rows, width], false);
        let scores = classifier.emissions(pieces, &mask, &every_piece, 0.0) * mask.unsqueeze(2);
        let original = network.original();
        original.close("scores", &scores, network.get("logits"));
        original.same_choices("labels of pieces", &scores, network.get("logits"));
        original.note("parameters", SoftmaxConfig(network.config.clone()).parameters() as f64);
    }
}

#[test]
fn words_have_the_labels_that_the_pipeline_gives_them_by_first_mean_and_max() {
    for network in networks() {
        for (pooling, name) in [(Pooling::First, "first"), (Pooling::Mean, "mean"), (Pooling::Max, "max")] {
            let replies = network.served(pooling).run(&network.requests()).unwrap();
            let labels: Vec<i64> = replies
                .iter()
                .flat_map(|reply| reply.labels.iter().map(|&label| i64::try_from(label).unwrap()))
                .collect();
            let expected = Vec::<i64>::try_from(network.get(&format!("{name}.labels"))).unwrap();
            network.original().same(&format!("labels of words by {name}"), &labels, &expected);
            let scores = replies.iter().flat_map(|reply| reply.posteriors.iter().copied());
            let expected = Vec::<f32>::try_from(network.get(&format!("{name}.scores"))).unwrap();
            for (ours, theirs) in scores.zip(&expected) {
                assert!((ours - theirs).abs() < TOLERANCE, "{} {name}: {ours} {theirs}", network.name);
            }
        }
    }
}

#[test]
fn a_batch_of_texts_answers_as_each_alone() {
    for network in networks() {
        let mut served = network.served(Pooling::Mean);
        let mut requests = network.requests();
        let nothing = Request { pieces: vec![4, 5], first_pieces: vec![], context_first_pieces: vec![] };
        requests.insert(1, nothing);
        let together = served.run(&requests).unwrap();
        assert_eq!(together[1], Reply { labels: Vec::new(), posteriors: Vec::new() });
        for (request, in_batch) in requests.iter().zip(&together) {
            let alone = served.run(std::slice::from_ref(request)).unwrap().remove(0);
            assert_eq!(alone.labels, in_batch.labels, "{}", network.name);
            for (left, right) in alone.posteriors.iter().zip(&in_batch.posteriors) {
                assert!((left - right).abs() < TOLERANCE, "{}: {left} {right}", network.name);
            }
        }
    }
}
