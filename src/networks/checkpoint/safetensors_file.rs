//! Tensors of a safetensors file, from its header alone.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use safetensors::tensor::Metadata;

use super::tensor::{Contents, Tensor, is_plausible, row_major};
use super::{CheckpointError, Settings};

/// The longest header that is read; the largest networks have less than a tenth of it.
const LONGEST_HEADER: u64 = 64 << 20;

/// Whether a file of so many bytes may be one: its header's length, then a header in JSON.
pub(super) fn begins(head: &[u8], length: u64) -> bool {
    let fits = header_length(head).and_then(|header| header.checked_add(8)).is_some_and(|end| end <= length);
    fits && head.get(8) == Some(&b'{')
}

fn header_length(head: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*head.first_chunk()?))
}

/// Finds the tensors of a file of so many bytes that begins with `head`.
pub(super) fn open(path: &Path, file: &File, length: u64, head: &[u8]) -> Result<Contents, CheckpointError> {
    let header = header_length(head).unwrap_or(u64::MAX);
    if header > LONGEST_HEADER {
        let what = "bytes in a header";
        return Err(CheckpointError::TooMuch {
            file: path.to_owned(),
            position: 0,
            most: LONGEST_HEADER,
            what,
        });
    }
    let mut json = vec![0; header as usize];
    file.read_exact_at(&mut json, 8).map_err(|error| CheckpointError::read(path, error))?;
    // What the fault quotes must not steer the terminal that shows it.
    let quoted = |error: serde_json::Error| error.to_string().escape_debug().to_string();
    let metadata: Metadata = serde_json::from_slice(&json)
        .map_err(|error| CheckpointError::damaged(path, 8, "a header of safetensors", quoted(error)))?;

    let data = 8 + header;
    let expected = data + metadata.data_len() as u64;
    if expected != length {
        let found = format!("an end at {length}");
        return Err(CheckpointError::damaged(path, data, format!("tensors up to {expected}"), found));
    }
    let tensors = metadata.tensors().into_iter().map(|(name, info)| {
        if info.dtype.bitsize() % 8 != 0 || !is_plausible(&info.shape) {
            let found = format!("{:?} of shape {:?}", info.dtype, info.shape);
            return Err(CheckpointError::unfit(path, &name, "numbers of whole bytes", found));
        }
        let start = data + info.data_offsets.0 as u64;
        let (shape, stride) = (info.shape.clone(), row_major(&info.shape));
        Ok((name, Tensor { dtype: info.dtype, shape, stride, start }))
    });
    let tensors = tensors.collect::<Result<_, _>>()?;
    Ok(Contents { place: None, tensors, others: Vec::new(), settings: Settings::default() })
}
