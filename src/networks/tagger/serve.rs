//! The tagger behind the scheduler: texts of different lengths in one batch, labels and how sure they are.

use std::sync::Arc;

use tch::{Device, Kind, TchError, Tensor};

use super::{Tagger, TaggerConfig};
use crate::networks::blocks::crf::{Chain, CrfScope};
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::rows;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::recognise::{Reply, Request};

/// The tagger as the scheduler runs it.
#[derive(Debug)]
pub struct ServedTagger {
    tagger: Tagger,
    processor: Arc<TaggerProcessor>,
}

/// The host half of [`ServedTagger`].
#[derive(Debug)]
pub struct TaggerProcessor {
    config: TaggerConfig,
    chain: Chain,
    scope: CrfScope,
}

/// A batch in host memory: pieces and their mask, `[B, L]`, and where words begin, `[B, W]`.
#[derive(Debug)]
pub struct TaggerInput {
    pieces: Tensor,
    mask: Tensor,
    words: Tensor,
}

impl ServedTagger {
    /// Serves a network whose parameters have been loaded: the CRF's are copied out here. The field runs over
    /// [`CrfScope::Whole`].
    #[must_use]
    pub fn new(tagger: Tagger) -> Self {
        let (config, chain) = (tagger.config.clone(), tagger.crf.chain());
        let processor = TaggerProcessor { config, chain, scope: CrfScope::default() };
        Self { tagger, processor: Arc::new(processor) }
    }

    /// Lets the field run over these words instead.
    #[must_use]
    pub fn with_scope(self, scope: CrfScope) -> Self {
        let TaggerProcessor { config, chain, .. } = self.processor.as_ref();
        let processor = TaggerProcessor { config: config.clone(), chain: chain.clone(), scope };
        Self { processor: Arc::new(processor), ..self }
    }

    /// Pieces.
    #[must_use]
    pub fn cost(request: &Request) -> Cost {
        Cost(u32::try_from(request.pieces.len()).unwrap_or(u32::MAX))
    }

    /// A score for each label of each word, as many words a row as the longest has.
    fn emissions(&self, batch: &TaggerInput) -> Result<Vec<f32>, TchError> {
        let device = self.tagger.device;
        let (pieces, mask) = (batch.pieces.f_to_device(device)?, batch.mask.f_to_device(device)?);
        let emissions = self.tagger.emissions(&pieces, &mask, &batch.words.f_to_device(device)?, 0.0);
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

    /// Where the words begin over which the field runs, the text's own first.
    fn words(&self, request: &Request) -> Vec<u32> {
        match self.scope {
            CrfScope::Whole => [&request.first_pieces[..], &request.context_first_pieces].concat(),
            CrfScope::Tweet => request.first_pieces.clone(),
        }
    }
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
        let words: Vec<Vec<u32>> = batch.iter().map(|request| self.words(request)).collect();
        if words.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let words: Vec<&[u32]> = words.iter().map(Vec::as_slice).collect();
        let pieces: Vec<&[u32]> = batch.iter().map(|request| &request.pieces[..]).collect();
        let mask = rows::mask(&pieces)?;
        let pieces = rows::padded(&pieces, self.config.pad)?;
        Ok(Some(TaggerInput { pieces, mask, words: rows::padded(&words, 0)? }))
    }

    fn finish(&self, batch: &[Request], emissions: Vec<f32>) -> Result<Vec<Reply>, ModelError> {
        let labels = self.config.labels as usize;
        let width = emissions.len() / batch.len();
        let reply = |(number, request): (usize, &Request)| {
            let words = self.words(request).len();
            let row = &emissions[number * width..][..words * labels];
            let mut reply = reply(&self.chain, row, labels)?;
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
        hand_back(self.tagger.device);
    }
}

fn reply(chain: &Chain, emissions: &[f32], labels: usize) -> Result<Reply, ModelError> {
    if emissions.iter().any(|emission| !emission.is_finite()) {
        return Err(ModelError::Failed("the tagger's scores are not finite".to_owned()));
    }
    let best = chain.best(emissions);
    let posteriors = chain.posteriors(emissions);
    let posteriors =
        best.iter().zip(posteriors.chunks_exact(labels)).map(|(&label, word)| word[label]).collect();
    Ok(Reply { labels: best, posteriors })
}
