//! Does the tagger compute what `transformers` and `pytorch-crf` compute? `tagger.py` made the fixture.

use std::collections::HashMap;

use riveg::models::crf::Crf;
use riveg::models::tagger::{ServedTagger, Tagger, TaggerConfig};
use riveg::recognise::{Reply, Request};
use riveg::scheduler::{Model, ModelError};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Of the largest number that is compared.
const TOLERANCE: f64 = 1e-4;

const CONFIG: TaggerConfig = TaggerConfig {
    vocabulary: 120,
    hidden: 32,
    layers: 2,
    heads: 4,
    ffn: 64,
    max_positions: 66,
    type_vocabulary: 1,
    layer_norm_eps: 1e-5,
    pad: 1,
    labels: 17,
};

struct Fixture(HashMap<String, Tensor>);

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

    fn tagger(&self) -> Tagger {
        let store = VarStore::new(Device::Cpu);
        let tagger = Tagger::new(&store.root(), CONFIG);
        self.fill(&store, "weights.");
        tagger
    }

    fn mask(&self, lengths: &str, of: &str) -> Tensor {
        let width = self.get(of).size()[1];
        Tensor::arange(width, (Kind::Int64, Device::Cpu)).lt_tensor(&self.get(lengths).unsqueeze(1))
    }

    fn requests(&self) -> Vec<Request> {
        let row = |name: &str, lengths: &str, row: i64| -> Vec<u32> {
            let length = self.get(lengths).int64_value(&[row]);
            let ids = Vec::<i64>::try_from(self.get(name).get(row).narrow(0, 0, length)).unwrap();
            ids.into_iter().map(|id| u32::try_from(id).unwrap()).collect()
        };
        (0..self.get("pieces").size()[0])
            .map(|index| Request {
                pieces: row("pieces", "piece_lengths", index),
                first_pieces: row("first_pieces", "word_lengths", index),
            })
            .collect()
    }

    fn decoded(&self) -> Vec<Vec<usize>> {
        let rows = Vec::<Vec<i64>>::try_from(self.get("decoded")).unwrap();
        rows.into_iter()
            .map(|row| row.into_iter().filter_map(|label| usize::try_from(label).ok()).collect())
            .collect()
    }
}

/// The largest difference, over the largest number expected.
fn relative_error(actual: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(actual.size(), expected.size());
    let difference = (actual - expected).abs().max().double_value(&[]);
    assert!(difference.is_finite());
    difference / expected.abs().max().double_value(&[])
}

#[test]
fn emissions_and_likelihoods_are_those_of_the_originals_padding_or_not() {
    let fixture = Fixture::load();
    let tagger = fixture.tagger();
    let word_mask = fixture.mask("word_lengths", "first_pieces");
    let piece_mask = fixture.mask("piece_lengths", "pieces");
    let emissions = tagger.emissions(fixture.get("pieces"), &piece_mask, fixture.get("first_pieces"), 0.0);
    let inside = |values: &Tensor| values * word_mask.unsqueeze(2);
    let error = relative_error(&inside(&emissions), &inside(fixture.get("emissions")));
    assert!(error < TOLERANCE, "emissions: {error}");

    let likelihood = tagger.crf.log_likelihood(&emissions, fixture.get("tags"), &word_mask);
    let error = relative_error(&likelihood, fixture.get("likelihood"));
    assert!(error < TOLERANCE, "log-likelihood: {error}");
    assert_eq!(tagger.crf.decode(&emissions, &word_mask), fixture.decoded());
}

#[test]
fn the_likelihood_has_the_gradient_that_makes_posteriors() {
    // d log Z / d emission is the posterior, and the score of the tags has derivative one at each tag.
    let fixture = Fixture::load();
    let tagger = fixture.tagger();
    let word_mask = fixture.mask("word_lengths", "first_pieces");
    let emissions = fixture.get("emissions").detach().set_requires_grad(true);
    tagger.crf.log_likelihood(&emissions, fixture.get("tags"), &word_mask).sum(Kind::Float).backward();
    let chosen = fixture.get("tags").one_hot(17) * word_mask.unsqueeze(2);
    let error = relative_error(&(chosen - emissions.grad()), fixture.get("posteriors"));
    assert!(error < TOLERANCE, "{error}");
}

#[test]
fn posteriors_are_those_of_the_original_and_of_counting_every_sequence() {
    let fixture = Fixture::load();
    let crf = fixture.tagger().crf;
    let words = Vec::<i64>::try_from(fixture.get("word_lengths")).unwrap();
    let mask = fixture.mask("word_lengths", "first_pieces");
    let rows = crf.posteriors(fixture.get("emissions"), &mask);
    assert_eq!(rows.len(), words.len());
    for ((index, row), words) in (0..).zip(rows).zip(words) {
        let actual = Tensor::from_slice(&row).view([words, 17]);
        let expected = fixture.get("posteriors").get(index).narrow(0, 0, words);
        let error = relative_error(&actual, &expected);
        assert!(error < TOLERANCE, "row {index}: {error}");
    }

    let mask = Tensor::ones([1, 3], (Kind::Bool, Device::Cpu));
    let row = crf.posteriors(fixture.get("short"), &mask).remove(0);
    let error = relative_error(&Tensor::from_slice(&row).view([3, 17]), fixture.get("enumerated"));
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
    let fixture = Fixture::load();
    let mut served = ServedTagger::new(fixture.tagger());
    let mut requests = fixture.requests();
    requests.insert(1, Request { pieces: vec![0, 2], first_pieces: Vec::new() });
    let together = served.run(&requests).unwrap();
    let labels: Vec<_> = [0, 2, 3, 4].iter().map(|&index: &usize| together[index].labels.clone()).collect();
    assert_eq!(labels, fixture.decoded());
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

#[test]
fn inputs_that_no_tagger_can_read_are_refused_in_words() {
    let mut served = ServedTagger::new(Fixture::load().tagger());
    let cases = [
        ("0 pieces, where 1 to 64 fit", Request { pieces: vec![], first_pieces: vec![] }),
        ("65 pieces, where 1 to 64 fit", Request { pieces: vec![5; 65], first_pieces: vec![1] }),
        ("piece 120 is not among the 120", Request { pieces: vec![0, 120, 2], first_pieces: vec![1] }),
        ("a word begins at piece 3 of 3", Request { pieces: vec![0, 5, 2], first_pieces: vec![3] }),
    ];
    for (expected, request) in cases {
        let Err(ModelError::Failed(message)) = served.run(&[request]) else { panic!("{expected}") };
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn dimensions_that_no_tagger_can_have_are_refused_in_words() {
    let cases = [
        ("the tagger's `heads` (5) do not divide its `hidden` (32)", TaggerConfig { heads: 5, ..CONFIG }),
        ("the tagger's `heads` is 0, which must be at least 1", TaggerConfig { heads: 0, ..CONFIG }),
        (
            "the tagger's `max_positions` is 3, which must be at least 4",
            TaggerConfig { max_positions: 3, ..CONFIG },
        ),
    ];
    for (expected, config) in cases {
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    }
    assert_eq!(CONFIG.check(), Ok(()));
}
