//! Decoder input: each distinct picture goes through the trunk once, and phrases are padded to one length.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tch::{TchError, Tensor};

use super::config::{CELL, PAD};
use super::{Cells, Encoded, SeqTr, SeqTrConfig};
use crate::common::imaging::Picture;
use crate::domain::Stage;
use crate::networks::blocks::asked::each;
use crate::networks::blocks::device::{hand_back, send};
use crate::networks::blocks::encodings::{Encodings, Known, PreparedPictures};
use crate::networks::blocks::remembered::Remembered;
use crate::scheduler::ModelError;
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

    /// The host half's view of the cached encodings.
    pub(super) fn known(&self) -> Known {
        self.known.known()
    }

    /// Reads a prepared batch.
    pub(super) fn read(&mut self, batch: Input) -> Result<Encoded, TchError> {
        let Self { seqtr, known } = self;
        let words = send(&batch.words, seqtr.device)?;
        let shown = known.of(batch.pictures, |bytes| {
            let pixels = bytes.iter().map(|rgb| Ok(seqtr.pixels(&send(rgb, seqtr.device)?)));
            let pixels = pixels.collect::<Result<Vec<_>, TchError>>()?;
            Ok(seqtr.picture(&seqtr.maps(&Tensor::f_stack(&pixels, 0)?)))
        })?;
        let shown = shown.each()?;
        Ok(seqtr.encode(&seqtr.fuse(&shown, &seqtr.phrase(&words)), &batch.cells))
    }
}

/// A batch in host memory.
#[derive(Debug)]
pub struct Input {
    words: Tensor,
    pictures: PreparedPictures<Vec<Tensor>>,
    cells: Vec<Cells>,
}

impl Input {
    /// Prepares a batch of at least one request.
    pub(super) fn of(batch: &[Request], config: &SeqTrConfig, known: &Known) -> Result<Self, ModelError> {
        batch.iter().try_for_each(|request| check(request, config))?;
        let cells = batch.iter().map(|request| cells(&request.picture)).collect();
        let pictures = known.prepare(batch.iter().map(|request| &request.picture), each)?;
        Ok(Self { words: words(batch, config)?, pictures, cells })
    }
}

/// `[B, max_words]`: always as long as the network reads, for that is part of what it reads.
fn words(batch: &[Request], config: &SeqTrConfig) -> Result<Tensor, TchError> {
    let longest = config.max_words as usize;
    let padded = batch.iter().flat_map(|request| {
        let filling = std::iter::repeat_n(&PAD, longest - request.prompt.len());
        request.prompt.iter().chain(filling).map(|&id| i64::from(id))
    });
    let padded: Vec<i64> = padded.collect();
    Tensor::f_from_slice(&padded)?.f_view([batch.len() as i64, longest as i64])
}

/// Says what no network of these dimensions can read, before the device sees it.
fn check(request: &Request, config: &SeqTrConfig) -> Result<(), ModelError> {
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

fn cells(picture: &Picture) -> Cells {
    let count = |side: u32| (i64::from(side) + CELL - 1) / CELL;
    Cells { rows: count(picture.height), columns: count(picture.width) }
}
