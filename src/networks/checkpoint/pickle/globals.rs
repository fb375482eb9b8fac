//! Python names that a pickle may contain: those that hold tensors, and a few that occur beside a state dict.

use std::rc::Rc;

use safetensors::Dtype;

/// What happens to names that mean nothing here but stand in published files beside the state dict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// They are refused like any other.
    Refused,
    /// Those on the list below become opaque values; nothing is imported or called for them.
    Opaque,
}

/// A name of Python's with its module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) module: String,
    pub(crate) name: String,
}

/// A name that is known, as what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Global {
    OrderedDict,
    Set,
    Bytes,
    Encode,
    Size,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
    /// Calls of it are not worked out.
    Opaque(Rc<Name>),
}

/// What a name stands for, if it may be mentioned.
pub(super) fn known(module: &str, name: &str, foreign: Foreign) -> Option<Global> {
    let global = match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        // Python 2 called the module `__builtin__`, and protocol 2 still does.
        ("builtins" | "__builtin__", "set" | "frozenset") => Global::Set,
        // How protocol 2 writes bytes.
        ("builtins" | "__builtin__", "bytes" | "bytearray") => Global::Bytes,
        ("_codecs", "encode") => Global::Encode,
        ("torch", "Size") => Global::Size,
        ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch", storage) if storage.ends_with("Storage") => Global::Storage(storage_of(storage)?),
        ("torch.storage", "UntypedStorage" | "_UntypedStorage") => Global::Storage(Dtype::U8),
        ("torch", "device") => opaque(module, name),
        _ if foreign == Foreign::Opaque && stands_beside(module, name) => opaque(module, name),
        _ => return None,
    };
    Some(global)
}

fn opaque(module: &str, name: &str) -> Global {
    Global::Opaque(Rc::new(Name { module: module.to_owned(), name: name.to_owned() }))
}

fn storage_of(name: &str) -> Option<Dtype> {
    let dtype = match name {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" | "UntypedStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        _ => return None,
    };
    Some(dtype)
}

/// What OFA's and ALBEF's files have in their settings and in the state of their optimizers.
fn stands_beside(module: &str, name: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    match module {
        "argparse" => name == "Namespace",
        "numpy" => matches!(name, "dtype" | "ndarray"),
        "numpy.core.multiarray" | "numpy._core.multiarray" => matches!(name, "scalar" | "_reconstruct"),
        // What omegaconf notes of the types of its values.
        "typing" => name == "Any",
        "collections" => name == "defaultdict",
        "builtins" | "__builtin__" => matches!(
            name,
            "dict" | "list" | "tuple" | "str" | "unicode" | "int" | "long" | "float" | "bool" | "object"
        ),
        "torch" => matches!(name, "float64" | "float32" | "float16" | "bfloat16"),
        _ => matches!(package, "omegaconf" | "fairseq"),
    }
}
