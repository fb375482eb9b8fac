//! From requests to what the decoder reads: each distinct picture through the trunk once, phrases of one length.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{TchError, Tensor};

use super::config::{CELL, PAD};
use super::{Cells, Encoded, SeqTr, SeqTrConfig};
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::blocks::device::hand_back;
use crate::networks::blocks::encodings::Encodings;
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::{Cost, ModelError};
use crate::stages::ground::Request;

/// A frozen network that remembers what it saw in pictures.
///
/// Pictures come scaled to the longest side. The authors' loader scales with OpenCV, whose bilinear filter looks at
/// two pixels a direction however much it shrinks; ours is antialiased, as Pillow's is. The sizes are the same.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) seqtr: SeqTr,
    known: Encodings,
}

impl Reader {
    pub(super) fn new(seqtr: SeqTr, remembered: impl Into<Remembered>) -> Self {
        Self { seqtr: seqtr.freeze(), known: Encodings::within(remembered, Stage::Ground) }
    }

    pub(super) fn trunk_runs(&self) -> Arc<AtomicU64> {
        self.known.made()
    }

    /// Gives back what is remembered of pictures.
    pub(super) fn forget(&mut self) {
        self.known.forget();
        hand_back(self.seqtr.device);
    }

    /// Reads a batch of at least one request.
    pub(super) fn read(&mut self, batch: &[Request]) -> Result<Encoded, TchError> {
        let words = self.words(batch)?;
        let pictures: Vec<&Picture> = batch.iter().map(|request| request.picture.as_ref()).collect();
        let Self { seqtr, known } = self;
        let shown = known.of(&pictures, |missing| {
            let pixels: Result<Vec<_>, TchError> =
                missing.iter().map(|picture| pixels(seqtr, picture)).collect();
            Ok(seqtr.picture(&seqtr.maps(&Tensor::f_stack(&pixels?, 0)?)))
        })?;
        let shown = shown.each()?;
        let cells: Vec<Cells> = pictures.iter().map(|picture| cells(picture)).collect();
        Ok(seqtr.encode(&seqtr.fuse(&shown, &seqtr.phrase(&words)), &cells))
    }

    /// `[B, max_words]`: always as long as the network reads, for that is part of what it reads.
    fn words(&self, batch: &[Request]) -> Result<Tensor, TchError> {
        let longest = self.seqtr.config().max_words as usize;
        let padded = batch.iter().flat_map(|request| {
            let filling = std::iter::repeat_n(&PAD, longest - request.prompt.len());
            request.prompt.iter().chain(filling).map(|&id| i64::from(id))
        });
        let padded: Vec<i64> = padded.collect();
        let words = Tensor::f_from_slice(&padded)?.f_view([batch.len() as i64, longest as i64])?;
        words.f_to_device(self.seqtr.device)
    }
}

/// What a request takes: the cells of its square, however much of it the picture fills, and its words.
pub(super) fn cost(request: &Request) -> Cost {
    let side = u64::from(request.picture.width.max(request.picture.height).div_ceil(CELL as u32));
    Cost(u32::try_from(side * side + request.prompt.len() as u64).unwrap_or(u32::MAX))
}

/// Says what no network of these dimensions can read, before the device sees it.
pub(super) fn check(request: &Request, config: &SeqTrConfig) -> Result<(), ModelError> {
    let refuse = |why: String| Err(ModelError::Failed(format!("SeqTR cannot read its input: {why}")));
    let picture = &request.picture;
    let (hash, width, height) = (picture.hash, picture.width, picture.height);
    if width == 0 || height == 0 || i64::from(width.max(height)) > config.image_size {
        let side = config.image_size;
        return refuse(format!("picture {hash} is {width}x{height}, where it sees at most {side}x{side}"));
    }
    let (bytes, expected) = (picture.rgb.len() as u64, 3 * u64::from(width) * u64::from(height));
    if bytes != expected {
        return refuse(format!("picture {hash} has {bytes} bytes, not {expected}"));
    }
    let (length, most) = (request.prompt.len(), config.max_words as usize);
    if !(1..=most).contains(&length) {
        return refuse(format!("a phrase of {length} words, where 1 to {most} fit"));
    }
    let known = |id: u32| i64::from(id) < config.vocabulary && id != PAD;
    match request.prompt.iter().find(|&&id| !known(id)) {
        Some(id) => {
            refuse(format!("word {id} is none of the {} that phrases are made of", config.vocabulary))
        }
        None => Ok(()),
    }
}

fn pixels(seqtr: &SeqTr, picture: &Picture) -> Result<Tensor, TchError> {
    let shape = [i64::from(picture.height), i64::from(picture.width), 3];
    Ok(seqtr.pixels(&Tensor::f_from_slice(&picture.rgb)?.f_view(shape)?.f_to_device(seqtr.device)?))
}

fn cells(picture: &Picture) -> Cells {
    let count = |side: u32| (i64::from(side) + CELL - 1) / CELL;
    Cells { rows: count(picture.height), columns: count(picture.width) }
}
