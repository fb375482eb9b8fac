//! Tagger parity with `transformers` and `pytorch-crf`. `tagger.py` made the fixture.

use std::collections::HashMap;

use riveg::networks::blocks::crf::Crf;
use riveg::networks::blocks::crf::CrfScope;
use riveg::networks::blocks::preset::Preset;
use riveg::networks::tagger::{Positions, ServedTagger, Tagger, TaggerConfig};
use riveg::scheduler::{Model, ModelError};
use riveg::stages::recognise::{Reply, Request};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::parity_compared::{Original, relative_error};

/// Of the largest number that is compared.
const TOLERANCE: f64 = 1e-4;

const XLM_ROBERTA: TaggerConfig = TaggerConfig {
    vocabulary: 120,
    hidden: 32,
    layers: 2,
    heads: 4,
    ffn: 64,
    max_positions: 66,
    positions: Positions::AfterPadding,
    type_vocabulary: 1,
    layer_norm_eps: 1e-5,
    pad: 1,
    labels: 17,
    span: 0,
    convolution: 0,
};

const BERT: TaggerConfig = TaggerConfig {
    vocabulary: 90,
    max_positions: 70,
    positions: Positions::FromZero,
    type_vocabulary: 2,
    layer_norm_eps: 1e-12,
    pad: 0,
    ..XLM_ROBERTA
};

/// What the originals say of both networks, and of fields alone.
struct Fixture(HashMap<String, Tensor>);

/// What they say of one network.
struct Network {
    fixture: Fixture,
    name: &'static str,
    config: TaggerConfig,
}

/// Both networks.
fn networks() -> [Network; 2] {
    [("xlm_roberta", XLM_ROBERTA), ("bert", BERT)].map(|(name, config)| Network {
        fixture: Fixture::load(),
        name,
        config,
    })
}

impl Fixture {
    fn load() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity/tagger.safetensors");
        Self(Tensor::read_safetensors(path).unwrap().into_iter().collect())
    }

    fn get(&self, name: &str) -> &Tensor {
        &self.0[name]
    }

    /// Gives a store the values under `prefix`; each side must have exactly the names of the other.
    fn fill(&self, store: &VarStore, prefix: &str) {
        let mut variables = store.variables();
        for (name, value) in
            self.0.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)))
        {
            let mut variable = variables.remove(name).unwrap_or_else(|| panic!("no parameter {name}"));
            assert_eq!(variable.size(), value.size(), "{name}");
            tch::no_grad(|| variable.copy_(value));
        }
        assert!(variables.is_empty(), "not in the fixture: {:?}", variables.keys());
    }

    /// As many numbers as each row has of its own.
    fn lengths(&self, name: &str) -> Vec<usize> {
        let lengths = Vec::<i64>::try_from(self.get(name)).unwrap();
        lengths.into_iter().map(|length| usize::try_from(length).unwrap()).collect()
    }
}

impl Network {
    fn original(&self) -> Original {
        let reference = "transformers 5.23.0";
        Original { network: self.name, size: "tiny", reference }
    }

    fn get(&self, name: &str) -> &Tensor {
        self.fixture.get(&format!("{}.{name}", self.name))
    }

    fn tagger(&self) -> Tagger {
        let store = VarStore::new(Device::Cpu);
        let tagger = Tagger::new(&store.root(), self.config.clone());
        self.fixture.fill(&store, &format!("{}.weights.", self.name));
        tagger
    }

    fn mask(&self, lengths: &str, of: &str) -> Tensor {
        let width = self.get(of).size()[1];
        let lengths = self.fixture.get(lengths).unsqueeze(1);
        Tensor::arange(width, (Kind::Int64, Device::Cpu)).lt_tensor(&lengths)
    }

    fn rows(&self, name: &str) -> Vec<Vec<i64>> {
        Vec::try_from(self.get(name)).unwrap()
    }

    /// Each text; of its words so many are its own.
    fn requests(&self, own: &str) -> Vec<Request> {
        let ids = |row: &[i64]| row.iter().map(|&id| u32::try_from(id).unwrap()).collect::<Vec<_>>();
        let [pieces, words, own] =
            ["piece_lengths", "word_lengths", own].map(|name| self.fixture.lengths(name));
        let (rows, first) = (self.rows("pieces"), self.rows("first_pieces"));
        (0..rows.len())
            .map(|row| Request {
                pieces: ids(&rows[row][..pieces[row]]),
                first_pieces: ids(&first[row][..own[row]]),
                context_first_pieces: ids(&first[row][own[row]..words[row]]),
            })
            .collect()
    }

    fn decoded(&self, scope: &str) -> Vec<Vec<usize>> {
        let rows = self.rows(&format!("{scope}.decoded")).into_iter();
        rows.map(|row| row.into_iter().filter_map(|label| usize::try_from(label).ok()).collect()).collect()
    }
}

#[test]
fn emissions_and_likelihoods_are_those_of_the_originals_padding_or_not() {
    for network in networks() {
        let tagger = network.tagger();
        let word_mask = network.mask("word_lengths", "first_pieces");
        let piece_mask = network.mask("piece_lengths", "pieces");
        let (pieces, first_pieces) = (network.get("pieces"), network.get("first_pieces"));
        let emissions = tagger.emissions(pieces, &piece_mask, first_pieces, 0.0);
        let inside = |values: &Tensor| values * word_mask.unsqueeze(2);
        let original = network.original();
        original.close("emissions", &inside(&emissions), &inside(network.get("emissions")));

        let likelihood = tagger.crf.log_likelihood(&emissions, network.get("tags"), &word_mask);
        original.close("log-likelihood", &likelihood, network.get("likelihood"));
        let decoded = tagger.crf.decode(&emissions, &word_mask);
        assert_eq!(decoded, network.decoded("whole"), "{}", network.name);
        original.note("decisions", decoded.concat().len() as f64);
        original.note("parameters", network.config.parameters() as f64);
    }
}

#[test]
fn the_likelihood_has_the_gradient_that_makes_posteriors() {
    // d log Z / d emission is the posterior, and the score of the tags has derivative one at each tag.
    let [network, _] = networks();
    let tagger = network.tagger();
    let word_mask = network.mask("word_lengths", "first_pieces");
    let emissions = network.get("emissions").detach().set_requires_grad(true);
    tagger.crf.log_likelihood(&emissions, network.get("tags"), &word_mask).sum(Kind::Float).backward();
    let chosen = network.get("tags").one_hot(17) * word_mask.unsqueeze(2);
    let error = relative_error(&(chosen - emissions.grad()), network.get("whole.posteriors"));
    assert!(error < TOLERANCE, "{error}");
}

#[test]
fn posteriors_are_those_of_the_original_and_of_counting_every_sequence() {
    let [network, _] = networks();
    let crf = network.tagger().crf;
    let words = network.fixture.lengths("word_lengths");
    let mask = network.mask("word_lengths", "first_pieces");
    let rows = crf.posteriors(network.get("emissions"), &mask);
    assert_eq!(rows.len(), words.len());
    for ((index, row), words) in (0..).zip(rows).zip(words) {
        let actual = Tensor::from_slice(&row).view([words as i64, 17]);
        let expected = network.get("whole.posteriors").get(index).narrow(0, 0, words as i64);
        let error = relative_error(&actual, &expected);
        assert!(error < TOLERANCE, "row {index}: {error}");
    }

    let mask = Tensor::ones([1, 3], (Kind::Bool, Device::Cpu));
    let row = crf.posteriors(network.fixture.get("short"), &mask).remove(0);
    let expected = network.fixture.get("enumerated");
    let error = relative_error(&Tensor::from_slice(&row).view([3, 17]), expected);
    assert!(error < TOLERANCE, "enumeration: {error}");
}

#[test]
fn of_equally_good_sequences_the_original_one_is_chosen() {
    let fixture = Fixture::load();
    let store = VarStore::new(Device::Cpu);
    let crf = Crf::new(&(store.root() / "crf"), 17);
    fixture.fill(&store, "tied.");
    let ties = fixture.get("ties");
    let mask = Tensor::ones([ties.size()[0], ties.size()[1]], (Kind::Bool, Device::Cpu));
    let expected = Vec::<Vec<i64>>::try_from(fixture.get("tied_best")).unwrap();
    let actual: Vec<Vec<i64>> = crf
        .decode(ties, &mask)
        .into_iter()
        .map(|row| row.into_iter().map(|label| label as i64).collect())
        .collect();
    assert_eq!(actual, expected);
}

#[test]
fn a_batch_of_texts_answers_as_each_alone() {
    for network in networks() {
        let mut served = ServedTagger::new(network.tagger());
        let mut requests = network.requests("word_lengths");
        requests
            .insert(1, Request { pieces: vec![0, 2], first_pieces: vec![], context_first_pieces: vec![] });
        let together = served.run(&requests).unwrap();
        let labels: Vec<_> = [0, 2, 3, 4].map(|index: usize| together[index].labels.clone()).to_vec();
        assert_eq!(labels, network.decoded("whole"));
        assert_eq!(together[1], Reply { labels: Vec::new(), posteriors: Vec::new() });
        for (request, in_batch) in requests.iter().zip(&together) {
            let alone = served.run(std::slice::from_ref(request)).unwrap().remove(0);
            assert_eq!(alone.labels, in_batch.labels);
            assert_eq!(alone.posteriors.len(), request.first_pieces.len());
            for (left, right) in alone.posteriors.iter().zip(&in_batch.posteriors) {
                assert!((left - right).abs() < 1e-4 && (0.0..=1.0).contains(left), "{left} {right}");
            }
        }
    }
}

#[test]
fn the_field_runs_over_the_whole_text_or_over_its_own_words_and_answers_for_those() {
    for network in networks() {
        let requests = network.requests("own_words");
        let own = network.fixture.lengths("own_words");
        let mut decided = Vec::new();
        for (scope, name) in [(CrfScope::Whole, "whole"), (CrfScope::Tweet, "tweet")] {
            let replies = ServedTagger::new(network.tagger()).with_scope(scope).run(&requests).unwrap();
            let posteriors = network.get(&format!("{name}.posteriors"));
            for (row, ((reply, labels), &own)) in
                replies.iter().zip(network.decoded(name)).zip(&own).enumerate()
            {
                assert_eq!(reply.labels, labels[..own], "{} {name} row {row}", network.name);
                assert_eq!(reply.posteriors.len(), own);
                for (word, (&label, &posterior)) in reply.labels.iter().zip(&reply.posteriors).enumerate() {
                    let expected = posteriors.double_value(&[row as i64, word as i64, label as i64]);
                    assert!((f64::from(posterior) - expected).abs() < TOLERANCE, "{posterior} {expected}");
                }
            }
            decided.push(replies);
        }
        assert_ne!(decided[0], decided[1], "{}: both scopes answer alike", network.name);
        let plain = ServedTagger::new(network.tagger()).run(&requests).unwrap();
        assert_eq!(plain, decided[0], "the whole is the default");
    }
}

#[test]
fn inputs_that_no_tagger_can_read_are_refused_in_words() {
    let [xlm_roberta, bert] = networks().map(|network| ServedTagger::new(network.tagger()));
    let request = |pieces: Vec<u32>, first_pieces: Vec<u32>, context_first_pieces: Vec<u32>| Request {
        pieces,
        first_pieces,
        context_first_pieces,
    };
    let cases = [
        ("0 pieces, where 1 to 64 fit", request(vec![], vec![], vec![])),
        ("65 pieces, where 1 to 64 fit", request(vec![5; 65], vec![1], vec![])),
        ("piece 120 is not among the 120", request(vec![0, 120, 2], vec![1], vec![])),
        ("a word begins at piece 3 of 3", request(vec![0, 5, 2], vec![3], vec![])),
        ("a word begins at piece 4 of 3", request(vec![0, 5, 2], vec![1], vec![4])),
    ];
    let bert_cases = [
        ("71 pieces, where 1 to 70 fit", request(vec![5; 71], vec![1], vec![])),
        ("piece 90 is not among the 90", request(vec![1, 90, 2], vec![1], vec![])),
    ];
    for (mut served, cases) in [(xlm_roberta, cases.to_vec()), (bert, bert_cases.to_vec())] {
        for (expected, request) in cases {
            let Err(ModelError::Failed(message)) = served.run(&[request]) else { panic!("{expected}") };
            assert!(message.contains(expected), "{message}");
        }
    }
}

#[test]
fn dimensions_that_no_tagger_can_have_are_refused_in_words() {
    let cases = [
        (
            "the tagger's `heads` (5) do not divide its `hidden` (32)",
            TaggerConfig { heads: 5, ..XLM_ROBERTA },
        ),
        ("the tagger's `heads` is 0, which must be at least 1", TaggerConfig { heads: 0, ..XLM_ROBERTA }),
        (
            "the tagger's `max_positions` is 3, which must be at least 4",
            TaggerConfig { max_positions: 3, ..XLM_ROBERTA },
        ),
        (
            "the tagger's `max_positions` is 1, which must be at least 2",
            TaggerConfig { max_positions: 1, ..BERT },
        ),
    ];
    for (expected, config) in cases {
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    }
    assert_eq!(XLM_ROBERTA.check(), Ok(()));
    assert_eq!(BERT.check(), Ok(()));
}
