//! Which network says what posts are about? A part of a bundle that no answer needs, and that a bundle may lack.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::Device;
use tch::nn::Path as Root;

use crate::common::imaging::View;
use crate::domain::Stage;
use crate::networks::blocks::remembered::Remembered;
use crate::networks::umt::{Umt, UmtConfig, UmtEncoder};

use super::BundleError;
use super::dimensions::Dimensions;
use super::files::{FileEntry, Weights};
use super::open::{Bundle, hexadecimal};
use super::stages::{Precision, Summary, summary};

/// The encoder of posts, by which similar examples are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieve {
    /// In what its network computes.
    #[serde(default)]
    pub precision: Precision,
    /// Its weights.
    pub weights: Weights,
    /// Its vocabulary, `tokenizer.json`; without one it can be measured, but not asked.
    pub tokenizer: Option<FileEntry>,
    /// Its network.
    pub network: RetrieveNetwork,
    /// What it answered to the request of the self-test when the bundle was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_test: Vec<f64>,
}

/// The networks that say what posts are about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "architecture")]
pub enum RetrieveNetwork {
    /// BERT and a ResNet, with attention across.
    #[serde(rename = "umt")]
    Umt(Dimensions<UmtConfig>),
}

impl Retrieve {
    /// A hash of all that decides what the network says of a post: weights, vocabulary, dimensions and precision. Vectors
    /// of two encoders cannot be compared, so what is stored of one names it by this.
    #[must_use]
    pub fn hash(&self) -> String {
        let decisive = Self { self_test: Vec::new(), ..self.clone() };
        match toml::to_string(&decisive) {
            Ok(text) => hexadecimal(Sha256::digest(text)),
            Err(error) => unreachable!("what was read from a manifest can be written again: {error}"),
        }
    }
}

impl RetrieveNetwork {
    /// The dimensions.
    #[must_use]
    pub fn config(&self) -> &UmtConfig {
        match self {
            Self::Umt(dimensions) => &dimensions.config,
        }
    }

    /// How it sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        View::centre(self.config().image_size as u32)
    }

    /// Rows of its table of pieces, and the longest text in pieces.
    #[must_use]
    pub fn reads(&self) -> (i64, usize) {
        (self.config().vocabulary, self.config().max_pieces as usize)
    }

    /// What a table says of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let Self::Umt(dimensions) = self;
        summary("umt", dimensions, dimensions.config.check().map_err(|error| error.to_string()))
    }
}

impl Bundle {
    /// The encoder's part of the manifest.
    ///
    /// # Errors
    /// Where the bundle has none.
    pub fn retrieve(&self) -> Result<&Retrieve, BundleError> {
        self.manifest.know.as_ref().ok_or_else(|| self.unfinished(Stage::Retrieve, "network"))
    }

    /// The encoder's network on `device`, remembering within a budget what it saw in pictures.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn encoder(
        &self,
        device: Device,
        remembered: impl Into<Remembered>,
    ) -> Result<UmtEncoder, BundleError> {
        let home = self.home(Stage::Retrieve);
        let part = home.retrieve()?;
        let make = |root: &Root<'_>| Umt::new(root, part.network.config());
        Ok(UmtEncoder::new(home.load(device, &part.weights, part.precision, make)?, remembered))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Manifest, blank_stage};
    use super::*;

    #[test]
    fn the_hash_is_of_what_decides_the_vectors_and_of_nothing_else() {
        let manifest = blank_stage(Stage::Retrieve, "umt-base-resnet152", Precision::F32, 7).unwrap();
        let Manifest { know: Some(know), .. } = manifest else { panic!("it is a bundle of that stage") };
        let hash = know.hash();
        assert_eq!(hash.len(), 64);
        assert_eq!(Retrieve { self_test: vec![1.0], ..know.clone() }.hash(), hash);
        let RetrieveNetwork::Umt(mut shorter) = know.network.clone();
        shorter.config.max_pieces = 64;
        let others = [
            Retrieve { weights: Weights::Random { seed: 8 }, ..know.clone() },
            Retrieve { precision: Precision::Bf16, ..know.clone() },
            Retrieve { tokenizer: Some(FileEntry::named("tokenizer.json")), ..know.clone() },
            Retrieve { network: RetrieveNetwork::Umt(shorter), ..know.clone() },
        ];
        for other in others {
            assert_ne!(other.hash(), hash, "{other:?}");
        }
    }
}
