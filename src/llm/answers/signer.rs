//! Signer: a checksum against damage, or with a secret a keyed hash that only engines with that secret can make.

use crate::common::secret::Secret;

/// How answers and purges are protected.
#[derive(Clone)]
pub(super) enum Signer {
    /// A checksum, which anyone can compute.
    Checksum,
    /// A keyed hash. Answers and purges have different keys, so that one cannot replace the other.
    Keyed { answers: [u8; 32], purges: [u8; 32] },
}

impl Signer {
    /// A keyed hash if there is a secret, else a checksum.
    pub(super) fn new(secret: &Secret) -> Self {
        if secret.is_empty() {
            return Self::Checksum;
        }
        // BLAKE3's key derivation requires contexts that are constants of the program.
        let key = |context| blake3::derive_key(context, secret.expose().as_bytes());
        Self::Keyed { answers: key("riveg answers 1 answer"), purges: key("riveg answers 1 purge") }
    }

    /// The signature of a purge in hexadecimal; none without a secret.
    pub(super) fn sign_purge(&self, text: &str) -> Option<String> {
        match self {
            Self::Checksum => None,
            Self::Keyed { purges, .. } => {
                Some(blake3::keyed_hash(purges, text.as_bytes()).to_hex().to_string())
            }
        }
    }

    /// Whether a purge has a valid signature. Without a secret every purge is valid.
    pub(super) fn verify_purge(&self, text: &str, code: Option<&str>) -> bool {
        match self {
            Self::Checksum => true,
            Self::Keyed { purges, .. } => {
                // Hashes are compared in constant time.
                let found = code.and_then(|code| blake3::Hash::from_hex(code).ok());
                found.is_some_and(|found| found == blake3::keyed_hash(purges, text.as_bytes()))
            }
        }
    }
}
