//! Strict loading of weights: nothing is loaded unless every tensor has its parameter and every parameter its tensor.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use safetensors::serialize_to_file;
use safetensors::tensor::{Dtype, Metadata, TensorInfo, TensorView};
use tch::nn::VarStore;
use tch::{Kind, Tensor, no_grad};

use super::error::{BundleError, Fault};

/// The longest header that is read: some hundred bytes for each of a few thousand tensors.
const LONGEST_HEADER: u64 = 64 << 20;

/// The largest f16.
const LARGEST_HALF: f64 = 65_504.0;

/// Fills all variables of a network from a safetensors file, converting to the variables' own kind.
///
/// Strict: every variable is filled, every tensor of the file is used or among `ignored`, all shapes agree. The file is
/// read once from its beginning to its end, one tensor at a time: loading needs no second copy of the weights. `file`
/// is for errors.
///
/// # Errors
/// All that does not fit, together; then nothing has been changed. Where the file ends too early, or a network of f16 is
/// given numbers beyond it, some has.
pub fn load_weights(
    store: &VarStore,
    file: &Path,
    mut source: impl Read,
    ignored: &[String],
) -> Result<(), BundleError> {
    let header = read_header(file, &mut source)?;
    let places = placed(store, &header, ignored)
        .map_err(|faults| BundleError::Unfit { file: file.to_owned(), faults })?;
    let mut bytes = Vec::new();
    let mut faults = Vec::new();
    for (range, place) in places {
        bytes.resize(range.len(), 0);
        source.read_exact(&mut bytes).map_err(|source| unreadable(file, source))?;
        if let Some((name, mut variable, kind)) = place {
            let torch = |source| BundleError::Torch { file: file.to_owned(), source };
            let tensor = Tensor::f_from_data_size(&bytes, &variable.size(), kind).map_err(torch)?;
            no_grad(|| variable.f_copy_(&tensor).map(|_| ())).map_err(torch)?;
            if variable.kind() == Kind::Half && kind != Kind::Half {
                let largest = no_grad(|| tensor.f_abs()?.f_max()?.f_double_value(&[])).map_err(torch)?;
                if largest > LARGEST_HALF {
                    let found = format!("{largest}, which bf16 and f32 have a place for");
                    faults.push(Fault::new(&name, "numbers of f16, up to 65504", found));
                }
            }
        }
    }
    if !faults.is_empty() {
        return Err(BundleError::Unfit { file: file.to_owned(), faults });
    }
    match source.read(&mut [0]).map_err(|source| unreadable(file, source))? {
        0 => Ok(()),
        _ => Err(not_safetensors(file, "it goes on after its last tensor".to_owned())),
    }
}

fn read_header(file: &Path, source: &mut impl Read) -> Result<Metadata, BundleError> {
    let mut length = [0; 8];
    source.read_exact(&mut length).map_err(|source| unreadable(file, source))?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(not_safetensors(file, format!("its header would have {length} bytes")));
    }
    let mut header = Vec::new();
    source.take(length).read_to_end(&mut header).map_err(|source| unreadable(file, source))?;
    serde_json::from_slice(&header).map_err(|error| not_safetensors(file, format!("its header: {error}")))
}

/// Where a tensor of the file goes: bytes, and the variable by its name with the kind in which they are given.
type Place = (Range<usize>, Option<(String, Tensor, Kind)>);

/// The places of all tensors in the order of the file, which leaves no hole between them; or all that does not fit.
fn placed(store: &VarStore, header: &Metadata, ignored: &[String]) -> Result<Vec<Place>, Vec<Fault>> {
    // Sorted maps, so that one bundle gives one message.
    let mut tensors: BTreeMap<String, &TensorInfo> = header.tensors().into_iter().collect();
    let mut faults = Vec::new();
    let mut places = Vec::new();
    for name in ignored {
        match tensors.remove(name) {
            Some(tensor) => places.push((range(tensor), None)),
            None => faults.push(Fault::new(name, "a tensor to be ignored", "no such tensor")),
        }
    }
    let variables: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    for (name, variable) in variables {
        match tensors.remove(&name) {
            None => faults.push(Fault::new(&name, shape(&variable.size()), "no such tensor")),
            Some(tensor) if sizes(tensor) != variable.size() => {
                faults.push(Fault::new(&name, shape(&variable.size()), shape(&sizes(tensor))));
            }
            Some(tensor) => match kind_of(tensor.dtype) {
                None => {
                    faults.push(Fault::new(&name, "F16, BF16, F32 or F64", format!("{:?}", tensor.dtype)))
                }
                Some(kind) => places.push((range(tensor), Some((name, variable, kind)))),
            },
        }
    }
    for (name, tensor) in &tensors {
        let found = format!("a tensor of {}", shape(&sizes(tensor)));
        faults.push(Fault::new(name, "no tensor of that name in this network", found));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    places.sort_by_key(|(range, _)| (range.start, range.end));
    Ok(places)
}

fn range(tensor: &TensorInfo) -> Range<usize> {
    tensor.data_offsets.0..tensor.data_offsets.1
}

/// A file that ends too early is not what it says it is; anything else is the reader's fault.
fn unreadable(file: &Path, source: std::io::Error) -> BundleError {
    match source.kind() {
        std::io::ErrorKind::UnexpectedEof => not_safetensors(file, "it ends too early".to_owned()),
        _ => BundleError::Read { file: file.to_owned(), source },
    }
}

/// Writes tensors as a safetensors file, all as `kind`; the same tensors make the same bytes.
///
/// # Errors
/// Where a value does not survive the conversion (an f16 ends at 65,504), or the file cannot be written.
pub fn save_weights(
    variables: impl IntoIterator<Item = (String, Tensor)>,
    file: &Path,
    kind: Kind,
) -> Result<(), BundleError> {
    let torch = |source| BundleError::Torch { file: file.to_owned(), source };
    let dtype = match kind {
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Float => Dtype::F32,
        other => return Err(not_safetensors(file, format!("weights of kind {other:?} are not written"))),
    };
    let mut stored = BTreeMap::new();
    let mut faults = Vec::new();
    for (name, variable) in variables {
        let tensor =
            no_grad(|| variable.f_detach()?.f_to_device(tch::Device::Cpu)?.f_to_kind(kind)?.f_contiguous())
                .map_err(torch)?;
        let finite = tensor.f_isfinite().and_then(|finite| finite.f_all()).map_err(torch)?;
        if finite.f_int64_value(&[]).map_err(torch)? == 0 {
            faults.push(Fault::new(&name, format!("finite values of kind {kind:?}"), "NaN or infinity"));
        }
        let mut bytes = vec![0; tensor.numel() * kind.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel()).map_err(torch)?;
        let shape: Vec<usize> = tensor.size().iter().map(|&size| size as usize).collect();
        stored.insert(name, (shape, bytes));
    }
    if !faults.is_empty() {
        return Err(BundleError::Unfit { file: file.to_owned(), faults });
    }
    let views: Result<Vec<_>, _> = stored
        .iter()
        .map(|(name, (shape, bytes))| TensorView::new(dtype, shape.clone(), bytes).map(|view| (name, view)))
        .collect();
    let written = views.and_then(|views| serialize_to_file(views, None, file));
    written
        .map_err(|error| BundleError::Write { file: file.to_owned(), source: std::io::Error::other(error) })
}

fn not_safetensors(file: &Path, message: String) -> BundleError {
    BundleError::Format { file: file.to_owned(), format: "a safetensors file", message }
}

fn kind_of(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        Dtype::F32 => Some(Kind::Float),
        Dtype::F64 => Some(Kind::Double),
        _ => None,
    }
}

fn sizes(tensor: &TensorInfo) -> Vec<i64> {
    tensor.shape.iter().map(|&size| size as i64).collect()
}

fn shape(sizes: &[i64]) -> String {
    format!("shape {sizes:?}")
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use tch::{Device, nn};

    use super::*;

    fn network(width: i64) -> VarStore {
        let store = VarStore::new(Device::Cpu);
        nn::linear(store.root() / "proj", 3, width, Default::default());
        nn::layer_norm(store.root() / "norm", vec![width], Default::default());
        store
    }

    fn saved(store: &VarStore, kind: Kind) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.safetensors");
        save_weights(store.variables(), &file, kind).unwrap();
        fs::read(file).unwrap()
    }

    #[test]
    fn weights_come_back_as_they_were_up_to_the_precision_of_their_kind() {
        for (kind, error) in [(Kind::Float, 0.0), (Kind::Half, 1e-3), (Kind::BFloat16, 1e-2)] {
            let (written, read) = (network(5), network(5));
            load_weights(&read, Path::new("w.safetensors"), saved(&written, kind).as_slice(), &[]).unwrap();
            for (name, variable) in written.variables() {
                let back = &read.variables()[&name];
                assert_eq!(back.kind(), Kind::Float, "{name} is computed with in its own kind");
                let difference = (variable - back).abs().max().double_value(&[]);
                assert!(difference <= error, "{name} as {kind:?} is off by {difference}");
            }
        }
    }

    #[test]
    fn the_same_weights_make_the_same_bytes() {
        let store = network(5);
        assert_eq!(saved(&store, Kind::Half), saved(&store, Kind::Half));
    }

    #[test]
    fn weights_of_another_network_are_refused_with_all_that_differs_and_change_nothing() {
        let (wide, narrow) = (network(6), network(5));
        let mut extra = wide.variables();
        extra.remove("norm.bias");
        extra.insert("head.weight".to_owned(), Tensor::zeros([2], (Kind::Float, Device::Cpu)));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.safetensors");
        save_weights(extra, &file, Kind::Half).unwrap();

        let before = narrow.variables()["proj.weight"].copy();
        let error = load_weights(&narrow, &file, File::open(&file).unwrap(), &[]).unwrap_err().to_string();
        for part in [
            "w.safetensors",
            "`norm.bias`: expected shape [5], found no such tensor",
            "`norm.weight`: expected shape [5], found shape [6]",
            "`proj.weight`: expected shape [5, 3], found shape [6, 3]",
            "`head.weight`: expected no tensor of that name in this network, found a tensor of shape [2]",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        assert!(before.equal(&narrow.variables()["proj.weight"]));
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let bytes = saved(&network(5), Kind::Half);
        for damaged in [&bytes[..0], &bytes[..bytes.len() / 2], &[0xFF; 64][..]] {
            let error =
                load_weights(&network(5), Path::new("w.safetensors"), damaged, &[]).unwrap_err().to_string();
            assert!(error.contains("`w.safetensors` is not a safetensors file"), "{error}");
        }
    }

    #[test]
    fn what_is_ignored_must_be_there_and_is_left_out() {
        let store = network(5);
        let mut more = store.variables();
        more.insert("head.weight".to_owned(), Tensor::ones([2], (Kind::Float, Device::Cpu)));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.safetensors");
        save_weights(more, &file, Kind::Float).unwrap();
        let load = |store: &VarStore, ignored: &[&str]| {
            let ignored: Vec<String> = ignored.iter().map(|&name| name.to_owned()).collect();
            load_weights(store, &file, File::open(&file).unwrap(), &ignored)
                .map_err(|error| error.to_string())
        };
        let read = network(5);
        load(&read, &["head.weight"]).unwrap();
        for (name, variable) in store.variables() {
            assert!(read.variables()[&name].equal(&variable), "{name}");
        }
        let error = load(&network(5), &["head.weight", "tail.weight"]).unwrap_err();
        assert!(
            error.contains("`tail.weight`: expected a tensor to be ignored, found no such tensor"),
            "{error}"
        );
    }

    #[test]
    fn a_network_of_f16_is_not_given_what_f16_has_no_place_for() {
        let store = network(5);
        let _ = no_grad(|| store.variables()["proj.bias"].shallow_clone().fill_(-1e6));
        let bytes = saved(&store, Kind::Float);
        for (kind, fits) in [(Kind::Half, false), (Kind::BFloat16, true), (Kind::Float, true)] {
            let mut read = network(5);
            read.set_kind(kind);
            let loaded = load_weights(&read, Path::new("w.safetensors"), bytes.as_slice(), &[]);
            match loaded {
                Ok(()) => assert!(fits, "{kind:?}"),
                Err(error) => {
                    let error = error.to_string();
                    assert!(!fits && error.contains("`proj.bias`: expected numbers of f16"), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_value_beyond_f16_is_not_written() {
        let store = network(5);
        let _ = no_grad(|| store.variables()["proj.bias"].shallow_clone().fill_(1e6));
        let folder = tempfile::tempdir().unwrap();
        let error =
            save_weights(store.variables(), &folder.path().join("w.safetensors"), Kind::Half).unwrap_err();
        assert!(error.to_string().contains("`proj.bias`"), "{error}");
    }
}
