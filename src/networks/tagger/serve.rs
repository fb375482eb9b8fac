//! The tagger behind the scheduler: texts of different lengths in one batch, labels and how sure they are.

use std::sync::Arc;

use tch::{Device, Kind, TchError, Tensor};

use super::{Tagger, TaggerConfig, TokenClassifier};
use crate::networks::blocks::crf::{Chain, CrfScope};
use crate::networks::blocks::device::{hand_back, send, staged};
use crate::networks::blocks::rows;
use crate::networks::blocks::words::Pooling;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::recognise::{Reply, Request};

/// The tagger as the scheduler runs it.
#[derive(Debug)]
pub struct ServedTagger {
    classifier: TokenClassifier,
    processor: Arc<TaggerProcessor>,
}

/// The host half of [`ServedTagger`].
#[derive(Debug)]
pub struct TaggerProcessor {
    config: TaggerConfig,
    decoder: Decoder,
    /// Where the network computes.
    device: Device,
}

/// How labels are made of scores.
#[derive(Debug, Clone)]
enum Decoder {
    /// The best sequence of a CRF over the words of the scope.
    Field { chain: Chain, scope: CrfScope },
    /// A softmax for each piece.
    Softmax(WordDecoding),
}

/// How a softmax's probabilities become the labels of words.
#[derive(Debug, Clone, Default)]
pub struct WordDecoding {
    /// How the pieces of a word decide together.
    pub pooling: Pooling,
    /// Which labels may follow each other, for the most probable valid sequence; without it each word has its most probable
    /// label.
    pub rules: Option<Chain>,
}

/// A batch in host memory: pieces and their mask, `[B, L]`, and the pieces that are scored, `[B, W]`.
#[derive(Debug)]
pub struct TaggerInput {
    pieces: Tensor,
    mask: Tensor,
    scored: Tensor,
}

impl ServedTagger {
    /// Serves a network with a CRF whose parameters have been loaded: the CRF's are copied out here. The field runs over
    /// [`CrfScope::Whole`].
    #[must_use]
    pub fn new(tagger: Tagger) -> Self {
        let decoder = Decoder::Field { chain: tagger.crf.chain(), scope: CrfScope::default() };
        Self::with_decoder(tagger.classifier, decoder)
    }

    /// Serves a network with a softmax.
    #[must_use]
    pub fn of_classifier(classifier: TokenClassifier, decoding: WordDecoding) -> Self {
        Self::with_decoder(classifier, Decoder::Softmax(decoding))
    }

    /// Lets a CRF run over these words instead.
    #[must_use]
    pub fn with_scope(self, scope: CrfScope) -> Self {
        let decoder = match &self.processor.decoder {
            Decoder::Field { chain, .. } => Decoder::Field { chain: chain.clone(), scope },
            decoder @ Decoder::Softmax(_) => decoder.clone(),
        };
        Self::with_decoder(self.classifier, decoder)
    }

    fn with_decoder(classifier: TokenClassifier, decoder: Decoder) -> Self {
        let (config, device) = (classifier.config.clone(), classifier.device);
        let processor = TaggerProcessor { config, decoder, device };
        Self { classifier, processor: Arc::new(processor) }
    }

    /// Pieces.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        Cost(u32::try_from(request.pieces.len()).unwrap_or(u32::MAX))
    }

    /// A score for each label of each scored piece, as many pieces a row as the row with most has.
    fn emissions(&self, batch: &TaggerInput) -> Result<Vec<f32>, TchError> {
        let device = self.classifier.device;
        let (pieces, mask) = (send(&batch.pieces, device)?, send(&batch.mask, device)?);
        let scored = send(&batch.scored, device)?;
        let emissions = self.classifier.emissions(&pieces, &mask, &scored, 0.0);
        Vec::try_from(
            &emissions.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?,
        )
    }
}

impl TaggerProcessor {
    /// Says which request no network of these dimensions can read, before the device sees it.
    fn check(&self, request: &Request) -> Result<(), ModelError> {
        let config = &self.config;
        let refuse =
            |why: String| Err(ModelError::Failed(format!("the tagger cannot read its input: {why}")));
        let length = request.pieces.len();
        if length == 0 || length > config.max_pieces() {
            return refuse(format!("{length} pieces, where 1 to {} fit", config.max_pieces()));
        }
        if let Some(id) = request.pieces.iter().find(|&&id| i64::from(id) >= config.vocabulary) {
            return refuse(format!("piece {id} is not among the {} of its vocabulary", config.vocabulary));
        }
        let mut words = request.first_pieces.iter().chain(&request.context_first_pieces);
        if let Some(index) = words.find(|&&index| index as usize >= length) {
            return refuse(format!("a word begins at piece {index} of {length}"));
        }
        Ok(())
    }

    /// The pieces whose scores are needed, the text's own first.
    fn scored(&self, request: &Request) -> Vec<u32> {
        match &self.decoder {
            Decoder::Field { scope: CrfScope::Whole, .. } => {
                [&request.first_pieces[..], &request.context_first_pieces].concat()
            }
            Decoder::Field { scope: CrfScope::Tweet, .. } => request.first_pieces.clone(),
            Decoder::Softmax(WordDecoding { pooling, .. }) => {
                words(request).flat_map(|(begin, end)| pooling.needed(begin, end)).collect()
            }
        }
    }
}

/// Where each word of the text begins and ends among the pieces.
fn words(request: &Request) -> impl Iterator<Item = (u32, u32)> {
    let last = u32::try_from(request.pieces.len()).unwrap_or(u32::MAX).saturating_sub(1);
    let after = request.context_first_pieces.first().copied().unwrap_or(last);
    let begins = request.first_pieces.iter().copied();
    begins.clone().zip(begins.skip(1).chain([after]))
}

impl Processor for TaggerProcessor {
    type Request = Request;
    type Reply = Reply;
    /// None where no text has a word.
    type Input = Option<TaggerInput>;
    type Output = Vec<f32>;

    fn cost(&self, request: &Request) -> Cost {
        ServedTagger::cost(request)
    }

    fn prepare(&self, batch: &[Request]) -> Result<Option<TaggerInput>, ModelError> {
        batch.iter().try_for_each(|request| self.check(request))?;
        let scored: Vec<Vec<u32>> = batch.iter().map(|request| self.scored(request)).collect();
        if scored.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let scored: Vec<&[u32]> = scored.iter().map(Vec::as_slice).collect();
        let pieces: Vec<&[u32]> = batch.iter().map(|request| &request.pieces[..]).collect();
        let ready = |tensor| staged(tensor, self.device);
        Ok(Some(TaggerInput {
            mask: ready(rows::mask(&pieces)?),
            pieces: ready(rows::padded(&pieces, self.config.pad)?),
            scored: ready(rows::padded(&scored, 0)?),
        }))
    }

    fn finish(&self, batch: &[Request], emissions: Vec<f32>) -> Result<Vec<Reply>, ModelError> {
        let labels = self.config.labels as usize;
        let width = emissions.len() / batch.len();
        let reply = |(number, request): (usize, &Request)| {
            let row = &emissions[number * width..][..self.scored(request).len() * labels];
            if row.iter().any(|emission| !emission.is_finite()) {
                return Err(ModelError::Failed("the tagger's scores are not finite".to_owned()));
            }
            let mut reply = match &self.decoder {
                Decoder::Field { chain, .. } => of_field(chain, row, labels),
                Decoder::Softmax(decoding) => decoding.reply(request, row, labels),
            };
            reply.labels.truncate(request.first_pieces.len());
            reply.posteriors.truncate(request.first_pieces.len());
            Ok(reply)
        };
        batch.iter().enumerate().map(reply).collect()
    }
}

impl Model for ServedTagger {
    type Processor = TaggerProcessor;

    fn processor(&self) -> Arc<TaggerProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: Option<TaggerInput>) -> Result<Vec<f32>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(input.map(|batch| self.emissions(&batch)).transpose()?.unwrap_or_default())
    }

    /// It remembers nothing; what its batches took may be kept for the next ones.
    fn free_memory(&mut self) {
        hand_back(self.classifier.device);
    }
}

/// The best labels of a field, and their posteriors.
fn of_field(chain: &Chain, emissions: &[f32], labels: usize) -> Reply {
    let best = chain.best(emissions);
    let posteriors = chain.posteriors(emissions);
    let posteriors =
        best.iter().zip(posteriors.chunks_exact(labels)).map(|(&label, word)| word[label]).collect();
    Reply { labels: best, posteriors }
}

impl WordDecoding {
    /// The labels of a text's words from the scores of their needed pieces.
    fn reply(&self, request: &Request, scores: &[f32], labels: usize) -> Reply {
        let mut rest = scores;
        let mut probabilities = Vec::with_capacity(request.first_pieces.len() * labels);
        for (begin, end) in words(request) {
            let (own, after) = rest.split_at(self.pooling.needed(begin, end).len() * labels);
            probabilities.extend(self.pooling.pooled(own, labels));
            rest = after;
        }
        if let Some(rules) = &self.rules {
            let logarithms: Vec<f32> = probabilities.iter().map(|share| share.ln().max(LEAST)).collect();
            return of_field(rules, &logarithms, labels);
        }
        let (labels, posteriors) = probabilities.chunks_exact(labels).map(first_max).unzip();
        Reply { labels, posteriors }
    }
}

/// The logarithm of a probability that is 0 in 32 bits.
const LEAST: f32 = -110.0;

/// The label with the highest probability, the first of equal ones.
fn first_max(word: &[f32]) -> (usize, f32) {
    let better = |best: (usize, f32), (label, &share): (usize, &f32)| {
        if share > best.1 { (label, share) } else { best }
    };
    word.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
}
