//! Prompts about pictures: what networks that read both check, and how a batch of them is prepared.

use std::sync::Arc;

use tch::{Device, Kind, TchError, Tensor};

use super::device::{send, staged};
use super::encodings::{Known, PreparedPictures};
use super::rows;
use crate::common::imaging::Picture;
use crate::scheduler::{Cost, ModelError};

/// Side in pixels of what is one token of a picture in every published network of the kind; costs are counted in them.
const PATCH: u32 = 16;

/// One prompt about one picture.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct Asked<'a> {
    pub(in crate::networks) picture: &'a Arc<Picture>,
    pub(in crate::networks) prompt: &'a [u32],
}

/// What a network can read.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct Limits {
    /// What the network is called, for errors.
    pub(in crate::networks) network: &'static str,
    /// Side of the square picture in pixels.
    pub(in crate::networks) side: i64,
    /// The longest prompt in tokens.
    pub(in crate::networks) longest: i64,
    /// Tokens of the vocabulary.
    pub(in crate::networks) vocabulary: i64,
    /// The one that fills up, where no prompt may contain it.
    pub(in crate::networks) pad: Option<i64>,
}

impl Asked<'_> {
    /// Tokens of the square that the picture fills or is laid into, and of the prompt.
    pub(in crate::networks) fn cost(self) -> Cost {
        let cells = u64::from(self.picture.width.max(self.picture.height) / PATCH);
        Cost(u32::try_from(cells * cells + self.prompt.len() as u64).unwrap_or(u32::MAX))
    }

    /// Says what no network of these limits can read, before the device sees it.
    pub(in crate::networks) fn check(self, limits: Limits) -> Result<(), ModelError> {
        let Limits { network, side, longest, vocabulary, pad } = limits;
        let refuse = |why: String| Err(ModelError::Failed(format!("{network} cannot read its input: {why}")));
        let Picture { hash, width, height, rgb, .. } = self.picture.as_ref();
        if i64::from(*width) != side || i64::from(*height) != side {
            return refuse(format!("picture {hash} is {width}x{height}, where it sees {side}x{side}"));
        }
        let (bytes, expected) = (rgb.len() as i64, 3 * side * side);
        if bytes != expected {
            return refuse(format!("picture {hash} has {bytes} bytes, not {expected}"));
        }
        let length = self.prompt.len() as i64;
        if !(2..=longest).contains(&length) {
            return refuse(format!("a prompt of {length} tokens, where 2 to {longest} fit"));
        }
        let known = |id: u32| i64::from(id) < vocabulary && Some(i64::from(id)) != pad;
        match self.prompt.iter().find(|&&id| !known(id)) {
            Some(id) => refuse(format!("token {id} is none of the {vocabulary} that prompts are made of")),
            None => Ok(()),
        }
    }
}

/// Prepares batches of prompts about pictures.
#[derive(Debug)]
pub(in crate::networks) struct AskedProcessor {
    pub(in crate::networks) limits: Limits,
    /// What prompts are padded with.
    pub(in crate::networks) filler: i64,
    pub(in crate::networks) known: Known,
    /// Where the network computes.
    pub(in crate::networks) device: Device,
}

/// A batch of prompts about pictures in host memory.
#[derive(Debug)]
pub(in crate::networks) struct AskedBatch {
    /// `[B, L]` of `Int64`.
    pub(in crate::networks) tokens: Tensor,
    /// Where `tokens` are the prompts' own, `[B, L]` of `Bool`.
    pub(in crate::networks) mask: Tensor,
    /// Whether any of the prompts is shorter than `L`.
    pub(in crate::networks) is_padded: bool,
    /// The pixels of those to be encoded are `[n, side, side, 3]` of `Uint8`.
    pub(in crate::networks) pictures: PreparedPictures<Tensor>,
}

impl AskedProcessor {
    pub(in crate::networks) fn prepare(&self, batch: &[Asked<'_>]) -> Result<AskedBatch, ModelError> {
        batch.iter().try_for_each(|asked| asked.check(self.limits))?;
        let prompts: Vec<&[u32]> = batch.iter().map(|asked| asked.prompt).collect();
        let pictures = batch.iter().map(|asked| asked.picture);
        Ok(AskedBatch {
            tokens: staged(rows::padded(&prompts, self.filler)?, self.device),
            mask: staged(rows::mask(&prompts)?, self.device),
            is_padded: prompts.iter().any(|prompt| prompt.len() != prompts[0].len()),
            pictures: self.known.prepare(pictures, stacked)?.map_pixels(|pixels| staged(pixels, self.device)),
        })
    }
}

/// The bytes of pictures of one size, `[pictures, height, width, 3]` of `Uint8`.
pub(in crate::networks) fn stacked(pictures: &[&Picture]) -> Result<Tensor, TchError> {
    let bytes: Vec<&[u8]> = pictures.iter().map(|picture| &picture.rgb[..]).collect();
    let (height, width) = pictures.first().map_or((0, 0), |picture| (picture.height, picture.width));
    let shape = [pictures.len() as i64, i64::from(height), i64::from(width), 3];
    Tensor::f_from_slice(&bytes.concat())?.f_view(shape)
}

/// The bytes of each picture, `[height, width, 3]` of `Uint8`.
pub(in crate::networks) fn each(pictures: &[&Picture]) -> Result<Vec<Tensor>, TchError> {
    let bytes = |picture: &&Picture| {
        let shape = [i64::from(picture.height), i64::from(picture.width), 3];
        Tensor::f_from_slice(&picture.rgb)?.f_view(shape)
    };
    pictures.iter().map(bytes).collect()
}

/// Levels of pictures of one size on the device, `[pictures, 3, height, width]` of `Float`, 0 to 255.
pub(in crate::networks) fn levels(bytes: &Tensor, device: Device) -> Result<Tensor, TchError> {
    send(bytes, device)?.f_permute([0, 3, 1, 2])?.f_to_kind(Kind::Float)
}
