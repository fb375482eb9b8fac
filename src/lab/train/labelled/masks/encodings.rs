//! Encodings of pictures while a segmenter learns: with gradients, or, of an encoder that stays as it is, without, and some of
//! them kept.

use std::collections::HashMap;
use std::sync::Arc;

use tch::{Device, TchError, Tensor, no_grad};

use crate::common::imaging::Picture;
use crate::domain::ContentHash;
use crate::networks::blocks::promptable::Promptable;

/// Encodes pictures.
pub(super) enum Encoder {
    /// It learns.
    Learning,
    /// It stays as it is: up to so many encodings are kept, the first ones. Each picture is encoded by itself, so that its
    /// encoding is the same to the bit whether it is kept or not.
    Frozen {
        /// By the content of the picture.
        kept: HashMap<ContentHash, Tensor>,
        /// The most that are kept.
        most: usize,
    },
}

impl Encoder {
    /// The encodings of pictures, a row each.
    ///
    /// # Errors
    /// As libtorch's.
    pub(super) fn encodings(
        &mut self,
        network: &dyn Promptable,
        pictures: &[&Arc<Picture>],
        device: Device,
    ) -> Result<Tensor, TchError> {
        let Self::Frozen { kept, most } = self else {
            let bytes: Vec<Tensor> =
                pictures.iter().map(|picture| pixels(picture, device)).collect::<Result<_, _>>()?;
            return network.encode_bytes(&bytes);
        };
        let mut rows = Vec::with_capacity(pictures.len());
        for picture in pictures {
            let encoding = match kept.get(&picture.hash) {
                Some(known) => known.shallow_clone(),
                None => no_grad(|| network.encode_bytes(&[pixels(picture, device)?]))?,
            };
            if kept.len() < *most {
                kept.entry(picture.hash).or_insert_with(|| encoding.shallow_clone());
            }
            rows.push(encoding);
        }
        Tensor::f_cat(&rows, 0)
    }
}

/// The bytes of a picture, `[height, width, 3]`.
fn pixels(picture: &Picture, device: Device) -> Result<Tensor, TchError> {
    let bytes = Tensor::f_from_slice(&picture.rgb)?.f_to_device(device)?;
    bytes.f_view([i64::from(picture.height), i64::from(picture.width), 3])
}
