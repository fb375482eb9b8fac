//! Who wrote this? A checksum tells what is whole; with a secret, a keyed code tells what engines with that secret wrote.

use crate::common::secret::Secret;

/// What bytes of answers and purges carry.
#[derive(Clone)]
pub(super) enum Seal {
    /// A checksum: whoever reaches the store can make one.
    Checksum,
    /// A code that only those who have the secret can make: a key for answers and one for purges, so that neither can
    /// stand for the other.
    Keyed { answers: [u8; 32], purges: [u8; 32] },
}

impl Seal {
    /// A keyed code where there is a secret.
    pub(super) fn new(secret: &Secret) -> Self {
        if secret.is_empty() {
            return Self::Checksum;
        }
        // The contexts are constants of this program, as BLAKE3's key derivation asks for.
        let key = |context| blake3::derive_key(context, secret.expose().as_bytes());
        Self::Keyed { answers: key("riveg answers 1 answer"), purges: key("riveg answers 1 purge") }
    }

    /// The code of a purge in hexadecimal; none where there is no secret.
    pub(super) fn of_purge(&self, text: &str) -> Option<String> {
        match self {
            Self::Checksum => None,
            Self::Keyed { purges, .. } => {
                Some(blake3::keyed_hash(purges, text.as_bytes()).to_hex().to_string())
            }
        }
    }

    /// Whether engines with this secret asked for a purge; without a secret, anybody may have.
    pub(super) fn is_of_purge(&self, text: &str, code: Option<&str>) -> bool {
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
