//! Conversion of a published checkpoint: tensors are written one by one under our names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use tempfile::NamedTempFile;

use super::cast::{cast, is_float};
use super::tensor::width;
use super::{Checkpoint, CheckpointError, Family, Renamed};

/// The type in which a network's numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float {
    /// 32 bits.
    F32,
    /// 16 bits, up to 65,504.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The tensors in the file, sorted by name.
    pub kept: Vec<Kept>,
    /// What was left out, sorted by name.
    pub dropped: Vec<Dropped>,
    /// The size of the file.
    pub bytes: u64,
}

/// A tensor in the file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is called here.
    pub name: String,
    /// What it was called.
    pub published: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The type of its numbers in the file.
    pub dtype: Dtype,
    /// Which of how many equal parts of the published tensor it is, counted from 0.
    pub part: Part,
}

/// A part of the checkpoint that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// What it was called.
    pub name: String,
    /// Why it is not needed.
    pub reason: String,
}

/// A tensor that is written in the place of a published one.
#[derive(Debug, Clone, PartialEq)]
pub struct Instead {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: Vec<f32>,
}

/// As [`convert_with`], each tensor as it was published.
///
/// # Errors
/// As [`convert_with`].
pub fn convert(
    checkpoint: &Checkpoint,
    family: &Family,
    out: &Path,
    dtype: Option<Float>,
) -> Result<Report, CheckpointError> {
    convert_with(checkpoint, family, out, dtype, &BTreeMap::new())
}

/// Writes the tensors of a checkpoint as a safetensors file under the names that they have here, numbers with a fraction
/// as `dtype` if one is given. Of those that `instead` has by the names here, its numbers are written. No more than one
/// tensor is held. The same checkpoint makes the same bytes.
///
/// The file appears when it is whole, in the place of one that was there; after an error nothing has changed.
///
/// # Errors
/// Where two tensors would get one name, a number has no place in `dtype`, or a file cannot be read or written.
pub fn convert_with(
    checkpoint: &Checkpoint,
    family: &Family,
    out: &Path,
    dtype: Option<Float>,
    instead: &BTreeMap<String, Instead>,
) -> Result<Report, CheckpointError> {
    let (mut kept, dropped) = plan(checkpoint, family, dtype)?;
    for tensor in &mut kept {
        if let Some(instead) = instead.get(&tensor.name) {
            tensor.shape.clone_from(&instead.shape);
        }
    }
    // As the format's own library orders tensors: the widest numbers first, so that each begins at a multiple of its
    // width.
    kept.sort_by(|a, b| width(b.dtype).cmp(&width(a.dtype)).then_with(|| a.name.cmp(&b.name)));
    let header = header(checkpoint, &kept)?;

    let unwritable = |source| CheckpointError::Write { file: out.to_owned(), source };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Dropping it removes what was written.
    let partial: NamedTempFile<File> = tempfile::Builder::new()
        .prefix(".")
        .suffix(".partial")
        .make_in(folder, |path| File::create_new(path))
        .map_err(unwritable)?;
    let mut writer = BufWriter::new(partial.as_file());
    writer.write_all(&header).map_err(unwritable)?;
    for tensor in &kept {
        write_tensor(checkpoint, tensor, instead.get(&tensor.name), &mut writer, unwritable)?;
    }
    writer.flush().map_err(unwritable)?;
    drop(writer);
    partial.as_file().sync_all().map_err(unwritable)?;
    let written = partial.persist(out).map_err(|error| unwritable(error.error))?;
    let bytes = written.metadata().map_err(unwritable)?.len();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Report { kept, dropped, bytes })
}

/// Which of how many equal parts.
type Part = (usize, usize);

/// What is written and what is left out, each sorted by name.
fn plan(
    checkpoint: &Checkpoint,
    family: &Family,
    dtype: Option<Float>,
) -> Result<(Vec<Kept>, Vec<Dropped>), CheckpointError> {
    let file = checkpoint.path();
    let mut published: BTreeMap<String, (&str, Part)> = BTreeMap::new();
    let mut dropped: Vec<Dropped> = checkpoint
        .others()
        .iter()
        .map(|(name, kind)| Dropped { name: name.clone(), reason: format!("is {kind}, not a tensor") })
        .collect();
    for name in checkpoint.names() {
        let parts = match family.rename(name) {
            Renamed::Drop(reason) => {
                dropped.push(Dropped { name: name.to_owned(), reason: reason.to_owned() });
                continue;
            }
            Renamed::Keep(ours) => vec![ours],
            Renamed::Split(parts) => parts,
        };
        let count = parts.len();
        for (index, ours) in parts.into_iter().enumerate() {
            if let Some((other, _)) = published.insert(ours.clone(), (name, (index, count))) {
                let found = format!("both `{other}` and `{name}`");
                return Err(CheckpointError::unfit(file, &ours, "one tensor that becomes it", found));
            }
        }
    }
    for (from, to) in family.copies {
        if let (Some(source), false) = (published.get(*from).copied(), published.contains_key(*to)) {
            published.insert((*to).to_owned(), source);
        }
    }
    if published.is_empty() {
        let expected = format!("tensors of {family}");
        return Err(CheckpointError::unfit(file, "the state dict", expected, "none that is needed"));
    }
    let kept = published.into_iter().map(|(ours, (name, part))| {
        let missing = || CheckpointError::unfit(file, name, "a tensor of that name", "none");
        let mut shape = checkpoint.shape(name).ok_or_else(missing)?.to_vec();
        let (_, count) = part;
        if count > 1 {
            let found = format!("shape {shape:?}");
            let rows = shape.first_mut().filter(|rows| **rows % count == 0);
            let expected = format!("rows in {count} equal parts");
            *rows.ok_or_else(|| CheckpointError::unfit(file, name, expected, found))? /= count;
        }
        let stored = checkpoint.dtype(name).ok_or_else(missing)?;
        let dtype = dtype.filter(|_| is_float(stored)).map_or(stored, Float::dtype);
        Ok(Kept { name: ours, published: name.to_owned(), shape, dtype, part })
    });
    dropped.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((kept.collect::<Result<_, _>>()?, dropped))
}

/// The length of the header and the header, filled up with spaces to a multiple of 8 as the format asks.
fn header(checkpoint: &Checkpoint, kept: &[Kept]) -> Result<Vec<u8>, CheckpointError> {
    let unwritable = |found: &dyn std::fmt::Display| {
        CheckpointError::unfit(checkpoint.path(), "the header", "tensors that a header can list", found)
    };
    let mut end = 0;
    let tensors = kept.iter().map(|tensor| {
        let start = end;
        end += tensor.shape.iter().product::<usize>() * width(tensor.dtype);
        let info =
            TensorInfo { dtype: tensor.dtype, shape: tensor.shape.clone(), data_offsets: (start, end) };
        (tensor.name.clone(), info)
    });
    let metadata = Metadata::new(None, tensors.collect()).map_err(|error| unwritable(&error))?;
    let mut json = serde_json::to_vec(&metadata).map_err(|error| unwritable(&error))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.append(&mut json);
    Ok(header)
}

fn write_tensor(
    checkpoint: &Checkpoint,
    tensor: &Kept,
    instead: Option<&Instead>,
    writer: &mut impl Write,
    unwritable: impl Fn(io::Error) -> CheckpointError,
) -> Result<(), CheckpointError> {
    const NUMBERS_AT_ONCE: usize = 1 << 16; // so that a tensor is held once, not twice
    let (bytes, stored) = match instead {
        Some(instead) => (instead.values.iter().flat_map(|value| value.to_le_bytes()).collect(), Dtype::F32),
        None => {
            let stored = checkpoint.dtype(&tensor.published).unwrap_or(tensor.dtype);
            let (index, count) = tensor.part;
            let mut bytes = checkpoint.read(&tensor.published)?;
            if count > 1 {
                let length = bytes.len() / count;
                bytes = bytes.split_off(index * length);
                bytes.truncate(length);
            }
            (bytes, stored)
        }
    };
    if stored == tensor.dtype {
        return writer.write_all(&bytes).map_err(unwritable);
    }
    for (chunk, numbers) in bytes.chunks(NUMBERS_AT_ONCE * width(stored)).enumerate() {
        let cast = cast(numbers, stored, tensor.dtype).map_err(|overflow| {
            let index = chunk * NUMBERS_AT_ONCE + overflow.index;
            let found = format!("{:e} as number {index}", overflow.value);
            let expected = format!("numbers that {:?} has a place for", tensor.dtype);
            CheckpointError::unfit(checkpoint.path(), &tensor.published, expected, found)
        })?;
        writer.write_all(&cast).map_err(&unwritable)?;
    }
    Ok(())
}

impl Float {
    fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
        }
    }
}
