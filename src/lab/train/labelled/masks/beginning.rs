//! Beginning of the training of a segmenter: the SAM or SAM 2 of a bundle.

use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use super::super::bundle_network::{BundleNetwork, freeze, stage_part};
use super::recipe::FrozenParts;
use crate::common::imaging::View;
use crate::domain::Stage;
use crate::lab::train::parameters::Stores;
use crate::networks::blocks::promptable::Promptable;
use crate::networks::bundle::{Bundle, Segment, TrainedPart, TrainingRecord};
use crate::networks::sam::{Sam, SamConfig};
use crate::networks::sam2::{Sam2, Sam2Config};

const SAM: &str = "sam";
const SAM2: &str = "sam2";

/// A segmenter before its training.
#[derive(Debug)]
pub(super) struct Beginning {
    /// How it sees pictures.
    pub(super) view: View,
    network: BundleNetwork,
    part: Segment,
}

impl Beginning {
    /// Opens the segmenter of a bundle.
    ///
    /// # Errors
    /// The bundle has none, it has no weights, or is neither a SAM nor a SAM 2.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let failed = || format!("failed to begin with the segmenter of `{}`", folder.display());
        Self::of(&Bundle::open(folder).with_context(failed)?).with_context(failed)
    }

    fn of(bundle: &Bundle) -> Result<Self> {
        let part = bundle.segment()?.clone();
        let network = BundleNetwork::of(bundle, &stage_part(bundle, Stage::Segment)?, &[SAM, SAM2])?;
        Ok(Self { view: part.network.view(), network, part })
    }

    /// The network, with its weights; the parts that are frozen do not learn.
    ///
    /// # Errors
    /// All tensors that are missing or have another shape.
    pub(super) fn network(&self, stores: &Stores, frozen: &FrozenParts) -> Result<Box<dyn Promptable>> {
        let dimensions = &self.network.dimensions;
        let network = stores.network(|root| -> Box<dyn Promptable> {
            if self.network.architecture == SAM2 {
                Box::new(Sam2::new(root, &dimensions.config::<Sam2Config>()))
            } else {
                Box::new(Sam::new(root, &dimensions.config::<SamConfig>()))
            }
        });
        self.network.fill(&stores.weights)?;
        freeze(&stores.weights, |name| {
            frozen.image_encoder && name.starts_with("vision_encoder.")
                || frozen.prompt_encoder && name.starts_with("prompt_encoder.")
        });
        Ok(network)
    }

    /// The dimensions, for the identity of a training.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn dimensions(&self) -> Result<Table> {
        let dimensions = &self.network.dimensions;
        Ok(if self.network.architecture == SAM2 {
            Table::try_from(dimensions.config::<Sam2Config>())?
        } else {
            Table::try_from(dimensions.config::<SamConfig>())?
        })
    }

    /// The stage's part of the manifest of what was trained.
    #[must_use]
    pub(super) fn trained(&self, record: TrainingRecord) -> TrainedPart {
        TrainedPart::Segment(Segment { training: Some(Box::new(record)), ..self.part.clone() })
    }
}
