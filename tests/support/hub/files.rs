//! Files of a local hub: repositories with their commits, and what the hub says of each file.

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repository {
    /// The commit at which `main` is.
    pub(crate) commit: String,
    /// The token without which it is refused.
    pub(crate) gated: Option<String>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// A repository with files, whose commit follows from them.
    pub(crate) fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files: BTreeMap<_, _> = files.into_iter().collect();
        let mut all = Sha1::new();
        for (name, bytes) in &files {
            all.update(name);
            all.update(bytes);
        }
        Self { commit: hexadecimal(&all.finalize()), gated: None, files }
    }
}

/// Whether the hub keeps a file in its storage, as it does with weights.
pub(super) fn is_large(path: &str) -> bool {
    [".safetensors", ".bin", ".pt", ".pth", ".model"].iter().any(|ending| path.ends_with(ending))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(super) fn git_blob(bytes: &[u8]) -> String {
    hexadecimal(&Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
