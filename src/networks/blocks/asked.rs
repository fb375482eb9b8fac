//! What do networks read that are asked about a phrase and a picture? Both of them, within what the network can hold.

use tch::{Device, Kind, TchError, Tensor};

use crate::common::imaging::Picture;
use crate::scheduler::{Cost, ModelError};

/// Side in pixels of what is one token of a picture in every published network of the kind; costs are counted in them.
const PATCH: u32 = 16;

/// One prompt about one picture.
#[derive(Debug, Clone, Copy)]
pub(in crate::networks) struct Asked<'a> {
    pub(in crate::networks) picture: &'a Picture,
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
        let Picture { hash, width, height, rgb, .. } = self.picture;
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

/// The levels of square pictures, `[pictures, 3, side, side]` of `Float`, 0 to 255.
pub(in crate::networks) fn levels(
    pictures: &[&Picture],
    side: i64,
    device: Device,
) -> Result<Tensor, TchError> {
    let bytes: Vec<u8> = pictures.iter().flat_map(|picture| &picture.rgb).copied().collect();
    let bytes = Tensor::f_from_slice(&bytes)?.f_view([pictures.len() as i64, side, side, 3])?;
    bytes.f_to_device(device)?.f_permute([0, 3, 1, 2])?.f_to_kind(Kind::Float)
}
