//! From a stage's part of the manifest to the network that answers its requests, weights and all.

use tch::Device;
use tch::nn::Path as Root;

use crate::models::albef::{Albef, AlbefEntailer};
use crate::models::ofa::{Choice, Ofa, OfaEntailer, OfaGrounder};
use crate::models::sam::{Sam, SamSegmenter};
use crate::models::served::{Entailer, Grounder};
use crate::models::tagger::{ServedTagger, Tagger};

use super::BundleError;
use super::open::Bundle;
use super::stages::{EntailNetwork, GroundNetwork, SegmentNetwork};

impl Bundle {
    /// The tagger on `device`.
    ///
    /// # Errors
    /// Where the bundle has none, or all keys of its checkpoint that do not fit.
    pub fn tagger(&self, device: Device) -> Result<ServedTagger, BundleError> {
        let part = self.recognise()?;
        let make = |root: &Root<'_>| Tagger::new(root, part.network.config().clone());
        let tagger = self.load(device, &part.weights, part.precision, make)?;
        Ok(ServedTagger::new(tagger).with_scope(part.crf))
    }

    /// The gate's network on `device`, remembering up to `cache_bytes` of what it says of pictures.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn entailer(&self, device: Device, cache_bytes: usize) -> Result<Entailer, BundleError> {
        let part = self.entail()?;
        match &part.network {
            EntailNetwork::Ofa(dimensions) => {
                let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
                let ofa = self.load(device, &part.weights, part.precision, make)?;
                Ok(Entailer::Ofa(Box::new(OfaEntailer::new(ofa, cache_bytes))))
            }
            EntailNetwork::Albef(dimensions) => {
                let make = |root: &Root<'_>| Albef::new(root, &dimensions.config);
                let albef = self.load(device, &part.weights, part.precision, make)?;
                Ok(Entailer::Albef(Box::new(AlbefEntailer::new(albef, cache_bytes))))
            }
        }
    }

    /// The grounder's network on `device`, remembering up to `cache_bytes` of what it says of pictures.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn grounder(&self, device: Device, cache_bytes: usize) -> Result<Grounder, BundleError> {
        let part = self.ground()?;
        match &part.network {
            GroundNetwork::Ofa(dimensions) => {
                let make = |root: &Root<'_>| Ofa::new(root, &dimensions.config);
                let ofa = self.load(device, &part.weights, part.precision, make)?;
                let choice = if part.bins_only { Choice::Bins } else { Choice::Anything };
                Ok(Grounder::Ofa(OfaGrounder::new(ofa, part.beam, cache_bytes).among(choice)))
            }
        }
    }

    /// The segmenter's network on `device`, remembering up to `cache_bytes` of encodings.
    ///
    /// # Errors
    /// As [`Self::tagger`].
    pub fn segmenter(&self, device: Device, cache_bytes: usize) -> Result<SamSegmenter, BundleError> {
        let part = self.segment()?;
        let SegmentNetwork::Sam(dimensions) = &part.network;
        let make = |root: &Root<'_>| Sam::new(root, &dimensions.config);
        Ok(SamSegmenter::new(self.load(device, &part.weights, part.precision, make)?, device, cache_bytes))
    }
}
