//! From requests to what the encoder takes: each distinct picture through the trunk once, prompts of one length.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Kind, TchError, Tensor};

use super::super::encodings::Encodings;
use super::{Encoded, Ofa, OfaConfig, PAD};
use crate::imaging::Picture;
use crate::scheduler::{Cost, ModelError};

/// A frozen network that remembers what its trunk said of pictures.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ofa: Ofa,
    device: Device,
    known: Encodings,
    trunk_runs: Arc<AtomicU64>,
}

/// One prompt about one picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) picture: &'a Picture,
    pub(super) prompt: &'a [u32],
}

impl Reader {
    pub(super) fn new(ofa: Ofa, cache_bytes: usize) -> Self {
        let device = ofa.embedding.device();
        Self { ofa: ofa.freeze(), device, known: Encodings::within(cache_bytes), trunk_runs: Arc::default() }
    }

    pub(super) fn trunk_runs(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.trunk_runs)
    }

    /// Reads a batch: the prompts, `[B, L]`, and what encoder and pictures make of them.
    pub(super) fn read(&mut self, batch: &[Asked<'_>]) -> Result<(Tensor, Encoded), TchError> {
        let tokens = self.tokens(batch)?;
        let trunk = self.trunk(batch)?;
        let encoded = self.ofa.encode(&trunk, &tokens, false);
        Ok((tokens, encoded))
    }

    fn tokens(&self, batch: &[Asked<'_>]) -> Result<Tensor, TchError> {
        let longest = batch.iter().map(|asked| asked.prompt.len()).max().unwrap_or(0);
        let padded = |asked: &Asked<'_>| {
            let filling = std::iter::repeat_n(PAD, longest - asked.prompt.len());
            asked.prompt.iter().map(|&id| i64::from(id)).chain(filling).collect::<Vec<_>>()
        };
        let padded: Vec<i64> = batch.iter().flat_map(padded).collect();
        Tensor::f_from_slice(&padded)?.f_view([batch.len() as i64, longest as i64])?.f_to_device(self.device)
    }

    /// What the trunk says of each request's picture, `[B, image tokens, channels]`.
    fn trunk(&mut self, batch: &[Asked<'_>]) -> Result<Tensor, TchError> {
        let pictures: Vec<&Picture> = batch.iter().map(|asked| asked.picture).collect();
        let Self { ofa, device, known, trunk_runs } = self;
        known.of(&pictures, |missing| {
            trunk_runs.fetch_add(missing.len() as u64, Ordering::Relaxed);
            Ok(ofa.trunk(&pixels(missing, ofa.config().patch_image_size, *device)?, false))
        })
    }
}

/// Pixels as the network was taught them, `[pictures, 3, S, S]`, -1 to 1.
fn pixels(pictures: &[&Picture], side: i64, device: Device) -> Result<Tensor, TchError> {
    let bytes: Vec<u8> = pictures.iter().flat_map(|picture| &picture.rgb).copied().collect();
    let bytes = Tensor::f_from_slice(&bytes)?.f_view([pictures.len() as i64, side, side, 3])?;
    let levels = bytes.f_to_device(device)?.f_permute([0, 3, 1, 2])?;
    levels.f_to_kind(Kind::Float)?.f_divide_scalar_(127.5)?.f_sub_scalar_(1.0)
}

impl Asked<'_> {
    /// Tokens that the encoder reads.
    pub(super) fn cost(self) -> Cost {
        let cells = u64::from(self.picture.width / 16) * u64::from(self.picture.height / 16);
        Cost(u32::try_from(cells + self.prompt.len() as u64).unwrap_or(u32::MAX))
    }

    /// Says what no network of these dimensions can read, before the device sees it.
    pub(super) fn check(self, config: &OfaConfig) -> Result<(), ModelError> {
        let refuse = |why: String| Err(ModelError::Failed(format!("OFA cannot read its input: {why}")));
        let (width, height, side) = (self.picture.width, self.picture.height, config.patch_image_size);
        if i64::from(width) != side || i64::from(height) != side {
            let hash = self.picture.hash;
            return refuse(format!("picture {hash} is {width}x{height}, where it sees {side}x{side}"));
        }
        let (bytes, expected) = (self.picture.rgb.len() as i64, 3 * side * side);
        if bytes != expected {
            return refuse(format!("picture {} has {bytes} bytes, not {expected}", self.picture.hash));
        }
        let (length, most) = (self.prompt.len(), config.max_positions as usize);
        if !(2..=most).contains(&length) {
            return refuse(format!("a prompt of {length} tokens, where 2 to {most} fit"));
        }
        let known = |id: u32| i64::from(id) < config.vocabulary && i64::from(id) != PAD;
        match self.prompt.iter().find(|&&id| !known(id)) {
            Some(id) => {
                refuse(format!("token {id} is none of the {} that prompts are made of", config.vocabulary))
            }
            None => Ok(()),
        }
    }
}
