//! MQSPN behind the scheduler: texts beside pictures in one batch; each distinct picture is encoded once.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{Device, TchError, Tensor};

use super::decode::{NUMBERS, best, found, query_answers};
use super::{Mqspn, MqspnConfig, Scene, Text};
use crate::common::imaging::Picture;
use crate::domain::{ContentHash, Stage};
use crate::networks::blocks::asked::{levels, stacked};
use crate::networks::blocks::device::{hand_back, send, staged};
use crate::networks::blocks::encodings::{Encodings, Known, PreparedPictures};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, Model, ModelError, Processor};
use crate::stages::recognise;
use crate::stages::recognise::joint::{Reply, Request};

/// Reads posts.
#[derive(Debug)]
pub struct MqspnReader {
    mqspn: Mqspn,
    seen: Encodings,
    processor: Arc<MqspnProcessor>,
}

/// The host half of [`MqspnReader`].
#[derive(Debug)]
pub struct MqspnProcessor {
    config: MqspnConfig,
    known: Known,
    /// Stands for the picture of a post that has none; it counts for nothing.
    blank: Arc<Picture>,
    device: Device,
}

/// A prepared batch of an MQSPN.
#[derive(Debug)]
pub struct MqspnInput {
    text: Text,
    pictures: PreparedPictures<Tensor>,
    shown: Tensor,
    boxes: Tensor,
    is_candidate: Tensor,
}

impl MqspnReader {
    /// Serves a network whose weights have been loaded, remembering within a budget what it saw in pictures.
    #[must_use]
    pub fn new(mqspn: Mqspn, remembered: impl Into<Remembered>) -> Self {
        let seen = Encodings::within(remembered, Stage::Recognise);
        let config = mqspn.config().clone();
        let side = config.image_size as u32;
        let rgb = vec![0; 3 * (side * side) as usize];
        let blank = Picture {
            // What is remembered of it must not be taken for another picture's.
            hash: ContentHash(*blake3::hash(&rgb).as_bytes()),
            width: side,
            height: side,
            original_width: side,
            original_height: side,
            rgb,
        };
        let (known, device) = (seen.known(), mqspn.device);
        let processor = MqspnProcessor { config, known, blank: Arc::new(blank), device };
        Self { mqspn: mqspn.freeze(), seen, processor: Arc::new(processor) }
    }

    /// How many pictures it has seen so far. The counter is shared: it can be read from other threads after the network
    /// has moved to the device's.
    #[must_use]
    pub fn pictures_seen(&self) -> Arc<AtomicU64> {
        self.seen.made()
    }

    /// The numbers of all queries' answers, `[B, Q, NUMBERS]`.
    fn answers(&mut self, input: MqspnInput) -> Result<Vec<f32>, TchError> {
        let Self { mqspn, seen, .. } = self;
        let device = mqspn.device;
        let seen = seen
            .of(input.pictures, |bytes| Ok(mqspn.see(&mqspn.pixels(&levels(&bytes, device)?))))?
            .each()?;
        let Text { pieces, mask, word_of, is_word } = &input.text;
        let text = Text {
            pieces: send(pieces, device)?,
            mask: send(mask, device)?,
            word_of: send(word_of, device)?,
            is_word: send(is_word, device)?,
        };
        let scene = Scene {
            seen,
            shown: send(&input.shown, device)?,
            boxes: send(&input.boxes, device)?,
            is_candidate: send(&input.is_candidate, device)?,
        };
        let last = mqspn.answers(mqspn.read(&text, &scene, 0.0), &text, &scene, 0.0).pop();
        let Some(last) = last else { return Ok(Vec::new()) };
        Vec::try_from(&best(&last).f_to_device(Device::Cpu)?.f_contiguous()?.f_view([-1])?)
    }
}

impl MqspnProcessor {
    /// Says which request no network of these dimensions can read, before the device sees it.
    fn check(&self, request: &Request) -> Result<(), ModelError> {
        let refuse = |why: String| Err(ModelError::Failed(format!("MQSPN cannot read its input: {why}")));
        let recognise::Request { pieces, first_pieces, .. } = &request.text;
        let (length, longest) = (pieces.len(), self.config.max_pieces());
        if length < 2 || length as i64 > longest {
            return refuse(format!("{length} pieces, where 2 to {longest} fit"));
        }
        if let Some(id) = pieces.iter().find(|&&id| i64::from(id) >= self.config.vocabulary) {
            return refuse(format!(
                "piece {id} is not among the {} of its vocabulary",
                self.config.vocabulary
            ));
        }
        let is_rising = first_pieces.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = first_pieces.last().is_none_or(|&last| (last as usize) < length);
        if !is_rising || !ends {
            return refuse("its words do not begin one after the other".to_owned());
        }
        if let Some(Picture { hash, width, height, rgb, .. }) = request.picture.as_deref() {
            let side = self.config.image_size;
            if i64::from(*width) != side || i64::from(*height) != side {
                return refuse(format!("picture {hash} is {width}x{height}, where it sees {side}x{side}"));
            }
            let (bytes, expected) = (rgb.len() as i64, 3 * side * side);
            if bytes != expected {
                return refuse(format!("picture {hash} has {bytes} bytes, not {expected}"));
            }
        }
        Ok(())
    }
}

impl Processor for MqspnProcessor {
    type Request = Request;
    type Reply = Reply;
    type Input = MqspnInput;
    type Output = Vec<f32>;

    /// Pieces, patches and candidates.
    fn cost(&self, request: &Request) -> Cost {
        let patches = if request.picture.is_some() { self.config.patches() as usize } else { 0 };
        let all = request.text.pieces.len() + patches + request.candidates.len();
        Cost(u32::try_from(all).unwrap_or(u32::MAX))
    }

    fn prepare(&self, batch: &[Request]) -> Result<MqspnInput, ModelError> {
        batch.iter().try_for_each(|request| self.check(request))?;
        let most = batch.iter().map(|request| request.candidates.len()).max().unwrap_or(0);
        let (mut boxes, mut is_candidate) = (Vec::new(), Vec::new());
        for request in batch {
            let own = if request.picture.is_some() { &request.candidates[..] } else { &[] };
            let padding = most - own.len();
            boxes.extend(own.iter().copied().flatten().chain(std::iter::repeat_n(0.0, 4 * padding)));
            is_candidate.extend((0..most).map(|number| number < own.len()));
        }
        let shown: Vec<bool> = batch.iter().map(|request| request.picture.is_some()).collect();
        let pictures = batch.iter().map(|request| request.picture.as_ref().unwrap_or(&self.blank));
        let (rows, most) = (batch.len() as i64, most as i64);
        let on_device = |tensor| staged(tensor, self.device);
        let texts: Vec<&recognise::Request> = batch.iter().map(|request| &request.text).collect();
        let Text { pieces, mask, word_of, is_word } = Text::of(&texts, self.config.pad)?;
        let text = Text {
            pieces: on_device(pieces),
            mask: on_device(mask),
            word_of: on_device(word_of),
            is_word: on_device(is_word),
        };
        Ok(MqspnInput {
            text,
            pictures: self.known.prepare(pictures, stacked)?.map_pixels(on_device),
            shown: on_device(Tensor::f_from_slice(&shown)?),
            boxes: on_device(Tensor::f_from_slice(&boxes)?.f_view([rows, most, 4])?),
            is_candidate: on_device(Tensor::f_from_slice(&is_candidate)?.f_view([rows, most])?),
        })
    }

    fn finish(&self, batch: &[Request], numbers: Vec<f32>) -> Result<Vec<Reply>, ModelError> {
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err(ModelError::Failed("what MQSPN answers is no numbers".to_owned()));
        }
        let width = self.config.queries as usize * NUMBERS;
        let reply = |(request, row): (&Request, &[f32])| {
            let has_candidates = request.picture.is_some() && !request.candidates.is_empty();
            let answers = query_answers(row, has_candidates);
            let mut found = found(&answers);
            found.retain(|one| one.words.end <= request.text.first_pieces.len());
            Reply { found }
        };
        Ok(batch.iter().zip(numbers.chunks_exact(width)).map(reply).collect())
    }
}

impl Model for MqspnReader {
    type Processor = MqspnProcessor;

    fn processor(&self) -> Arc<MqspnProcessor> {
        Arc::clone(&self.processor)
    }

    fn forward(&mut self, input: MqspnInput) -> Result<Vec<f32>, ModelError> {
        let _no_grad = tch::no_grad_guard();
        Ok(self.answers(input)?)
    }

    fn free_memory(&mut self) {
        self.seen.forget();
        hand_back(self.mqspn.device);
    }
}
