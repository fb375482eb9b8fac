//! Files of `torch.save`: a pickle, and the storages of its tensors.
//!
//! Since torch 1.6 they are entries of a zip archive, before that they follow each other in the file; either way a
//! tensor is found without reading any but the pickle.

mod zip_archive;
mod legacy;

use std::path::Path;

use super::pickle::{Pickled, Storage};
use super::state_dict::{self, StateDict};
use super::tensor::{Contents, Tensor, width};
use super::{CheckpointError, Settings};

/// Joins the state dict of a pickle with the places of its storages; `start_of` finds one and checks its size.
fn contents(
    path: &Path,
    pickled: &Pickled,
    mut start_of: impl FnMut(&Storage) -> Result<u64, CheckpointError>,
) -> Result<Contents, CheckpointError> {
    let StateDict { place, tensors, others } = state_dict::find(path, pickled)?;
    let tensors = tensors.into_iter().map(|(name, view)| {
        let storage = &pickled.storages[view.storage];
        let start = start_of(storage)? + view.offset * width(storage.dtype) as u64;
        let (shape, stride) = (view.shape.clone(), view.stride.clone());
        Ok((name, Tensor { dtype: storage.dtype, shape, stride, start }))
    });
    let settings = Settings::of(pickled);
    Ok(Contents { place, tensors: tensors.collect::<Result<_, _>>()?, others, settings })
}

/// How many bytes a storage takes, if that can be counted.
fn size(storage: &Storage) -> Option<u64> {
    storage.numel.checked_mul(width(storage.dtype) as u64)
}

pub(super) use legacy::{magic_length, open as open_legacy};
pub(super) use zip_archive::open as open_zip;
